"""Ending a pending transfer: posting it in part or whole, or voiding it."""

from coinwell.ledger.machine import bits
from coinwell.ledger.machine.state import Pending, State
from coinwell.ledger.types import (
    AMOUNT_MAX,
    ID_MAX,
    Account,
    AccountFlags,
    CreateTransferStatus,
    PendingStatus,
    Transfer,
)

_ENDED = {
    PendingStatus.POSTED: CreateTransferStatus.PENDING_TRANSFER_ALREADY_POSTED,
    PendingStatus.VOIDED: CreateTransferStatus.PENDING_TRANSFER_ALREADY_VOIDED,
    PendingStatus.EXPIRED: CreateTransferStatus.PENDING_TRANSFER_EXPIRED,
}


def resolve(  # noqa: C901, PLR0911 - the model's ladder, one rung a line.
    state: State, created: list[Transfer], transfer: Transfer, flags: int, at: int
) -> CreateTransferStatus:
    """Decide a post or a void, and carry it out."""
    wrong = _misshapen(transfer, flags)
    if wrong is not None:
        return wrong
    held = state.transfers.get(transfer.pending_id)
    if held is None:
        return CreateTransferStatus.PENDING_TRANSFER_NOT_FOUND
    if not int(held.flags) & bits.PENDING:
        return CreateTransferStatus.PENDING_TRANSFER_NOT_PENDING
    amount = _amount(transfer, flags, held)
    wrong = _mismatched(transfer, flags, held, amount)
    if wrong is not None:
        return wrong
    pending = state.pendings[held.id]
    if pending.status != PendingStatus.OPEN:
        return _ENDED[pending.status]
    # Exact to the nanosecond, whether or not a pulse has passed by since.
    if pending.expires_at and pending.expires_at <= at:
        return CreateTransferStatus.PENDING_TRANSFER_EXPIRED
    debit = state.accounts[held.debit_account_id]
    credit = state.accounts[held.credit_account_id]
    if not flags & bits.VOID:  # A closed account still lets go of what it holds.
        if int(debit.flags) & bits.CLOSED:
            return CreateTransferStatus.DEBIT_ACCOUNT_ALREADY_CLOSED
        if int(credit.flags) & bits.CLOSED:
            return CreateTransferStatus.CREDIT_ACCOUNT_ALREADY_CLOSED
    release(held, debit, credit)
    if flags & bits.POST:
        debit.debits_posted += amount
        credit.credits_posted += amount
        status = PendingStatus.POSTED
    else:
        reopen(held, debit, credit)
        status = PendingStatus.VOIDED
    state.pendings[held.id] = Pending(status, pending.expires_at, at)
    _keep(state, created, transfer, held, amount, at)
    return CreateTransferStatus.CREATED


def release(held: Transfer, debit: Account, credit: Account) -> None:
    """Take back from both accounts what a pending transfer holds."""
    debit.debits_pending -= held.amount
    credit.credits_pending -= held.amount


def reopen(held: Transfer, debit: Account, credit: Account) -> None:
    """Open again the accounts that a pending transfer closed."""
    flags = int(held.flags)
    if flags & bits.CLOSING_DEBIT:
        debit.flags &= ~AccountFlags.CLOSED
    if flags & bits.CLOSING_CREDIT:
        credit.flags &= ~AccountFlags.CLOSED


def repeat_of_resolve(  # noqa: C901 - the model's ladder, one rung a line.
    state: State, transfer: Transfer, flags: int, known: Transfer
) -> CreateTransferStatus:
    """Say whether a post or void whose id is known is the same one again, or where it differs.

    What the repeat leaves open (zero, or "all of it") stands for what the pending transfer has.
    """
    if flags != int(known.flags):
        return CreateTransferStatus.EXISTS_WITH_DIFFERENT_FLAGS
    if transfer.pending_id != known.pending_id:
        return CreateTransferStatus.EXISTS_WITH_DIFFERENT_PENDING_ID
    held = state.transfers[known.pending_id]
    status = CreateTransferStatus.EXISTS
    if transfer.timeout != known.timeout:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_TIMEOUT
    elif transfer.debit_account_id not in (0, known.debit_account_id):
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
    elif transfer.credit_account_id not in (0, known.credit_account_id):
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
    elif _amount(transfer, flags, held) != known.amount:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_AMOUNT
    elif (transfer.user_data_128 or held.user_data_128) != known.user_data_128:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_128
    elif (transfer.user_data_64 or held.user_data_64) != known.user_data_64:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_64
    elif (transfer.user_data_32 or held.user_data_32) != known.user_data_32:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_32
    elif transfer.ledger not in (0, known.ledger):
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_LEDGER
    elif transfer.code not in (0, known.code):
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_CODE
    return status


def _misshapen(transfer: Transfer, flags: int) -> CreateTransferStatus | None:
    status = None
    if flags & bits.RESOLVE == bits.RESOLVE or flags & bits.NOT_RESOLVE:
        status = CreateTransferStatus.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    elif transfer.pending_id == 0:
        status = CreateTransferStatus.PENDING_ID_MUST_NOT_BE_ZERO
    elif transfer.pending_id == ID_MAX:
        status = CreateTransferStatus.PENDING_ID_MUST_NOT_BE_INT_MAX
    elif transfer.pending_id == transfer.id:
        status = CreateTransferStatus.PENDING_ID_MUST_BE_DIFFERENT
    elif transfer.timeout:
        status = CreateTransferStatus.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    return status


def _amount(transfer: Transfer, flags: int, held: Transfer) -> int:
    # A void leaves the amount out as zero; a post has to name zero, so "all of it" is the most.
    whole = 0 if flags & bits.VOID else AMOUNT_MAX
    return held.amount if transfer.amount == whole else transfer.amount


def _mismatched(
    transfer: Transfer, flags: int, held: Transfer, amount: int
) -> CreateTransferStatus | None:
    status = None
    if transfer.debit_account_id not in (0, held.debit_account_id):
        status = CreateTransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
    elif transfer.credit_account_id not in (0, held.credit_account_id):
        status = CreateTransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
    elif transfer.ledger not in (0, held.ledger):
        status = CreateTransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
    elif transfer.code not in (0, held.code):
        status = CreateTransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_CODE
    elif amount > held.amount:
        status = CreateTransferStatus.EXCEEDS_PENDING_TRANSFER_AMOUNT
    elif flags & bits.VOID and amount < held.amount:
        status = CreateTransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
    return status


def _keep(
    state: State,
    created: list[Transfer],
    transfer: Transfer,
    held: Transfer,
    amount: int,
    at: int,
) -> None:
    kept = Transfer(
        id=transfer.id,
        debit_account_id=held.debit_account_id,
        credit_account_id=held.credit_account_id,
        amount=amount,
        pending_id=held.id,
        user_data_128=transfer.user_data_128 or held.user_data_128,
        user_data_64=transfer.user_data_64 or held.user_data_64,
        user_data_32=transfer.user_data_32 or held.user_data_32,
        ledger=held.ledger,
        code=held.code,
        flags=transfer.flags,
        timestamp=at,
    )
    state.transfers[kept.id] = kept
    created.append(kept)

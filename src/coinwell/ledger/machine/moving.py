"""Moving an amount from one account to another: posted at once, or held as pending."""

from coinwell.ledger.machine import bits
from coinwell.ledger.machine.state import Pending, State
from coinwell.ledger.types import (
    COUNTER_MAX,
    ID_MAX,
    NS_PER_S,
    TIMESTAMP_MAX,
    Account,
    AccountFlags,
    CreateTransferStatus,
    PendingStatus,
    Transfer,
)


def move(  # noqa: C901, PLR0911, PLR0912 - the model's ladder, one rung a line.
    state: State, created: list[Transfer], transfer: Transfer, flags: int, at: int
) -> CreateTransferStatus:
    """Decide a transfer that is not about an earlier one, and carry it out."""
    wrong = _misshapen(transfer, flags)
    if wrong is not None:
        return wrong
    debit = state.accounts.get(transfer.debit_account_id)
    if debit is None:
        return CreateTransferStatus.DEBIT_ACCOUNT_NOT_FOUND
    credit = state.accounts.get(transfer.credit_account_id)
    if credit is None:
        return CreateTransferStatus.CREDIT_ACCOUNT_NOT_FOUND
    debit_flags, credit_flags = int(debit.flags), int(credit.flags)
    if debit.ledger != credit.ledger:
        return CreateTransferStatus.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
    if transfer.ledger != debit.ledger:
        return CreateTransferStatus.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
    if debit_flags & bits.CLOSED:
        return CreateTransferStatus.DEBIT_ACCOUNT_ALREADY_CLOSED
    if credit_flags & bits.CLOSED:
        return CreateTransferStatus.CREDIT_ACCOUNT_ALREADY_CLOSED
    amount = transfer.amount
    if flags & bits.BALANCING:
        amount = _balancing_amount(amount, flags, debit, credit)
    debited = debit.debits_pending + debit.debits_posted + amount
    credited = credit.credits_pending + credit.credits_posted + amount
    if debited > COUNTER_MAX or credited > COUNTER_MAX:
        return _overflow(amount, flags, debit, credit)
    expires_at = at + transfer.timeout * NS_PER_S
    if expires_at > TIMESTAMP_MAX:
        return CreateTransferStatus.OVERFLOWS_TIMEOUT
    if debit_flags & bits.DEBITS_LIMITED and debited > debit.credits_posted:
        return CreateTransferStatus.EXCEEDS_CREDITS
    if credit_flags & bits.CREDITS_LIMITED and credited > credit.debits_posted:
        return CreateTransferStatus.EXCEEDS_DEBITS
    if flags & bits.PENDING:
        debit.debits_pending += amount
        credit.credits_pending += amount
        state.pendings[transfer.id] = Pending(
            PendingStatus.OPEN, expires_at if transfer.timeout else 0
        )
        if flags & bits.CLOSING:
            _close(flags, debit, credit)
    else:
        debit.debits_posted += amount
        credit.credits_posted += amount
    _keep(state, created, transfer, amount, at)
    return CreateTransferStatus.CREATED


def repeat_of_move(  # noqa: C901 - the model's ladder, one rung a line.
    transfer: Transfer, flags: int, known: Transfer
) -> CreateTransferStatus:
    """Say whether a transfer whose id is known is the same one again, or where it differs."""
    status = CreateTransferStatus.EXISTS
    if flags != int(known.flags):
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_FLAGS
    elif transfer.pending_id != known.pending_id:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_PENDING_ID
    elif transfer.timeout != known.timeout:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_TIMEOUT
    elif transfer.debit_account_id != known.debit_account_id:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
    elif transfer.credit_account_id != known.credit_account_id:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
    elif _differs_in_amount(transfer.amount, flags, known.amount):
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_AMOUNT
    elif transfer.user_data_128 != known.user_data_128:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_128
    elif transfer.user_data_64 != known.user_data_64:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_64
    elif transfer.user_data_32 != known.user_data_32:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_32
    elif transfer.ledger != known.ledger:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_LEDGER
    elif transfer.code != known.code:
        status = CreateTransferStatus.EXISTS_WITH_DIFFERENT_CODE
    return status


def _differs_in_amount(asked: int, flags: int, moved: int) -> bool:
    # A balancing transfer names the most it may move: what it did move lies at or below that.
    return asked < moved if flags & bits.BALANCING else asked != moved


def _misshapen(  # noqa: C901 - the model's ladder, one rung a line.
    transfer: Transfer, flags: int
) -> CreateTransferStatus | None:
    debit, credit = transfer.debit_account_id, transfer.credit_account_id
    status = None
    if debit == 0:
        status = CreateTransferStatus.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    elif debit == ID_MAX:
        status = CreateTransferStatus.DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    elif credit == 0:
        status = CreateTransferStatus.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    elif credit == ID_MAX:
        status = CreateTransferStatus.CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    elif debit == credit:
        status = CreateTransferStatus.ACCOUNTS_MUST_BE_DIFFERENT
    elif transfer.pending_id:
        status = CreateTransferStatus.PENDING_ID_MUST_BE_ZERO
    elif transfer.timeout and not flags & bits.PENDING:
        status = CreateTransferStatus.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    elif flags & bits.CLOSING and not flags & bits.PENDING:
        status = CreateTransferStatus.CLOSING_TRANSFER_MUST_BE_PENDING
    elif transfer.ledger == 0:
        status = CreateTransferStatus.LEDGER_MUST_NOT_BE_ZERO
    elif transfer.code == 0:
        status = CreateTransferStatus.CODE_MUST_NOT_BE_ZERO
    return status


def _balancing_amount(amount: int, flags: int, debit: Account, credit: Account) -> int:
    if flags & bits.BALANCING_DEBIT:
        free = debit.credits_posted - debit.debits_posted - debit.debits_pending
        amount = min(amount, max(0, free))
    if flags & bits.BALANCING_CREDIT:
        free = credit.debits_posted - credit.credits_posted - credit.credits_pending
        amount = min(amount, max(0, free))
    return amount


def _overflow(amount: int, flags: int, debit: Account, credit: Account) -> CreateTransferStatus:
    pending = flags & bits.PENDING
    if pending and debit.debits_pending + amount > COUNTER_MAX:
        status = CreateTransferStatus.OVERFLOWS_DEBITS_PENDING
    elif pending and credit.credits_pending + amount > COUNTER_MAX:
        status = CreateTransferStatus.OVERFLOWS_CREDITS_PENDING
    elif debit.debits_posted + amount > COUNTER_MAX:
        status = CreateTransferStatus.OVERFLOWS_DEBITS_POSTED
    elif credit.credits_posted + amount > COUNTER_MAX:
        status = CreateTransferStatus.OVERFLOWS_CREDITS_POSTED
    elif debit.debits_pending + debit.debits_posted + amount > COUNTER_MAX:
        status = CreateTransferStatus.OVERFLOWS_DEBITS
    else:
        status = CreateTransferStatus.OVERFLOWS_CREDITS
    return status


def _close(flags: int, debit: Account, credit: Account) -> None:
    if flags & bits.CLOSING_DEBIT:
        debit.flags |= AccountFlags.CLOSED
    if flags & bits.CLOSING_CREDIT:
        credit.flags |= AccountFlags.CLOSED


def _keep(state: State, created: list[Transfer], transfer: Transfer, amount: int, at: int) -> None:
    kept = Transfer(
        transfer.id,
        transfer.debit_account_id,
        transfer.credit_account_id,
        amount,
        0,
        transfer.user_data_128,
        transfer.user_data_64,
        transfer.user_data_32,
        transfer.timeout,
        transfer.ledger,
        int(transfer.code),
        transfer.flags,
        at,
    )
    state.transfers[kept.id] = kept
    created.append(kept)

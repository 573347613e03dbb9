"""Undoing the first members of a chain that broke, last one first, exactly."""

from coinwell.ledger.machine import bits
from coinwell.ledger.machine.resolving import reopen
from coinwell.ledger.machine.state import Pending, State
from coinwell.ledger.types import AccountFlags, PendingStatus, Transfer


def undo(state: State, created: list[Transfer], mark: int) -> None:
    """Take back the transfers created since `mark`, as if they had never been."""
    for transfer in reversed(created[mark:]):
        del state.transfers[transfer.id]
        if transfer.pending_id:
            _undo_resolve(state, transfer)
        else:
            _undo_move(state, transfer)
    del created[mark:]


def _undo_move(state: State, transfer: Transfer) -> None:
    debit = state.accounts[transfer.debit_account_id]
    credit = state.accounts[transfer.credit_account_id]
    if int(transfer.flags) & bits.PENDING:
        debit.debits_pending -= transfer.amount
        credit.credits_pending -= transfer.amount
        # It could close an account only because that was open.
        reopen(transfer, debit, credit)
        del state.pendings[transfer.id]
    else:
        debit.debits_posted -= transfer.amount
        credit.credits_posted -= transfer.amount


def _undo_resolve(state: State, transfer: Transfer) -> None:
    held = state.transfers[transfer.pending_id]
    debit = state.accounts[held.debit_account_id]
    credit = state.accounts[held.credit_account_id]
    debit.debits_pending += held.amount
    credit.credits_pending += held.amount
    if int(transfer.flags) & bits.POST:
        debit.debits_posted -= transfer.amount
        credit.credits_posted -= transfer.amount
    else:
        closed = int(held.flags)
        if closed & bits.CLOSING_DEBIT:
            debit.flags |= AccountFlags.CLOSED
        if closed & bits.CLOSING_CREDIT:
            credit.flags |= AccountFlags.CLOSED
    state.pendings[held.id] = Pending(PendingStatus.OPEN, state.pendings[held.id].expires_at)

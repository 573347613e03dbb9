"""The pulse: taking back what pending transfers held past their time."""

from coinwell.ledger.machine.resolving import release, reopen
from coinwell.ledger.machine.state import Pending, State, Writes
from coinwell.ledger.types import TIMESTAMP_MAX, PendingStatus


def pulse(state: State, now_ns: int, into: Writes | None = None) -> Writes:
    """Expire every open pending transfer of the state whose time is up at `now_ns`.

    The earliest expiry goes first, then the older transfer; each takes one timestamp, which is
    its `resolved_at`.
    """
    writes = Writes() if into is None else into
    due = sorted(
        (pending.expires_at, state.transfers[key].timestamp, key)
        for key, pending in state.pendings.items()
        if pending.status == PendingStatus.OPEN and 0 < pending.expires_at <= now_ns
    )
    at = max(now_ns, state.timestamp + 1)
    for expires_at, _, key in due:
        held = state.transfers[key]
        debit = state.accounts[held.debit_account_id]
        credit = state.accounts[held.credit_account_id]
        release(held, debit, credit)
        reopen(held, debit, credit)
        writes.accounts_changed[debit.id] = debit
        writes.accounts_changed[credit.id] = credit
        writes.pendings[key] = state.pendings[key] = Pending(PendingStatus.EXPIRED, expires_at, at)
        state.timestamp = at
        at += 1
    assert state.timestamp <= TIMESTAMP_MAX
    writes.timestamp = state.timestamp
    return writes

"""Creating transfers: one member after the other, chains together."""

from collections.abc import Sequence

from coinwell.ledger.machine import bits
from coinwell.ledger.machine.moving import move, repeat_of_move
from coinwell.ledger.machine.resolving import repeat_of_resolve, resolve
from coinwell.ledger.machine.state import State, Writes
from coinwell.ledger.machine.undoing import undo
from coinwell.ledger.types import (
    ID_MAX,
    TIMESTAMP_MAX,
    TRANSIENT,
    CreateTransferResult,
    CreateTransferStatus,
    Transfer,
)

_CREATED = CreateTransferStatus.CREATED


def create_transfers(  # noqa: C901 - a loop that is read, and run, in one piece.
    state: State, transfers: Sequence[Transfer], now_ns: int, into: Writes | None = None
) -> tuple[list[CreateTransferResult], Writes]:
    """Decide the transfers of a batch; one result each, in order.

    `into` gathers the writes of several batches that are made durable together. Chains end with
    their batch, so each caller's transfers are a batch of their own.
    """
    writes = Writes() if into is None else into
    results: list[CreateTransferResult] = []
    if not transfers:
        writes.timestamp = state.timestamp
        return results, writes
    last = len(transfers) - 1
    base = max(now_ns, state.timestamp + 1)
    writes.timestamp = state.timestamp = base + last
    assert state.timestamp <= TIMESTAMP_MAX
    importing = int(transfers[0].flags) & bits.IMPORTED
    created = writes.transfers
    first = len(created)
    start, mark, broken = -1, 0, False
    for index, transfer in enumerate(transfers):
        at = base + index
        flags = int(transfer.flags)
        linked = flags & bits.LINKED
        if linked and start < 0:
            start, mark = index, len(created)
        if linked and index == last:
            status = CreateTransferStatus.LINKED_EVENT_CHAIN_OPEN
        elif broken:
            status = CreateTransferStatus.LINKED_EVENT_FAILED
        elif importing or flags & bits.IMPORTED or transfer.timestamp:
            status = _untimely(transfer, flags & bits.IMPORTED, importing, base + last)
        else:
            status = _create(state, created, transfer, flags, at)
        if status is not _CREATED:
            if status is CreateTransferStatus.EXISTS:
                at = state.transfers[transfer.id].timestamp
            elif status in TRANSIENT:
                # Spent even when its chain is undone: somebody is told this answer.
                state.failed[transfer.id] = status
                writes.failed.append((transfer.id, status, at))
            if start >= 0 and not broken:
                broken = True
                undo(state, created, mark)
                _fail(results, start)
        results.append(CreateTransferResult(at, status))
        if not linked:
            start, broken = -1, False
    _note(state, writes, first)
    return results, writes


def _fail(results: list[CreateTransferResult], start: int) -> None:
    for member in range(start, len(results)):
        results[member] = CreateTransferResult(
            results[member].timestamp, CreateTransferStatus.LINKED_EVENT_FAILED
        )


def _note(state: State, writes: Writes, first: int) -> None:
    # What stands at the end says what was touched, so nothing that was undone is noted.
    accounts, changed, pendings = state.accounts, writes.accounts_changed, writes.pendings
    for transfer in writes.transfers[first:]:
        debit, credit = transfer.debit_account_id, transfer.credit_account_id
        changed[debit] = accounts[debit]
        changed[credit] = accounts[credit]
        if transfer.pending_id:
            pendings[transfer.pending_id] = state.pendings[transfer.pending_id]
        elif transfer.id in state.pendings:
            pendings[transfer.id] = state.pendings[transfer.id]


def _untimely(
    transfer: Transfer, imported: int, importing: int, last_at: int
) -> CreateTransferStatus:
    # The first member decides whether the batch imports; the others have to follow it.
    if imported != importing:
        status = (
            CreateTransferStatus.IMPORTED_EVENT_NOT_EXPECTED
            if imported
            else CreateTransferStatus.IMPORTED_EVENT_EXPECTED
        )
    elif not imported:
        status = CreateTransferStatus.TIMESTAMP_MUST_BE_ZERO
    elif not 0 < transfer.timestamp <= TIMESTAMP_MAX:
        status = CreateTransferStatus.IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE
    elif transfer.timestamp >= last_at:
        status = CreateTransferStatus.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE
    else:
        status = CreateTransferStatus.RESERVED_FLAG  # Importing comes later; see the door.
    return status


def _create(  # noqa: PLR0911 - the model's ladder, one rung a line.
    state: State, created: list[Transfer], transfer: Transfer, flags: int, at: int
) -> CreateTransferStatus:
    if flags & ~bits.TRANSFER_KNOWN:
        return CreateTransferStatus.RESERVED_FLAG
    key = transfer.id
    if key == 0:
        return CreateTransferStatus.ID_MUST_NOT_BE_ZERO
    if key == ID_MAX:
        return CreateTransferStatus.ID_MUST_NOT_BE_INT_MAX
    known = state.transfers.get(key)
    if known is not None:
        if flags & bits.RESOLVE:
            return repeat_of_resolve(state, transfer, flags, known)
        return repeat_of_move(transfer, flags, known)
    if key in state.failed:
        return CreateTransferStatus.ID_ALREADY_FAILED
    if flags & bits.RESOLVE:
        return resolve(state, created, transfer, flags, at)
    return move(state, created, transfer, flags, at)

"""What a batch touches, loaded under the lock of the head row.

The lock is one statement and the reading others after it: at READ COMMITTED each statement sees
what was committed when it began, so a statement that waited for the lock itself would miss rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from coinwell.ledger.engines.postgres.packing import uuids
from coinwell.ledger.engines.postgres.pipelining import pipeline
from coinwell.ledger.engines.postgres.records import (
    Connection,
    Row,
    account_of,
    failed_of,
    pending_of,
    transfer_of,
)
from coinwell.ledger.machine import State

EXPIRING_MAX = 1_000

_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_HEAD = """
    SELECT timestamp, account_seal, transfer_seal, failed_seal
    FROM ledger.head WHERE one FOR UPDATE
"""
_REPLY = "SELECT reply FROM ledger.writer WHERE id = %s AND batch = %s"
_DUE = """
    SELECT id FROM ledger.pending
    WHERE status = 1 AND expires_at_ns > 0
        AND expires_at_ns <= greatest(%s, (SELECT timestamp FROM ledger.head WHERE one))
    ORDER BY expires_at_ns, id LIMIT %s
"""
_TRANSFERS = """
    SELECT t.id, t.debit_account_id, t.credit_account_id, t.amount, t.pending_id,
        t.user_data_128, t.user_data_64, t.user_data_32, t.timeout, t.ledger, t.code, t.flags,
        t.timestamp, p.status, p.expires_at_ns, p.resolved_at_ns
    FROM ledger.transfer AS t LEFT JOIN ledger.pending AS p ON p.id = t.id
    WHERE t.id = ANY (%s::uuid[])
"""
_ACCOUNTS = """
    SELECT id, debits_pending, debits_posted, credits_pending, credits_posted, user_data_128,
        user_data_64, user_data_32, ledger, code, flags, timestamp
    FROM ledger.account WHERE id = ANY (%s::uuid[])
"""
_FAILED = "SELECT id, status FROM ledger.failed WHERE id = ANY (%s::uuid[])"


@dataclass(slots=True)
class Head:
    """The head row as it was locked: where the books end."""

    timestamp: int
    account_seal: bytes
    transfer_seal: bytes
    failed_seal: bytes


@dataclass(slots=True)
class Loaded:
    """The touched part of the ledger, the head, and the ids of holds that are due."""

    head: Head
    state: State
    due: list[int]
    reply: bytes | None


async def load(
    connection: Connection,
    *,
    now_ns: int,
    accounts: Iterable[int],
    transfers: Iterable[int],
    answered: tuple[int, int] | None,
) -> Loaded:
    """Begin a transaction, lock the head, and load the accounts and transfers named.

    `answered` asks for the stored reply to a writer's batch that is sent again.
    Locks: the head row, until the transaction ends.
    """
    # In order of the ids, so that neighbours in the index are read together.
    ids = uuids(sorted(transfers))
    async with pipeline(connection):
        await connection.execute(_BEGIN)
        head = await _ask(connection, _HEAD, [])
        due = await _ask(connection, _DUE, [now_ns, EXPIRING_MAX])
        known = await _ask(connection, _TRANSFERS, [ids])
        failed = await _ask(connection, _FAILED, [ids])
        named = await _ask(connection, _ACCOUNTS, [uuids(sorted(accounts))])
        reply = None
        if answered is not None:
            writer, number = answered
            reply = await _ask(connection, _REPLY, [f"{writer:032x}", number])
    found = await head.fetchone()
    assert found is not None, "the head row is made by the first migration"
    stored = None if reply is None else await reply.fetchone()
    state = State(timestamp=found[0], failed=dict(map(failed_of, await failed.fetchall())))
    _add_transfers(state, await known.fetchall())
    _add_accounts(state, await named.fetchall())
    await _load_holders(connection, state)
    return Loaded(
        head=Head(*found),
        state=state,
        due=[key for (key,) in await due.fetchall()],
        reply=None if stored is None else stored[0],
    )


async def load_holds(connection: Connection, state: State, ids: Iterable[int]) -> None:
    """Add pending transfers and their accounts to what is loaded already."""
    missing = [key for key in ids if key not in state.transfers]
    held = await _ask(connection, _TRANSFERS, [uuids(missing)])
    _add_transfers(state, await held.fetchall())
    await _load_holders(connection, state)


async def _ask(
    connection: Connection, sql: LiteralString, params: Sequence[object]
) -> AsyncCursor[TupleRow]:
    cursor = connection.cursor(binary=True)
    await cursor.execute(sql, params)
    return cursor


def _add_transfers(state: State, rows: Iterable[Row]) -> None:
    for row in rows:
        transfer = transfer_of(row[:13])
        state.transfers[transfer.id] = transfer
        if row[13] is not None:
            state.pendings[transfer.id] = pending_of(row[13:])


def _add_accounts(state: State, rows: Iterable[Row]) -> None:
    for row in rows:
        state.accounts[row[0]] = account_of(row)


async def _load_holders(connection: Connection, state: State) -> None:
    # Whoever ends a hold may leave its accounts unnamed.
    missing: set[int] = set()
    for key in state.pendings:
        held = state.transfers[key]
        missing.add(held.debit_account_id)
        missing.add(held.credit_account_id)
    missing.difference_update(state.accounts)
    if missing:
        accounts = await _ask(connection, _ACCOUNTS, [uuids(sorted(missing))])
        _add_accounts(state, await accounts.fetchall())

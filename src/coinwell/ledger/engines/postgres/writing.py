"""What the machine decided, made durable: rows by COPY, one update for all touched accounts."""

from dataclasses import dataclass
from typing import LiteralString

from coinwell.ledger.engines.postgres import packing
from coinwell.ledger.engines.postgres.loading import Head
from coinwell.ledger.engines.postgres.packing import numbers, uuids
from coinwell.ledger.engines.postgres.pipelining import pipeline
from coinwell.ledger.engines.postgres.records import Connection
from coinwell.ledger.machine import Pending, Writes
from coinwell.ledger.types import Account

_COPY_TRANSFERS = """
    COPY ledger.transfer (
        id, debit_account_id, credit_account_id, amount, pending_id, user_data_128,
        user_data_64, user_data_32, timeout, ledger, code, flags, timestamp, seal
    ) FROM STDIN (FORMAT binary)
"""
_COPY_ACCOUNTS = """
    COPY ledger.account (
        id, debits_pending, debits_posted, credits_pending, credits_posted, user_data_128,
        user_data_64, user_data_32, ledger, code, flags, timestamp, seal
    ) FROM STDIN (FORMAT binary)
"""
_COPY_FAILED = "COPY ledger.failed (id, status, timestamp, seal) FROM STDIN (FORMAT binary)"
_MOVE = """
    UPDATE ledger.account AS account
    SET debits_pending = moved.debits_pending, debits_posted = moved.debits_posted,
        credits_pending = moved.credits_pending, credits_posted = moved.credits_posted,
        flags = moved.flags
    FROM unnest(
        %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::integer[]
    ) AS moved (id, debits_pending, debits_posted, credits_pending, credits_posted, flags)
    WHERE account.id = moved.id
"""
_HOLD = """
    INSERT INTO ledger.pending (id, status, expires_at_ns, resolved_at_ns)
    SELECT * FROM unnest(%s::uuid[], %s::smallint[], %s::bigint[], %s::bigint[])
    ON CONFLICT (id) DO UPDATE
    SET status = excluded.status, resolved_at_ns = excluded.resolved_at_ns
"""
_ADVANCE = """
    UPDATE ledger.head
    SET batch = batch + 1, timestamp = %s,
        account_count = account_count + %s, account_seal = %s,
        transfer_count = transfer_count + %s, transfer_seal = %s,
        failed_count = failed_count + %s, failed_seal = %s
    WHERE one
"""
_REPLY = """
    INSERT INTO ledger.writer (id, batch, reply, at) VALUES (%s, %s, %s, now())
    ON CONFLICT (id) DO UPDATE
    SET batch = excluded.batch, reply = excluded.reply, at = excluded.at
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a writer's batch, kept for the case that it is asked for again."""

    writer: int
    batch: int
    packed: bytes


async def write(connection: Connection, head: Head, writes: Writes, reply: Reply | None) -> None:
    """Make the writes of a batch durable and end its transaction.

    When this returns, the commit is on disk.
    """
    rows, account_seal = packing.copied_accounts(writes.accounts_new, head.account_seal)
    if writes.accounts_new:
        await _copy(connection, _COPY_ACCOUNTS, rows)
    rows, transfer_seal = packing.copied(
        map(packing.transfer_row, writes.transfers), head.transfer_seal
    )
    if writes.transfers:
        await _copy(connection, _COPY_TRANSFERS, rows)
    rows, failed_seal = packing.copied(map(packing.failed_row, writes.failed), head.failed_seal)
    if writes.failed:
        await _copy(connection, _COPY_FAILED, rows)
    new = {account.id for account in writes.accounts_new}
    moved = sorted(
        (account for account in writes.accounts_changed.values() if account.id not in new),
        key=_by_id,
    )
    async with pipeline(connection):
        if moved:
            await connection.execute(_MOVE, _columns(moved))
        if writes.pendings:
            await connection.execute(_HOLD, _holds(writes.pendings))
        await connection.execute(
            _ADVANCE,
            [
                max(writes.timestamp, head.timestamp),
                len(writes.accounts_new), account_seal,
                len(writes.transfers), transfer_seal,
                len(writes.failed), failed_seal,
            ],
        )  # fmt: skip
        if reply is not None:
            writer = f"{reply.writer:032x}"
            await connection.execute(_REPLY, [writer, reply.batch, reply.packed])
        await connection.execute("COMMIT")


def _by_id(account: Account) -> int:
    return account.id


async def _copy(connection: Connection, sql: LiteralString, rows: bytes) -> None:
    async with connection.cursor() as cursor, cursor.copy(sql) as copy:
        await copy.write(rows)


def _columns(accounts: list[Account]) -> list[str]:
    return [
        uuids([account.id for account in accounts]),
        numbers([account.debits_pending for account in accounts]),
        numbers([account.debits_posted for account in accounts]),
        numbers([account.credits_pending for account in accounts]),
        numbers([account.credits_posted for account in accounts]),
        numbers([int(account.flags) for account in accounts]),
    ]


def _holds(pendings: dict[int, Pending]) -> list[str]:
    return [
        uuids(pendings),
        numbers([int(pending.status) for pending in pendings.values()]),
        numbers([pending.expires_at for pending in pendings.values()]),
        numbers([pending.resolved_at for pending in pendings.values()]),
    ]

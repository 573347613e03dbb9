"""Proving the books: everything that can be computed again is, and the first flaw is named.

All checks see one snapshot, so the ledger may go on working meanwhile. Rows are streamed and sums
made by the database, so memory stays flat however long the books are.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from coinwell.base.db import Pool, Tx, rows, value
from coinwell.ledger.engines.postgres.packing import (
    COPY_HEADER,
    COPY_TRAILER,
    FIRST_SEAL,
    SEAL_BYTES,
    seal_of,
)

_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_PATIENT = "SELECT set_config('statement_timeout', '0', true)"
_HEAD = """
    SELECT timestamp, account_count, transfer_count, failed_count,
        account_seal, transfer_seal, failed_seal
    FROM ledger.head WHERE one
"""
# A row of COPY's binary form is, byte for byte, what was sealed, and then the seal.
_TRANSFERS = """
    COPY (
        SELECT id, debit_account_id, credit_account_id, amount, pending_id, user_data_128,
            user_data_64, user_data_32, timeout, ledger, code, flags, timestamp, seal
        FROM ledger.transfer ORDER BY timestamp
    ) TO STDOUT (FORMAT binary)
"""
_ACCOUNTS = """
    COPY (
        SELECT id, user_data_128, user_data_64, user_data_32, ledger, code, flags & ~32,
            timestamp, seal
        FROM ledger.account ORDER BY timestamp
    ) TO STDOUT (FORMAT binary)
"""
_FAILED = """
    COPY (SELECT id, status, timestamp, seal FROM ledger.failed ORDER BY timestamp)
    TO STDOUT (FORMAT binary)
"""
# Each of these finds the rows that contradict one another and says what they say.
_STRAY = """
    SELECT 'Transfer ' || transfer.id || ' names an account that is not in its ledger.' AS sentence
    FROM ledger.transfer
    LEFT JOIN ledger.account AS debit
        ON debit.id = transfer.debit_account_id AND debit.ledger = transfer.ledger
    LEFT JOIN ledger.account AS credit
        ON credit.id = transfer.credit_account_id AND credit.ledger = transfer.ledger
    WHERE debit.id IS NULL OR credit.id IS NULL
    LIMIT 1
"""
_HOLDS = """
    SELECT 'Hold ' || coalesce(held.id, pending.id) || ' and the transfers about it disagree.'
        AS sentence
    FROM (
        SELECT id, timestamp, timeout FROM ledger.transfer WHERE flags & 2 <> 0
    ) AS held
    FULL JOIN ledger.pending ON pending.id = held.id
    LEFT JOIN ledger.transfer AS ending
        ON ending.pending_id = held.id
        AND ending.pending_id <> '00000000-0000-0000-0000-000000000000'
    CROSS JOIN ledger.head
    WHERE held.id IS NULL OR pending.id IS NULL
        OR pending.expires_at_ns <> CASE WHEN held.timeout = 0 THEN 0
            ELSE held.timestamp + held.timeout * 1000000000 END
        OR CASE pending.status
            WHEN 1 THEN ending.id IS NOT NULL OR pending.resolved_at_ns <> 0
            WHEN 4 THEN ending.id IS NOT NULL OR pending.expires_at_ns = 0
                OR pending.resolved_at_ns NOT BETWEEN pending.expires_at_ns AND head.timestamp
            ELSE ending.id IS NULL OR pending.resolved_at_ns <> ending.timestamp
                OR ending.flags & 12 <> CASE pending.status WHEN 2 THEN 4 ELSE 8 END
            END
    LIMIT 1
"""
_COUNTERS = """
    WITH moved AS (
        SELECT transfer.id, debit_account_id, credit_account_id,
            CASE WHEN flags & 10 = 0 THEN amount ELSE 0 END AS posted,
            CASE WHEN pending.status = 1 THEN amount ELSE 0 END AS pending
        FROM ledger.transfer LEFT JOIN ledger.pending ON pending.id = transfer.id
    ), said AS (
        SELECT id, sum(debits_pending) AS debits_pending, sum(debits_posted) AS debits_posted,
            sum(credits_pending) AS credits_pending, sum(credits_posted) AS credits_posted
        FROM (
            SELECT debit_account_id AS id, sum(pending) AS debits_pending,
                sum(posted) AS debits_posted, 0 AS credits_pending, 0 AS credits_posted
            FROM moved GROUP BY debit_account_id
            UNION ALL
            SELECT credit_account_id, 0, 0, sum(pending), sum(posted)
            FROM moved GROUP BY credit_account_id
        ) AS sides GROUP BY id
    )
    SELECT 'Account ' || account.id || ' says '
        || concat_ws(' ', account.debits_pending, account.debits_posted,
            account.credits_pending, account.credits_posted)
        || ' (debits pending, posted; credits pending, posted), its transfers say '
        || concat_ws(' ', coalesce(said.debits_pending, 0), coalesce(said.debits_posted, 0),
            coalesce(said.credits_pending, 0), coalesce(said.credits_posted, 0)) || '.'
        AS sentence
    FROM ledger.account LEFT JOIN said ON said.id = account.id
    WHERE account.debits_pending <> coalesce(said.debits_pending, 0)
        OR account.debits_posted <> coalesce(said.debits_posted, 0)
        OR account.credits_pending <> coalesce(said.credits_pending, 0)
        OR account.credits_posted <> coalesce(said.credits_posted, 0)
    ORDER BY account.timestamp LIMIT 1
"""
_LEDGERS = """
    SELECT 'Ledger ' || ledger || ': debits and credits differ.' AS sentence
    FROM ledger.account GROUP BY ledger
    HAVING sum(debits_posted) <> sum(credits_posted)
        OR sum(debits_pending) <> sum(credits_pending)
    ORDER BY ledger LIMIT 1
"""
_LIMITS = """
    SELECT 'Account ' || id || ' is past its limit.' AS sentence
    FROM ledger.account
    WHERE flags & 2 <> 0 AND debits_pending > credits_posted - debits_posted
        OR flags & 4 <> 0 AND credits_pending > debits_posted - credits_posted
    LIMIT 1
"""
_SPENT = """
    SELECT 'Transfer ' || id || ' was refused for ever and yet stands.' AS sentence
    FROM ledger.failed JOIN ledger.transfer USING (id) LIMIT 1
"""
_TIMES = """
    SELECT 'Something happened after the end of the books, in nanosecond ' || latest || '.'
        AS sentence
    FROM (
        SELECT greatest(
            (SELECT max(timestamp) FROM ledger.transfer),
            (SELECT max(timestamp) FROM ledger.account),
            (SELECT max(timestamp) FROM ledger.failed)
        ) AS latest
    ) AS last, ledger.head WHERE latest > head.timestamp
"""
_LEDGER_COUNT = "SELECT count(DISTINCT ledger) FROM ledger.account"
# Sides first: what they name is nearer to the cause than a sum that is off.
_CHECKS: tuple[LiteralString, ...] = (
    _STRAY, _HOLDS, _COUNTERS, _LEDGERS, _LIMITS, _SPENT, _TIMES,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the books balance, and a sentence that says so or names the first flaw."""

    balanced: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class _Flaw:
    sentence: str


@dataclass(frozen=True, slots=True)
class _Head:
    timestamp: int
    account_count: int
    transfer_count: int
    failed_count: int
    account_seal: bytes
    transfer_seal: bytes
    failed_seal: bytes


async def verify(books: Pool | str) -> Verdict:
    """Check every row of the books at this moment; safe while the ledger works."""
    async with _opened(books) as tx:
        [head] = await rows(tx, _Head, _HEAD)
        flaw = (
            await _unsealed(tx, "Account", _ACCOUNTS, head.account_count, head.account_seal)
            or await _unsealed(tx, "Transfer", _TRANSFERS, head.transfer_count, head.transfer_seal)
            or await _unsealed(tx, "Refused id", _FAILED, head.failed_count, head.failed_seal)
        )
        for check in _CHECKS:
            if flaw is None:
                found = await rows(tx, _Flaw, check)
                flaw = found[0].sentence if found else None
        ledgers: int = await value(tx, _LEDGER_COUNT)
    if flaw is not None:
        return Verdict(balanced=False, sentence=f"The books do not balance. {flaw}")
    last = datetime.fromtimestamp(head.timestamp // 1_000_000_000, UTC)
    until = f", until {last:%Y-%m-%d %H:%M:%S} UTC" if head.timestamp else ""
    return Verdict(
        balanced=True,
        sentence=(
            f"The books balance: {_some(head.transfer_count, 'transfer')}, "
            f"{_some(head.account_count, 'account')}, "
            f"{_some(ledgers, 'ledger')}{until}."
        ),
    )


@asynccontextmanager
async def _opened(books: Pool | str) -> AsyncGenerator[Tx]:
    if isinstance(books, str):
        connecting = AsyncConnection[TupleRow].connect(books, autocommit=True)
        async with await connecting as connection, _snapshot(connection):
            yield connection
    else:
        async with books.connection() as connection, _snapshot(connection):
            yield connection


@asynccontextmanager
async def _snapshot(connection: Tx) -> AsyncGenerator[None]:
    before = connection.autocommit
    await connection.set_autocommit(True)
    await connection.execute(_SNAPSHOT)
    try:
        await connection.execute(_PATIENT)
        yield
    finally:
        await connection.execute("ROLLBACK")
        await connection.set_autocommit(before)


async def _unsealed(tx: Tx, kind: str, copy: LiteralString, count: int, last: bytes) -> str | None:
    """Follow the seals from the first row to the head, and name the first that does not fit."""
    seal, seen, broken = FIRST_SEAL, 0, ""
    async for row in _stream(tx, copy):
        seen += 1
        content, stored = row[: -SEAL_BYTES - 4], row[-SEAL_BYTES:]
        if not broken and seal_of(seal, content) != stored:
            broken = row[6:22].hex()
        seal = stored
    sealed = f"the head counts {count:,} and there are {seen:,}."
    if broken and seen == count:
        return f"{kind} {_uuid(broken)} was altered: its seal does not fit."
    if broken and seen < count:
        return f"Before {kind.lower()} {_uuid(broken)} a row is missing: {sealed}"
    if broken:
        return f"{kind} {_uuid(broken)} was added: {sealed}"
    if seen != count or seal != last:
        return f"{kind}: the end of the books is missing or altered; {sealed}"
    return None


async def _stream(tx: Tx, copy: LiteralString) -> AsyncGenerator[bytes]:
    # libpq hands over one row at a time; the first comes after the header, the last is a mark.
    header = len(COPY_HEADER)
    async with tx.cursor() as cursor, cursor.copy(copy) as reading:
        async for block in reading:
            row = bytes(block)[header:]
            header = 0
            if row not in (b"", COPY_TRAILER):
                yield row


def _some(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _uuid(hexadecimal: str) -> str:
    return str(UUID(hex=hexadecimal))

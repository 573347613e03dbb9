"""Post and record: carry out a frozen intent, and finish those that were left half-way.

Posting is outside any SQL transaction, and safe to repeat: the same transfers have the same ids.
Recording is one SQL transaction: the intent's outcome, and whatever its room makes of it. A crash
at any point leaves an open intent, and the sweeper does the same again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from coinwell.base import tracing
from coinwell.base.clock import SystemClock
from coinwell.base.db import Pool, Tx, transaction
from coinwell.ledger.freezing import Intent, IntentState, intent_of
from coinwell.ledger.protocol import Ledger
from coinwell.ledger.types import CreateTransferResult, CreateTransferStatus

Recorder = Callable[[Tx, Intent], Awaitable[None]]

_PAGE = 100
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_LOCKED = """
    SELECT id, room, subject, step, attempt, fingerprint, body, state, status, created_at,
        settled_at
    FROM ledger.intent WHERE id = %s FOR UPDATE
"""
_SETTLED = """
    UPDATE ledger.intent SET state = %(state)s, status = %(status)s, settled_at = %(now)s
    WHERE id = %(id)s
    RETURNING id, room, subject, step, attempt, fingerprint, body, state, status, created_at,
        settled_at
"""
_OPEN = """
    SELECT id, room, subject, step, attempt, fingerprint, body, state, status, created_at,
        settled_at
    FROM ledger.intent
    WHERE state = 'open' AND created_at <= %(older_than)s
        AND (created_at, id) > (%(after_at)s::timestamptz, %(after_id)s::uuid)
    ORDER BY created_at, id LIMIT %(page)s
"""
_CHAIN = CreateTransferStatus.LINKED_EVENT_FAILED
_STANDS = frozenset({CreateTransferStatus.CREATED, CreateTransferStatus.EXISTS})
# Room in a counter may come back and its lack spends no id, so an overflow says nothing about the
# next try; and an id of ours with other content behind it must never lead to a new attempt.
_UNSETTLING = frozenset(
    {
        CreateTransferStatus.OVERFLOWS_DEBITS_PENDING,
        CreateTransferStatus.OVERFLOWS_CREDITS_PENDING,
        CreateTransferStatus.OVERFLOWS_DEBITS,
        CreateTransferStatus.OVERFLOWS_CREDITS,
    }
    | {status for status in CreateTransferStatus if status.name.startswith("EXISTS")}
)


class Unsettled(Exception):
    """The ledger's answer settles nothing; the intent stays open and needs a person."""


async def settle(
    pool: Pool,
    ledger: Ledger,
    intent: Intent,
    recorders: Mapping[str, Recorder],
    *,
    now: datetime,
) -> Intent:
    """Post exactly what was frozen, then record the outcome; returns the settled intent.

    Safe to repeat and to run twice at once: the chain moves once, the recorder of the intent's
    room runs once, in the transaction that marks the intent.

    Locks: the intent's row, then whatever the recorder locks, until the recording commits.
    """
    recorder = recorders[intent.room]
    if intent.state is not IntentState.OPEN:
        return intent
    with tracing.span(
        "intent.settle",
        links=tracing.linked(intent.trace),
        coinwell__room=intent.room,
        coinwell__step=intent.step,
        coinwell__attempt=intent.attempt,
        coinwell__intent=str(intent.id),
    ):
        return await _settle(pool, ledger, intent, recorder, now=now)


async def _settle(
    pool: Pool, ledger: Ledger, intent: Intent, recorder: Recorder, *, now: datetime
) -> Intent:
    # Whether an account exists already, closed perhaps, is for the posting to judge.
    await ledger.create_accounts(intent.accounts)
    status = outcome(await ledger.create_transfers(intent.transfers))
    if status in _UNSETTLING:
        raise Unsettled(intent.id, status)
    posted = status is CreateTransferStatus.CREATED
    params = {
        "id": intent.id,
        "state": (IntentState.POSTED if posted else IntentState.REFUSED).value,
        "status": int(status),
        "now": now,
    }
    async with transaction(pool) as tx:
        current = await _one(tx, _LOCKED, [intent.id])
        if current.state is not IntentState.OPEN:
            return current
        settled = await _one(tx, _SETTLED, params)
        await recorder(tx, settled)
    return settled


def outcome(results: Sequence[CreateTransferResult]) -> CreateTransferStatus:
    """What became of a chain: CREATED, or why not.

    The first member stands only if all do, so its EXISTS answers for the whole chain, whatever a
    repeat says of the others. Of a refused chain, the member that broke it knows the reason.
    """
    if results[0].status in _STANDS:
        return CreateTransferStatus.CREATED
    return next((result.status for result in results if result.status is not _CHAIN), _CHAIN)


async def sweep(
    pool: Pool,
    ledger: Ledger,
    recorders: Mapping[str, Recorder],
    *,
    older_than: datetime,
    now: datetime | None = None,
) -> int:
    """Finish every open intent frozen at `older_than` or before; returns how many.

    One that cannot be finished does not keep the others waiting; the errors are raised together
    at the end.
    """
    settled_at = now or SystemClock().now()
    finished = 0
    errors: list[Exception] = []
    after_at, after_id = _LONG_AGO, UUID(int=0)
    while True:
        page = await _open(pool, older_than, after_at, after_id)
        for intent in page:
            try:
                await settle(pool, ledger, intent, recorders, now=settled_at)
                finished += 1
            except Exception as error:  # noqa: BLE001 - told below, once the others are served.
                errors.append(error)
        if len(page) < _PAGE:
            break
        after_at, after_id = page[-1].created_at, page[-1].id
    if errors:
        raise ExceptionGroup("Some intents could not be settled", errors)
    return finished


async def _open(
    pool: Pool, older_than: datetime, after_at: datetime, after_id: UUID
) -> list[Intent]:
    params = {
        "older_than": older_than,
        "after_at": after_at,
        "after_id": after_id,
        "page": _PAGE,
    }
    async with transaction(pool) as tx, tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_OPEN, params)
        return [intent_of(row) for row in await cursor.fetchall()]


async def _one(tx: Tx, sql: Any, params: Any) -> Intent:
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql, params)
        row = await cursor.fetchone()
    assert row is not None, "an intent is never deleted"
    return intent_of(row)

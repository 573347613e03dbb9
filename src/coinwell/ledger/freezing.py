"""Freeze: commit exactly what will be posted, before any of it is posted.

An intent is one chain of transfers and the accounts it needs. It is written in the transaction of
the room that wants it; prices, shares and windows are computed here and never again. The ids of
its transfers are a function of the intent, so posting it twice moves nothing twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256
from json import dumps
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from coinwell.base import tracing
from coinwell.base.db import Tx, value
from coinwell.base.ids import new_uuid
from coinwell.ledger.ids import IdMaker, milliseconds
from coinwell.ledger.refusals import IntentClash
from coinwell.ledger.types import (
    Account,
    AccountFlags,
    CreateTransferStatus,
    Transfer,
    TransferFlags,
)

Legs = Callable[[IdMaker], Sequence[Transfer]]


class IntentState(Enum):
    """How far an intent came."""

    OPEN = "open"  # Frozen; perhaps posted, not yet recorded.
    POSTED = "posted"
    REFUSED = "refused"  # The ledger said no, for good.


@dataclass(frozen=True, slots=True)
class Intent:
    """What a room is about to post: one chain, its accounts, and what became of it.

    `subject` is what it is for (an order), `step` which of the subject's steps (`credit`).
    `status` is the ledger's answer once it is settled: CREATED, or the reason of the refusal.
    """

    id: UUID
    room: str
    subject: str
    step: str
    attempt: int
    fingerprint: bytes
    accounts: tuple[Account, ...]
    transfers: tuple[Transfer, ...]
    state: IntentState
    status: CreateTransferStatus | None
    created_at: datetime
    settled_at: datetime | None
    trace: str = ""  # Where it was frozen, as a traceparent; for whoever finishes it later.


_INSTALLATION = "SELECT installation FROM ledger.head WHERE one"
_FREEZE = """
    INSERT INTO ledger.intent
        (id, room, subject, step, attempt, fingerprint, body, state, created_at)
    VALUES (%(id)s, %(room)s, %(subject)s, %(step)s, %(attempt)s, %(fingerprint)s, %(body)s,
        'open', %(created_at)s)
    ON CONFLICT ON CONSTRAINT a_step_is_frozen_once_an_attempt DO NOTHING
"""
# Not locked: whoever records an outcome locks the intent before the room's rows, and a room holds
# its own rows already when it freezes. The constraint on attempts is what keeps writers apart.
_LAST = """
    SELECT id, room, subject, step, attempt, fingerprint, body, state, status, created_at,
        settled_at
    FROM ledger.intent WHERE room = %s AND subject = %s AND step = %s
    ORDER BY attempt DESC LIMIT 1
"""
_ABOUT = """
    SELECT id, room, subject, step, attempt, fingerprint, body, state, status, created_at,
        settled_at
    FROM ledger.intent WHERE room = %s AND subject = %s
    ORDER BY created_at, attempt, id
"""


async def freeze(  # noqa: PLR0913 - the five words that name an intent, and its content.
    tx: Tx,
    *,
    room: str,
    subject: str,
    step: str,
    accounts: Sequence[Account],
    transfers: Legs,
    now: datetime,
    fingerprint: bytes | None = None,
) -> Intent:
    """Write down what will be posted for this step; a repeat returns what was written first.

    `transfers` makes the legs with the ids it is given; they are linked into one chain here.
    `fingerprint` stands for the request; without one, the content itself is compared.

    A concurrent freeze of the same step waits until this one commits, and then repeats it.

    Refuses: `IntentClash` when the step was frozen before with other content.
    """
    last = await _last(tx, room, subject, step)
    if last is None:
        intent = await _write(tx, (room, subject, step), 1, (accounts, transfers, fingerprint), now)
        if intent is not None:
            return intent
        last = await _last(tx, room, subject, step)
        assert last is not None, "a conflict means that the first one is there"
    ids = await _ids(tx, last.id, (room, step), last.attempt, last.created_at)
    asked = fingerprint or _fingerprint(accounts, _chained(transfers(ids)))
    if asked != last.fingerprint:
        raise IntentClash(room=room, subject=subject, step=step)
    return last


async def refreeze(
    tx: Tx,
    refused: Intent,
    *,
    accounts: Sequence[Account],
    transfers: Legs,
    now: datetime,
    fingerprint: bytes | None = None,
) -> Intent:
    """Write down the next attempt at a step that the ledger refused for good.

    When an attempt that was not refused is there already, that one is returned: two people who
    try again make one new attempt.
    """
    step = (refused.room, refused.subject, refused.step)
    last = await _last(tx, *step)
    assert last is not None, "an intent is never deleted"
    if last.state is not IntentState.REFUSED:
        return last
    intent = await _write(tx, step, last.attempt + 1, (accounts, transfers, fingerprint), now)
    if intent is None:
        intent = await _last(tx, *step)
        assert intent is not None
    return intent


async def intents(tx: Tx, *, room: str, subject: str) -> list[Intent]:
    """All intents about one subject, oldest first: its steps and attempts."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_ABOUT, [room, subject])
        return [intent_of(row) for row in await cursor.fetchall()]


async def installation_id(tx: Tx) -> UUID:
    """The id of these books, drawn when they were made; it goes into the id of every transfer."""
    found: UUID = await value(tx, _INSTALLATION)
    return found


def intent_of(row: Mapping[str, Any]) -> Intent:
    """An intent from its row."""
    body = row["body"]
    return Intent(
        id=row["id"],
        room=row["room"],
        subject=row["subject"],
        step=row["step"],
        attempt=row["attempt"],
        fingerprint=row["fingerprint"],
        accounts=tuple(
            Account(**{**fields, "flags": AccountFlags(fields["flags"])})
            for fields in body["accounts"]
        ),
        transfers=tuple(
            Transfer(**{**fields, "flags": TransferFlags(fields["flags"])})
            for fields in body["transfers"]
        ),
        state=IntentState(row["state"]),
        status=None if row["status"] is None else CreateTransferStatus(row["status"]),
        created_at=row["created_at"],
        settled_at=row["settled_at"],
        trace=body.get("trace", ""),
    )


async def _last(tx: Tx, room: str, subject: str, step: str) -> Intent | None:
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_LAST, [room, subject, step])
        row = await cursor.fetchone()
    return None if row is None else intent_of(row)


async def _ids(tx: Tx, intent: UUID, named: tuple[str, str], attempt: int, at: datetime) -> IdMaker:
    room, step = named
    return IdMaker(await installation_id(tx), room, intent, step, attempt, milliseconds(at))


async def _write(
    tx: Tx,
    named: tuple[str, str, str],
    attempt: int,
    content: tuple[Sequence[Account], Legs, bytes | None],
    now: datetime,
) -> Intent | None:
    # Nothing when somebody else wrote this attempt first.
    room, subject, step = named
    accounts, legs, fingerprint = content
    key = new_uuid()
    transfers = _chained(legs(await _ids(tx, key, (room, step), attempt, now)))
    row = {
        "id": key,
        "room": room,
        "subject": subject,
        "step": step,
        "attempt": attempt,
        "fingerprint": fingerprint or _fingerprint(accounts, transfers),
        "body": _body(accounts, transfers) | _traced(),
        "created_at": now,
    }
    written = await tx.execute(_FREEZE, {**row, "body": Jsonb(row["body"])})
    if written.rowcount == 0:
        return None
    return intent_of({**row, "state": "open", "status": None, "settled_at": None})


def _chained(transfers: Sequence[Transfer]) -> list[Transfer]:
    # All or none: every leg but the last is linked to the next.
    assert transfers, "an intent moves something"
    assert len({transfer.id for transfer in transfers}) == len(transfers), "each leg has its name"
    linked, last = TransferFlags.LINKED, len(transfers) - 1
    return [
        msgspec.structs.replace(
            leg, flags=leg.flags | linked if place < last else leg.flags & ~linked
        )
        for place, leg in enumerate(transfers)
    ]


def _body(accounts: Sequence[Account], transfers: Sequence[Transfer]) -> dict[str, Any]:
    # Whole numbers of any size stay exact in jsonb.
    return {
        "accounts": [_fields(account) for account in accounts],
        "transfers": [_fields(transfer) for transfer in transfers],
    }


def _traced() -> dict[str, str]:
    trace = tracing.carried()
    return {"trace": trace} if trace else {}


def _fields(record: Account | Transfer) -> dict[str, int]:
    return {name: int(number) for name, number in msgspec.structs.asdict(record).items()}


def _fingerprint(accounts: Sequence[Account], transfers: Sequence[Transfer]) -> bytes:
    return sha256(dumps(_body(accounts, transfers), sort_keys=True).encode()).digest()

"""SQL over what waits: deliveries in their lanes, claimed, sent, and recorded set-wise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from coinwell.base.db import Tx, rows, run
from coinwell.notify.types import Due, Event, Lane, Ran

# A delivery's id gives its place in its lane, so ids have to rise with the positions.
_ADD_FOR_EVENTS = """
    INSERT INTO notify.delivery (endpoint_id, position, user_id, kind, cause, state, created_at)
    SELECT endpoint.id, event.position, event.user_id, event.kind, 'event', 'waiting', %(now)s
    FROM notify.event
    JOIN notify.endpoint ON notify.wants(endpoint.kinds, event.kind)
    WHERE event.position BETWEEN %(first)s AND %(last)s
        AND (%(id)s::uuid IS NULL OR endpoint.id = %(id)s)
        AND endpoint.state = 'on' AND endpoint.removed_at IS NULL
    ORDER BY event.position
    ON CONFLICT (endpoint_id, position) WHERE cause = 'event' DO NOTHING
    RETURNING endpoint_id, user_id
"""
_ADD_AGAIN = """
    INSERT INTO notify.delivery (endpoint_id, position, user_id, kind, cause, state, created_at)
    SELECT endpoint.id, event.position, event.user_id, event.kind, %(cause)s, 'waiting', %(now)s
    FROM notify.event
    JOIN notify.endpoint ON endpoint.id = %(id)s
    WHERE event.position BETWEEN %(first)s AND %(last)s
        AND (%(cause)s = 'resend' OR notify.wants(endpoint.kinds, event.kind))
        AND (%(since)s::timestamptz IS NULL OR event.at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR event.at <= %(until)s)
    ORDER BY event.position
    RETURNING endpoint_id, user_id, id
"""
_WAKE = """
    INSERT INTO notify.lane AS lane (endpoint_id, user_id, due_at)
    SELECT DISTINCT endpoint_id, user_id, %(now)s::timestamptz
    FROM unnest(%(endpoints)s::uuid[], %(users)s::uuid[]) AS woken (endpoint_id, user_id)
    ORDER BY endpoint_id, user_id
    ON CONFLICT (endpoint_id, user_id)
        DO UPDATE SET due_at = coalesce(lane.due_at, EXCLUDED.due_at)
"""
# Lanes that somebody holds come back by themselves.
_BRING_FORWARD = """
    WITH later AS (
        SELECT endpoint_id, user_id FROM notify.lane
        WHERE endpoint_id = %(endpoint)s AND due_at > %(now)s AND claim IS NULL
            AND (%(user)s::uuid IS NULL OR user_id = %(user)s)
        ORDER BY endpoint_id, user_id
        FOR UPDATE
    )
    UPDATE notify.lane SET due_at = %(now)s
    FROM later WHERE lane.endpoint_id = later.endpoint_id AND lane.user_id = later.user_id
"""
_ENDPOINTS_DUE = """
    SELECT id FROM notify.endpoint
    WHERE state = 'on' AND removed_at IS NULL
        AND (resting_until IS NULL OR resting_until <= %(now)s)
        AND EXISTS (
            SELECT FROM notify.lane WHERE endpoint_id = endpoint.id AND due_at <= %(now)s
        )
"""
_CLAIM = """
    WITH picked AS (
        SELECT endpoint_id, user_id FROM notify.lane
        WHERE endpoint_id = %(endpoint)s AND due_at <= %(now)s
        ORDER BY due_at
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    UPDATE notify.lane SET claim = %(claim)s, due_at = %(until)s
    FROM picked
    WHERE lane.endpoint_id = picked.endpoint_id AND lane.user_id = picked.user_id
    RETURNING lane.user_id
"""
_DUE = """
    SELECT waiting.id AS delivery_id, attempts, first_at, event.position, event.id, event.user_id,
        sequence, event.kind, body, at
    FROM unnest(%(users)s::uuid[]) AS claimed (user_id)
    CROSS JOIN LATERAL (
        SELECT id, position, attempts, first_at FROM notify.delivery
        WHERE endpoint_id = %(endpoint)s AND delivery.user_id = claimed.user_id
            AND state = 'waiting'
        ORDER BY id LIMIT %(each)s
    ) AS waiting
    JOIN notify.event ON event.position = waiting.position
    ORDER BY waiting.id
"""
# A statement of its own, before anything is looked at: what the takers added while they had the
# lane is seen by the next one.
_HOLD = """
    SELECT user_id FROM notify.lane
    WHERE endpoint_id = %(endpoint)s AND user_id = ANY(%(users)s) AND claim = ANY(%(claims)s)
    ORDER BY user_id FOR UPDATE
"""
_NOTE = """
    UPDATE notify.delivery
    SET attempts = delivery.attempts + 1, first_at = coalesce(delivery.first_at, sent.at),
        state = sent.state, due_at = sent.due_at,
        finished_at = CASE WHEN sent.state = 'waiting' THEN NULL ELSE sent.at END
    FROM unnest(
        %(ids)s::bigint[], %(states)s::text[], %(dues)s::timestamptz[], %(ats)s::timestamptz[]
    ) AS sent (id, state, due_at, at)
    WHERE delivery.id = sent.id AND delivery.state = 'waiting'
"""
_ADD_ATTEMPTS = """
    INSERT INTO notify.attempt (delivery_id, number, at, duration_ms, status, trouble, answer)
    SELECT * FROM unnest(
        %(ids)s::bigint[], %(numbers)s::integer[], %(ats)s::timestamptz[],
        %(durations)s::integer[], %(statuses)s::integer[], %(troubles)s::text[],
        %(answers)s::text[]
    )
"""
_RELEASE = """
    UPDATE notify.lane
    SET claim = NULL, due_at = CASE WHEN EXISTS (
        SELECT FROM notify.delivery
        WHERE delivery.endpoint_id = lane.endpoint_id AND delivery.user_id = lane.user_id
            AND state = 'waiting'
    ) THEN ran.go_on_at END
    FROM unnest(%(users)s::uuid[], %(claims)s::uuid[], %(go_ons)s::timestamptz[])
        AS ran (user_id, claim, go_on_at)
    WHERE lane.endpoint_id = %(endpoint)s AND lane.user_id = ran.user_id
        AND lane.claim = ran.claim
"""
_DROP = """
    UPDATE notify.delivery SET state = 'given_up', finished_at = %(now)s, due_at = NULL
    WHERE endpoint_id = %(endpoint)s AND state = 'waiting'
"""
_EMPTY = "DELETE FROM notify.lane WHERE endpoint_id = %(endpoint)s"


@dataclass(frozen=True, slots=True)
class _Due:
    delivery_id: int
    attempts: int
    first_at: datetime | None
    position: int
    id: UUID
    user_id: UUID
    sequence: int
    kind: str
    body: Mapping[str, Any]
    at: datetime


async def add_for_events(
    tx: Tx, *, first: int, last: int, now: datetime, endpoint_id: UUID | None = None
) -> int:
    """Make a delivery for each event and each endpoint that wants it, once; how many."""
    named = {"first": first, "last": last, "now": now, "id": endpoint_id}
    made = await (await tx.execute(_ADD_FOR_EVENTS, named)).fetchall()
    await _wake(tx, made, now)
    return len(made)


async def add_again(  # noqa: PLR0913 - a range has two ends in each of two measures.
    tx: Tx,
    endpoint_id: UUID,
    *,
    cause: str,
    first: int,
    last: int,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[int]:
    """Make deliveries for events that were told before, behind whatever waits; their ids."""
    named = {
        "id": endpoint_id,
        "cause": cause,
        "first": first,
        "last": last,
        "now": now,
        "since": since,
        "until": until,
    }
    made = await (await tx.execute(_ADD_AGAIN, named)).fetchall()
    await _wake(tx, made, now)
    return [found[2] for found in made]


async def _wake(tx: Tx, made: Sequence[tuple[Any, ...]], now: datetime) -> None:
    if made:
        endpoints, users = [found[0] for found in made], [found[1] for found in made]
        await run(tx, _WAKE, {"endpoints": endpoints, "users": users, "now": now})


async def bring_forward(
    tx: Tx, endpoint_id: UUID, *, now: datetime, user_id: UUID | None = None
) -> None:
    """Try again now what waits for a later time."""
    await run(tx, _BRING_FORWARD, {"endpoint": endpoint_id, "now": now, "user": user_id})


async def endpoints_due(tx: Tx, *, now: datetime) -> list[UUID]:
    """The endpoints that something can be sent to now."""
    cursor = await tx.execute(_ENDPOINTS_DUE, {"now": now})
    return [found[0] for found in await cursor.fetchall()]


async def claim(  # noqa: PLR0913 - who, when, until when, and how much.
    tx: Tx,
    endpoint_id: UUID,
    *,
    as_: UUID,
    now: datetime,
    until: datetime,
    lanes: int,
    each: int,
) -> list[Lane]:
    """Take lanes that are due, longest waiting first, with what is first in each of them."""
    named = {"endpoint": endpoint_id, "claim": as_, "now": now, "until": until, "limit": lanes}
    claimed = await (await tx.execute(_CLAIM, named)).fetchall()
    users = [found[0] for found in claimed]
    if not users:
        return []
    found = await rows(tx, _Due, _DUE, {"endpoint": endpoint_id, "users": users, "each": each})
    due: dict[UUID, list[Due]] = {user_id: [] for user_id in users}
    for one in found:
        event = Event(one.position, one.id, one.user_id, one.sequence, one.kind, one.body, one.at)
        due[one.user_id].append(Due(one.delivery_id, one.attempts, one.first_at, event))
    return [Lane(endpoint_id, user_id, as_, tuple(due[user_id])) for user_id in users]


async def record(tx: Tx, endpoint_id: UUID, ran: Sequence[Ran]) -> None:
    """Write down what was sent, and let go of the lanes.

    A lane that somebody else holds by now is left to them; what was sent is true all the same.

    Locks: the lanes, by user, until `tx` ends.
    """
    users = [one.lane.user_id for one in ran]
    claims = [one.lane.claim for one in ran]
    named = {"endpoint": endpoint_id, "users": users, "claims": claims}
    await run(tx, _HOLD, named)
    sent = [one for each in ran for one in each.sent]
    if sent:
        ids = [one.delivery_id for one in sent]
        ats = [one.outcome.at for one in sent]
        noted = {
            "ids": ids,
            "states": [one.state.value for one in sent],
            "dues": [one.due_at for one in sent],
            "ats": ats,
        }
        await run(tx, _NOTE, noted)
        attempts = {
            "ids": ids,
            "numbers": [one.number for one in sent],
            "ats": ats,
            "durations": [one.outcome.duration_ms for one in sent],
            "statuses": [one.outcome.status for one in sent],
            "troubles": [one.outcome.trouble for one in sent],
            "answers": [one.outcome.answer for one in sent],
        }
        await run(tx, _ADD_ATTEMPTS, attempts)
    await run(tx, _RELEASE, named | {"go_ons": [one.go_on_at for one in ran]})


async def drop(tx: Tx, endpoint_id: UUID, *, now: datetime) -> None:
    """Give up all that waits for an endpoint."""
    # Lanes first, as everywhere.
    await run(tx, _EMPTY, {"endpoint": endpoint_id})
    await run(tx, _DROP, {"endpoint": endpoint_id, "now": now})

"""SQL over the head, the events and the endpoints."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from coinwell.base.db import Tx, row, rows, run, value
from coinwell.notify.types import Endpoint, EndpointWanted, Event, Health, Span

_TRY_HEAD = "SELECT position FROM notify.head FOR UPDATE SKIP LOCKED"
_LOCK_HEAD = "SELECT position FROM notify.head FOR UPDATE"
_MOVE_HEAD = "UPDATE notify.head SET position = %(position)s"
_COUNT_ON = """
    INSERT INTO notify.person AS person (user_id, sequence)
    SELECT user_id, count(*) FROM unnest(%(users)s::uuid[]) AS told (user_id)
    GROUP BY user_id
    ON CONFLICT (user_id) DO UPDATE SET sequence = person.sequence + EXCLUDED.sequence
    RETURNING user_id, sequence
"""
_ADD_EVENTS = """
    INSERT INTO notify.event (position, id, user_id, sequence, kind, body, at)
    SELECT * FROM unnest(
        %(positions)s::bigint[], %(ids)s::uuid[], %(users)s::uuid[], %(sequences)s::bigint[],
        %(kinds)s::text[], %(bodies)s::jsonb[], %(ats)s::timestamptz[]
    )
"""
_EVENTS = """
    SELECT position, id, user_id, sequence, kind, body, at FROM notify.event
    WHERE position > %(after)s AND (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s)
    ORDER BY position LIMIT %(limit)s
"""
_EVENT = """
    SELECT position, id, user_id, sequence, kind, body, at FROM notify.event
    WHERE position = %(position)s
"""
_SPAN = """
    SELECT coalesce(min(position), 0), coalesce(max(position), -1), count(*) FROM notify.event
    WHERE (%(first)s::bigint IS NULL OR position >= %(first)s)
        AND (%(last)s::bigint IS NULL OR position <= %(last)s)
        AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR at <= %(until)s)
"""
_ADD_ENDPOINT = """
    INSERT INTO notify.endpoint (
        id, url, description, kinds, salt, state, created_by, created_at
    ) VALUES (
        %(id)s, %(url)s, %(description)s, %(kinds)s, %(salt)s, 'on', %(by)s, %(now)s
    )
"""
_ENDPOINT = """
    SELECT id, url, description, kinds, salt, previous_salt, previous_until, state, off_since,
        off_reason, failures, failing_since, resting_until, created_by, created_at
    FROM notify.endpoint WHERE id = %(id)s AND removed_at IS NULL
"""
_LOCKED_ENDPOINT = """
    SELECT id, url, description, kinds, salt, previous_salt, previous_until, state, off_since,
        off_reason, failures, failing_since, resting_until, created_by, created_at
    FROM notify.endpoint WHERE id = %(id)s AND removed_at IS NULL FOR NO KEY UPDATE
"""
_ENDPOINTS = """
    SELECT id, url, description, kinds, salt, previous_salt, previous_until, state, off_since,
        off_reason, failures, failing_since, resting_until, created_by, created_at,
        (
            SELECT count(*) FROM notify.delivery
            WHERE endpoint_id = endpoint.id AND delivery.state = 'waiting'
        ) AS waiting
    FROM notify.endpoint WHERE removed_at IS NULL ORDER BY created_at, id
"""
_CHANGE_ENDPOINT = """
    UPDATE notify.endpoint
    SET url = %(url)s, kinds = %(kinds)s, description = %(description)s
    WHERE id = %(id)s
"""
_ROTATE = """
    UPDATE notify.endpoint
    SET previous_salt = salt, previous_until = %(until)s, salt = %(salt)s
    WHERE id = %(id)s
"""
_SWITCH_OFF = """
    UPDATE notify.endpoint
    SET state = 'off', off_since = %(now)s, off_reason = %(reason)s,
        off_position = (SELECT position FROM notify.head)
    WHERE id = %(id)s AND state = 'on'
"""
_SWITCH_ON = """
    UPDATE notify.endpoint
    SET state = 'on', off_since = NULL, off_reason = NULL, off_position = NULL,
        failures = 0, failing_since = NULL, resting_until = NULL
    WHERE id = %(id)s AND state = 'off'
"""
_OFF_POSITION = "SELECT off_position FROM notify.endpoint WHERE id = %(id)s"
_REMOVE = """
    UPDATE notify.endpoint SET removed_at = %(now)s, salt = '', previous_salt = NULL
    WHERE id = %(id)s
"""
_SET_HEALTH = """
    UPDATE notify.endpoint
    SET failures = %(failures)s, failing_since = %(since)s, resting_until = %(rest)s
    WHERE id = %(id)s
"""
_REST_NO_MORE = "UPDATE notify.endpoint SET resting_until = NULL WHERE id = %(id)s"


async def try_head(tx: Tx) -> int | None:
    """The last position, locked until `tx` ends; None while somebody else has it."""
    return await value(tx, _TRY_HEAD)


async def lock_head(tx: Tx) -> int:
    """The last position; until `tx` ends nobody takes news out."""
    return await value(tx, _LOCK_HEAD)


async def move_head(tx: Tx, position: int) -> None:
    """Set the last position. Whoever does it holds the lock of `try_head`."""
    await run(tx, _MOVE_HEAD, {"position": position})


async def count_on(tx: Tx, users: Sequence[UUID]) -> Mapping[UUID, int]:
    """Raise each user's count by how often they are named; the counts afterwards."""
    cursor = await tx.execute(_COUNT_ON, {"users": users})
    return dict(await cursor.fetchall())


async def add_events(tx: Tx, events: Sequence[Event]) -> None:
    """Keep events, for good."""
    await run(
        tx,
        _ADD_EVENTS,
        {
            "positions": [one.position for one in events],
            "ids": [one.id for one in events],
            "users": [one.user_id for one in events],
            "sequences": [one.sequence for one in events],
            "kinds": [one.kind for one in events],
            "bodies": [Jsonb(one.body) for one in events],
            "ats": [one.at for one in events],
        },
    )


async def events(tx: Tx, *, after: int, user_id: UUID | None, limit: int) -> list[Event]:
    """Events past a position, oldest first; of one user or of all."""
    return await rows(tx, Event, _EVENTS, {"after": after, "user_id": user_id, "limit": limit})


async def event(tx: Tx, position: int) -> Event | None:
    """The event at a position."""
    return await row(tx, Event, _EVENT, {"position": position})


async def span(tx: Tx, wanted: Span) -> tuple[int, int, int]:
    """The first and the last position of a range and how many events are in it."""
    named = {
        "first": wanted.first,
        "last": wanted.last,
        "since": wanted.since,
        "until": wanted.until,
    }
    found = await (await tx.execute(_SPAN, named)).fetchone()
    assert found is not None
    return found[0], found[1], found[2]


async def add_endpoint(
    tx: Tx, endpoint_id: UUID, wanted: EndpointWanted, *, salt: bytes, by: str, now: datetime
) -> None:
    """Keep a new endpoint, switched on."""
    named = _wanted(endpoint_id, wanted) | {"salt": salt, "by": by, "now": now}
    await run(tx, _ADD_ENDPOINT, named)


async def endpoint(tx: Tx, endpoint_id: UUID, *, lock: bool = False) -> Endpoint | None:
    """An endpoint that was not removed.

    Locks: its row until `tx` ends, if asked to.
    """
    return await row(tx, Endpoint, _LOCKED_ENDPOINT if lock else _ENDPOINT, {"id": endpoint_id})


async def endpoints(tx: Tx) -> list[Endpoint]:
    """All that were not removed, oldest first, with how much waits for each."""
    return await rows(tx, Endpoint, _ENDPOINTS)


async def change_endpoint(tx: Tx, endpoint_id: UUID, wanted: EndpointWanted) -> None:
    """Change where to tell what."""
    await run(tx, _CHANGE_ENDPOINT, _wanted(endpoint_id, wanted))


async def rotate(tx: Tx, endpoint_id: UUID, *, salt: bytes, until: datetime) -> None:
    """Make a new secret the first; the one before counts until then."""
    await run(tx, _ROTATE, {"id": endpoint_id, "salt": salt, "until": until})


async def switch_off(tx: Tx, endpoint_id: UUID, *, reason: str, now: datetime) -> bool:
    """Tell an endpoint nothing more, and note from which position on; whether it was on."""
    named = {"id": endpoint_id, "reason": reason, "now": now}
    return await run(tx, _SWITCH_OFF, named) > 0


async def off_position(tx: Tx, endpoint_id: UUID) -> int:
    """The position at which an endpoint was switched off."""
    return await value(tx, _OFF_POSITION, {"id": endpoint_id})


async def switch_on(tx: Tx, endpoint_id: UUID) -> None:
    """Tell an endpoint again, as if it had never failed."""
    await run(tx, _SWITCH_ON, {"id": endpoint_id})


async def remove(tx: Tx, endpoint_id: UUID, *, now: datetime) -> None:
    """Forget an endpoint and its secrets; the log stays its time."""
    await run(tx, _REMOVE, {"id": endpoint_id, "now": now})


async def set_health(tx: Tx, endpoint_id: UUID, health: Health) -> None:
    """Write down how an endpoint does."""
    named = {
        "id": endpoint_id,
        "failures": health.failures,
        "since": health.failing_since,
        "rest": health.resting_until,
    }
    await run(tx, _SET_HEALTH, named)


async def rest_no_more(tx: Tx, endpoint_id: UUID) -> None:
    """Let one delivery try now."""
    await run(tx, _REST_NO_MORE, {"id": endpoint_id})


def _wanted(endpoint_id: UUID, wanted: EndpointWanted) -> dict[str, Any]:
    return {
        "id": endpoint_id,
        "url": wanted.url,
        "kinds": list(wanted.kinds),
        "description": wanted.description,
    }

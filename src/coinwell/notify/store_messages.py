"""SQL over the inboxes of users."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from coinwell.base.db import Tx, rows, run, value
from coinwell.notify.types import Event, Message

_ADD = """
    INSERT INTO notify.message (user_id, event_id, kind, facts, at)
    SELECT user_id, event_id, kind, facts, at
    FROM unnest(
        %(users)s::uuid[], %(events)s::uuid[], %(kinds)s::text[], %(facts)s::jsonb[],
        %(ats)s::timestamptz[]
    ) WITH ORDINALITY AS told (user_id, event_id, kind, facts, at, place)
    ORDER BY place
"""
_MESSAGES = """
    SELECT id, kind, facts, at, read_at FROM notify.message
    WHERE user_id = %(user)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
_UNREAD = "SELECT count(*) FROM notify.message WHERE user_id = %(user)s AND read_at IS NULL"
_READ = """
    UPDATE notify.message SET read_at = %(now)s
    WHERE user_id = %(user)s AND id <= %(up_to)s AND read_at IS NULL
"""
_PRUNE = """
    DELETE FROM notify.message WHERE id IN (
        SELECT id FROM notify.message WHERE at < %(before)s ORDER BY at LIMIT %(limit)s
    )
"""


async def add(tx: Tx, events: Sequence[Event]) -> None:
    """Put a message about each event into its user's inbox."""
    await run(
        tx,
        _ADD,
        {
            "users": [one.user_id for one in events],
            "events": [one.id for one in events],
            "kinds": [one.kind for one in events],
            "facts": [Jsonb(one.body) for one in events],
            "ats": [one.at for one in events],
        },
    )


async def messages(tx: Tx, user_id: UUID, *, before: int | None, limit: int) -> list[Message]:
    """A user's messages, newest first."""
    return await rows(tx, Message, _MESSAGES, {"user": user_id, "before": before, "limit": limit})


async def unread(tx: Tx, user_id: UUID) -> int:
    """How many messages a user has not read."""
    return await value(tx, _UNREAD, {"user": user_id})


async def read(tx: Tx, user_id: UUID, *, up_to: int, now: datetime) -> int:
    """Mark a user's messages up to this one as read; how many were not."""
    return await run(tx, _READ, {"user": user_id, "up_to": up_to, "now": now})


async def prune(tx: Tx, *, before: datetime, limit: int) -> int:
    """Remove messages from before then; how many."""
    return await run(tx, _PRUNE, {"before": before, "limit": limit})

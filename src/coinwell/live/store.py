"""The SQL over rooms."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from coinwell.base.db import Tx, row, rows, run
from coinwell.live.types import Room

_ADD = """
    INSERT INTO live.room (id, creator_id, title, opened_at)
    VALUES (%(id)s, %(creator_id)s, %(title)s, %(opened_at)s)
    ON CONFLICT (creator_id) WHERE closed_at IS NULL DO NOTHING
"""

_CLOSE = "UPDATE live.room SET closed_at = %(at)s WHERE id = %(id)s AND closed_at IS NULL"

_BY_IDS = """
    SELECT id, creator_id, title, opened_at, closed_at FROM live.room WHERE id = ANY (%(ids)s)
"""

_OPEN_OF = """
    SELECT id, creator_id, title, opened_at, closed_at FROM live.room
    WHERE creator_id = %(id)s AND closed_at IS NULL
"""

_LATEST = """
    SELECT id, creator_id, title, opened_at, closed_at FROM live.room
    WHERE (%(creator_id)s::uuid IS NULL OR creator_id = %(creator_id)s)
        AND (NOT %(open_only)s OR closed_at IS NULL)
        AND (%(at)s::timestamptz IS NULL OR (opened_at, id) < (%(at)s, %(id)s))
    ORDER BY opened_at DESC, id DESC LIMIT %(limit)s
"""


async def add(tx: Tx, opened: Room) -> bool:
    """Write an open room; False if the creator has one already."""
    said: dict[str, Any] = {
        "id": opened.id,
        "creator_id": opened.creator_id,
        "title": opened.title,
        "opened_at": opened.opened_at,
    }
    return await run(tx, _ADD, said) == 1


async def close(tx: Tx, room_id: UUID, *, at: datetime) -> bool:
    """Close a room; False if it was closed before or is not there."""
    return await run(tx, _CLOSE, {"id": room_id, "at": at}) == 1


async def by_ids(tx: Tx, room_ids: Collection[UUID]) -> list[Room]:
    """Those rooms that exist."""
    return await rows(tx, Room, _BY_IDS, {"ids": list(room_ids)})


async def open_of(tx: Tx, creator_id: UUID) -> Room | None:
    """The open room of a creator."""
    return await row(tx, Room, _OPEN_OF, {"id": creator_id})


async def latest(
    tx: Tx,
    *,
    creator_id: UUID | None,
    open_only: bool,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Room]:
    """Rooms, the last opened first, those opened before `before`."""
    at, room_id = before or (None, None)
    asked = {"creator_id": creator_id, "open_only": open_only, "at": at, "id": room_id}
    return await rows(tx, Room, _LATEST, asked | {"limit": limit})

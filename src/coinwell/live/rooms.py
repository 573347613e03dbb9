"""Rooms: opened, closed, listed."""

from datetime import datetime
from typing import Final
from uuid import UUID

from coinwell.base import cursor as cursors
from coinwell.base.clock import from_ns, to_ns
from coinwell.base.db import Tx
from coinwell.base.ids import new_uuid
from coinwell.base.outbox import record
from coinwell.live import store
from coinwell.live.refusals import RoomOpenAlready, RoomUnknown, WrongTitle
from coinwell.live.types import TITLE_LENGTH_MAX, Room
from coinwell.users import user

PAGE_ROOMS: Final = 25


async def open_room(tx: Tx, *, creator_id: UUID, title: str, now: datetime) -> Room:
    """Open a room; the creator's viewers can send gifts from the commit on.

    The creator's accounts are made by `ready_to_receive`, outside any transaction.

    Refuses: `UserUnknown`; `WrongTitle`; `RoomOpenAlready` if the creator has an open room.
    """
    wanted = title.strip()
    if not 0 < len(wanted) <= TITLE_LENGTH_MAX or not wanted.isprintable():
        raise WrongTitle
    await user(tx, creator_id)
    opened = Room(new_uuid(), creator_id, wanted, now, None)
    if not await store.add(tx, opened):
        standing = await store.open_of(tx, creator_id)
        raise RoomOpenAlready(opened.id if standing is None else standing.id)
    await _tell(tx, "room.opened", opened, now)
    return opened


async def close_room(tx: Tx, room_id: UUID, *, now: datetime) -> Room:
    """Close a room for good; one that is closed already stays as it was.

    Locks: the room's row, until `tx` ends.
    Refuses: `RoomUnknown`.
    """
    closed_now = await store.close(tx, room_id, at=now)
    found = await room(tx, room_id)
    if closed_now:
        await _tell(tx, "room.closed", found, now)
    return found


async def room(tx: Tx, room_id: UUID) -> Room:
    """One room, open or closed.

    Refuses: `RoomUnknown`.
    """
    found = await store.by_ids(tx, [room_id])
    if not found:
        raise RoomUnknown(room_id)
    return found[0]


async def room_of(tx: Tx, creator_id: UUID) -> Room | None:
    """The open room of a creator, if there is one."""
    return await store.open_of(tx, creator_id)


async def rooms(
    tx: Tx,
    *,
    creator_id: UUID | None = None,
    open_only: bool = False,
    cursor: str | None = None,
    limit: int = PAGE_ROOMS,
) -> tuple[list[Room], str | None]:
    """A page of rooms, the last opened first, and the cursor to the older ones.

    Refuses: `BadCursor`.
    """
    before = None
    if cursor is not None:
        at_ns, room_int = cursors.decode(cursor, [int, int])
        if not (0 <= at_ns < 2**63 and 0 <= room_int < 2**128):
            raise cursors.BadCursor(cursor)
        before = from_ns(at_ns), UUID(int=room_int)
    found = await store.latest(
        tx, creator_id=creator_id, open_only=open_only, before=before, limit=limit + 1
    )
    shown = found[:limit]
    more = len(found) > limit
    last = shown[-1] if more else None
    return shown, None if last is None else cursors.encode(to_ns(last.opened_at), last.id.int)


async def _tell(tx: Tx, kind: str, about: Room, now: datetime) -> None:
    body = {"room_id": str(about.id), "creator_id": str(about.creator_id), "title": about.title}
    await record(tx, kind=kind, subject=about.creator_id, body=body, at=now)

"""A room is opened once and closed once, and a creator has one open room at a time."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from coinwell.base.cursor import BadCursor
from coinwell.base.db import transaction, value
from coinwell.live import (
    Room,
    RoomOpenAlready,
    RoomState,
    RoomUnknown,
    WrongTitle,
    close_room,
    open_room,
    room,
    room_of,
    rooms,
)
from coinwell.users import UserUnknown
from tests.live.stage import Stage


async def test_a_room_is_open_until_it_is_closed_for_good(stage: Stage) -> None:
    async with transaction(stage.pool) as tx:
        assert (await room(tx, stage.room.id)).state is RoomState.OPEN
        assert await room_of(tx, stage.creator_id) == stage.room
    stage.clock.advance(hours=1)
    await stage.close()
    stage.clock.advance(hours=1)
    await stage.close()
    async with transaction(stage.pool) as tx:
        closed = await room(tx, stage.room.id)
        assert closed.state is RoomState.CLOSED
        assert closed.closed_at == stage.room.opened_at + timedelta(hours=1)
        assert await room_of(tx, stage.creator_id) is None
        told = "SELECT count(*) FROM base.outbox WHERE kind LIKE 'room.%'"
        assert await value(tx, told) == 2


async def test_a_creator_has_one_open_room(stage: Stage) -> None:
    with pytest.raises(RoomOpenAlready) as refused:
        await stage.open(stage.creator_id)
    assert refused.value.room_id == stage.room.id
    await stage.close()
    assert (await stage.open(stage.creator_id)).id != stage.room.id


async def test_of_many_who_open_at_once_one_does(stage: Stage) -> None:
    carla = await stage.person("carla")
    said = await asyncio.gather(*(stage.open(carla) for _ in range(20)), return_exceptions=True)
    opened = [one for one in said if isinstance(one, Room)]
    assert len(opened) == 1
    others = [one for one in said if isinstance(one, RoomOpenAlready)]
    assert len(others) == 19
    assert {one.room_id for one in others} == {opened[0].id}


@pytest.mark.parametrize("title", ["", "   ", "x" * 81, "two\nlines", "\u202eback"])
async def test_a_title_is_a_line_of_text(stage: Stage, title: str) -> None:
    carla = await stage.person("carla")
    async with transaction(stage.pool) as tx:
        with pytest.raises(WrongTitle):
            await open_room(tx, creator_id=carla, title=title, now=stage.clock.now())


async def test_who_is_not_there_opens_and_closes_nothing(stage: Stage) -> None:
    async with transaction(stage.pool) as tx:
        with pytest.raises(UserUnknown):
            await open_room(tx, creator_id=uuid4(), title="Live", now=stage.clock.now())
        with pytest.raises(RoomUnknown):
            await close_room(tx, uuid4(), now=stage.clock.now())


async def test_rooms_are_listed_last_opened_first_in_pages(stage: Stage) -> None:
    opened = [stage.room.id]
    for number in range(4):
        stage.clock.advance(seconds=number % 2)  # Some at the same instant.
        opened.append((await stage.open(await stage.person(f"creator-{number}"))).id)
    await stage.close()
    seen: list[UUID] = []
    cursor = None
    async with transaction(stage.pool) as tx:
        while True:
            page, cursor = await rooms(tx, limit=2, cursor=cursor)
            seen += [one.id for one in page]
            if cursor is None:
                break
        assert sorted(seen) == sorted(opened)
        assert len(set(seen)) == 5
        open_now, _ = await rooms(tx, open_only=True)
        assert {one.id for one in open_now} == set(opened[1:])
        of_ana, _ = await rooms(tx, creator_id=stage.creator_id)
        assert [one.id for one in of_ana] == [stage.room.id]
        with pytest.raises(BadCursor):
            await rooms(tx, cursor="nonsense")

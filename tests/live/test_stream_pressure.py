"""The room stream under pressure: slow viewers, no news, the end of a process, the real worker."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from coinwell.base.bus import Bus
from coinwell.base.clock import StillClock
from coinwell.base.logs import start_logs
from coinwell.live import RoomUnknown, Stage, open_stage, streaming
from coinwell.live.streaming import Ending
from coinwell.worker import following
from tests.house import House, open_house
from tests.live.watching import Theatre, Viewer, ended, frame, open_theatre, watching
from tests.profile import scale


class SilentBus(Bus):
    """A bus that never carries anything, as after an outage that nobody noticed."""

    @contextmanager
    def listening(self, topic: str) -> Generator[asyncio.Event]:
        del topic
        yield asyncio.Event()


@pytest.fixture
async def theatre(house: House) -> Theatre:
    """An open room with two senders."""
    return await open_theatre(house)


@asynccontextmanager
async def silent_stage(theatre: Theatre) -> AsyncGenerator[Stage]:
    """A stage that hears no news and has to look by itself."""

    def fail(error: Exception) -> None:
        raise error

    async with open_stage(theatre.house.installation.pool, SilentBus(), fail) as stage:
        yield stage


def numbers(texts: list[str]) -> list[int]:
    """The numbers of all events that were sent."""
    said: list[dict[str, Any]] = [json.loads(text) for text in texts]
    return [event["number"] for one in said for event in one.get("events", ())]


async def test_a_viewer_who_cannot_keep_up_is_told_where_to_come_back(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "SEAT_FRAMES_MAX", 3)
    monkeypatch.setattr(streaming, "TICK_MS", 0)
    monkeypatch.setattr(streaming, "LOOK_MS", 10)
    got: list[str] = []
    reading = asyncio.Event()

    async def send(text: str) -> None:
        got.append(text)
        if len(got) > 2:
            await reading.wait()  # A phone in a tunnel.

    async with silent_stage(theatre) as stage:
        watching_ = asyncio.create_task(stage.watch(theatre.room.id, 0, send))
        while not got:  # noqa: ASYNC110 - the hello comes from elsewhere.
            await asyncio.sleep(0.01)
        for _ in range(12):
            await theatre.give(2)
            await asyncio.sleep(0.05)
        [hall] = stage._halls.values()
        [seat] = hall.seats
        assert len(seat._frames) <= 3
        reading.set()
        ending, after = await watching_

        assert ending is Ending.TOO_SLOW
        assert numbers(got) == list(range(1, after + 1))
        assert after < theatre.sent
        assert stage.seats == 0
        rest: list[str] = []

        async def take(text: str) -> None:
            rest.append(text)

        again = asyncio.create_task(stage.watch(theatre.room.id, after, take))
        while numbers(rest)[-1:] != [theatre.sent]:  # noqa: ASYNC110 - sent by the stage.
            await asyncio.sleep(0.01)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
    assert numbers(got) + numbers(rest) == list(range(1, theatre.sent + 1))


async def test_a_stage_that_hears_nothing_looks_by_itself(theatre: Theatre) -> None:
    got: asyncio.Queue[str] = asyncio.Queue()
    async with silent_stage(theatre) as stage:
        task = asyncio.create_task(stage.watch(theatre.room.id, None, got.put))
        await got.get()
        await theatre.give(3)
        seen = await asyncio.wait_for(got.get(), 20)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with pytest.raises(RoomUnknown):
            await stage.watch(UUID(int=1), None, got.put)

    assert numbers([seen]) == [1, 2, 3]


async def test_more_than_one_frame_holds_comes_in_several(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "EVENTS_A_FRAME", 7)
    got: list[str] = []

    async def take(text: str) -> None:
        got.append(text)

    await theatre.give(20)
    async with silent_stage(theatre) as stage:
        task = asyncio.create_task(stage.watch(theatre.room.id, 0, take))
        while numbers(got)[-1:] != [20]:  # noqa: ASYNC110 - sent by the stage.
            await asyncio.sleep(0.01)
        await theatre.give(20)
        while numbers(got)[-1:] != [40]:  # noqa: ASYNC110 - sent by the stage.
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert numbers(got) == list(range(1, 41))
    assert max(len(json.loads(text).get("events", ())) for text in got) == 7


async def test_a_full_house_sends_viewers_to_come_back_later(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "SEATS_MAX", 1)
    async with watching(theatre) as first:
        await frame(first)
        async with watching(theatre) as second:
            assert (await ended(second))[0] == 1013
    async with watching(theatre) as third:
        while (await frame(third))["type"] != "hello":
            continue


async def test_a_process_that_ends_sends_its_viewers_elsewhere(
    database_url: str, clock: StillClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house(database_url, clock, tmp_path) as house:
        theatre = await open_theatre(house)
        context = watching(theatre)
        socket = await context.__aenter__()
        await frame(socket)
    assert (await ended(socket))[0] == 1012
    await context.__aexit__(None, None, None)
    assert "graceful" not in caplog.text


async def test_the_workers_followers_bring_each_gift_to_the_viewers(theatre: Theatre) -> None:
    gifts = scale(40, 1_000)
    viewers = [Viewer(theatre) for _ in range(3)]
    log = start_logs("error")

    async def perform() -> None:
        while theatre.sent < gifts:
            await theatre.give(2, told=False)
            await asyncio.sleep(0.02)

    installation = theatre.house.installation
    async with following(installation, log), following(installation, log):
        await asyncio.gather(perform(), *(viewer.watch(gifts, lambda: 9_999) for viewer in viewers))

    for viewer in viewers:
        assert viewer.numbers == list(range(1, gifts + 1))

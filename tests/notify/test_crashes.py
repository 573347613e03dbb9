"""A dispatcher that dies between sending and recording; several that work at once."""

import asyncio
import signal
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool
from coinwell.notify import NotifyDeps, dispatch, open_sender
from coinwell.notify.carrying import CLAIM_HOLDS
from tests.notify.conftest import SETTINGS, Desk, people
from tests.notify.receiving import Receiver, never_backwards, receiving

PROGRAM = """
import asyncio, sys
from coinwell.base.clock import SystemClock
from coinwell.base.db import open_pool
from coinwell.notify import NotifyDeps, NotifySettings, dispatch

async def main(url):
    async with open_pool(url) as pool:
        settings = NotifySettings(master="a master of the tests", private=True)
        await dispatch(NotifyDeps(pool, SystemClock(), settings), stopping=asyncio.Event())

asyncio.run(main(sys.argv[1]))
"""


async def start(url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, url)


async def desk_now(pool: Pool, ahead: timedelta = timedelta(0)) -> Desk:
    clock = StillClock(datetime.now(UTC) + ahead)
    return Desk(NotifyDeps(pool, clock, SETTINGS), clock, None)  # type: ignore[arg-type]


@pytest.mark.faults
async def test_killed_between_sending_and_recording_it_is_sent_again_under_the_same_id(
    database_url: str, pool: Pool
) -> None:
    desk = await desk_now(pool)
    ana, ben = people(2)
    async with receiving() as receiver:
        await desk.enlist(receiver)
        first = await desk.happen(ana)
        await desk.happen(ana)
        await desk.happen(ben)
        receiver.hold = asyncio.Event()
        program = await start(database_url)
        while len(receiver.got) < 2:
            await asyncio.wait_for(receiver.arrived.wait(), 30)
            receiver.arrived.clear()
        program.send_signal(signal.SIGKILL)
        await program.wait()
        receiver.hold.set()
        receiver.hold = None

        assert await desk.ask("SELECT count(*) FROM notify.attempt") == 0, "nothing was recorded"
        later = await desk_now(pool, CLAIM_HOLDS + timedelta(seconds=1))
        async with open_sender(later.clock, private=True) as sender:
            later.sender = sender
            await later.settle()
        assert receiver.by_user()[str(ana)] == [1, 1, 2]
        assert receiver.by_user()[str(ben)] == [1, 1]
        assert receiver.duplicates()[str(first)] == 2
        assert not receiver.forged
    assert await desk.ask("SELECT count(*) FROM notify.delivery WHERE state = 'delivered'") == 3


@pytest.mark.faults
async def test_told_to_stop_it_finishes_what_it_began(database_url: str, pool: Pool) -> None:
    desk = await desk_now(pool)
    stopping = asyncio.Event()
    async with receiving() as receiver:
        await desk.enlist(receiver)
        ana = uuid4()
        for _ in range(3):
            await desk.happen(ana)
        receiver.hold = asyncio.Event()
        running = asyncio.create_task(dispatch(desk.deps, stopping=stopping))
        await asyncio.wait_for(receiver.arrived.wait(), 30)
        stopping.set()
        receiver.hold.set()
        await asyncio.wait_for(running, 30)
        assert len(receiver.taken) == 1
    assert await desk.ask("SELECT count(*) FROM notify.delivery WHERE state = 'delivered'") == 1
    assert await desk.ask("SELECT count(*) FROM notify.lane WHERE claim IS NOT NULL") == 0


@pytest.mark.faults
async def test_two_dispatchers_tell_everything_once_and_in_order(
    database_url: str, pool: Pool
) -> None:
    desk = await desk_now(pool)
    crowd = people(10)
    async with receiving() as receiver, receiving() as other:
        await desk.enlist(receiver)
        await desk.enlist(other)
        programs = [await start(database_url) for _ in range(2)]
        for number in range(200):
            await desk.happen(crowd[number % 10])
        for _ in range(600):
            if min(len(receiver.taken), len(other.taken)) >= 200:
                break
            await asyncio.sleep(0.05)
        for program in programs:
            program.kill()
            await program.wait()
        for told in (receiver, other):
            assert told.by_user() == {str(one): list(range(1, 21)) for one in crowd}
            assert not told.forged


async def test_a_claim_that_ended_while_its_holder_slept_is_not_taken_back(
    desk: Desk, receiver: Receiver
) -> None:
    await desk.enlist(receiver)
    ana = uuid4()
    await desk.happen(ana)
    receiver.hold = asyncio.Event()
    async with open_sender(desk.clock, private=True) as patient:
        sleeper = Desk(desk.deps, desk.clock, patient)
        sleeping = asyncio.create_task(sleeper.settle())
        await receiver.arrived.wait()
        held, receiver.hold = receiver.hold, None
        desk.clock.advance(seconds=CLAIM_HOLDS // timedelta(seconds=1) + 1)
        await desk.happen(ana)
        await desk.settle()
        assert receiver.by_user()[str(ana)] == [1, 1, 2]
        held.set()
        await sleeping
    assert never_backwards(receiver.by_user()[str(ana)])
    assert await desk.ask("SELECT count(*) FROM notify.attempt") == 3
    assert await desk.ask("SELECT count(*) FROM notify.delivery WHERE state <> 'delivered'") == 0


async def test_who_lost_a_lane_does_not_let_go_of_it_for_the_one_who_has_it(
    desk: Desk, receiver: Receiver
) -> None:
    await desk.enlist(receiver)
    await desk.happen(uuid4())
    first, second = asyncio.Event(), asyncio.Event()
    held = "SELECT count(*) FROM notify.lane WHERE claim IS NOT NULL"
    async with open_sender(desk.clock, private=True) as patient:
        receiver.hold = first
        sleeping = asyncio.create_task(Desk(desk.deps, desk.clock, patient).settle())
        await receiver.arrived.wait()
        desk.clock.advance(seconds=CLAIM_HOLDS // timedelta(seconds=1) + 1)
        receiver.hold = second
        receiver.arrived.clear()
        working = asyncio.create_task(desk.settle())
        await receiver.arrived.wait()
        first.set()
        await sleeping
        assert await desk.ask(held) == 1
        second.set()
        await working
    assert await desk.ask(held) == 0

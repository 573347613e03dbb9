"""`kill -9` of web, worker and PostgreSQL under load: nothing acknowledged is lost or doubled."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest

from tests.faults.load import Buyers, Spender, buyers_of, spending
from tests.faults.proving import prove, settled
from tests.faults.world import DATABASE, WEB, WORKER, World
from tests.profile import scale

pytestmark = [
    pytest.mark.faults,
    pytest.mark.xdist_group("faults"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
CYCLES = scale(10, 50)
# What killed workers had in hand stays "doing" until it is missed.
_AT_WORK = """
    SELECT count(*) FROM procrastinate_jobs
    WHERE status = 'doing' AND worker_id = (SELECT max(id) FROM procrastinate_workers)
"""


@dataclass(slots=True)
class Load:
    buyers: Buyers
    spender: Spender
    stop: asyncio.Event
    callers: list["asyncio.Task[None]"]

    async def goes_on(self, world: World) -> None:
        """Somebody was served since."""
        bought, spent = len(self.buyers.bought), len(self.spender.acknowledged())
        await world.until(
            lambda: (
                any(caller.done() for caller in self.callers)
                or (len(self.buyers.bought) > bought and len(self.spender.acknowledged()) > spent)
            )
        )
        assert not any(caller.done() for caller in self.callers), "a caller was told no"

    async def finish(self) -> dict[int, tuple[int, int]]:
        self.stop.set()
        await asyncio.gather(*self.callers)
        return await self.spender.finish()


@asynccontextmanager
async def loaded(world: World) -> AsyncGenerator[Load]:
    async with buyers_of(world) as buyers:
        await buyers.make_people()
        await settled(buyers)
        stop = asyncio.Event()
        async with spending(world, buyers.people) as spender:
            callers = [
                asyncio.create_task(buyers.buy_on(person, Random(number), stop))
                for number, person in enumerate(buyers.people)
            ]
            try:
                yield Load(buyers, spender, stop, callers)
            finally:
                for caller in callers:
                    caller.cancel()
                await asyncio.gather(*callers, return_exceptions=True)


async def killed_again_and_again(
    world: World, choose: Callable[[int], Awaitable[list[int]]], kind: str
) -> None:
    async with loaded(world) as load:
        chance = Random(world.settings.port)
        for cycle in range(CYCLES):
            import time; print("cycle", cycle, time.monotonic())
            await load.goes_on(world)
            print("went on", time.monotonic())
            await asyncio.sleep(chance.random() * 0.5)
            victims = await choose(cycle)
            for pid in victims:
                world.kill(pid)
            await world.back(kind, victims)
        await load.goes_on(world)
        spends = await load.finish()
        took = await settled(load.buyers)
        await prove(load.buyers, spends)
    bought = load.buyers.bought
    paid = sum(one.paid for one in bought)
    print(
        f"\n{kind}: {world.killed} kills; {len(bought)} recharges acknowledged, {paid} paid and "
        f"credited, {sum(at > 0 for _, at in spends.values())} spends; asked again after "
        f"{dict(load.buyers.troubles)}; settled {took:.1f} s after the last"
    )
    assert world.killed >= CYCLES
    assert paid > CYCLES


async def test_killing_web_processes_loses_and_doubles_nothing(world: World) -> None:
    async def one_or_all(cycle: int) -> list[int]:
        there = world.find(WEB)
        return there if cycle % 3 == 2 else there[:1]

    await killed_again_and_again(world, one_or_all, WEB)


async def test_killing_the_worker_loses_and_doubles_nothing(world: World) -> None:
    async def in_the_middle_of_a_job(_: int) -> list[int]:
        nonlocal hits
        for _ in range(300):
            if world.ask(_AT_WORK) != [(0,)]:
                hits += 1
                break
            await asyncio.sleep(0.01)
        return world.find(WORKER)

    hits = 0
    await killed_again_and_again(world, in_the_middle_of_a_job, WORKER)
    assert hits > 0


async def test_killing_postgres_loses_and_doubles_nothing(world: World) -> None:
    async def the_postmaster(_: int) -> list[int]:
        return world.find(DATABASE)

    await killed_again_and_again(world, the_postmaster, DATABASE)

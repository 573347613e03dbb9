"""`kill -9` of web, worker and PostgreSQL under load: nothing acknowledged is lost or doubled."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from tests.faults.load import loaded
from tests.faults.proving import prove
from tests.faults.world import DATABASE, WEB, WORKER, World, tell
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


async def killed_again_and_again(
    world: World, choose: Callable[[int], Awaitable[list[int]]], kind: str
) -> None:
    async with loaded(world) as load:
        chance = Random(world.settings.port)
        for cycle in range(CYCLES):
            await load.goes_on(world)
            await asyncio.sleep(chance.random() * 0.5)
            victims = await choose(cycle)
            for pid in victims:
                world.kill(pid)
            await world.back(kind, victims)
        await load.goes_on(world)
        spends = await load.finish()
        took = await load.buyers.credited()
        await prove(load.buyers, spends)
    bought = load.buyers.bought
    paid = sum(one.paid for one in bought)
    tell(
        f"{kind}: {world.killed} kills; {len(bought)} recharges acknowledged, {paid} paid and "
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

"""News is taken out whole and in order, whatever the order of the commits."""

import asyncio
import random
from uuid import UUID, uuid4

import pytest

from coinwell.base import outbox
from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, Tx, transaction, value
from coinwell.notify import NotifyDeps, NotifySettings, events, take
from tests.conftest import NOON
from tests.profile import scale

SETTINGS = NotifySettings(master="of a race")


def deps_of(pool: Pool) -> NotifyDeps:
    return NotifyDeps(pool, StillClock(NOON), SETTINGS)


async def tell(tx: Tx, about: UUID, said: str) -> None:
    await outbox.record(tx, kind="race.run", subject=about, body={"said": said}, at=NOON)


async def heard(pool: Pool) -> list[str]:
    async with transaction(pool) as tx:
        return [str(one.body["said"]) for one in await events(tx, limit=100_000)]


async def test_a_slow_commit_is_told_after_faster_ones_and_is_not_skipped(pool: Pool) -> None:
    deps, ana = deps_of(pool), uuid4()
    async with pool.connection() as slow:
        await tell(slow, ana, "slow")
        async with transaction(pool) as quick:
            await tell(quick, ana, "quick")
        assert await take(deps) == 1
        assert await heard(pool) == ["quick"]
        await slow.commit()
    assert await take(deps) == 1
    assert await heard(pool) == ["quick", "slow"]


async def test_what_was_rolled_back_is_never_told_and_leaves_no_gap(pool: Pool) -> None:
    deps, ana = deps_of(pool), uuid4()
    async with pool.connection() as doubtful:
        await tell(doubtful, ana, "never")
        await doubtful.rollback()
    async with transaction(pool) as tx:
        await tell(tx, ana, "first")
    await take(deps)
    async with transaction(pool) as tx:
        found = [(one.position, one.sequence) for one in await events(tx)]
    assert found == [(1, 1)]


async def test_an_effect_is_told_after_its_cause_though_its_transaction_is_older(
    pool: Pool,
) -> None:
    """The older transaction waited for the newer one's commit: transaction ids would lie here.

    A third one that runs all the while must not hold anything up either.
    """
    deps, ana = deps_of(pool), uuid4()
    async with pool.connection() as older, pool.connection() as running:
        await older.execute("SELECT pg_current_xact_id()")
        await running.execute("SELECT pg_current_xact_id()")
        async with transaction(pool) as newer:
            await tell(newer, ana, "cause")
        await tell(older, ana, "effect")
        await older.commit()
        assert await take(deps) == 2
        assert await heard(pool) == ["cause", "effect"]


async def test_one_takes_at_a_time_and_the_others_go_away(pool: Pool) -> None:
    deps, ana = deps_of(pool), uuid4()
    async with transaction(pool) as tx:
        await tell(tx, ana, "one")
    async with pool.connection() as taker:
        assert await value(taker, "SELECT position FROM notify.head FOR UPDATE") == 0
        assert await take(deps) == 0
    assert await take(deps) == 1


@pytest.mark.parametrize("seed", range(scale(3, 30)))
async def test_writers_that_overlap_and_takers_that_compete_lose_and_double_nothing(
    pool: Pool, seed: int
) -> None:
    chance = random.Random(seed)
    deps, crowd = deps_of(pool), [uuid4() for _ in range(4)]
    told: list[str] = []
    done = asyncio.Event()

    async def write(writer: int) -> None:
        for turn in range(12):
            about = chance.choice(crowd)
            async with pool.connection() as tx:
                mine = [f"{writer}.{turn}.{part}" for part in range(chance.randrange(1, 4))]
                for said in mine:
                    await tell(tx, about, said)
                    await asyncio.sleep(chance.random() / 100)
                if chance.random() < 0.2:
                    await tx.rollback()
                else:
                    await tx.commit()
                    told.extend(mine)

    async def keep_taking() -> None:
        while not done.is_set():
            await take(deps, limit=chance.randrange(1, 6))
            await asyncio.sleep(chance.random() / 200)

    takers = [asyncio.create_task(keep_taking()) for _ in range(2)]
    await asyncio.gather(*(write(writer) for writer in range(6)))
    done.set()
    await asyncio.gather(*takers)
    while await take(deps):
        pass
    found = await heard(pool)
    assert sorted(found) == sorted(told)
    for writer in range(6):
        prefix = f"{writer}."
        mine = [tuple(map(int, one.split("."))) for one in found if one.startswith(prefix)]
        assert mine == sorted(mine), "each writer's own are in its order"
    async with transaction(pool) as tx:
        all_of_them = await events(tx, limit=100_000)
    assert [one.position for one in all_of_them] == list(range(1, len(told) + 1))
    for about in crowd:
        numbers = [one.sequence for one in all_of_them if one.user_id == about]
        assert numbers == list(range(1, len(numbers) + 1))

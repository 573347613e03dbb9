"""Limits under concurrency: two writers on one database, and nobody gets past."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, open_pool, transaction
from coinwell.ledger import Ledger, open_ledger, verify
from coinwell.limits import LimitKind, LimitReached, Mode, Period, release_recharge
from tests.limits.worlds import World
from tests.profile import scale

SEEDS = 20
SPENDS = scale(60, 500)


@asynccontextmanager
async def two_writers(
    database_url: str, pool: Pool, ledger: Ledger, clock: StillClock
) -> AsyncGenerator[list[tuple[Pool, Ledger]]]:
    """The same books through two pools and two coalescers, as two web processes have them."""
    async with (
        open_pool(database_url, max_size=8) as other,
        open_ledger(database_url, now_ns=clock.now_ns) as second,
    ):
        yield [(pool, ledger), (other, second)]


def through(world: World, writer: tuple[Pool, Ledger]) -> World:
    """The same user, met by another process."""
    return World(
        *writer, world.clock, world.zone, user_id=world.user_id, creator_id=world.creator_id
    )


async def spend_all(
    worlds: list[World], spends: list[int], random: Random
) -> list[tuple[int, bool]]:
    """All at once, in any order, by both processes; what each spent and whether it passed."""

    async def one(number: int, coins: int) -> tuple[int, bool]:
        for _ in range(random.randrange(3)):
            await asyncio.sleep(0)
        return coins, await worlds[number % len(worlds)].spend(coins)

    return list(await asyncio.gather(*(one(at, coins) for at, coins in enumerate(spends))))


async def proven(world: World, limit: int, passed: int) -> None:
    """What the limit says agrees with what went through, to the coin; and the books balance."""
    await world.count()
    found = await world.only()
    assert found.spent == passed
    assert found.left == max(0, limit - passed)
    verdict = await verify(world.pool)
    assert verdict.balanced, verdict


async def test_five_hundred_at_once_and_exactly_as_many_pass_as_the_limit_admits(
    database_url: str, pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    async with two_writers(database_url, pool, ledger, clock) as writers:
        for seed in range(SEEDS):
            random = Random(seed)
            count = 500 if seed == 0 else SPENDS
            coins, admitted = random.randint(1, 44_999), random.randint(0, count - 1)
            limit = coins * admitted + random.randrange(coins)
            world = await World(pool, ledger, clock).begin()
            await world.set(limit, random.choice([Period.DAY, Period.WEEK, Period.MONTH]))
            worlds = [through(world, writer) for writer in writers]

            results = await spend_all(worlds, [coins] * count, random)

            assert sum(passed for _, passed in results) == admitted, seed
            await proven(world, limit, coins * admitted)


async def test_the_first_spends_of_a_window_open_it_once_for_all(
    database_url: str, pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    async with two_writers(database_url, pool, ledger, clock) as writers:
        world = await World(pool, ledger, clock).begin()
        await world.set(100)
        await world.set(150, Period.MONTH)
        clock.advance(days=1)  # Nobody has opened this day yet.
        worlds = [through(world, writer) for writer in writers]

        results = await spend_all(worlds, [10] * 40, Random(1))

        assert sum(passed for _, passed in results) == 10
        day, month = await world.limits()
        assert (day.spent, day.left, month.spent, month.left) == (100, 0, 100, 50)


@pytest.mark.parametrize("seed", range(scale(5, 40)))
async def test_a_limit_set_while_spends_are_on_their_way_counts_every_one(
    database_url: str, pool: Pool, ledger: Ledger, clock: StillClock, seed: int
) -> None:
    random = Random(seed)
    async with two_writers(database_url, pool, ledger, clock) as writers:
        world = await World(pool, ledger, clock).begin()
        worlds = [through(world, writer) for writer in writers]
        if seed % 2:
            await world.set(10**6, mode=Mode.TELL)
        spends = [random.randint(1, 50) for _ in range(SPENDS)]
        limit = sum(spends) * 2 // 3

        results, _ = await asyncio.gather(spend_all(worlds, spends, random), world.set(limit))

        passed = sum(coins for coins, went in results if went)
        await proven(world, limit, passed)
        more = await spend_all(worlds, [1] * SPENDS, random)
        assert sum(went for _, went in more) == min(SPENDS, max(0, limit - passed))


@pytest.mark.parametrize("seed", range(scale(5, 40)))
async def test_lowered_while_spends_are_on_their_way_it_ends_at_the_lower_limit(
    database_url: str, pool: Pool, ledger: Ledger, clock: StillClock, seed: int
) -> None:
    random = Random(seed)
    async with two_writers(database_url, pool, ledger, clock) as writers:
        world = await World(pool, ledger, clock).begin()
        worlds = [through(world, writer) for writer in writers]
        spends = [random.randint(1, 50) for _ in range(SPENDS)]
        high, low = sum(spends), sum(spends) // 3
        await world.set(high)

        results, *_ = await asyncio.gather(
            spend_all(worlds, spends, random), world.set(low), worlds[1].set(low + 5)
        )

        passed = sum(coins for coins, went in results if went)
        low = (await world.only()).terms.amount
        await proven(world, low, passed)
        more = await spend_all(worlds, [1] * SPENDS, random)
        assert sum(went for _, went in more) == min(SPENDS, max(0, low - passed))


async def test_recharges_at_once_hold_no_more_than_the_limit_and_give_it_back_once(
    database_url: str, pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    async with two_writers(database_url, pool, ledger, clock) as writers:
        world = await World(pool, ledger, clock).begin()
        await world.set(1000, kind=LimitKind.MONEY, currency="EUR")
        worlds = [through(world, writer) for writer in writers]

        async def one(number: int) -> object:
            try:
                return await worlds[number % 2].recharge(300)
            except LimitReached:
                return None

        begun = await asyncio.gather(*(one(number) for number in range(20)))
        held = [order for order in begun if order is not None]
        assert len(held) == 3
        assert (await world.only()).left == 100

        async with transaction(pool) as tx:
            for order in held:
                await release_recharge(tx, order, now=clock.now())  # type: ignore[arg-type]
        await asyncio.gather(*(each.finish(order) for order in held for each in worlds))  # type: ignore[arg-type]

        assert (await world.only()).left == 1000

"""Notices at 50, 80 and 100 percent, each at most once a window."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.ledger import Ledger
from coinwell.limits import LimitKind, Mode, Period
from coinwell.limits.rules import PERCENTS, percent_to_tell
from tests.limits.test_money import take
from tests.limits.worlds import World


@pytest.fixture
async def world(pool: Pool, ledger: Ledger, clock: StillClock) -> World:
    return await World(pool, ledger, clock).begin()


async def notices(world: World) -> list[tuple[str, int]]:
    async with transaction(world.pool) as tx:
        cursor = await tx.execute(
            "SELECT body->>'period', (body->>'percent')::int FROM base.outbox"
            " WHERE kind = 'limit.notice' AND subject = %s ORDER BY at, id",
            [world.user_id],
        )
        return [(row[0], row[1]) for row in await cursor.fetchall()]


@pytest.mark.parametrize("mode", list(Mode))
async def test_half_most_and_all_are_told_once_each(world: World, mode: Mode) -> None:
    await world.set(100, mode=mode)
    told: list[Any] = []
    for coins in (49, 1, 29, 1, 19, 1):
        await world.spend(coins)
        world.clock.advance(seconds=1)
        for _ in range(2):
            await world.count()
        told.append(len(await notices(world)))

    assert told == [0, 1, 1, 2, 2, 3]
    assert sorted(await notices(world)) == [("day", 50), ("day", 80), ("day", 100)]


async def test_the_next_window_is_told_anew(world: World) -> None:
    await world.set(100, mode=Mode.TELL)
    await world.spend(100)
    await world.count()
    world.clock.set(datetime(2026, 11, 23, tzinfo=UTC))
    await world.spend(100)
    await world.count()

    assert await notices(world) == [("day", 100), ("day", 100)]


async def test_a_limit_changed_within_the_window_tells_nothing_twice(world: World) -> None:
    await world.set(100, mode=Mode.TELL)
    await world.spend(60)
    await world.count()
    await world.set(100, mode=Mode.STOP)
    await world.set(80)
    await world.count()

    assert await notices(world) == [("day", 50)]


async def test_money_is_told_when_it_was_paid(world: World) -> None:
    await world.set(1000, kind=LimitKind.MONEY, period=Period.MONTH, currency="EUR")
    order = await world.recharge(500)
    await world.count()
    assert await notices(world) == []

    await take(world, order)

    assert await notices(world) == [("month", 50)]


async def test_people_without_limits_are_never_marked(world: World) -> None:
    await world.spend(10)
    await world.set(100, Period.PURCHASE)
    await world.count()
    await world.spend(10)
    await world.count()
    world.clock.advance(seconds=1)

    async with transaction(world.pool) as tx:
        cursor = await tx.execute("SELECT count(*) FROM limits.person WHERE due_at IS NOT NULL")
        assert await cursor.fetchone() == (0,)


@given(amount=st.integers(1, 10_000), spends=st.lists(st.integers(1, 3_000), max_size=40))
def test_every_stream_of_spends_is_told_each_percent_once_and_in_order(
    amount: int, spends: list[int]
) -> None:
    told, spent, said = 0, 0, list[int]()
    for coins in spends:
        spent += coins
        percent = percent_to_tell(told=told, spent=spent, amount=amount)
        if percent is not None:
            said.append(percent)
            told = percent

    assert said == sorted(set(said))
    reached = [percent for percent in PERCENTS if spent * 100 >= amount * percent and spent]
    assert (said[-1:] or [0]) == (reached[-1:] or [0])

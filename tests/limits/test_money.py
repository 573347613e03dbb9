"""Limits on money coming in: room is held before a provider is asked, and used up or given back."""

from datetime import UTC, datetime

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction, value
from coinwell.ledger import Ledger
from coinwell.limits import (
    LimitKind,
    LimitOtherCurrency,
    LimitReached,
    Mode,
    Period,
    release_recharge,
    room_of,
    take_recharge,
)
from tests.limits.worlds import World

MONEY = LimitKind.MONEY


@pytest.fixture
async def world(pool: Pool, ledger: Ledger, clock: StillClock) -> World:
    """A user who recharges in euro."""
    return await World(pool, ledger, clock).begin()


async def limit(world: World, minor: int, period: Period = Period.DAY) -> None:
    await world.set(minor, period, kind=MONEY, currency="EUR")


async def release(world: World, order_id: object) -> None:
    async with transaction(world.pool) as tx:
        await release_recharge(tx, order_id, now=world.clock.now())  # type: ignore[arg-type]
    await world.finish(order_id)  # type: ignore[arg-type]


async def take(world: World, order_id: object) -> None:
    async with transaction(world.pool) as tx:
        await take_recharge(tx, order_id, now=world.clock.now())  # type: ignore[arg-type]
    await world.finish(order_id)  # type: ignore[arg-type]
    await world.count()


async def test_a_recharge_holds_its_room_from_the_start(world: World) -> None:
    await limit(world, 1000)
    await world.recharge(600)

    with pytest.raises(LimitReached) as no:
        await world.recharge(401)

    assert (no.value.limit, no.value.left, no.value.currency) == (1000, 400, "EUR")
    assert no.value.sentence() == (
        "You set a limit of €10.00 a day. €4.00 of it are left."
        " It begins anew on 23 Nov 2026, 00:00 UTC."
    )
    await world.recharge(400)


async def test_one_that_ends_unpaid_gives_its_room_back(world: World) -> None:
    await limit(world, 1000)
    order = await world.recharge(1000)
    await release(world, order)

    assert (await world.only()).left == 1000
    await world.recharge(1000)


async def test_one_that_was_paid_uses_its_room_up_and_gives_nothing_back(world: World) -> None:
    await limit(world, 1000)
    order = await world.recharge(1000)
    async with transaction(world.pool) as tx:
        await take_recharge(tx, order, now=world.clock.now())
    await release(world, order)  # A refund later ends the order; limits are gross.

    assert (await world.only()).left == 0
    with pytest.raises(LimitReached):
        await world.recharge(1)


async def test_a_late_success_counts_though_it_cannot_be_refused(world: World) -> None:
    await limit(world, 1000)
    order = await world.recharge(600)
    await release(world, order)
    await world.recharge(700)
    await take(world, order)

    found = await world.only()

    assert (found.spent, found.left) == (1300, 0)


async def test_a_late_success_counts_in_the_window_in_which_it_comes(world: World) -> None:
    await limit(world, 1000)
    order = await world.recharge(600)
    await release(world, order)
    world.clock.set(datetime(2026, 11, 23, 1, 0, tzinfo=UTC))
    await take(world, order)

    found = await world.only()

    assert (found.spent, found.left) == (600, 400)


async def test_a_limit_set_meanwhile_counts_what_is_on_its_way(world: World) -> None:
    order = await world.recharge(700)
    await limit(world, 1000)
    assert (await world.only()).left == 300
    with pytest.raises(LimitReached):
        await world.recharge(301)

    await release(world, order)
    await world.count()

    assert (await world.only()).left == 1000


async def test_a_limit_set_after_a_paid_recharge_counts_it(world: World) -> None:
    await take(world, await world.recharge(700))
    await limit(world, 1000, Period.MONTH)

    found = await world.only()

    assert (found.spent, found.left) == (700, 300)


async def test_lowered_below_what_is_held_the_room_that_comes_back_is_no_more_than_the_limit(
    world: World,
) -> None:
    await limit(world, 1000)
    order = await world.recharge(900)
    await limit(world, 500)
    assert (await world.only()).left == 0

    async with transaction(world.pool) as tx:
        await release_recharge(tx, order, now=world.clock.now())
    await world.finish(order)

    # Looked at before anything is counted again: the chain itself has to be right.
    async with transaction(world.pool) as tx:
        account_id = int(await value(tx, 'SELECT account_id FROM limits."window"'))
    (account,) = await world.ledger.lookup_accounts([account_id])
    assert room_of(account) == 500
    with pytest.raises(LimitReached):
        await world.recharge(501)
    await world.recharge(500)


async def test_a_recharge_in_another_currency_is_refused_while_a_stop_stands(world: World) -> None:
    await limit(world, 1000)

    with pytest.raises(LimitOtherCurrency):
        await world.recharge(1, "USD")


async def test_a_notice_lets_every_recharge_through(world: World) -> None:
    await world.set(100, kind=MONEY, mode=Mode.TELL, currency="EUR")
    await take(world, await world.recharge(1000))
    await take(world, await world.recharge(1000, "USD"))

    found = await world.only()

    assert (found.spent, found.left) == (1000, 0)


async def test_per_purchase_each_recharge_is_judged_alone(world: World) -> None:
    await limit(world, 500, Period.PURCHASE)
    await world.recharge(500)
    await world.recharge(500)

    with pytest.raises(LimitReached):
        await world.recharge(501)


async def test_what_was_held_yesterday_takes_no_room_today(world: World) -> None:
    await limit(world, 1000)
    order = await world.recharge(1000)
    world.clock.set(datetime(2026, 11, 23, 0, 0, tzinfo=UTC))
    await world.recharge(1000)
    await take(world, order)

    assert (await world.only()).spent == 1000

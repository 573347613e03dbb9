"""Limits on coins going out: what they let through, what they refuse, and what they count."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.ledger import Ledger
from coinwell.limits import (
    Change,
    LimitReached,
    Mode,
    NoRaiseAsked,
    Period,
    RaiseTooEarly,
    WrongLimit,
    cancel_raise,
    remove_limit,
    spend_guards,
)
from coinwell.users import UserChange, change_user
from tests.limits.worlds import World


@pytest.fixture
async def world(pool: Pool, ledger: Ledger, clock: StillClock) -> World:
    """A user of UTC with a billion coins."""
    return await World(pool, ledger, clock).begin()


async def test_a_user_without_limits_is_asked_nothing(world: World) -> None:
    async with transaction(world.pool) as tx:
        found = await spend_guards(tx, [world.user_id, uuid4()], now=world.clock.now())

    assert found == {}
    assert await world.spend(10**6)


async def test_a_limit_lets_through_what_it_says_and_not_one_coin_more(world: World) -> None:
    assert await world.set(100) is Change.AT_ONCE

    assert await world.spend(60)
    assert not await world.spend(41)
    assert await world.spend(40)
    assert not await world.spend(1)
    limit = await world.only()
    assert (limit.spent, limit.left) == (100, 0)


async def test_every_window_has_to_let_a_spend_through(world: World) -> None:
    await world.set(100, Period.DAY)
    await world.set(150, Period.WEEK)
    await world.set(120, Period.MONTH)

    assert await world.spend(100)
    world.clock.set(datetime(2026, 11, 23, 0, 0, tzinfo=UTC))  # A Monday: a new day and week.
    assert not await world.spend(21)
    assert await world.spend(20)
    world.clock.set(datetime(2026, 12, 1, 0, 0, tzinfo=UTC))
    assert await world.spend(100)
    assert [(limit.period, limit.spent) for limit in await world.limits()] == [
        (Period.DAY, 100),
        (Period.WEEK, 100),
        (Period.MONTH, 100),
    ]


async def test_a_limit_per_purchase_is_about_each_one_alone(world: World) -> None:
    await world.set(50, Period.PURCHASE)

    with pytest.raises(LimitReached) as no:
        await world.spend(51)
    assert await world.spend(50)
    assert await world.spend(50)
    assert no.value.facts() | {"change_at": "/me/limits"} == no.value.facts()
    assert no.value.resets_at is None
    assert "50 coins per purchase" in no.value.sentence()


async def test_a_refusal_says_which_limit_what_is_left_and_when_it_begins_anew(
    world: World,
) -> None:
    await world.set(100)
    await world.spend(70)
    guard = await world.guard()
    assert guard is not None
    (leg,) = guard.legs(31)
    assert not await world.post(world.chain(guard, 31))

    (account,) = await world.ledger.lookup_accounts([leg.debit_account_id])
    no = guard.refused(leg.name, coins=31, account=account)

    assert (no.limit, no.left, no.asked) == (100, 30, 31)
    assert no.resets_at == datetime(2026, 11, 23, tzinfo=UTC)
    assert no.sentence() == (
        "You set a limit of 100 coins a day. 30 coins of it are left."
        " It begins anew on 23 Nov 2026, 00:00 UTC."
    )


async def test_a_new_limit_counts_what_the_day_already_spent(world: World) -> None:
    world.clock.set(datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC))
    await world.spend(500)
    world.clock.set(datetime(2026, 11, 23, 0, 0, 0, tzinfo=UTC))
    await world.spend(70)
    await world.set(100)

    limit = await world.only()

    assert (limit.spent, limit.left) == (70, 30)
    assert not await world.spend(31)
    assert await world.spend(30)


async def test_a_limit_below_what_was_spent_leaves_nothing(world: World) -> None:
    await world.spend(70)
    await world.set(50)

    limit = await world.only()

    assert (limit.spent, limit.left) == (70, 0)
    assert not await world.spend(1)


async def test_a_lower_limit_holds_at_once(world: World) -> None:
    await world.set(100)
    await world.spend(30)
    assert await world.set(50) is Change.AT_ONCE

    assert not await world.spend(21)
    assert await world.spend(20)
    assert await world.set(10) is Change.AT_ONCE
    assert not await world.spend(1)


async def test_a_raise_waits_a_day_to_the_second_and_then_wants_a_second_yes(world: World) -> None:
    await world.set(100)
    asked_at = world.clock.now()
    assert await world.set(200) is Change.LATER
    assert not await world.spend(101)

    world.clock.set(asked_at + timedelta(hours=23, minutes=59, seconds=59))
    with pytest.raises(RaiseTooEarly) as no:
        await world.confirm()
    assert no.value.ready_at == asked_at + timedelta(hours=24)
    world.clock.set(asked_at + timedelta(hours=24))
    assert not await world.spend(101), "nobody has said yes yet"
    await world.confirm()

    assert await world.spend(150)
    assert not await world.spend(51)
    with pytest.raises(NoRaiseAsked):
        await world.confirm()


async def test_asking_again_for_the_same_raise_does_not_begin_the_wait_anew(world: World) -> None:
    await world.set(100)
    await world.set(200)
    world.clock.advance(hours=23)
    await world.set(200)
    world.clock.advance(hours=1)

    await world.confirm()

    assert (await world.only()).terms.amount == 200


async def test_another_raise_begins_the_wait_anew(world: World) -> None:
    await world.set(100)
    await world.set(200)
    world.clock.advance(hours=23)
    await world.set(300)
    world.clock.advance(hours=1)

    with pytest.raises(RaiseTooEarly):
        await world.confirm()


async def test_lowering_forgets_the_raise(world: World) -> None:
    await world.set(100)
    await world.set(200)
    await world.set(50)
    world.clock.advance(hours=24)

    with pytest.raises(NoRaiseAsked):
        await world.confirm()
    assert (await world.only()).terms.amount == 50


async def test_a_raise_that_nobody_confirms_lapses(world: World) -> None:
    await world.set(100)
    await world.set(200)
    world.clock.advance(days=8)

    with pytest.raises(NoRaiseAsked):
        await world.confirm()
    assert (await world.only()).raise_asked is None


async def test_a_canceled_raise_is_forgotten(world: World) -> None:
    await world.set(100)
    await world.set(200)
    await cancel_raise(world.pool, world.name(), now=world.clock.now())
    world.clock.advance(hours=24)

    with pytest.raises(NoRaiseAsked):
        await world.confirm()


async def test_removing_a_limit_waits_like_a_raise(world: World) -> None:
    await world.set(100)
    now = world.clock.now()
    assert await remove_limit(world.pool, world.name(), now=now) is Change.LATER
    assert not await world.spend(101)

    world.clock.advance(hours=24)
    await world.confirm()

    assert await world.limits() == []
    assert await world.spend(10**6)


async def test_a_limit_set_anew_counts_everything_the_window_spent(world: World) -> None:
    await world.set(100, Period.MONTH)
    await world.spend(60)
    await remove_limit(world.pool, world.name(Period.MONTH), now=world.clock.now())
    world.clock.advance(hours=24)
    await world.confirm(Period.MONTH)
    await world.spend(30)

    await world.set(100, Period.MONTH)

    limit = await world.only()
    assert (limit.spent, limit.left) == (90, 10)
    assert not await world.spend(11)


async def test_a_notice_instead_of_a_stop_is_a_raise_and_back_is_at_once(world: World) -> None:
    await world.set(100)
    await world.spend(80)
    assert await world.set(100, mode=Mode.TELL) is Change.LATER
    world.clock.set(datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC))
    await world.confirm()
    assert await world.spend(300)
    assert await world.set(100, mode=Mode.STOP) is Change.AT_ONCE

    assert not await world.spend(1)
    assert (await world.only()).spent == 300


async def test_a_change_of_zone_takes_effect_with_the_next_window(world: World) -> None:
    await world.set(100)
    await world.spend(100)
    async with transaction(world.pool) as tx:
        change = UserChange({"time_zone": "Pacific/Auckland"})
        await change_user(tx, world.user_id, change, now=world.clock.now())

    world.clock.set(datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC))  # Past noon over there.
    assert not await world.spend(1)
    world.clock.set(datetime(2026, 11, 23, 0, 0, 0, tzinfo=UTC))
    assert await world.spend(100)

    limit = await world.only()
    assert limit.starts_at == datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    assert limit.resets_at == datetime(2026, 11, 23, 11, 0, tzinfo=UTC)  # Midnight in Auckland.


async def test_a_spend_asked_for_before_midnight_counts_in_the_day_before(world: World) -> None:
    await world.set(100)
    guard = await world.guard()
    world.clock.set(datetime(2026, 11, 23, 0, 0, 1, tzinfo=UTC))
    await world.guard()
    assert await world.post(world.chain(guard, 80))
    await world.count()

    limit = await world.only()

    assert (limit.spent, limit.left) == (0, 100)


async def test_a_spend_that_was_on_its_way_takes_its_room_when_the_feed_tells_of_it(
    world: World,
) -> None:
    before = await world.guard()  # Read before there was a limit, and posted long after.
    await world.set(100)
    await world.count()  # Nothing is marked any more.
    assert await world.spend(30)
    assert await world.post(world.chain(before, 50))

    await world.count()

    # Spends first: to list the limits would count, too.
    assert not await world.spend(21)
    assert await world.spend(20)
    limit = await world.only()
    assert (limit.spent, limit.left) == (100, 0)


async def test_what_was_on_its_way_and_is_more_than_is_left_leaves_nothing(world: World) -> None:
    before = await world.guard()
    await world.set(100)
    await world.spend(90)
    await world.post(world.chain(before, 50))
    await world.count()
    assert not await world.spend(1)

    limit = await world.only()
    assert (limit.spent, limit.left) == (140, 0)


async def test_counting_twice_counts_nothing_twice(world: World) -> None:
    await world.spend(10)
    await world.set(100)
    await world.spend(20)
    for _ in range(3):
        await world.count()
        async with transaction(world.pool) as tx:
            await tx.execute("UPDATE limits.person SET due_at = now() - interval '9 years'")

    limit = await world.only()
    assert (limit.spent, limit.left) == (30, 70)


@pytest.mark.parametrize("amount", [-1, 10**12 + 1])
async def test_an_amount_that_no_budget_has_is_refused(world: World, amount: int) -> None:
    with pytest.raises(WrongLimit):
        await world.set(amount)


async def test_a_limit_of_nothing_lets_nothing_through(world: World) -> None:
    await world.set(0)

    assert not await world.spend(1)

"""A sender's own limits stop gifts, and what they stopped stays stopped under its key."""

from datetime import timedelta

import pytest

from coinwell.ledger import LEDGER_LIMITS, QueryFilter, TransferFlags
from coinwell.limits import (
    LimitKind,
    LimitName,
    LimitReached,
    Mode,
    Period,
    confirm_raise,
    remove_limit,
    set_limit,
)
from coinwell.live import GiftRefusedBefore, GiftSent
from tests.live.stage import Stage, refused


async def limit(stage: Stage, coins: int, period: Period = Period.DAY) -> LimitName:
    name = LimitName(stage.viewer_id, LimitKind.COINS, period)
    await set_limit(stage.pool, stage.ledger, name, Mode.STOP, coins, now=stage.clock.now())
    return name


async def test_gifts_pass_up_to_the_limit_and_not_past_it(stage: Stage) -> None:
    await limit(stage, 10)
    said = [await stage.send_one(stage.wish(f"k{n}", "heart")) for n in range(3)]
    assert refused(said) == ["sent", "sent", "limit_reached"]
    assert isinstance(said[2], LimitReached)
    assert (said[2].period, said[2].limit, said[2].asked, said[2].left) == ("day", 10, 5, 0)
    assert await stage.coins() == 990
    assert await stage.earned() == 10
    await stage.books_balance()


async def test_a_batch_cannot_pass_a_limit_either(stage: Stage) -> None:
    await limit(stage, 3)
    said = await stage.send(*(stage.wish(f"k{n}") for n in range(6)))
    assert refused(said) == ["sent"] * 3 + ["limit_reached"] * 3


async def test_several_limits_hold_together(stage: Stage) -> None:
    await limit(stage, 100, Period.MONTH)
    await limit(stage, 20, Period.DAY)
    await limit(stage, 12, Period.PURCHASE)
    said = await stage.send(
        stage.wish("a", count=13), stage.wish("b", count=12), stage.wish("c", count=9)
    )
    assert refused(said) == ["limit_reached", "sent", "limit_reached"]
    assert isinstance(said[0], LimitReached)
    assert isinstance(said[2], LimitReached)
    assert (said[0].period, said[2].period) == ("purchase", "day")
    assert said[2].left == 8


async def test_a_chain_carries_the_gift_first_and_a_leg_for_each_window(stage: Stage) -> None:
    await limit(stage, 100, Period.MONTH)
    await limit(stage, 20, Period.DAY)
    sent = await stage.send_one(stage.wish(count=2))
    assert isinstance(sent, GiftSent)
    (gift,) = await stage.ledger.lookup_transfers([sent.transfer_id])
    assert gift.flags is TransferFlags.LINKED
    legs = await stage.ledger.query_transfers(
        QueryFilter(ledger=LEDGER_LIMITS, user_data_128=sent.transfer_id)
    )
    assert [(leg.amount, leg.flags) for leg in legs] == [
        (2, TransferFlags.LINKED),
        (2, TransferFlags.NONE),
    ]


async def test_a_repeat_of_a_limited_gift_counts_once(stage: Stage) -> None:
    await limit(stage, 3)
    first = await stage.send_one(stage.wish(count=2))
    again = await stage.send_one(stage.wish(count=2))
    assert isinstance(first, GiftSent)
    assert isinstance(again, GiftSent)
    assert again.replayed
    assert refused([await stage.send_one(stage.wish("b"))]) == ["sent"]


async def test_a_gift_from_before_the_limit_is_still_answered_the_same(stage: Stage) -> None:
    first = await stage.send_one(stage.wish(count=5))
    await limit(stage, 1)
    again = await stage.send_one(stage.wish(count=5))
    assert isinstance(first, GiftSent)
    assert isinstance(again, GiftSent)
    assert again.transfer_id == first.transfer_id
    assert await stage.coins() == 995


@pytest.mark.parametrize("period", [Period.DAY, Period.PURCHASE])
async def test_what_a_limit_stopped_stays_stopped_under_its_key(
    stage: Stage, period: Period
) -> None:
    name = await limit(stage, 1, period)
    assert refused([await stage.send_one(stage.wish(count=2))]) == ["limit_reached"]
    assert refused([await stage.send_one(stage.wish(count=2))]) == ["limit_reached"]
    await remove_limit(stage.pool, name, now=stage.clock.now())
    stage.clock.advance(hours=25)
    await confirm_raise(stage.pool, stage.ledger, name, now=stage.clock.now())
    said = await stage.send_one(stage.wish(count=2))
    assert isinstance(said, GiftRefusedBefore)
    assert refused([await stage.send_one(stage.wish("new key", count=2))]) == ["sent"]


async def test_a_new_day_opens_its_window_by_itself(stage: Stage) -> None:
    await limit(stage, 2)
    said = await stage.send(stage.wish("a", count=2), stage.wish("b"))
    assert refused(said) == ["sent", "limit_reached"]
    stage.clock.set(stage.clock.now() + timedelta(days=1))
    said = await stage.send(stage.wish("c", count=2), stage.wish("d"))
    assert refused(said) == ["sent", "limit_reached"]
    assert isinstance(await stage.send_one(stage.wish("b")), GiftRefusedBefore | LimitReached)

"""Money back: coins held first, the provider asked with one key, coins gone or kept."""

import asyncio

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.base.money import Money
from coinwell.installation import finish_intents
from coinwell.ledger import Ledger
from coinwell.recharge import (
    CannotRefund,
    LotSpent,
    Order,
    OrderState,
    ReasonMissing,
    Refund,
    RefundState,
    refund_order,
    refunds_of,
    sync_order,
)
from coinwell.recharge import jobs as work
from coinwell.recharge.providers.types import (
    Declined,
    Failure,
    FailureKind,
    OutcomeUnknown,
    RefundObj,
    RefundObjState,
    Retryable,
)
from coinwell.recharge.types import ReviewReason
from coinwell.wallet import balance
from tests.recharge.making import House, Killed, open_house

NO = Declined(Failure(FailureKind.TRY_AGAIN, "refund_not_possible"))


@pytest.fixture
async def house(pool: Pool, ledger: Ledger, clock: StillClock) -> House:
    return await open_house(pool, ledger, clock)


async def credited(house: House, key: str = "key-1", pack: str = "coins-3500") -> Order:
    order = await house.begin(key, pack_id=pack)
    assert order.payment_id is not None
    house.provider.payments[order.payment_id].capture()
    return await sync_order(house.deps, order.id)


async def refund(house: House, order: Order) -> Refund:
    return await refund_order(house.deps, order.id, operator="operator:ops", reason="asked")


async def held(house: House) -> int:
    return (await balance(house.deps.ledger, house.viewer.id)).held


async def test_an_unspent_order_is_refunded_with_its_bonus(house: House) -> None:
    order = await credited(house)
    done = await refund(house, order)
    assert (done.state, done.coins) == (RefundState.DONE, 3_535)
    after = await house.order(order.id)
    assert (after.state, after.taken_coins) == (OrderState.REVERSED, 3_535)
    assert await house.coins() == 0
    assert [one.amount for one in house.provider.only.refunds] == [order.price]
    await house.books_balance()
    assert (await sync_order(house.deps, order.id)).state is OrderState.REVERSED


async def test_spent_coins_are_not_refunded_and_nobody_is_asked(house: House) -> None:
    order = await credited(house)
    assert await house.spend(1, 77)
    with pytest.raises(LotSpent):
        await refund(house, order)
    assert "refund" not in house.provider.asked
    assert (await house.order(order.id)).state is OrderState.CREDITED
    assert (await house.coins(), await held(house)) == (3_534, 0)
    await house.books_balance()


async def test_coins_of_another_order_do_not_stand_in_for_spent_ones(house: House) -> None:
    first = await credited(house, "key-1", "coins-350")
    second = await credited(house, "key-2", "coins-350")
    assert await house.spend(10, 77)
    with pytest.raises(LotSpent):
        await refund(house, first)
    assert (await house.coins(), await held(house)) == (690, 0)
    assert (await refund(house, second)).state is RefundState.DONE
    assert await house.coins() == 340


async def test_a_refusal_of_the_provider_gives_the_coins_back(house: House) -> None:
    order = await credited(house)
    house.provider.refund_trouble = NO
    assert (await refund(house, order)).state is RefundState.FAILED
    assert (await house.order(order.id)).state is OrderState.CREDITED
    assert (await house.coins(), await held(house)) == (3_535, 0)
    await house.books_balance()

    house.provider.refund_trouble = None
    assert (await refund(house, order)).state is RefundState.DONE


@pytest.mark.parametrize("trouble", [OutcomeUnknown("cut off"), Retryable("down")])
async def test_an_answer_that_is_lost_keeps_the_coins_held_and_asks_again(
    house: House, clock: StillClock, trouble: Exception
) -> None:
    order = await credited(house)
    house.provider.refund_trouble = trouble
    assert (await refund(house, order)).state is RefundState.RESERVED
    assert (await house.order(order.id)).state is OrderState.REFUND_PENDING
    assert (await house.coins(), await held(house)) == (0, 3_535)
    assert not await house.spend(1, 77)

    house.provider.refund_trouble = None
    clock.advance(minutes=1)
    await work.refunds(house.deps)
    assert (await house.order(order.id)).state is OrderState.REVERSED
    assert len(house.provider.only.refunds) == 1
    await house.books_balance()


async def test_a_refund_that_happened_unheard_is_asked_for_with_the_same_key(
    house: House, clock: StillClock
) -> None:
    order = await credited(house)
    house.provider.lose_answer.add("refund")
    assert (await refund(house, order)).state is RefundState.RESERVED
    clock.advance(minutes=1)
    await work.refunds(house.deps)
    assert (await house.order(order.id)).state is OrderState.REVERSED
    assert house.provider.asked.count("refund") == 2
    assert len(house.provider.only.refunds) == 1


async def test_a_refund_that_happened_unheard_is_found_and_not_sent_twice(
    house: House, clock: StillClock
) -> None:
    order = await credited(house)
    house.provider.lose_answer.add("refund")
    await refund(house, order)
    assert (await sync_order(house.deps, order.id)).state is OrderState.REFUND_PENDING
    # Past a day the provider has forgotten our key, so sending again would be a second refund.
    clock.advance(hours=25)
    house.provider.answers.clear()
    await work.refunds(house.deps)
    assert len(house.provider.only.refunds) == 1
    assert (await house.order(order.id)).state is OrderState.REVERSED


@pytest.mark.parametrize("ends", [RefundObjState.SUCCEEDED, RefundObjState.FAILED])
async def test_a_slow_refund_is_asked_after_until_it_is_decided(
    house: House, clock: StillClock, ends: RefundObjState
) -> None:
    order = await credited(house)
    house.provider.refund_state = RefundObjState.PENDING
    assert (await refund(house, order)).state is RefundState.RESERVED
    made = house.provider.only.refunds[0]
    house.provider.only.refunds[0] = RefundObj(made.id, made.amount, ends)
    clock.advance(minutes=1)
    await work.refunds(house.deps)
    gone = ends is RefundObjState.SUCCEEDED
    expected = OrderState.REVERSED if gone else OrderState.CREDITED
    assert (await house.order(order.id)).state is expected
    assert (await house.coins(), await held(house)) == (0 if gone else 3_535, 0)


async def test_one_refund_at_a_time_and_none_after_the_money_is_gone(house: House) -> None:
    order = await credited(house)
    tries = await asyncio.gather(*(refund(house, order) for _ in range(5)), return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in tries) == 1
    assert all(isinstance(one, CannotRefund) for one in tries if isinstance(one, Exception))
    assert len(house.provider.only.refunds) == 1
    with pytest.raises(CannotRefund):
        await refund(house, order)


async def test_an_unpaid_order_has_nothing_to_refund(house: House) -> None:
    with pytest.raises(CannotRefund):
        await refund(house, await house.begin())


async def test_a_refund_without_a_reason_is_refused(house: House) -> None:
    order = await credited(house)
    with pytest.raises(ReasonMissing):
        await refund_order(house.deps, order.id, operator="ops", reason=" ")


async def test_paid_money_in_review_goes_back_without_coins(house: House) -> None:
    order = await house.begin()
    house.provider.only.capture(1_000)
    await sync_order(house.deps, order.id)
    done = await refund(house, order)
    assert (done.state, done.coins) == (RefundState.DONE, 0)
    assert house.provider.only.refunds[0].amount == Money(1_000, "USD")
    assert (await sync_order(house.deps, order.id)).state is OrderState.REVERSED


async def test_a_review_whose_refund_fails_stays_in_review(house: House) -> None:
    order = await house.begin()
    house.provider.only.capture(1_000)
    await sync_order(house.deps, order.id)
    house.provider.refund_trouble = NO
    assert (await refund(house, order)).state is RefundState.FAILED
    assert (await house.order(order.id)).state is OrderState.NEEDS_REVIEW


async def test_money_sent_back_by_the_provider_itself_is_a_case_with_a_target(
    house: House,
) -> None:
    order = await credited(house)
    house.provider.only.refunds.append(RefundObj("re_x", order.price, RefundObjState.SUCCEEDED))
    seen = await sync_order(house.deps, order.id)
    assert seen.review_reason is ReviewReason.REFUND_UNKNOWN_TO_US
    assert seen.target_coins == 0
    assert await house.coins() == 3_535


@pytest.mark.parametrize("dies", [{"before": 1}, {"after": 1}])
@pytest.mark.parametrize("at", ["hold", "end"])
async def test_a_refund_whose_process_dies_is_finished_by_the_sweeps(
    house: House, clock: StillClock, dies: dict[str, int], at: str
) -> None:
    order = await credited(house)
    if at == "end":
        house.provider.refund_trouble = Retryable("down")
        await refund(house, order)
        house.provider.refund_trouble = None
    dying = house.dying(**dies)
    clock.advance(minutes=1)
    again = refund_order(dying, order.id, operator="ops", reason="asked")
    goes_on = work.refunds(dying)
    runs, idle = (again, goes_on) if at == "hold" else (goes_on, again)
    idle.close()
    with pytest.raises((Killed, ExceptionGroup)):
        await runs
    clock.advance(minutes=1)
    await finish_intents(house.deps.pool, house.deps.ledger, now=house.deps.clock.now())
    await work.refunds(house.deps)
    assert (await house.order(order.id)).state is OrderState.REVERSED
    assert len(house.provider.only.refunds) == 1
    async with transaction(house.deps.pool) as tx:
        assert [one.state for one in await refunds_of(tx, order.id)] == [RefundState.DONE]
    assert (await house.coins(), await held(house)) == (0, 0)
    await house.books_balance()

"""An order and the provider's truth: late, twice, out of order, lost, wrong, and credited once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction, value
from coinwell.ledger import Ledger
from coinwell.recharge import OrderState, approve_review, cancel, pay_again, sync_order
from coinwell.recharge import jobs as work
from coinwell.recharge.providers.types import (
    Declined,
    Failure,
    FailureKind,
    Misconfigured,
    PaymentState,
    Retryable,
)
from coinwell.recharge.refusals import CannotCancel, CannotPayAgain, NothingToReview, ProviderSilent
from coinwell.recharge.types import ReviewReason
from coinwell.users import NewRestriction, ReasonCode, Scope, lift, restrict
from tests.recharge.making import House, open_house

COINS = 350


@pytest.fixture
async def house(pool: Pool, ledger: Ledger, clock: StillClock) -> House:
    return await open_house(pool, ledger, clock)


async def test_captured_money_becomes_coins_once_however_often_we_look(house: House) -> None:
    order = await house.begin()
    assert order.state is OrderState.AWAITING_USER
    assert order.pay_url == "https://pay/pay_1"

    house.provider.only.capture()
    for _ in range(3):
        credited = await sync_order(house.deps, order.id)
    assert credited.state is OrderState.CREDITED
    assert credited.next_check_at is None
    assert await house.coins() == COINS
    await house.books_balance()


async def test_bonus_coins_come_as_a_lot_that_cost_nothing(house: House) -> None:
    order = await house.begin(pack_id="coins-3500")
    house.provider.only.capture()
    await sync_order(house.deps, order.id)
    assert await house.coins() == 3_535
    async with transaction(house.deps.pool) as tx:
        kinds = await tx.execute("SELECT kind, coins FROM wallet.lot ORDER BY coins")
        assert await kinds.fetchall() == [("promotional", 35), ("paid", 3_500)]
    await house.books_balance()


async def test_two_looks_at_once_credit_once(house: House) -> None:
    order = await house.begin()
    house.provider.only.capture()
    await asyncio.gather(*(sync_order(house.deps, order.id) for _ in range(8)))
    assert await house.coins() == COINS


async def test_an_old_answer_that_arrives_late_changes_nothing(house: House) -> None:
    """The schedule that the ticket is for: A is seen, B is seen and applied, A arrives."""
    order = await house.begin()
    seen, go_on = asyncio.Event(), asyncio.Event()

    async def hold(_: str) -> None:
        seen.set()
        await go_on.wait()

    house.provider.pause = hold
    house.provider.only.state = PaymentState.PROCESSING
    slow = asyncio.create_task(sync_order(house.deps, order.id))
    await seen.wait()

    house.provider.pause = None
    house.provider.only.decline()
    assert (await sync_order(house.deps, order.id)).state is OrderState.FAILED
    go_on.set()
    assert (await slow).state is OrderState.FAILED


async def test_a_payment_found_meanwhile_is_not_forgotten_by_a_look_that_found_none(
    house: House,
) -> None:
    house.provider.troubles["create"] = [Retryable("down")]
    with pytest.raises(ProviderSilent):
        await house.begin()
    async with transaction(house.deps.pool) as tx:
        order_id: UUID = await value(tx, 'SELECT id FROM recharge."order"')
    seen, go_on = asyncio.Event(), asyncio.Event()

    async def hold(_: str) -> None:
        seen.set()
        await go_on.wait()

    house.provider.pause = hold
    slow = asyncio.create_task(sync_order(house.deps, order_id))
    await seen.wait()
    house.provider.pause = None
    await house.begin()
    go_on.set()
    assert (await slow).state is OrderState.AWAITING_USER


async def test_an_expired_order_is_closed_at_the_provider(house: House, clock: StillClock) -> None:
    order = await house.begin()
    clock.advance(minutes=30)
    await work.poll(house.deps)
    assert (await house.order(order.id)).state is OrderState.EXPIRED
    assert house.provider.only.state is PaymentState.CANCELED


@pytest.mark.parametrize("over", ["expired", "canceled", "failed"])
async def test_money_that_comes_late_is_credited(
    house: House, clock: StillClock, over: str
) -> None:
    order = await house.begin()
    if over == "expired":
        clock.advance(hours=2)
    elif over == "canceled":
        await cancel(house.deps, order.id)
    else:
        house.provider.only.decline()
    await sync_order(house.deps, order.id)
    assert (await house.order(order.id)).state.value == over

    house.provider.only.capture()
    clock.advance(hours=3)
    await work.poll(house.deps)
    assert (await house.order(order.id)).state is OrderState.CREDITED
    assert await house.coins() == COINS


async def test_a_lost_answer_is_unknown_and_is_found_without_a_second_payment(
    house: House, clock: StillClock
) -> None:
    house.provider.lose_answer.add("create")
    order = await house.begin()
    assert order.state is OrderState.UNKNOWN
    again = await house.begin()
    assert again.id == order.id
    with pytest.raises(CannotPayAgain):
        await pay_again(house.deps, order.id)

    clock.advance(seconds=31)
    await work.poll(house.deps)
    found = await house.order(order.id)
    assert found.state is OrderState.AWAITING_USER
    assert found.payment_id == house.provider.only.id
    house.provider.only.capture()
    await sync_order(house.deps, order.id)
    assert await house.coins() == COINS


async def test_a_request_that_never_arrived_is_sent_again_with_the_same_key(
    house: House, clock: StillClock
) -> None:
    house.provider.lose_answer.add("create")
    order = await house.begin()
    house.provider.payments.clear()
    house.provider.answers.clear()
    clock.advance(seconds=31)
    await work.poll(house.deps)
    assert (await house.order(order.id)).state is OrderState.AWAITING_USER
    assert len(house.provider.payments) == 1


async def test_a_provider_that_is_down_leaves_everything_as_it_is(
    house: House, clock: StillClock
) -> None:
    order = await house.begin()
    house.provider.only.capture()
    for trouble in (Retryable("down"), Misconfigured("wrong key")):
        house.provider.troubles["fetch"] = [trouble]
        left = await sync_order(house.deps, order.id)
        assert left.state is OrderState.AWAITING_USER
        assert left.next_check_at == clock.now() + timedelta(seconds=30)
    assert (await sync_order(house.deps, order.id)).state is OrderState.CREDITED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"minor": 369}, ReviewReason.WRONG_AMOUNT),
        ({"minor": 371}, ReviewReason.WRONG_AMOUNT),
        ({"environment": "live"}, ReviewReason.WRONG_ENVIRONMENT),
        ({"account_ref": "stranger"}, ReviewReason.WRONG_ACCOUNT),
        ({"order_ref": UUID(int=1)}, ReviewReason.WRONG_ORDER),
    ],
)
async def test_a_payment_that_is_not_the_right_one_waits_for_a_person(
    house: House, change: dict[str, object], reason: ReviewReason
) -> None:
    order = await house.begin()
    house.provider.only.capture(change.pop("minor", None))
    for name, said in change.items():
        setattr(house.provider.only, name, said)
    held = await sync_order(house.deps, order.id)
    assert (held.state, held.review_reason) == (OrderState.NEEDS_REVIEW, reason)
    assert await house.coins() == 0


async def test_a_wrong_amount_is_credited_only_when_a_person_says_so(house: House) -> None:
    order = await house.begin()
    house.provider.only.capture(300)
    await sync_order(house.deps, order.id)
    done = await approve_review(house.deps, order.id, operator="ops", reason="a gift card")
    assert done.state is OrderState.CREDITED
    assert await house.coins() == COINS
    await house.books_balance()
    with pytest.raises(NothingToReview):
        await approve_review(house.deps, order.id, operator="ops", reason="again")


async def test_a_live_house_takes_no_test_money_whoever_approves(house: House) -> None:
    order = await house.begin()
    house.provider.only.capture()
    house.provider.only.environment = "live"
    await sync_order(house.deps, order.id)
    with pytest.raises(NothingToReview):
        await approve_review(house.deps, order.id, operator="ops", reason="please")
    assert await house.coins() == 0


async def test_an_account_restricted_after_paying_is_credited_when_it_is_lifted(
    house: House, clock: StillClock
) -> None:
    order = await house.begin()
    house.provider.only.capture()
    new = NewRestriction(house.viewer.id, Scope.RECHARGE, ReasonCode.UNUSUAL_ACTIVITY)
    async with transaction(house.deps.pool) as tx:
        placed = await restrict(tx, new, by="ops", now=clock.now())
    held = await sync_order(house.deps, order.id)
    assert held.review_reason is ReviewReason.ACCOUNT_RESTRICTED
    assert held.review_deadline == clock.now() + timedelta(hours=72)
    assert await house.coins() == 0

    async with transaction(house.deps.pool) as tx:
        await lift(
            tx,
            placed.id,
            user_id=house.viewer.id,
            by="ops",
            reason="checked",
            now=clock.now(),
        )
    clock.advance(minutes=5)
    await work.poll(house.deps)
    assert await house.coins() == COINS


async def test_money_in_review_goes_back_by_itself_when_nobody_decides(
    house: House, clock: StillClock
) -> None:
    order = await house.begin()
    house.provider.only.capture(300)
    await sync_order(house.deps, order.id)
    await work.reviews(house.deps)
    assert (await house.order(order.id)).state is OrderState.NEEDS_REVIEW

    clock.advance(hours=72)
    await work.reviews(house.deps)
    assert (await house.order(order.id)).state is OrderState.REVERSED
    assert [refund.amount.minor for refund in house.provider.only.refunds] == [300]
    assert await house.coins() == 0


async def test_a_declined_payment_may_be_tried_again_at_the_same_price(
    house: House, clock: StillClock
) -> None:
    order = await house.begin()
    with pytest.raises(CannotPayAgain):
        await pay_again(house.deps, order.id)
    house.provider.only.decline()
    failed = await sync_order(house.deps, order.id)
    assert (failed.state, failed.failure_kind) == (OrderState.FAILED, "bank_declined")

    again = await pay_again(house.deps, order.id)
    assert again.state is OrderState.AWAITING_USER
    assert again.payment_id == "pay_2"
    assert again.price == order.price
    house.provider.payments["pay_2"].capture()
    assert (await sync_order(house.deps, order.id)).state is OrderState.CREDITED
    assert await house.coins() == COINS


async def test_two_attempts_that_both_took_money_are_credited_once_and_shown_to_a_person(
    house: House,
) -> None:
    order = await house.begin()
    house.provider.only.decline()
    await sync_order(house.deps, order.id)
    await pay_again(house.deps, order.id)
    for payment in house.provider.payments.values():
        payment.capture()
    await sync_order(house.deps, order.id)
    seen = await sync_order(house.deps, order.id)
    assert seen.review_reason is ReviewReason.CHARGED_TWICE
    assert await house.coins() == COINS


async def test_a_lost_second_attempt_is_unknown_though_the_first_was_declined(
    house: House, clock: StillClock
) -> None:
    order = await house.begin()
    house.provider.only.decline()
    await sync_order(house.deps, order.id)
    house.provider.lose_answer.add("create")
    assert (await pay_again(house.deps, order.id)).state is OrderState.UNKNOWN
    with pytest.raises(CannotPayAgain):
        await pay_again(house.deps, order.id)
    assert (await sync_order(house.deps, order.id)).state is not OrderState.FAILED


async def test_a_payment_refused_at_once_is_a_decline_with_its_reason(house: House) -> None:
    failure = Failure(FailureKind.METHOD_NOT_SUPPORTED, "currency_not_supported")
    house.provider.troubles["create"] = [Declined(failure)]
    order = await house.begin()
    assert (order.state, order.failure_kind) == (OrderState.FAILED, "method_not_supported")
    assert (await sync_order(house.deps, order.id)).state is OrderState.FAILED


async def test_a_paid_order_cannot_be_canceled(house: House) -> None:
    order = await house.begin()
    house.provider.only.capture()
    await sync_order(house.deps, order.id)
    with pytest.raises(CannotCancel):
        await cancel(house.deps, order.id)


async def test_canceling_while_the_money_arrives_credits_it(house: House) -> None:
    order = await house.begin()
    house.provider.only.capture()
    assert (await cancel(house.deps, order.id)).state is OrderState.CREDITED


async def test_the_provider_is_asked_by_the_ladder_and_then_left_alone(
    house: House, clock: StillClock
) -> None:
    order = await house.begin()
    house.provider.only.state = PaymentState.PROCESSING
    await sync_order(house.deps, order.id)
    waits: list[timedelta] = []
    for _ in range(7):
        check_at = (await house.order(order.id)).next_check_at
        assert check_at is not None
        waits.append(check_at - clock.now())
        clock.set(check_at)
        await work.poll(house.deps)
    ages = [sum(waits[: n + 1], timedelta()) for n in range(7)]
    expected = [30, 120, 300, 900, 3600, 7200, 10800]
    assert ages == [timedelta(seconds=seconds) for seconds in expected]
    clock.advance(days=600)
    await work.poll(house.deps)
    assert (await house.order(order.id)).next_check_at is None


async def test_a_payment_of_another_order_is_never_used_twice(house: House) -> None:
    first = await house.begin("key-1")
    house.provider.lose_answer.add("create")
    second = await house.begin("key-2")
    for payment in house.provider.payments.values():
        payment.order_ref = second.id
    house.provider.payments.pop("pay_2")
    house.provider.payments["pay_1"].capture()
    held = await sync_order(house.deps, second.id)
    assert held.review_reason is ReviewReason.PAYMENT_TAKEN
    assert held.payment_id is None
    assert replace(first).payment_id == "pay_1"
    assert await house.coins() == 0

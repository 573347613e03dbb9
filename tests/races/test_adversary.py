"""What somebody who wants to break it tries: killed workers, lying providers, lost looks."""

from contextlib import suppress

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.base.jobs import Job, defer, install_queue, job_app
from coinwell.base.money import Money
from coinwell.installation import finish_intents
from coinwell.ledger import Ledger
from coinwell.recharge import (
    NothingToReview,
    Order,
    OrderState,
    RefundState,
    approve_review,
    pay_again,
    receive,
    refund_order,
    refunds_of,
    sync_order,
)
from coinwell.recharge import jobs as work
from coinwell.recharge.providers.types import (
    Declined,
    Failure,
    FailureKind,
    PaymentState,
    RefundObj,
    RefundObjState,
    Retryable,
)
from coinwell.recharge.types import ReviewReason
from coinwell.users import NewRestriction, ReasonCode, Restriction, Scope, lift, restrict
from coinwell.wallet import balances
from tests.recharge.making import SIGNED, House, Payment, open_house, webhook

# What `kill -9` leaves: a job that nobody works on, marked as being worked on.
_KILLED = "UPDATE procrastinate_jobs SET status = 'doing' WHERE status = 'todo'"


@pytest.fixture
async def house(pool: Pool, ledger: Ledger, clock: StillClock) -> House:
    return await open_house(pool, ledger, clock)


async def credited(house: House, key: str = "key-1") -> Order:
    order = await house.begin(key)
    assert order.payment_id is not None
    house.provider.payments[order.payment_id].capture()
    return await sync_order(house.deps, order.id)


async def test_a_killed_job_is_taken_up_though_its_twin_waits_already(
    pool: Pool, database_url: str
) -> None:
    install_queue(database_url)
    done: list[str] = []

    async def act(room: None, *, which: str) -> None:
        del room
        done.append(which)

    app = job_app([Job("room.act", act)], {"room": None}, database_url)
    async with app.open_async():
        for lock in ("one", "two"):
            async with transaction(pool) as tx:
                await defer(tx, "room.act", lock=lock, which=lock)
        async with transaction(pool) as tx:
            await tx.execute(_KILLED)
            await defer(tx, "room.act", lock="one", which="one")
        await app.tasks["jobs.rescue"].func(timestamp=0)
        await app.run_worker_async(
            wait=False, install_signal_handlers=False, listen_notify=False, queues=["coinwell"]
        )
    assert sorted(set(done)) == ["one", "two"]


async def test_a_job_that_fails_while_its_twin_waits_does_not_keep_the_lock(
    pool: Pool, database_url: str
) -> None:
    install_queue(database_url)
    tried: list[str] = []

    async def act(room: None, *, which: str) -> None:
        del room
        tried.append(which)
        if len(tried) == 1:
            async with transaction(pool) as tx:
                await defer(tx, "room.act", lock="one", which="twin")
            raise RuntimeError("a passing trouble")

    app = job_app([Job("room.act", act)], {"room": None}, database_url)
    async with app.open_async():
        async with transaction(pool) as tx:
            await defer(tx, "room.act", lock="one", which="first")
        for _ in range(2):
            await app.run_worker_async(
                wait=False, install_signal_handlers=False, listen_notify=False, queues=["coinwell"]
            )
    assert tried == ["first", "twin"]


async def twice_paid(house: House) -> Order:
    order = await house.begin()
    first = house.provider.only
    first.decline()
    await sync_order(house.deps, order.id)
    await pay_again(house.deps, order.id)
    for payment in house.provider.payments.values():
        payment.capture()
    return order


async def test_money_taken_twice_between_two_looks_is_seen_by_somebody(house: House) -> None:
    order = await twice_paid(house)
    await sync_order(house.deps, order.id)
    await work.poll(house.deps)
    seen = await house.order(order.id)
    assert await house.coins() == order.all_coins
    assert seen.review_reason is ReviewReason.CHARGED_TWICE


async def test_money_taken_twice_is_seen_though_the_process_dies(
    house: House, clock: StillClock
) -> None:
    order = await twice_paid(house)
    with pytest.raises(Exception):  # noqa: B017, PT011
        await sync_order(house.dying(after=1), order.id)
    clock.advance(minutes=1)
    await finish_intents(house.deps.pool, house.deps.ledger, now=house.deps.clock.now())
    await work.poll(house.deps)
    assert (await house.order(order.id)).review_reason is ReviewReason.CHARGED_TWICE


async def test_a_look_that_is_owed_is_still_owed_when_the_provider_is_silent(
    house: House, clock: StillClock
) -> None:
    order = await house.begin()
    payment = house.provider.only
    payment.capture()
    with pytest.raises(Exception):  # noqa: B017, PT011
        await sync_order(house.dying(before=1), order.id)
    # Seen while the coins are on their way, so it cannot be said yet.
    payment.refunds.append(RefundObj("re_x", order.price, RefundObjState.SUCCEEDED))
    with pytest.raises(Exception):  # noqa: B017, PT011
        await sync_order(house.dying(before=1), order.id)
    clock.advance(minutes=1)
    await finish_intents(house.deps.pool, house.deps.ledger, now=house.deps.clock.now())
    house.provider.troubles["fetch"] = [Retryable("down")]
    await work.poll(house.deps)
    clock.advance(hours=2)
    await work.poll(house.deps)
    assert (await house.order(order.id)).review_reason is ReviewReason.REFUND_UNKNOWN_TO_US


async def test_a_refund_that_failed_and_then_went_through_is_seen(house: House) -> None:
    order = await credited(house)
    house.provider.refund_state = RefundObjState.FAILED
    refund = await refund_order(house.deps, order.id, operator="ops", reason="asked")
    assert refund.state is RefundState.FAILED
    made = house.provider.only.refunds[0]
    house.provider.only.refunds[0] = RefundObj(made.id, made.amount, RefundObjState.SUCCEEDED)
    seen = await sync_order(house.deps, order.id)
    assert seen.review_reason is ReviewReason.REFUND_UNKNOWN_TO_US


async def test_a_second_payment_that_the_provider_made_up_for_an_order_is_seen(
    house: House, clock: StillClock, database_url: str
) -> None:
    order = await credited(house)
    first = house.provider.only
    second = Payment("pay_x", first.order)
    second.account_ref, second.order_ref = first.account_ref, first.order_ref
    second.capture()
    house.provider.payments[second.id] = second
    install_queue(database_url)
    assert await receive(house.deps, "sandbox", webhook(second.id, "m1"), SIGNED) == 1
    await work.inbox(house.deps)
    clock.advance(minutes=1)
    await work.inbox(house.deps)
    assert (await house.order(order.id)).state is OrderState.NEEDS_REVIEW


async def restricted_while_paying(house: House, clock: StillClock) -> tuple[Order, Restriction]:
    order = await house.begin()
    new = NewRestriction(house.viewer.id, Scope.RECHARGE, ReasonCode.UNUSUAL_ACTIVITY)
    async with transaction(house.deps.pool) as tx:
        placed = await restrict(tx, new, by="ops", now=clock.now())
    house.provider.only.capture()
    assert (await sync_order(house.deps, order.id)).state is OrderState.NEEDS_REVIEW
    return order, placed


async def test_a_review_that_solved_itself_at_the_last_moment_is_not_refunded(
    house: House, clock: StillClock
) -> None:
    order, placed = await restricted_while_paying(house, clock)
    clock.advance(hours=73)
    async with transaction(house.deps.pool) as tx:
        await lift(
            tx, placed.id, user_id=house.viewer.id, by="ops", reason="checked", now=clock.now()
        )
    await work.reviews(house.deps)
    assert (await house.order(order.id)).state is OrderState.CREDITED
    assert await house.coins() == order.all_coins
    assert house.provider.only.refunds == []


async def test_a_refund_that_the_provider_declines_is_not_begun_anew_at_every_run(
    house: House, clock: StillClock
) -> None:
    order, _ = await restricted_while_paying(house, clock)
    house.provider.refund_trouble = Declined(Failure(FailureKind.TRY_AGAIN, "not_now"))
    clock.advance(hours=73)
    for _ in range(6):
        await work.reviews(house.deps)
        clock.advance(minutes=10)
    async with transaction(house.deps.pool) as tx:
        assert len(await refunds_of(tx, order.id)) == 1
    clock.advance(hours=24)
    house.provider.refund_trouble = None
    await work.reviews(house.deps)
    assert (await house.order(order.id)).state is OrderState.REVERSED


async def test_an_approval_of_a_capture_without_an_amount_credits_nothing(house: House) -> None:
    order = await house.begin()
    house.provider.only.state = PaymentState.CAPTURED
    assert (await sync_order(house.deps, order.id)).state is OrderState.NEEDS_REVIEW
    with suppress(NothingToReview):
        await approve_review(house.deps, order.id, operator="ops", reason="they say they paid")
    assert (await sync_order(house.deps, order.id)).state is OrderState.NEEDS_REVIEW
    house.provider.only.capture()
    assert (await sync_order(house.deps, order.id)).state is OrderState.CREDITED


async def test_a_very_long_history_does_not_make_coins_look_spent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await credited(house)
    await credited(house, "key-2")
    monkeypatch.setattr(balances, "HISTORY_MAX", 1)
    done = await refund_order(house.deps, order.id, operator="ops", reason="asked")
    assert done.state is RefundState.DONE


async def test_an_approval_is_for_the_doubt_that_the_operator_was_shown(house: House) -> None:
    order = await house.begin()
    house.provider.only.capture(order.price_minor - 1)
    shown = await sync_order(house.deps, order.id)
    house.provider.only.capture(1)
    await sync_order(house.deps, order.id)
    with pytest.raises(NothingToReview):
        await approve_review(
            house.deps, order.id, operator="ops", reason="a cent short", token=shown.review_token
        )
    assert await house.coins() == 0


async def test_a_page_that_is_still_open_is_closed_once_another_attempt_was_paid(
    house: House,
) -> None:
    order = await house.begin()
    first = house.provider.only
    first.decline()
    await sync_order(house.deps, order.id)
    await pay_again(house.deps, order.id)
    first.capture()
    assert (await sync_order(house.deps, order.id)).state is OrderState.CREDITED
    states = [payment.state for payment in house.provider.payments.values()]
    assert states == [PaymentState.CAPTURED, PaymentState.CANCELED]
    seen = await house.order(order.id)
    assert (seen.state, seen.payment_id) == (OrderState.CREDITED, first.id)
    assert await house.coins() == order.all_coins


async def test_an_answer_about_another_sum_than_was_asked_for_ends_no_refund(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await credited(house)

    async def a_cent(*_: object, **__: object) -> RefundObj:
        made = RefundObj("re_x", Money(1, "USD"), RefundObjState.SUCCEEDED)
        house.provider.only.refunds = [made]
        return made

    monkeypatch.setattr(house.provider, "refund", a_cent)
    refund = await refund_order(house.deps, order.id, operator="ops", reason="asked")
    assert refund.state is RefundState.RESERVED
    assert (await house.order(order.id)).state is OrderState.REFUND_PENDING

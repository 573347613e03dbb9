"""What every payment provider's adapter must pass before it is offered.

A test module for an adapter inherits `Conformance` and gives it a `stage`: the adapter, and
the hands to move the outside world with.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

import pytest

from coinwell.base.money import Money
from coinwell.recharge.providers import (
    Capability,
    Declined,
    DisputeState,
    FailureKind,
    Forged,
    InboundEvent,
    OrderView,
    OutcomeUnknown,
    PaymentProvider,
    PaymentState,
    RefundObjState,
    RefundReason,
    Retryable,
)

Webhook = tuple[bytes, dict[str, str]]


class Stage(Protocol):
    """The adapter under test, and the hands that move its outside world."""

    provider: PaymentProvider
    hasty: PaymentProvider  # The same account, with an adapter that soon stops waiting.

    def now(self) -> datetime:
        """The time, as the room would know it."""
        ...

    async def pay(self, payment_id: str) -> None:
        """The payer pays, and the bank says yes."""
        ...

    async def be_declined(self, payment_id: str) -> None:
        """The payer tries, and the bank says that there is not enough money."""
        ...

    async def pay_with_delay(self, payment_id: str) -> None:
        """The payer pays in a way that takes its time."""
        ...

    async def pass_delay(self) -> None:
        """That time passes."""
        ...

    async def be_captured_late(self, payment_id: str) -> None:
        """From now on a cancellation does not stop the capture, which comes after the delay."""
        ...

    async def take_wrong_amount(self, payment_id: str) -> None:
        """The payer pays, and one minor unit too little is captured."""
        ...

    async def lose_next_answer(self, manner: str) -> None:
        """The next create call works, and its answer does not: `cut`, `error` or `slow`."""
        ...

    async def break_questions(self, payment_id: str) -> None:
        """Questions about the payment are answered with nonsense until the delay has passed."""
        ...

    async def let_refund_fail_later(self, payment_id: str) -> None:
        """A refund of it succeeds now and fails after the delay."""
        ...

    async def dispute(self, payment_id: str, state: DisputeState) -> None:
        """The payer's bank opens a dispute, or it is decided."""
        ...

    def sign(self, payment_id: str, at: datetime, *, secret: int = 0) -> Webhook:
        """A genuine message about the payment, signed by one of the account's secrets."""
        ...

    def sign_live(self, payment_id: str, at: datetime) -> Webhook:
        """The same, saying that it is of the live environment."""
        ...

    def listening_with(self, secrets: Sequence[int]) -> PaymentProvider:
        """An adapter that knows only these secrets; -1 stands for an empty one."""
        ...


def an_order() -> OrderView:
    """An order that nobody has seen before."""
    return OrderView(
        order_id=uuid4(),
        account_ref=f"account-{uuid4().hex}",
        amount=Money(1_299, "EUR"),
        description="1,400 coins",
        return_url="http://127.0.0.1:9/me/recharges/1/return?shown=1",
    )


async def begun(stage: Stage) -> str:
    """A payment that is begun."""
    order = an_order()
    started = await stage.provider.create_payment(order, idempotency_key=f"{order.order_id}:1")
    return started.payment_id


async def paid(stage: Stage) -> str:
    """A payment that is captured."""
    payment_id = await begun(stage)
    await stage.pay(payment_id)
    return payment_id


class Conformance:
    """The suite. Each test is one promise that the recharge room relies on."""

    async def test_a_payment_begins_unpaid_and_bound_to_its_order(self, stage: Stage) -> None:
        order = an_order()
        started = await stage.provider.create_payment(order, idempotency_key="k")
        snapshot = await stage.provider.fetch(started.payment_id)

        assert started.redirect_url.startswith("http")
        assert snapshot.state is PaymentState.AWAITING_USER
        assert snapshot.order_ref == order.order_id
        assert snapshot.account_ref == order.account_ref
        assert snapshot.environment == "test"
        assert snapshot.provider == stage.provider.name
        assert snapshot.captured is None
        assert snapshot.next_action is not None

    async def test_the_same_key_begins_one_payment(self, stage: Stage) -> None:
        order = an_order()
        several = await asyncio.gather(
            *(stage.provider.create_payment(order, idempotency_key="k") for _ in range(5))
        )
        assert len(set(several)) == 1

    async def test_a_lost_answer_is_never_a_failure(self, stage: Stage) -> None:
        for manner in ("cut", "error", "slow"):
            order = an_order()
            key = f"{order.order_id}:1"
            await stage.lose_next_answer(manner)
            with pytest.raises(OutcomeUnknown):
                await stage.hasty.create_payment(order, idempotency_key=key)

            found = await stage.provider.find_by_order(order.order_id)
            assert found is not None, manner
            again = await stage.provider.create_payment(order, idempotency_key=key)
            assert again.payment_id == found.payment_id

    async def test_an_order_that_was_never_begun_is_not_found(self, stage: Stage) -> None:
        assert await stage.provider.find_by_order(uuid4()) is None

    async def test_of_several_payments_of_an_order_the_paid_one_is_found(
        self, stage: Stage
    ) -> None:
        order = an_order()
        several = [
            await stage.provider.create_payment(order, idempotency_key=f"{order.order_id}:{number}")
            for number in (1, 2, 3)
        ]
        paid_id = several[1].payment_id
        await stage.pay(paid_id)
        found = await stage.provider.find_by_order(order.order_id)
        assert len(set(several)) == 3
        assert found is not None
        assert found.payment_id == paid_id

    async def test_an_unknown_payment_is_none_and_no_error(self, stage: Stage) -> None:
        snapshot = await stage.provider.fetch("pay_unknown")
        assert snapshot.state is PaymentState.NONE

    async def test_captured_money_is_seen_in_full(self, stage: Stage) -> None:
        snapshot = await stage.provider.fetch(await paid(stage))
        assert snapshot.state is PaymentState.CAPTURED
        assert snapshot.captured == Money(1_299, "EUR")
        assert snapshot.failure is None

    async def test_what_was_seen_is_never_unseen(self, stage: Stage) -> None:
        payment_id = await begun(stage)
        early = await stage.provider.fetch(payment_id)
        await stage.pay(payment_id)
        answers = await asyncio.gather(*(stage.provider.fetch(payment_id) for _ in range(10)))

        assert {one.state for one in answers} == {PaymentState.CAPTURED}
        assert len({one.raw_digest for one in answers}) == 1
        assert early.raw_digest not in {one.raw_digest for one in answers}

    async def test_a_wrong_amount_is_visible(self, stage: Stage) -> None:
        payment_id = await begun(stage)
        await stage.take_wrong_amount(payment_id)
        snapshot = await stage.provider.fetch(payment_id)
        assert snapshot.captured == Money(1_298, "EUR")

    async def test_a_declined_payment_says_why_and_can_be_tried_again(self, stage: Stage) -> None:
        payment_id = await begun(stage)
        await stage.be_declined(payment_id)
        snapshot = await stage.provider.fetch(payment_id)

        assert snapshot.captured is None
        assert snapshot.failure is not None
        assert snapshot.failure.kind is FailureKind.INSUFFICIENT_FUNDS
        if snapshot.state is PaymentState.AWAITING_USER:
            await stage.pay(payment_id)
            assert (await stage.provider.fetch(payment_id)).state is PaymentState.CAPTURED

    async def test_money_on_its_way_is_processing(self, stage: Stage) -> None:
        payment_id = await begun(stage)
        await stage.pay_with_delay(payment_id)
        assert (await stage.provider.fetch(payment_id)).state is PaymentState.PROCESSING
        await stage.pass_delay()
        assert (await stage.provider.fetch(payment_id)).state is PaymentState.CAPTURED

    async def test_a_canceled_payment_stays_canceled(self, stage: Stage) -> None:
        demand(stage, Capability.CANCEL)
        payment_id = await begun(stage)
        await stage.provider.cancel_payment(payment_id, idempotency_key="c1")
        await stage.provider.cancel_payment(payment_id, idempotency_key="c1")
        await stage.provider.cancel_payment(payment_id, idempotency_key="c2")
        assert (await stage.provider.fetch(payment_id)).state is PaymentState.CANCELED

    async def test_captured_money_cannot_be_canceled_away(self, stage: Stage) -> None:
        demand(stage, Capability.CANCEL)
        payment_id = await paid(stage)
        with pytest.raises(Declined):
            await stage.provider.cancel_payment(payment_id, idempotency_key="c")
        assert (await stage.provider.fetch(payment_id)).state is PaymentState.CAPTURED

    async def test_a_capture_after_the_cancellation_is_seen(self, stage: Stage) -> None:
        demand(stage, Capability.CANCEL)
        payment_id = await begun(stage)
        await stage.be_captured_late(payment_id)
        await stage.provider.cancel_payment(payment_id, idempotency_key="c")
        assert (await stage.provider.fetch(payment_id)).state is PaymentState.CANCELED
        await stage.pass_delay()
        snapshot = await stage.provider.fetch(payment_id)
        assert snapshot.state is PaymentState.CAPTURED
        assert snapshot.captured == Money(1_299, "EUR")

    async def test_a_full_refund_needs_no_amount(self, stage: Stage) -> None:
        demand(stage, Capability.REFUND)
        payment_id = await paid(stage)
        refund = await stage.provider.refund(
            payment_id, None, RefundReason.REQUESTED, idempotency_key="r"
        )
        snapshot = await stage.provider.fetch(payment_id)
        assert refund.amount == Money(1_299, "EUR")
        assert snapshot.refunds == (refund,)
        assert snapshot.captured == Money(1_299, "EUR"), "what was captured stays said"

    async def test_a_refund_happens_once_per_key(self, stage: Stage) -> None:
        demand(stage, Capability.PARTIAL_REFUND)
        payment_id = await paid(stage)
        amount = Money(300, "EUR")
        for key in ("r1", "r1", "r2"):
            await stage.provider.refund(
                payment_id, amount, RefundReason.DUPLICATE, idempotency_key=key
            )
        refunds = (await stage.provider.fetch(payment_id)).refunds
        assert [one.amount for one in refunds] == [amount, amount]

    async def test_more_than_was_captured_never_goes_back(self, stage: Stage) -> None:
        demand(stage, Capability.PARTIAL_REFUND)
        payment_id = await paid(stage)
        reason = RefundReason.REQUESTED
        await stage.provider.refund(payment_id, Money(1_000, "EUR"), reason, idempotency_key="1")
        with pytest.raises(Declined):
            await stage.provider.refund(payment_id, Money(300, "EUR"), reason, idempotency_key="2")
        rest = await stage.provider.refund(payment_id, None, reason, idempotency_key="3")
        assert rest.amount == Money(299, "EUR")
        with pytest.raises(Declined):
            await stage.provider.refund(payment_id, None, reason, idempotency_key="4")

    async def test_what_was_not_captured_cannot_go_back(self, stage: Stage) -> None:
        demand(stage, Capability.REFUND)
        payment_id = await begun(stage)
        with pytest.raises(Declined):
            await stage.provider.refund(
                payment_id, None, RefundReason.REQUESTED, idempotency_key="r"
            )

    async def test_a_refund_that_fails_later_is_seen_to_fail(self, stage: Stage) -> None:
        demand(stage, Capability.REFUND)
        payment_id = await paid(stage)
        await stage.let_refund_fail_later(payment_id)
        await stage.provider.refund(payment_id, None, RefundReason.REQUESTED, idempotency_key="r")
        before = (await stage.provider.fetch(payment_id)).refunds
        await stage.pass_delay()
        after = (await stage.provider.fetch(payment_id)).refunds
        assert [one.state for one in before] == [RefundObjState.SUCCEEDED]
        assert [one.state for one in after] == [RefundObjState.FAILED]

    async def test_a_dispute_is_seen_with_its_end(self, stage: Stage) -> None:
        demand(stage, Capability.DISPUTES)
        payment_id = await paid(stage)
        for state in (DisputeState.NEEDS_RESPONSE, DisputeState.LOST):
            await stage.dispute(payment_id, state)
            (dispute,) = (await stage.provider.fetch(payment_id)).disputes
            assert dispute.state is state
            assert dispute.amount == Money(1_299, "EUR")

    async def test_nonsense_is_asked_again_and_believed_never(self, stage: Stage) -> None:
        payment_id = await paid(stage)
        await stage.break_questions(payment_id)
        with pytest.raises(Retryable):
            await stage.provider.fetch(payment_id)
        await stage.pass_delay()
        assert (await stage.provider.fetch(payment_id)).state is PaymentState.CAPTURED

    async def test_a_lost_webhook_is_in_the_list_of_events(self, stage: Stage) -> None:
        demand(stage, Capability.LIST_EVENTS)
        since = stage.now() - timedelta(hours=1)
        payments = [await paid(stage) for _ in range(3)]
        found = [one async for one in stage.provider.list_events(since)]
        assert [one.payment_id for one in found if one.payment_id in payments] == payments
        assert len({one.external_id for one in found}) == len(found)
        later = stage.now() + timedelta(hours=1)
        assert [one async for one in stage.provider.list_events(later)] == []

    async def test_a_genuine_webhook_is_understood(self, stage: Stage) -> None:
        (event,) = stage.provider.verify_webhook(*stage.sign("pay_1", stage.now()), stage.now())
        assert event.payment_id == "pay_1"
        assert event.environment == "test"
        assert event.external_id
        assert event.kind

    async def test_a_webhook_with_another_body_is_forged(self, stage: Stage) -> None:
        body, headers = stage.sign("pay_1", stage.now())
        for other in (body.replace(b"pay_1", b"pay_2"), body + b" ", b"", b"\xff"):
            refuse(stage.provider, (other, headers), stage.now())

    async def test_a_webhook_with_a_spoiled_header_is_forged(self, stage: Stage) -> None:
        body, headers = stage.sign("pay_1", stage.now())
        for name in headers:
            if name == "content-type":
                continue
            spoiled = ("", ",", "v1,", "v1", "v2,x y", "1" * 40, "-1", headers[name] + "0")
            for text in spoiled:
                refuse(stage.provider, (body, headers | {name: text}), stage.now())
            without = {one: text for one, text in headers.items() if one != name}
            refuse(stage.provider, (body, without), stage.now())

    async def test_a_webhook_is_good_for_five_minutes_either_way(self, stage: Stage) -> None:
        now = stage.now()
        for seconds in (-300, 0, 300):
            message = stage.sign("pay_1", now + timedelta(seconds=seconds))
            assert stage.provider.verify_webhook(*message, now)
        for seconds in (-301, 301, -86_400):
            refuse(stage.provider, stage.sign("pay_1", now + timedelta(seconds=seconds)), now)

    async def test_an_old_and_a_new_secret_are_in_force_together(self, stage: Stage) -> None:
        old, new = (stage.sign("pay_1", stage.now(), secret=one) for one in (0, 1))
        both, only_new = stage.listening_with([0, 1]), stage.listening_with([1])
        try:
            assert verified(both, old, stage.now())
            assert verified(both, new, stage.now())
            assert verified(only_new, new, stage.now())
            refuse(only_new, old, stage.now())
        finally:
            await both.close()
            await only_new.close()

    async def test_without_a_secret_nobody_may_send(self, stage: Stage) -> None:
        for secrets in ([], [-1], [-1, -1]):
            closed = stage.listening_with(secrets)
            refuse(closed, stage.sign("pay_1", stage.now()), stage.now())
            await closed.close()

    async def test_an_event_says_which_environment_it_is_of(self, stage: Stage) -> None:
        message = stage.sign_live("pay_1", stage.now())
        (event,) = stage.provider.verify_webhook(*message, stage.now())
        assert event.environment == "live"


def demand(stage: Stage, capability: Capability) -> None:
    """Skip what the provider does not offer."""
    if capability not in stage.provider.capabilities:
        pytest.skip(f"{stage.provider.name} does not offer {capability}")


def verified(
    provider: PaymentProvider, message: Webhook, now: datetime
) -> tuple[InboundEvent, ...]:
    """What a webhook says."""
    return provider.verify_webhook(*message, now)


def refuse(provider: PaymentProvider, message: Webhook, now: datetime) -> None:
    """It must be refused as forged, and in no other way."""
    with pytest.raises(Forged):
        provider.verify_webhook(*message, now)

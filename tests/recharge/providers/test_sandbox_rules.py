"""Laws of the sandbox: whatever happens to a payment, money is captured once and never made."""

import re
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from coinwell.recharge.providers.sandbox import server
from coinwell.recharge.providers.sandbox.server import rules
from coinwell.recharge.providers.sandbox.server.cards import CARDS
from coinwell.recharge.providers.sandbox.server.types import (
    DisputeState,
    Mischief,
    Payment,
    RefundState,
    Refused,
    State,
)
from tests.profile import scale

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MISCHIEF = st.builds(
    Mischief,
    capture_off_by=st.integers(-1, 1),
    late_s=st.none() | st.integers(0, 300),
    capture_after_cancel_s=st.none() | st.integers(0, 300),
    dispute_after_s=st.none() | st.integers(0, 300),
    refund_pending_s=st.none() | st.integers(0, 300),
    refund_fails_after_s=st.none() | st.integers(0, 300),
    webhook_reversed=st.booleans(),
)


class AnyLife(RuleBasedStateMachine):
    """Anything that a payer, a shop, a bank and time can do to one payment, in any order."""

    @initialize(amount=st.integers(1, 10_000), mischief=MISCHIEF)
    def begin(self, amount: int, mischief: Mischief) -> None:
        self.numbers = count(1)
        self.now = NOON
        self.captured_before = 0
        self.payment = rules.with_mischief(
            Payment(
                id="pay_1",
                order_ref="order",
                account_ref="account",
                description="",
                return_url="https://shop.example/",
                amount=amount,
                currency="USD",
                created_at=NOON,
                updated_at=NOON,
            ),
            mischief,
            NOON,
        )

    @rule(card=st.sampled_from(sorted(CARDS)))
    def send_card(self, card: str) -> None:
        self.payment = rules.pay_by_card(self.payment, CARDS[card], self.now)

    @rule(confirmed=st.booleans())
    def answer_bank(self, confirmed: bool) -> None:  # noqa: FBT001
        self.payment = rules.answer_challenge(self.payment, self.now, confirmed=confirmed)

    @rule(arrives=st.booleans())
    def send_transfer(self, arrives: bool) -> None:  # noqa: FBT001
        self.payment = rules.pay_by_transfer(self.payment, self.now, takes_s=120, arrives=arrives)

    @rule()
    def cancel(self) -> None:
        money = self.payment.state in {State.CAPTURED, State.PROCESSING}
        try:
            self.payment = rules.cancel(self.payment, self.now)
        except Refused:
            assert money
        else:
            assert not money

    @rule(amount=st.none() | st.integers(-1, 12_000))
    def refund(self, amount: int | None) -> None:
        left = rules.refundable(self.payment)
        try:
            refund_id = f"re_{next(self.numbers)}"
            self.payment = rules.refund(self.payment, refund_id, amount, "", self.now)
        except Refused:
            assert left == 0 or amount is None or not 0 < amount <= left
        else:
            assert self.payment.refunds[-1].amount == (left if amount is None else amount)

    @rule(state=st.sampled_from(DisputeState))
    def dispute(self, state: DisputeState) -> None:
        try:
            if state is DisputeState.NEEDS_RESPONSE:
                dispute_id = f"dp_{next(self.numbers)}"
                self.payment = rules.open_dispute(self.payment, dispute_id, None, "", self.now)
            else:
                self.payment = rules.decide_dispute(self.payment, state, self.now)
        except Refused:
            pass

    @rule(seconds=st.integers(0, 8_000))
    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        while (wakes := rules.wakes_at(self.payment)) is not None and wakes <= self.now:
            self.payment = rules.turn(self.payment, f"dp_{next(self.numbers)}", wakes)

    @invariant()
    def money_is_captured_once(self) -> None:
        captures = [one for one in self.payment.movements if one.kind == "capture"]
        assert len(captures) <= 1
        assert sum(one.amount for one in captures) == self.payment.captured_amount
        assert (self.payment.captured_amount > 0) is (self.payment.state is State.CAPTURED)
        assert self.captured_before in {0, self.payment.captured_amount}, "a capture stays"
        self.captured_before = self.payment.captured_amount

    @invariant()
    def no_more_goes_back_than_came(self) -> None:
        back = sum(
            one.amount for one in self.payment.refunds if one.state is not RefundState.FAILED
        )
        assert back <= self.payment.captured_amount

    @invariant()
    def the_settlement_adds_up(self) -> None:
        back = sum(one.amount for one in self.payment.refunds if one.state is RefundState.SUCCEEDED)
        held = sum(one.amount for one in self.payment.disputes if one.state is not DisputeState.WON)
        total = sum(one.amount for one in self.payment.movements)
        assert total == self.payment.captured_amount - back - held


AnyLife.TestCase.settings = settings(
    max_examples=scale(60, 1_500), stateful_step_count=scale(25, 50)
)
TestAnyLife = AnyLife.TestCase


def test_mischief_on_top_of_mischief_keeps_both() -> None:
    over = Mischief(late_s=0).over(Mischief(webhook_copies=5, late_s=9))
    assert over == Mischief(late_s=0, webhook_copies=5)


@pytest.mark.parametrize("state", [DisputeState.WON, DisputeState.LOST])
def test_a_decided_dispute_stays_decided(state: DisputeState) -> None:
    life = AnyLife()
    life.begin(amount=500, mischief=Mischief())
    life.send_card("4242424242424242")
    life.dispute(DisputeState.NEEDS_RESPONSE)
    life.dispute(state)
    with pytest.raises(Refused):
        rules.decide_dispute(life.payment, DisputeState.UNDER_REVIEW, NOON)


def test_the_sandbox_knows_nothing_of_us_but_money_and_the_clock() -> None:
    home = "coinwell.recharge.providers.sandbox.server"
    folder = Path(server.__file__).parent
    for path in folder.glob("*.py"):
        for line in path.read_text().splitlines():
            ours = re.match(r"\s*(?:from|import) (coinwell[\w.]*)", line)
            if ours and not ours[1].startswith(home):
                assert ours[1] in {"coinwell.base.money", "coinwell.base.clock"}, path.name

"""The state of an order: every snapshot, every doubt, every time, credited or not."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations, product
from typing import Any
from uuid import UUID

import pytest

from coinwell.base.money import Money
from coinwell.recharge.providers.types import (
    DisputeObj,
    DisputeState,
    Failure,
    FailureKind,
    PaymentState,
    RefundObj,
    RefundObjState,
    Snapshot,
)
from coinwell.recharge.rules import (
    CLOSE_GRACE,
    Doubt,
    OrderFacts,
    bind,
    decide,
    delta,
    gone_minor,
    strongest,
    target_of,
)
from coinwell.recharge.types import AttemptState, OrderState, RefundState, ReviewReason, Stage
from tests.conftest import NOON

ORDER = UUID("00000000-0000-4000-8000-000000000001")
OTHER = UUID("00000000-0000-4000-8000-000000000002")
PRICE = Money(499, "USD")
EXPIRES = NOON + timedelta(minutes=30)
DOUBT = Doubt(ReviewReason.WRONG_AMOUNT, "wrong_amount:1:USD")
FAILURE = Failure(FailureKind.INSUFFICIENT_FUNDS, "insufficient_funds")
BEFORE, AFTER, LONG_AFTER = NOON, EXPIRES, EXPIRES + CLOSE_GRACE

FACTS = OrderFacts(
    order_id=ORDER,
    account_ref="viewer",
    environment="test",
    price=PRICE,
    all_coins=550,
    expires_at=EXPIRES,
    asked=AttemptState.KNOWN,
)
SNAPSHOT = Snapshot(
    provider="sandbox",
    environment="test",
    payment_id="pay_1",
    order_ref=ORDER,
    account_ref="viewer",
    state=PaymentState.CAPTURED,
    occurred_at=NOON,
    captured=PRICE,
)


def snapshot(state: PaymentState) -> Snapshot:
    captured = PRICE if state is PaymentState.CAPTURED else None
    failure = FAILURE if state is PaymentState.FAILED else None
    return replace(SNAPSHOT, state=state, captured=captured, failure=failure)


def refund(
    minor: int, state: RefundObjState = RefundObjState.SUCCEEDED, of: str = "re_1"
) -> RefundObj:
    return RefundObj(of, Money(minor, "USD"), state)


def dispute(state: DisputeState, minor: int = 499) -> DisputeObj:
    return DisputeObj("dp_1", Money(minor, "USD"), state)


BACK = [
    (),
    (refund(499, RefundObjState.PENDING),),
    (refund(499, RefundObjState.FAILED),),
    (refund(100),),
    (refund(499),),
    (refund(499, of="re_ours"),),
]
DISPUTES = [(), *((dispute(state),) for state in DisputeState)]
EVERYTHING = list(
    product(
        [None, *map(snapshot, PaymentState)],
        [None, DOUBT],
        [None, "wrong_amount:1:USD", "account_restricted"],
        list(Stage),
        [BEFORE, AFTER, LONG_AFTER],
        [False, True],
        [False, True],
        [None, *RefundState],
    )
)


def test_every_combination_has_a_decision_that_keeps_the_promises() -> None:
    seen: set[OrderState] = set()
    for shown, doubt, token, credit, now, cancel, restricted, back in EVERYTHING:
        for refunds, disputes in [((), ()), *product(BACK, DISPUTES)] if shown else [((), ())]:
            if shown and shown.state is not PaymentState.CAPTURED and (refunds or disputes):
                continue
            one = replace(shown, refunds=refunds, disputes=disputes) if shown else None
            facts = replace(
                FACTS,
                approved_token=token,
                credit=credit,
                cancel_asked=cancel,
                restricted=restricted,
                refund=back,
                refund_ids=frozenset({"re_ours"}),
                taken_coins=550 if back is RefundState.DONE and credit is Stage.RECORDED else 0,
            )
            seen.add(promises_kept(facts, one, doubt, now))
    unreached = {
        OrderState.CREATED,
        OrderState.NEEDS_GUARDIAN,
        OrderState.PARTIALLY_REVERSED,
    }
    assert seen == set(OrderState) - unreached


def promises_kept(
    facts: OrderFacts, shown: Snapshot | None, doubt: Doubt | None, now: datetime
) -> OrderState:
    made = decide(facts, shown, doubt, now)
    captured = shown is not None and shown.state is PaymentState.CAPTURED
    assert made == decide(facts, shown, doubt, now), "a pure function"
    if made.credit:
        assert captured
        assert facts.credit is Stage.NONE
        assert made.state is OrderState.PAID
        assert doubt is None or facts.approved_token == doubt.token
        assert not facts.restricted or facts.approved_token == "account_restricted"
        assert not facts.refund or facts.refund in {RefundState.FAILED, RefundState.REFUSED}
        assert gone_minor(shown) == 0 or shown.refunds[0].id == "re_ours" or facts.approved_token
    if captured:
        assert made.state not in NO_MONEY, "captured money is never ignored"
    if made.state is OrderState.CREDITED:
        assert facts.credit is Stage.RECORDED
    if facts.credit is Stage.FROZEN:
        assert made.state is OrderState.PAID
    if made.state is OrderState.NEEDS_REVIEW:
        assert made.doubt is not None
        assert made.target_coins is not None
        assert facts.approved_token != made.doubt.token
    if made.state in {OrderState.FAILED, OrderState.CANCELED, OrderState.EXPIRED}:
        assert facts.credit is Stage.NONE
        assert facts.asked is not AttemptState.UNKNOWN or now >= LONG_AFTER
    if made.ask_again:
        assert shown is None or shown.state is PaymentState.NONE
    return made.state


NO_MONEY = {
    OrderState.CREATED,
    OrderState.NEEDS_GUARDIAN,
    OrderState.AWAITING_USER,
    OrderState.ACTION_REQUIRED,
    OrderState.PROCESSING,
    OrderState.UNKNOWN,
    OrderState.FAILED,
    OrderState.CANCELED,
    OrderState.EXPIRED,
}


@pytest.mark.parametrize(
    ("state", "now", "cancel", "expected", "close"),
    [
        (PaymentState.AWAITING_USER, BEFORE, False, OrderState.AWAITING_USER, False),
        (PaymentState.AWAITING_USER, BEFORE, True, OrderState.AWAITING_USER, True),
        (PaymentState.AWAITING_USER, AFTER, False, OrderState.AWAITING_USER, True),
        (PaymentState.AWAITING_USER, LONG_AFTER, False, OrderState.EXPIRED, True),
        (PaymentState.ACTION_REQUIRED, BEFORE, False, OrderState.ACTION_REQUIRED, False),
        (PaymentState.ACTION_REQUIRED, AFTER, False, OrderState.ACTION_REQUIRED, True),
        (PaymentState.PROCESSING, LONG_AFTER, True, OrderState.PROCESSING, False),
        (PaymentState.FAILED, BEFORE, False, OrderState.FAILED, False),
        (PaymentState.FAILED, BEFORE, True, OrderState.CANCELED, False),
        (PaymentState.FAILED, AFTER, False, OrderState.EXPIRED, False),
        (PaymentState.CANCELED, BEFORE, False, OrderState.CANCELED, False),
        (PaymentState.CANCELED, AFTER, False, OrderState.EXPIRED, False),
        (PaymentState.CANCELED, AFTER, True, OrderState.CANCELED, False),
        (PaymentState.CAPTURED, LONG_AFTER, True, OrderState.PAID, False),
        (PaymentState.NONE, BEFORE, False, OrderState.UNKNOWN, False),
        (PaymentState.NONE, LONG_AFTER, False, OrderState.EXPIRED, False),
    ],
)
def test_each_snapshot_has_its_state(
    *, state: PaymentState, now: datetime, cancel: bool, expected: OrderState, close: bool
) -> None:
    made = decide(replace(FACTS, cancel_asked=cancel), snapshot(state), None, now)
    assert (made.state, made.close) == (expected, close)


@pytest.mark.parametrize(
    ("asked", "now", "expected", "again"),
    [
        (None, BEFORE, OrderState.CREATED, False),
        (None, AFTER, OrderState.EXPIRED, False),
        (AttemptState.NEW, BEFORE, OrderState.CREATED, True),
        (AttemptState.NEW, AFTER, OrderState.EXPIRED, False),
        (AttemptState.UNKNOWN, BEFORE, OrderState.UNKNOWN, True),
        (AttemptState.UNKNOWN, AFTER, OrderState.UNKNOWN, False),
        (AttemptState.UNKNOWN, LONG_AFTER, OrderState.EXPIRED, False),
        (AttemptState.REFUSED, BEFORE, OrderState.FAILED, False),
        (AttemptState.REFUSED, AFTER, OrderState.EXPIRED, False),
    ],
)
def test_an_order_without_a_payment_says_what_was_asked(
    *, asked: AttemptState | None, now: datetime, expected: OrderState, again: bool
) -> None:
    made = decide(replace(FACTS, asked=asked), None, None, now)
    assert (made.state, made.ask_again) == (expected, again)


def test_a_guardian_is_waited_for_before_anything_is_asked() -> None:
    facts = replace(FACTS, asked=None, waits_for_guardian=True)
    assert decide(facts, None, None, BEFORE).state is OrderState.NEEDS_GUARDIAN
    assert decide(facts, None, None, AFTER).state is OrderState.EXPIRED


def test_a_decline_keeps_its_reason() -> None:
    assert decide(FACTS, snapshot(PaymentState.FAILED), None, BEFORE).failure == FAILURE


def test_a_part_taken_back_is_shown_as_a_part() -> None:
    facts = replace(FACTS, credit=Stage.RECORDED, taken_coins=100)
    assert decide(facts, SNAPSHOT, None, BEFORE).state is OrderState.PARTIALLY_REVERSED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"order_ref": OTHER}, ReviewReason.WRONG_ORDER),
        ({"order_ref": None}, ReviewReason.WRONG_ORDER),
        ({"environment": "live"}, ReviewReason.WRONG_ENVIRONMENT),
        ({"account_ref": "stranger"}, ReviewReason.WRONG_ACCOUNT),
        ({"account_ref": None}, ReviewReason.WRONG_ACCOUNT),
        ({"captured": Money(498, "USD")}, ReviewReason.WRONG_AMOUNT),
        ({"captured": Money(500, "USD")}, ReviewReason.WRONG_AMOUNT),
        ({"captured": Money(0, "USD")}, ReviewReason.WRONG_AMOUNT),
        ({"captured": None}, ReviewReason.WRONG_AMOUNT),
        ({"captured": Money(499, "EUR")}, ReviewReason.WRONG_CURRENCY),
        ({}, None),
    ],
)
def test_a_payment_is_bound_to_one_order_amount_currency_and_account(
    change: dict[str, Any], reason: ReviewReason | None
) -> None:
    found = bind(FACTS, replace(SNAPSHOT, **change))
    assert (found and found.reason) is reason
    made = decide(FACTS, replace(SNAPSHOT, **change), found, BEFORE)
    assert made.credit is (reason is None)


def test_a_payment_of_another_order_is_never_credited_here() -> None:
    facts = replace(FACTS, payment_taken=True)
    found = bind(facts, SNAPSHOT)
    assert found is not None
    assert not decide(facts, SNAPSHOT, found, BEFORE).credit


def test_an_approval_covers_the_doubt_it_named_and_no_other() -> None:
    wrong = replace(SNAPSHOT, captured=Money(300, "USD"))
    doubt = bind(FACTS, wrong)
    assert doubt is not None
    approved = replace(FACTS, approved_token=doubt.token)
    assert decide(approved, wrong, doubt, BEFORE).credit

    worse = replace(SNAPSHOT, captured=Money(1, "USD"))
    assert not decide(approved, worse, bind(FACTS, worse), BEFORE).credit
    both = decide(replace(approved, restricted=True), wrong, doubt, BEFORE)
    assert both.state is OrderState.NEEDS_REVIEW


@pytest.mark.parametrize("change", [{"environment": "live"}, {"order_ref": OTHER}])
def test_no_approval_makes_coins_of_test_money_or_of_another_orders(change: Any) -> None:
    shown = replace(SNAPSHOT, **change)
    doubt = bind(FACTS, shown)
    assert doubt is not None
    approved = replace(FACTS, approved_token=doubt.token)
    assert decide(approved, shown, doubt, BEFORE).state is OrderState.NEEDS_REVIEW


def test_money_that_came_and_went_before_the_coins_gives_no_coins() -> None:
    back = replace(SNAPSHOT, refunds=(refund(499),))
    assert decide(FACTS, back, None, BEFORE).state is OrderState.REVERSED
    part = replace(SNAPSHOT, refunds=(refund(100),))
    assert decide(FACTS, part, None, BEFORE).state is OrderState.NEEDS_REVIEW


def test_money_sent_back_by_somebody_else_has_a_target_and_waits_for_a_person() -> None:
    credited = replace(FACTS, credit=Stage.RECORDED)
    made = decide(credited, replace(SNAPSHOT, refunds=(refund(250),)), None, BEFORE)
    assert made.state is OrderState.NEEDS_REVIEW
    assert made.target_coins == 550 - 276  # 275.55 coins go with the money, rounded.


def test_a_second_charge_of_one_order_is_seen_after_the_first_is_credited() -> None:
    twice = replace(FACTS, charged_count=2)
    assert decide(twice, SNAPSHOT, None, BEFORE).credit
    after = decide(replace(twice, credit=Stage.RECORDED), SNAPSHOT, None, BEFORE)
    assert after.doubt is not None
    assert after.doubt.reason is ReviewReason.CHARGED_TWICE


@pytest.mark.parametrize(
    ("refunds", "disputes", "target"),
    [
        ((), (), 550),
        ((refund(499),), (), 0),
        ((refund(499, RefundObjState.FAILED),), (), 550),
        ((refund(499, RefundObjState.PENDING),), (), 550),
        ((), (dispute(DisputeState.LOST),), 0),
        ((), (dispute(DisputeState.WON),), 550),
        ((refund(499, of="a"), refund(499, of="b")), (), 0),
        ((refund(1),), (), 549),
    ],
)
def test_the_target_follows_the_money_that_stayed(
    refunds: tuple[RefundObj, ...], disputes: tuple[DisputeObj, ...], target: int
) -> None:
    shown = replace(SNAPSHOT, refunds=refunds, disputes=disputes)
    assert target_of(FACTS, shown) == target
    assert delta(target_coins=target, planned_coins=550) == target - 550


def test_of_several_attempts_money_beats_no_money_in_any_order() -> None:
    states = [PaymentState.FAILED, PaymentState.CAPTURED, PaymentState.AWAITING_USER]
    for order in permutations(states):
        best = strongest([snapshot(state) for state in order])
        assert best is not None
        assert best.state is PaymentState.CAPTURED
    first = replace(snapshot(PaymentState.FAILED), payment_id="pay_first")
    last = replace(snapshot(PaymentState.FAILED), payment_id="pay_last")
    assert strongest([first, last]) is last
    assert strongest([snapshot(PaymentState.NONE)]) is None

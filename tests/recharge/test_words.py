"""What a buyer reads: four answers for every state, and never a word that is not known to be so."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from coinwell.catalog import Channel
from coinwell.recharge.providers.types import FailureKind
from coinwell.recharge.showing import plain, shown
from coinwell.recharge.types import Order, OrderState, ReviewReason
from coinwell.recharge.words import FAILURES, WORDS, answers
from tests.conftest import NOON

ORDER = Order(
    id=UUID(int=7),
    user_id=UUID(int=8),
    state=OrderState.CREATED,
    coins=3_500,
    bonus_coins=35,
    price_minor=3_650,
    currency="USD",
    price_list_id=UUID(int=9),
    pack_id="coins-3500",
    channel=Channel.WEB,
    provider="sandbox",
    environment="test",
    payment_id="pay_1",
    pay_url="https://pay/pay_1",
    created_at=NOON,
    expires_at=NOON + timedelta(minutes=30),
    changed_at=NOON,
    next_check_at=NOON + timedelta(seconds=30),
    last_ticket=1,
    cancel_asked_at=None,
    paid_at=NOON,
    captured_minor=3_650,
    captured_currency="USD",
    credit_intent=None,
    credited_at=NOON,
    taken_coins=0,
    target_coins=None,
    review_reason=ReviewReason.WRONG_AMOUNT,
    review_token="wrong_amount:1:USD",
    review_deadline=NOON + timedelta(hours=72),
    approved_token=None,
    failure_kind="insufficient_funds",
    failure_code="insufficient_funds",
    answer=None,
)


@pytest.mark.parametrize("state", OrderState)
def test_every_state_answers_all_four_questions(state: OrderState) -> None:
    told = answers(replace(ORDER, state=state))
    for text in (told.title, told.known, told.doing, told.can_do, told.again):
        assert text.strip()
        assert "%(" not in text
        assert "None" not in text


@pytest.mark.parametrize("state", OrderState)
def test_a_state_can_be_told_before_anything_is_known(state: OrderState) -> None:
    bare = replace(
        ORDER,
        state=state,
        paid_at=None,
        credited_at=None,
        captured_minor=None,
        captured_currency=None,
        next_check_at=None,
        review_deadline=None,
        review_reason=None,
        failure_kind=None,
        failure_code=None,
    )
    assert "None" not in str(replace(answers(bare), again_at=NOON))
    assert answers(bare).again == "No need to look again."


def test_unknown_is_never_told_as_a_failure_or_as_paid() -> None:
    told = answers(replace(ORDER, state=OrderState.UNKNOWN))
    said = f"{told.title} {told.known} {told.doing}".lower()
    for word in ("failed", "declined", "nothing was charged", "not charged", "arrived"):
        assert word not in said
    assert "do not pay again" in told.can_do.lower()


@pytest.mark.parametrize("state", set(OrderState) - {OrderState.CREDITED})
def test_only_credited_coins_are_told_as_there(state: OrderState) -> None:
    told = answers(replace(ORDER, state=state))
    assert "were added" not in told.known
    assert "are here" not in told.title


@pytest.mark.parametrize("kind", FailureKind)
def test_a_decline_says_what_helps_and_never_hints_at_theft(kind: FailureKind) -> None:
    told = answers(replace(ORDER, state=OrderState.FAILED, failure_kind=kind.value))
    assert FAILURES[kind][0] in told.known
    assert "not charged" in told.known
    assert told.can_do == FAILURES[kind][1]
    for word in ("fraud", "stolen", "lost", "blocked"):
        assert word not in f"{told.known} {told.can_do}".lower()
    blocked = shown(replace(ORDER, state=OrderState.FAILED, failure_kind="blocked"))
    assert blocked.failure == "bank_declined"


def test_times_are_in_the_buyers_zone_and_money_in_their_language() -> None:
    paid = replace(ORDER, state=OrderState.PROCESSING)
    told = answers(paid, language="de", time_zone="Europe/Berlin")
    assert "13:00" in told.known
    assert "36,50" in told.known
    assert answers(paid, language="xx-nonsense").known


def test_the_pay_address_is_shown_only_while_it_is_of_use() -> None:
    for state in OrderState:
        url = plain(shown(replace(ORDER, state=state)))["pay_url"]
        payable = state in {OrderState.AWAITING_USER, OrderState.ACTION_REQUIRED}
        assert (url is not None) is payable


def test_every_text_is_marked_for_translation() -> None:
    assert all(isinstance(words.title, str) for words in WORDS.values())
    assert len({words.title for words in WORDS.values()}) == len(OrderState)

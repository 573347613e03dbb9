"""When to ask again: by the ladder, from the last change, and never for ever."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinwell.recharge.polling import LADDER, next_check, rung
from coinwell.recharge.types import OrderState
from tests.conftest import NOON

EXPIRES = NOON + timedelta(minutes=30)
spans = st.timedeltas(timedelta(0), timedelta(days=600))


def ask(state: OrderState, now: datetime, *, asked: bool = True) -> datetime | None:
    return next_check(state, changed_at=NOON, expires_at=EXPIRES, asked=asked, now=now)


def test_the_ladder_is_the_one_that_was_promised() -> None:
    seconds = [round(step.total_seconds()) for step in LADDER]
    assert seconds[:6] == [30, 120, 300, 900, 3_600, 7_200]
    assert 72 * 3_600 in seconds
    assert seconds[-1] == (30 + 7 * 73) * 86_400
    assert len(LADDER) == 4 + 72 + 27 + 73
    assert sorted(seconds) == seconds


@given(spans)
def test_the_next_rung_is_ahead_and_the_one_before_it_is_not(span: timedelta) -> None:
    now = NOON + span
    step = rung(NOON, now)
    if step is None:
        assert span >= LADDER[-1]
        return
    assert step > now
    assert not [one for one in LADDER if now < NOON + one < step]


@given(st.sampled_from(OrderState), spans, st.booleans())
def test_a_check_is_always_ahead(state: OrderState, span: timedelta, asked: bool) -> None:  # noqa: FBT001
    check_at = ask(state, NOON + span, asked=asked)
    assert check_at is None or check_at > NOON + span


@pytest.mark.parametrize("state", ["credited", "reversed", "partially_reversed"])
def test_what_is_over_is_not_asked_about(state: str) -> None:
    assert ask(OrderState(state), NOON) is None


@pytest.mark.parametrize("state", ["failed", "canceled", "expired"])
def test_what_is_closed_is_asked_about_for_three_days(state: str) -> None:
    at = NOON + timedelta(hours=71, minutes=30)
    assert ask(OrderState(state), at) == NOON + timedelta(hours=72)
    assert ask(OrderState(state), NOON + timedelta(hours=72)) is None


@pytest.mark.parametrize("state", ["created", "awaiting_user", "action_required", "failed"])
def test_what_can_run_out_is_looked_at_when_it_does(state: str) -> None:
    at = NOON + timedelta(minutes=16)
    assert ask(OrderState(state), at) == EXPIRES


def test_an_order_that_nobody_was_asked_about_only_runs_out() -> None:
    assert ask(OrderState.CREATED, NOON, asked=False) == EXPIRES
    assert ask(OrderState.EXPIRED, EXPIRES, asked=False) is None

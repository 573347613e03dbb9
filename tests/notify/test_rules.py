"""When to try again, when to rest, when to stop; what is sent."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinwell.notify.rules import (
    GIVE_UP_AFTER,
    LADDER,
    OFF_AFTER,
    REST_AFTER,
    RESTS,
    body_of,
    health_after,
    is_pattern,
    reason_to_stop,
    retry_after,
    wait,
    what_next,
)
from coinwell.notify.types import DeliveryState, Event, Health, Outcome

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WELL = Health(0, None, None)


def outcome(status: int | None, at: datetime = NOW, after: timedelta | None = None) -> Outcome:
    taken = status is not None and 200 <= status < 300
    trouble = "" if taken else f"The receiver answered {status}."
    return Outcome(status, trouble, "", at, 5, after)


@pytest.mark.parametrize(
    ("attempts", "least"),
    [
        (1, 5),
        (99, 28800),
        (2, 30),
        (3, 120),
        (4, 600),
        (5, 1800),
        (6, 3600),
        (7, 7200),
        (8, 14400),
        (9, 28800),
    ],
)
def test_each_step_of_the_ladder_is_the_documented_one(attempts: int, least: int) -> None:
    assert wait(attempts, jitter=0) == timedelta(seconds=least)


@given(st.integers(1, 100), st.integers(0, 999))
def test_jitter_adds_up_to_a_fifth_and_never_takes(attempts: int, jitter: int) -> None:
    plain = wait(attempts, jitter=0)
    assert plain <= wait(attempts, jitter=jitter) < plain + plain / 5


@given(st.lists(st.integers(0, 999), min_size=40, max_size=40))
def test_the_whole_ladder_tries_at_least_fifteen_times_over_three_days(jitters: list[int]) -> None:
    at, tries = NOW, 0
    for jitter in jitters:
        tries += 1
        state, due_at = what_next(outcome(500, at), attempts=tries, first_at=NOW, jitter=jitter)
        if state is DeliveryState.GIVEN_UP:
            break
        assert due_at is not None
        assert at < due_at <= NOW + GIVE_UP_AFTER
        at = due_at
    assert at == NOW + GIVE_UP_AFTER, "the last try is at the very end"
    assert 15 <= tries <= 20
    assert sum(LADDER, timedelta()) > timedelta(hours=15)


def test_what_is_taken_is_done_and_what_is_gone_stays_for_another_day() -> None:
    assert what_next(outcome(204), attempts=1, first_at=NOW, jitter=0) == (
        DeliveryState.DELIVERED,
        None,
    )
    late = outcome(410, NOW + timedelta(days=9))
    state, _ = what_next(late, attempts=9, first_at=NOW, jitter=0)
    assert state is DeliveryState.WAITING


@pytest.mark.parametrize("status", [None, 199, 300, 307, 400, 404, 429, 500, 503])
def test_all_but_success_is_tried_again(status: int | None) -> None:
    state, due_at = what_next(outcome(status), attempts=1, first_at=NOW, jitter=0)
    assert (state, due_at) == (DeliveryState.WAITING, NOW + LADDER[0])


def test_failures_in_a_row_make_an_endpoint_rest_longer_and_longer() -> None:
    health = WELL
    rests: list[timedelta | None] = []
    for _ in range(REST_AFTER + len(RESTS) + 1):
        health = health_after(health, [outcome(500)], jitter=0)
        rests.append(None if health.resting_until is None else health.resting_until - NOW)
    assert rests == [None] * (REST_AFTER - 1) + [*RESTS, RESTS[-1], RESTS[-1]]
    assert health.failing_since == NOW


def test_one_success_heals() -> None:
    ill = Health(900, NOW - timedelta(days=4), NOW + timedelta(minutes=5))
    assert health_after(ill, [outcome(500), outcome(200)], jitter=0) == WELL


def test_a_receiver_that_asks_for_time_rests_at_once_and_never_shorter_than_it_asked() -> None:
    asked = outcome(429, after=timedelta(hours=2))
    assert health_after(WELL, [asked], jitter=0).resting_until == NOW + timedelta(hours=2)
    assert health_after(WELL, [asked, outcome(200)], jitter=0) == Health(
        0, None, NOW + timedelta(hours=2)
    )
    later = health_after(Health(50, NOW, NOW + timedelta(hours=2)), [outcome(500)], jitter=0)
    assert later.resting_until == NOW + timedelta(hours=2)


def test_an_endpoint_is_switched_off_when_gone_or_after_days_of_failure_only() -> None:
    assert "410" in (reason_to_stop(WELL, [outcome(410)]) or "")
    failing = Health(900, NOW - OFF_AFTER, None)
    assert "5 days" in (reason_to_stop(failing, [outcome(500)]) or "")
    almost = Health(900, NOW - OFF_AFTER + timedelta(seconds=1), None)
    assert reason_to_stop(almost, [outcome(500)]) is None
    assert reason_to_stop(WELL, [outcome(200)]) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", None),
        ("-5", None),
        ("99999999", 86_400),
        ("9" * 400, None),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 11:00:00 GMT", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("١٢", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: int) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(header, now=NOW) == expected


def test_the_body_is_the_same_at_every_attempt_and_ours_has_the_last_word() -> None:
    ana = UUID(int=1)
    said = {"coins": 5, "user_id": "x", "sequence": 0}
    event = Event(9, UUID(int=2), ana, 3, "gift.sent", said, NOW)
    assert body_of(event) == body_of(event)
    assert json.loads(body_of(event)) == {
        "type": "gift.sent",
        "timestamp": "2026-11-22T12:00:00+00:00",
        "data": {"coins": 5, "user_id": str(ana), "sequence": 3},
    }


@pytest.mark.parametrize(
    ("kind", "fine"),
    [
        ("*", True),
        ("gift.sent", True),
        ("gift.*", True),
        ("a.b_c.d2.*", True),
        ("gift", True),
        ("", False),
        ("gift.", False),
        (".gift", False),
        ("gi*ft", False),
        ("*.sent", False),
        ("Gift.sent", False),
        ("gift.sent\n", False),
        ("gift sent", False),
        ("a" * 101, False),
    ],
)
def test_a_kind_is_exact_or_a_family_or_all(kind: str, *, fine: bool) -> None:
    assert is_pattern(kind) is fine

"""Windows in every time zone, and what may change at once: pure, for all inputs."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coinwell.limits import Change, Mode, Period, Terms
from coinwell.limits.rules import (
    begins_anew,
    change_of,
    missing_room,
    raise_of,
    window_of,
)
from coinwell.users.places import time_zones

ZONES = st.sampled_from(sorted(time_zones()))
INSTANTS = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 - the strategy wants it so.
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
PERIODS = st.sampled_from([Period.DAY, Period.WEEK, Period.MONTH])
TERMS = st.builds(Terms, st.sampled_from(Mode), st.integers(0, 9), st.sampled_from(["EUR", "USD"]))


@given(period=PERIODS, now=INSTANTS, zone=ZONES)
@example(period=Period.DAY, now=datetime(2011, 12, 30, 12, tzinfo=UTC), zone="Pacific/Apia")
@example(period=Period.DAY, now=datetime(2010, 11, 7, 2, 45, tzinfo=UTC), zone="America/St_Johns")
@example(period=Period.DAY, now=datetime(2018, 11, 4, 2, 30, tzinfo=UTC), zone="America/Sao_Paulo")
@example(period=Period.DAY, now=datetime(2026, 4, 24, 3, tzinfo=UTC), zone="Africa/Cairo")
def test_every_instant_lies_in_one_window_and_the_windows_touch(
    period: Period, now: datetime, zone: str
) -> None:
    starts_at, ends_at = window_of(period, now, zone)

    assert starts_at <= now < ends_at
    assert window_of(period, starts_at, zone) == (starts_at, ends_at)
    assert window_of(period, ends_at - timedelta(microseconds=1), zone) == (starts_at, ends_at)
    assert window_of(period, ends_at, zone)[0] == ends_at


@given(period=PERIODS, now=INSTANTS, zone=ZONES)
def test_a_window_begins_with_a_date_that_the_clocks_show_for_the_first_time(
    period: Period, now: datetime, zone: str
) -> None:
    starts_at, _ = window_of(period, now, zone)
    first = starts_at.astimezone(ZoneInfo(zone)).date()
    before = (starts_at - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date()

    assert before < first
    if (first - before).days == 1:  # Else a whole day was skipped, and a window with it.
        if period is Period.WEEK:
            assert first.weekday() == 0
        if period is Period.MONTH:
            assert first.day == 1


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 12, tzinfo=UTC), 23),
        ("Europe/Berlin", datetime(2026, 10, 25, 12, tzinfo=UTC), 25),
        ("America/New_York", datetime(2026, 3, 8, 17, tzinfo=UTC), 23),
        ("Australia/Lord_Howe", datetime(2026, 4, 5, 2, tzinfo=UTC), 24.5),
        ("Africa/Cairo", datetime(2026, 4, 24, 12, tzinfo=UTC), 23),  # There is no midnight.
        ("America/Sao_Paulo", datetime(2018, 11, 4, 12, tzinfo=UTC), 23),  # Nor here.
        ("Asia/Kolkata", datetime(2026, 3, 29, 12, tzinfo=UTC), 24),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone: str, day: datetime, hours: float) -> None:
    starts_at, ends_at = window_of(Period.DAY, day, zone)

    assert ends_at - starts_at == timedelta(hours=hours)


def test_a_year_of_months_begins_on_each_first_and_ends_exactly() -> None:
    at, starts = datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC), list[datetime]()
    for _ in range(14):
        starts_at, ends_at = window_of(Period.MONTH, at, "America/New_York")
        starts.append(starts_at)
        at = ends_at

    local = [one.astimezone(ZoneInfo("America/New_York")) for one in starts]
    assert [(one.month, one.day, one.hour) for one in local[:4]] == [
        (12, 1, 0),
        (1, 1, 0),
        (2, 1, 0),
        (3, 1, 0),
    ]
    lengths = [(after.date() - before.date()).days for before, after in pairwise(local)]
    assert lengths == [31, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def test_a_week_runs_from_monday_to_monday_over_a_change_of_the_clocks() -> None:
    starts_at, ends_at = window_of(
        Period.WEEK, datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC), "Europe/Berlin"
    )

    assert starts_at == datetime(2026, 10, 18, 22, tzinfo=UTC)
    assert ends_at == datetime(2026, 10, 25, 23, tzinfo=UTC)


@given(standing=st.none() | TERMS, wished=st.none() | TERMS)
def test_only_what_is_no_weaker_holds_at_once(standing: Terms | None, wished: Terms | None) -> None:
    change = change_of(standing, wished)

    assert (change is Change.NONE) == (standing == wished)
    if change is not Change.AT_ONCE:
        return
    assert wished is not None
    if standing is not None:
        assert wished.amount <= standing.amount
        assert wished.currency == standing.currency
        assert standing.mode is Mode.TELL or wished.mode is Mode.STOP


@given(standing=st.none() | TERMS, wished=TERMS)
def test_a_limit_that_only_moves_keeps_its_accounts(standing: Terms | None, wished: Terms) -> None:
    same = standing is not None and (standing.mode, standing.currency) == (
        wished.mode,
        wished.currency,
    )

    assert begins_anew(standing, wished) is not same
    assert not begins_anew(standing, None)


def test_a_raise_is_ready_after_a_day_and_lapses_a_week_later() -> None:
    at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    wanted = raise_of(None, at)

    assert wanted.ready_at - at == timedelta(hours=24)
    assert wanted.lapses_at - wanted.ready_at == timedelta(days=7)


@given(
    amount=st.integers(0, 99),
    counted=st.integers(0, 99),
    given_=st.integers(0, 99),
    legs=st.integers(0, 99),
)
def test_the_room_after_an_adjustment_is_what_the_limit_leaves(
    amount: int, counted: int, given_: int, legs: int
) -> None:
    legs = min(legs, given_)  # Legs go out of the room that was given.
    missing = missing_room(amount=amount, counted=counted, given=given_)
    taken_back = min(-missing, given_ - legs) if missing < 0 else 0  # A balancing debit.

    room = given_ + max(missing, 0) - taken_back - legs

    assert room == max(0, amount - counted - legs)

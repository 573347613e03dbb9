"""Months as people live them: in their own zone, without gap or overlap."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import example, given
from hypothesis import strategies as st

from coinwell.wallet import month_of

ZONES = sorted(zone for zone in available_timezones() if "/" in zone)
TICK = timedelta(microseconds=1)
INSTANTS = st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=UTC)
)


@given(at=INSTANTS, zone=st.sampled_from(ZONES))
@example(at=datetime(2026, 11, 1, 4, 30, tzinfo=UTC), zone="America/Havana")
@example(at=datetime(2009, 11, 1, 2, 45, tzinfo=UTC), zone="America/St_Johns")
@example(at=datetime(2011, 12, 31, 0, 0, tzinfo=UTC), zone="Pacific/Apia")
@example(at=datetime(2026, 4, 30, 21, 59, tzinfo=UTC), zone="Africa/Cairo")
def test_every_instant_is_in_its_month_and_months_follow_each_other(
    at: datetime, zone: str
) -> None:
    month = month_of(at, zone)
    assert month.starts_at <= at < month.ends_at
    assert timedelta(days=27) < month.ends_at - month.starts_at < timedelta(days=33)
    after = month_of(month.ends_at, zone)
    assert after.starts_at == month.ends_at
    assert month_of(month.ends_at - TICK, zone) == month
    assert month_of(month.starts_at, zone) == month


@given(at=INSTANTS, zone=st.sampled_from(ZONES))
def test_a_month_begins_on_its_first_day_in_that_zone(at: datetime, zone: str) -> None:
    month = month_of(at, zone)
    local = month.starts_at.astimezone(ZoneInfo(zone))
    assert month.starts_on.day == 1
    assert local.date() == month.starts_on


def test_a_midnight_that_is_skipped_or_doubled_still_begins_the_month() -> None:
    # Havana goes back from 1:00 to 0:00 on 1 November 2026: the first midnight counts.
    assert month_of(datetime(2026, 11, 15, tzinfo=UTC), "America/Havana").starts_at == datetime(
        2026, 11, 1, 4, tzinfo=UTC
    )
    # Asuncion went forward over midnight of 1 October 2017: the month begins at one o'clock.
    assert month_of(datetime(2017, 10, 9, tzinfo=UTC), "America/Asuncion").starts_at == datetime(
        2017, 10, 1, 4, tzinfo=UTC
    )


def test_new_year_is_earlier_in_kiritimati() -> None:
    at = datetime(2026, 12, 31, 10, 30, tzinfo=UTC)
    assert month_of(at, "Pacific/Kiritimati").starts_on == date(2027, 1, 1)
    assert month_of(at, "America/Los_Angeles").starts_on == date(2026, 12, 1)

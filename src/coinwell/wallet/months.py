"""Calendar months in a person's own time zone, as instants."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month somewhere.

    Units: `starts_on` is its first local day; from `starts_at` on, before `ends_at`.
    """

    starts_on: date
    starts_at: datetime
    ends_at: datetime


def month_of(at: datetime, zone: str) -> Month:
    """The calendar month that an instant falls into in that zone.

    The months of a zone follow each other without gap or overlap, also where the clocks change
    at midnight of the first.
    """
    assert at.tzinfo is not None
    local = at.astimezone(ZoneInfo(zone))
    first = date(local.year, local.month, 1)
    ends_at = _midnight(_next(first), zone)
    if at >= ends_at:
        # The clocks went back over midnight of the first: the next month had begun already.
        first = _next(first)
        ends_at = _midnight(_next(first), zone)
    return Month(first, _midnight(first, zone), ends_at)


def _next(first: date) -> date:
    if first.month == _DECEMBER:
        return date(first.year + 1, 1, 1)
    return date(first.year, first.month + 1, 1)


def _midnight(day: date, zone: str) -> datetime:
    # A midnight that happens twice counts the first time (fold 0). One that is skipped reads with
    # the offset before the change, which is the instant of the change itself.
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)

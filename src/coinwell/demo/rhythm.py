"""When people give: the seasons of the demo world, as factors that are multiplied.

The number of visits of a person p on their local day d is Poisson with the mean

    habit(p) x WEEKDAY[weekday] x payday(p, d) x festival(d) x growth(d) x presence(p, d)

and the local hour of a visit is drawn in proportion to HOURS[hour] where any room is open in that
hour, and 0 where none is. presence is the sum of those hourly shares, at most 1. A person's
habit is 2 ** (bell / 2) times that of their kind; most people only watch.

- weekday: a gentle week, fullest on Saturday.
- hour: lowest before dawn, a small rise at lunch, the peak at nine in the evening; on Saturday
  and Sunday the afternoon is fuller and the evening begins earlier.
- payday: by country, on given days of the month (the last day where a month is shorter): more on
  the day and for three days, less in the last days before. It moves recharges more than gifts.
- festival: one weekend, Friday to Sunday, the first that begins on day 80 or later.
- growth: 0.25 percent a day, beside the people who come; people leave with a daily chance.

Forecasts are judged against a world that was drawn from this formula, so neither it nor a number
in it is changed: a test holds the digest of the world.
"""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

WEEKDAY: Final = (0.86, 0.84, 0.90, 0.96, 1.14, 1.30, 1.20)  # Monday first.
_WORKDAY_HOURS: Final = (
    22, 10, 5, 3, 2, 3, 8, 16, 20, 18, 17, 20,
    36, 30, 22, 22, 28, 42, 62, 88, 118, 126, 96, 52,
)  # fmt: skip
_WEEKEND_HOURS: Final = (
    40, 24, 12, 6, 4, 3, 6, 12, 22, 32, 40, 46,
    54, 58, 60, 62, 66, 74, 88, 104, 112, 108, 86, 60,
)  # fmt: skip
_SATURDAY: Final = 5
_FRIDAY: Final = 4
FESTIVAL_NOT_BEFORE: Final = 80
FESTIVAL_DAYS: Final = 3
FESTIVAL: Final = 2.4
GROWTH_A_DAY: Final = 0.0025
# By days since the last payday, then by days until the next.
_PAID: Final = (2.8, 2.2, 1.6, 1.2)
_SHORT: Final = (1.0, 0.45, 0.5, 0.6, 0.75)
_GIFTS_FEEL_PAYDAYS: Final = 0.2


def hours(on: date) -> tuple[float, ...]:
    """The share of a day's visits that falls into each local hour."""
    table = _WEEKEND_HOURS if on.weekday() >= _SATURDAY else _WORKDAY_HOURS
    whole = sum(table)
    return tuple(share / whole for share in table)


def festival_begins(begins_on: date) -> int:
    """The day of the world, counted from 0, on whose Friday the festival begins."""
    first = begins_on + timedelta(days=FESTIVAL_NOT_BEFORE)
    return FESTIVAL_NOT_BEFORE + (_FRIDAY - first.weekday()) % 7


def festival(begins_on: date, on: date) -> float:
    """How much fuller the rooms are on the festival's days; 1 on any other."""
    day = (on - begins_on).days - festival_begins(begins_on)
    return FESTIVAL if 0 <= day < FESTIVAL_DAYS else 1.0


def growth(begins_on: date, on: date) -> float:
    """How much livelier everybody is than on the first day."""
    return 1.0 + GROWTH_A_DAY * (on - begins_on).days


def payday(paydays: Sequence[int], on: date) -> float:
    """How freely somebody recharges, by how long ago they were paid and how soon they will be."""
    since, until = _since(paydays, on), _until(paydays, on)
    if since < len(_PAID):
        return _PAID[since]
    return _SHORT[until] if until < len(_SHORT) else 1.0


def payday_of_gifts(paydays: Sequence[int], on: date) -> float:
    """The same for visits, on which paydays weigh less."""
    return 1.0 + (payday(paydays, on) - 1.0) * _GIFTS_FEEL_PAYDAYS


def _paid_on(paydays: Sequence[int], on: date) -> bool:
    last = monthrange(on.year, on.month)[1]
    return any(on.day == min(day, last) for day in paydays)


def _since(paydays: Sequence[int], on: date) -> int:
    return next(
        (days for days in range(len(_PAID)) if _paid_on(paydays, on - timedelta(days=days))),
        len(_PAID),
    )


def _until(paydays: Sequence[int], on: date) -> int:
    return next(
        (days for days in range(1, len(_SHORT)) if _paid_on(paydays, on + timedelta(days=days))),
        len(_SHORT),
    )

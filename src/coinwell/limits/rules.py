"""Pure decisions: when a window begins and ends, what may change at once, what is to be told."""

from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, auto
from typing import Final
from zoneinfo import ZoneInfo

from coinwell.limits.types import Mode, Period, Raise, Terms

RAISE_WAITS: Final = timedelta(hours=24)
RAISE_LAPSES_AFTER: Final = timedelta(days=8)
"""A raise can be confirmed for a week after its wait; then it has to be asked for again."""
PERCENTS: Final = (50, 80, 100)
_SECOND: Final = timedelta(seconds=1)


class Change(Enum):
    """What a wished change is, against what stands."""

    NONE = auto()
    AT_ONCE = auto()  # A new limit, or one that is no weaker.
    LATER = auto()  # A higher amount, only a notice instead of a stop, another currency, no limit.


def window_of(period: Period, now: datetime, zone: str) -> tuple[datetime, datetime]:
    """The calendar window of `now`: from its first instant up to, and without, the next one's.

    A day begins when the zone's clocks first show its date, so it has 23 or 25 hours where they
    change, and where they go back over midnight it does not begin twice. A week begins on Monday.
    """
    assert period is not Period.PURCHASE
    first = _first_day(period, now.astimezone(ZoneInfo(zone)).date())
    after = _next_first(period, first)
    starts_at, ends_at = _beginning(first, zone), _beginning(after, zone)
    while now >= ends_at:
        # The clocks went back over midnight: the date was shown before, so its day has begun.
        after = _next_first(period, after)
        starts_at, ends_at = ends_at, _beginning(after, zone)
    assert starts_at <= now
    return starts_at, ends_at


def _first_day(period: Period, day: date) -> date:
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period is Period.MONTH else day


def _next_first(period: Period, first: date) -> date:
    if period is Period.DAY:
        return first + timedelta(days=1)
    if period is Period.WEEK:
        return first + timedelta(days=7)
    # The longest month has 31 days, so this lands in the next one.
    return (first + timedelta(days=31)).replace(day=1)


def _beginning(day: date, zone: str) -> datetime:
    """The first instant at which the clocks of the zone show `day` or a later date."""
    local = ZoneInfo(zone)
    midnight = datetime.combine(day, time(), tzinfo=local)
    at = midnight.astimezone(UTC)
    if at.astimezone(local).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return at
    # There is no such midnight: the clocks jump over it. They do so at some second before `at`.
    before = midnight.replace(fold=1).astimezone(UTC)
    low_s, high_s = 0, (at - before) // _SECOND
    while low_s < high_s:
        middle_s = (low_s + high_s) // 2
        if (before + middle_s * _SECOND).astimezone(local).date() >= day:
            high_s = middle_s
        else:
            low_s = middle_s + 1
    return before + low_s * _SECOND


def change_of(standing: Terms | None, wished: Terms | None) -> Change:
    """Whether what is wished may hold at once or has to wait."""
    if standing == wished:
        return Change.NONE
    if standing is None:
        return Change.AT_ONCE
    weaker = (
        wished is None
        or wished.amount > standing.amount
        or (standing.mode is Mode.STOP and wished.mode is Mode.TELL)
        or wished.currency != standing.currency
    )
    return Change.LATER if weaker else Change.AT_ONCE


def begins_anew(standing: Terms | None, wished: Terms | None) -> bool:
    """Whether the limit needs accounts of its own from here on: it did not stop in this unit."""
    if wished is None:
        return False
    return (
        standing is None or standing.mode is not wished.mode or standing.currency != wished.currency
    )


def raise_of(terms: Terms | None, asked_at: datetime) -> Raise:
    """A raise as it was asked for, with its times."""
    return Raise(terms, asked_at, asked_at + RAISE_WAITS, asked_at + RAISE_LAPSES_AFTER)


def percent_to_tell(*, told: int, spent: int, amount: int) -> int | None:
    """The highest of 50, 80 and 100 that `spent` has reached and that was not told yet."""
    if spent <= 0:
        return None
    reached = [percent for percent in PERCENTS if spent * 100 >= amount * percent]
    return reached[-1] if reached and reached[-1] > told else None


def missing_room(*, amount: int, counted: int, given: int) -> int:
    """How much room a window lacks, below 0 has too much.

    `given` is what the ledger has given so far, net; `counted` what was spent without a leg. What
    the legs took needs no part in it: it goes out of the room that was given.
    """
    return amount - counted - given

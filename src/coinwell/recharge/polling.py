"""When to ask the provider again: often at first, hourly for three days, daily for thirty, weekly.

Counted from the last change of state and from nothing else, so that a lost queue, a missed
run or a restored backup never loses a question.
"""

from bisect import bisect_right
from datetime import datetime, timedelta
from typing import Final

from coinwell.recharge.types import OrderState

_MINUTES: Final = [timedelta(minutes=minutes) for minutes in (2, 5, 15)]
_HOURS: Final = [timedelta(hours=hours) for hours in range(1, 73)]
_DAYS: Final = [timedelta(days=days) for days in range(4, 31)]
# A dispute may take a year and a half, and a message about its end may be lost.
_WEEKS: Final = [timedelta(days=30 + 7 * week) for week in range(1, 74)]
LADDER: Final = (timedelta(seconds=30), *_MINUTES, *_HOURS, *_DAYS, *_WEEKS)
"""Ages at which to ask, after a change of state."""

ABANDONED_AFTER: Final = timedelta(hours=72)

# Somebody waits for an answer.
_OPEN: Final = frozenset(
    {
        OrderState.AWAITING_USER,
        OrderState.ACTION_REQUIRED,
        OrderState.PROCESSING,
        OrderState.UNKNOWN,
        OrderState.PAID,
        OrderState.NEEDS_REVIEW,
        OrderState.REFUND_PENDING,
        OrderState.DISPUTED,
    }
)
# Closed, but money that was on its way may still arrive, and it will be credited.
_MAY_STILL_ARRIVE: Final = frozenset(
    {OrderState.FAILED, OrderState.CANCELED, OrderState.EXPIRED, OrderState.CREATED}
)
# These change by themselves when the quote runs out.
_RUNS_OUT: Final = frozenset(
    {
        OrderState.CREATED,
        OrderState.NEEDS_GUARDIAN,
        OrderState.AWAITING_USER,
        OrderState.ACTION_REQUIRED,
        OrderState.FAILED,
    }
)


def rung(changed_at: datetime, now: datetime) -> datetime | None:
    """The next time on the ladder after `now`; None past its end."""
    place = bisect_right(LADDER, now - changed_at)
    return None if place == len(LADDER) else changed_at + LADDER[place]


def next_check(
    state: OrderState,
    *,
    changed_at: datetime,
    expires_at: datetime,
    asked: bool,
    now: datetime,
) -> datetime | None:
    """When to look at an order again, or None when nothing more can come by itself.

    `asked` says whether a provider was ever asked for this order. What comes after the last
    look (a dispute, say) comes by message.
    """
    due: list[datetime] = []
    step = rung(changed_at, now)
    if step is not None and (
        state in _OPEN
        or (state in _MAY_STILL_ARRIVE and asked and step <= changed_at + ABANDONED_AFTER)
    ):
        due.append(step)
    if state in _RUNS_OUT and expires_at > now:
        due.append(expires_at)
    return min(due, default=None)

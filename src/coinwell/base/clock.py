"""The time, passed in, so that a test can hold it still."""

from datetime import UTC, datetime, timedelta
from time import time_ns
from typing import Protocol, runtime_checkable

NANOSECONDS_PER_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@runtime_checkable
class Clock(Protocol):
    """Tells the time; the only way any part of Coinwell learns it."""

    def now(self) -> datetime:
        """The time as an aware UTC datetime."""
        ...

    def now_ns(self) -> int:
        """The time in nanoseconds since 1970, as the ledger counts it."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The time as an aware UTC datetime."""
        return datetime.now(UTC)

    def now_ns(self) -> int:
        """The time in nanoseconds since 1970."""
        return time_ns()


class StillClock:
    """A clock that moves only when told to: for tests and for made-up histories."""

    def __init__(self, at: datetime) -> None:
        """Start at `at`, which must know its zone."""
        self.set(at)

    def now(self) -> datetime:
        """The time it was last set to."""
        return self._at

    def now_ns(self) -> int:
        """The same in nanoseconds since 1970."""
        return to_ns(self._at)

    def set(self, at: datetime) -> None:
        """Move to `at`, forward or back."""
        assert at.tzinfo is not None, "an instant knows its zone"
        self._at = at.astimezone(UTC)

    def advance(self, *, days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0) -> None:
        """Move forward by the sum of the parts."""
        self._at += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def to_ns(at: datetime) -> int:
    """An aware datetime as nanoseconds since 1970, without passing through a float."""
    microseconds = (at - _EPOCH) // timedelta(microseconds=1)
    return microseconds * 1_000


def from_ns(ns: int) -> datetime:
    """Nanoseconds since 1970 as an aware UTC datetime, cut to the microsecond."""
    return _EPOCH + timedelta(microseconds=ns // 1_000)

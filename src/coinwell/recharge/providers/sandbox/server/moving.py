"""The sandbox's own time: the clock it was given, moved ahead by hand."""

from datetime import datetime, timedelta
from typing import Final

from coinwell.base.clock import Clock
from coinwell.recharge.providers.sandbox.server.store import Store

_AHEAD: Final = "seconds_ahead"


class MovedClock:
    """Tells the sandbox's time; how far it was moved is kept over a restart."""

    def __init__(self, clock: Clock, store: Store) -> None:
        """`clock` is the time outside."""
        self._clock = clock
        self._store = store

    def now(self) -> datetime:
        """The clock's time and what it was moved ahead."""
        return self._clock.now() + timedelta(seconds=self._seconds())

    def advance(self, seconds: int) -> None:
        """Move ahead."""
        self._store.write_note(_AHEAD, str(self._seconds() + seconds))

    def outside(self) -> datetime:
        """The time that everybody else has."""
        return self._clock.now()

    def _seconds(self) -> int:
        return int(self._store.note(_AHEAD) or 0)

"""The ids of transfers: a pure function of the intent that froze them.

A repeat makes the same ids and finds the first; a new attempt, and another installation, never
meets them. No serial number goes in: a restored database would use it a second time.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coinwell.base.ids import derived_id


@dataclass(frozen=True, slots=True)
class IdMaker:
    """Makes the ids of one attempt at one step of an intent: `ids("coins")`, `ids("bonus")`.

    Each leg of a chain has its name. `ids()` is for a step that moves only once.
    Units: `at_ms` is when the intent was made, in milliseconds since 1970.
    """

    installation: UUID | str
    room: str
    intent: UUID
    step: str
    attempt: int
    at_ms: int

    def __call__(self, leg: str = "") -> int:
        """The 128-bit id of the leg of that name."""
        return derived_id(
            at_ms=self.at_ms,
            parts=(
                "transfer",
                self.installation,
                self.room,
                self.intent,
                self.step,
                self.attempt,
                leg,
            ),
        )


def milliseconds(at: datetime) -> int:
    """A moment as whole milliseconds since 1970, exact."""
    assert at.tzinfo is not None
    whole = int(at.replace(microsecond=0).timestamp())
    return whole * 1000 + at.microsecond // 1000

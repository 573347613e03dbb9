"""Pages of lists that go by a rising number: older ones come before the last that was seen."""

from typing import Final

from coinwell.base import cursor as cursors
from coinwell.base.cursor import BadCursor

INTEGER_MAX: Final = 2**53 - 1  # What every reader of JSON takes for a whole number.
_DIGITS_MAX: Final = 15


def older_than(last: int) -> str:
    """The cursor that leads to what is older than `last`."""
    return cursors.encode(last)


def before_of(cursor: str | None) -> int | None:
    """The number that a cursor leads back from; None for the newest page.

    Refuses: `BadCursor`.
    """
    if cursor is None:
        return None
    (before,) = cursors.decode(cursor, (int,))
    if not 0 < before <= INTEGER_MAX:
        raise BadCursor(cursor)
    return before


def number_of(text: str) -> int | None:
    """A whole number as a person typed it, or None."""
    said = text.strip()
    if said.isascii() and said.isdecimal() and len(said) <= _DIGITS_MAX:
        return int(said)
    return None

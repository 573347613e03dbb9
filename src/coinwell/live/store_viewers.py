"""SQL about one viewer: what they gave in a room, and above which amount they are asked first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx, row, run
from coinwell.base.money import Money

_GIVEN_BY = """
    SELECT coins, reached_at_ns FROM live.board
    WHERE room_id = %(room_id)s AND sender_id = %(sender_id)s
"""
_ABOVE = "SELECT currency, above_minor FROM live.asking WHERE user_id = %s"
_SET_ABOVE = """
    INSERT INTO live.asking (user_id, currency, above_minor, set_at)
    VALUES (%(user_id)s, %(currency)s, %(above_minor)s, %(at)s)
    ON CONFLICT (user_id) DO UPDATE SET currency = excluded.currency,
        above_minor = excluded.above_minor, set_at = excluded.set_at
"""


@dataclass(frozen=True, slots=True)
class Given:
    """What one sender gave in a room up to the instant `reached_at_ns`, the last gift counted."""

    coins: int
    reached_at_ns: int


@dataclass(frozen=True, slots=True)
class _Above:
    currency: str
    above_minor: int


async def given_by(tx: Tx, room_id: UUID, sender_id: UUID) -> Given | None:
    """What somebody gave in a room, as far as the board has come."""
    return await row(tx, Given, _GIVEN_BY, {"room_id": room_id, "sender_id": sender_id})


async def above_of(tx: Tx, user_id: UUID) -> Money | None:
    """Above which amount this user wants to be asked; None if they never chose."""
    found = await row(tx, _Above, _ABOVE, [user_id])
    return None if found is None else Money(found.above_minor, found.currency)


async def set_above(tx: Tx, user_id: UUID, above: Money, *, at: datetime) -> None:
    """Remember it."""
    chosen = {"user_id": user_id, "currency": above.currency, "above_minor": above.minor, "at": at}
    await run(tx, _SET_ABOVE, chosen)

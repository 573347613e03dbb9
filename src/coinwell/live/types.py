"""The words of live rooms: rooms, and the wish to give something in one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from coinwell.catalog import Gift

COUNT_MAX = 999
TITLE_LENGTH_MAX = 80


class RoomState(StrEnum):
    """Whether gifts can be sent."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Room:
    """One broadcast of one creator: opened once, closed once, never opened again."""

    id: UUID
    creator_id: UUID
    title: str
    opened_at: datetime
    closed_at: datetime | None

    @property
    def state(self) -> RoomState:
        """Open until it was closed."""
        return RoomState.OPEN if self.closed_at is None else RoomState.CLOSED


@dataclass(frozen=True, slots=True)
class GiftWish:
    """One gift that somebody wants to send, under a key that the sender chose.

    Units: `coins` is the total that the sender saw, or None to pay what it costs.
    """

    key: str
    sender_id: UUID
    room_id: UUID
    gift_id: str
    count: int = 1
    coins: int | None = None


@dataclass(frozen=True, slots=True)
class GiftSent:
    """A gift that stands in the ledger. The same wish again has the same answer.

    Units: `coins` is the whole amount, for all of `count`.
    """

    transfer_id: int
    sender_id: UUID
    creator_id: UUID
    room_id: UUID
    gift: Gift  # The version that was given.
    count: int
    coins: int
    at: datetime
    replayed: bool = False

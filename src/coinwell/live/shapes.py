"""What the API of live rooms takes and says."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from coinwell.base.idempotency import KEY_LENGTH_MAX
from coinwell.live.types import COUNT_MAX, GiftSent, GiftWish, Room, RoomState

GIFTS_MAX = 500  # Of one batch.
_COINS_MAX = 2**53 - 1  # What every JSON reader can hold exactly.
_ID_LENGTH_MAX = 40

GiftId = Annotated[str, Meta(min_length=1, max_length=_ID_LENGTH_MAX)]
Count = Annotated[int, Meta(ge=1, le=COUNT_MAX)]
# A pattern's end alone would let a line feed through.
_KEY_PATTERN = "^[\\x20-\\x7e]+$(?![\\s\\S])"
Key = Annotated[str, Meta(min_length=1, max_length=KEY_LENGTH_MAX, pattern=_KEY_PATTERN)]
Coins = Annotated[int, Meta(ge=0, le=_COINS_MAX)]


class RoomWanted(Struct, forbid_unknown_fields=True):
    """A room to open."""

    creator_id: UUID
    title: Annotated[str, Meta(min_length=1, max_length=200)]


class RoomShown(Struct):
    """A room."""

    id: UUID
    creator_id: UUID
    title: str
    state: RoomState
    opened_at: datetime
    closed_at: datetime | None


class RoomsShown(Struct):
    """Some rooms, the last opened first; `cursor` leads to the older ones."""

    rooms: list[RoomShown]
    cursor: str | None


class GiftWanted(Struct, forbid_unknown_fields=True):
    """A gift to send. `coins` is the total that the sender saw: at another price nothing moves."""

    sender_id: UUID
    room_id: UUID
    gift_id: GiftId
    count: Count = 1
    coins: Coins | None = None


class KeyedGift(GiftWanted, forbid_unknown_fields=True, kw_only=True):
    """A gift of a batch, with an Idempotency-Key of its own."""

    key: Key


class GiftsWanted(Struct, forbid_unknown_fields=True):
    """Up to 500 gifts; each stands or falls by itself."""

    gifts: Annotated[list[KeyedGift], Meta(min_length=1, max_length=GIFTS_MAX)]


class GiftShown(Struct):
    """A gift that stands. `coins` is the whole amount, for all of `count`."""

    gift_transfer_id: UUID
    sender_id: UUID
    creator_id: UUID
    room_id: UUID
    gift_id: str
    gift_name: str
    count: int
    coins: int
    at: datetime


class GiftAnswer(Struct):
    """What became of one gift of a batch: `gift` with 201, else `problem` with its status."""

    key: str
    status: int
    replayed: bool = False
    gift: GiftShown | None = None
    problem: dict[str, Any] | None = None


class GiftsShown(Struct):
    """An answer for each gift of a batch, in order."""

    gifts: list[GiftAnswer]


class EarnedShown(Struct):
    """Coins that a creator was given and that are not settled yet."""

    user_id: UUID
    coins: int


def wish_of(wanted: GiftWanted, key: str) -> GiftWish:
    """The wish that a body stands for."""
    return GiftWish(
        key, wanted.sender_id, wanted.room_id, wanted.gift_id, wanted.count, wanted.coins
    )


def shown_gift(sent: GiftSent) -> GiftShown:
    """A gift as the API shows it."""
    return GiftShown(
        gift_transfer_id=UUID(int=sent.transfer_id),
        sender_id=sent.sender_id,
        creator_id=sent.creator_id,
        room_id=sent.room_id,
        gift_id=sent.gift.id,
        gift_name=sent.gift.name,
        count=sent.count,
        coins=sent.coins,
        at=sent.at,
    )


def shown_room(room: Room) -> RoomShown:
    """A room as the API shows it."""
    return RoomShown(
        room.id, room.creator_id, room.title, room.state, room.opened_at, room.closed_at
    )

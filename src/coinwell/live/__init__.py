"""Live rooms: a creator broadcasts, viewers send gifts, everyone sees them arrive.

A *room* is one broadcast. A viewer *wishes* a gift for the room's creator under a *key* of their
own; the gift is one transfer in the ledger, from the sender's wallet to the creator's earned
coins, and nothing else is written: the request is frozen by its key, and the ledger's row is the
record.

Words: *room*, *wish*, *gift*, *count* (how many of one gift at once), *sender*, *creator*.

Always:
- one key of one sender moves coins at most once, whatever is repeated, reordered or cut;
- the same wish gets the first answer, even when the gift's price has changed since;
- a wish that was answered with a refusal never moves coins later;
- a room that is closed stays closed; a creator has at most one open room.
"""

# Packed, for a door is read at a glance.
# fmt: off
from coinwell.live.describing import DESCRIBERS
from coinwell.live.knowing import LiveDeps
from coinwell.live.lane import GiftLane, LaneDeps
from coinwell.live.projecting import NEWS_OF_ROOMS
from coinwell.live.readers import READERS
from coinwell.live.refusals import (
    AccountClosed,
    GiftPriceChanged,
    GiftRefusedBefore,
    GiftUnknown,
    NotEnoughCoins,
    OwnRoom,
    RoomClosed,
    RoomOpenAlready,
    RoomUnknown,
    WrongTitle,
)
from coinwell.live.rooms import close_room, open_room, room, room_of, rooms
from coinwell.live.rules import count_of, number_of
from coinwell.live.sending import send_gift, send_gifts
from coinwell.live.streaming import Stage, open_stage
from coinwell.live.types import (
    COUNT_MAX,
    TITLE_LENGTH_MAX,
    GiftSent,
    GiftWish,
    Room,
    RoomState,
)

__all__ = [
    "COUNT_MAX", "DESCRIBERS", "NEWS_OF_ROOMS", "READERS", "TITLE_LENGTH_MAX", "AccountClosed",
    "GiftLane", "GiftPriceChanged", "GiftRefusedBefore", "GiftSent", "GiftUnknown", "GiftWish",
    "LaneDeps", "LiveDeps", "NotEnoughCoins", "OwnRoom", "Room", "RoomClosed", "RoomOpenAlready",
    "RoomState", "RoomUnknown", "Stage", "WrongTitle", "close_room", "count_of", "number_of",
    "open_room", "open_stage", "room", "room_of", "rooms", "send_gift", "send_gifts",
]
# fmt: on

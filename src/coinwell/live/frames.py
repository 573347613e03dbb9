"""What viewers of a room are shown: its events, totals and board as JSON, names and art included.

The words of the stream's protocol; see docs/build/stream.md.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from coinwell.base.clock import from_ns
from coinwell.base.db import Tx
from coinwell.catalog import Gift, gifts_of
from coinwell.live.store_events import Event, Standing
from coinwell.live.types import RoomState
from coinwell.users import display_names

BOARD_LINES: Final = 10
_KEPT_MAX: Final = 20_000
_NAME_S: Final = 60  # A new name is seen after this long.
_ENCODE: Final = msgspec.json.Encoder().encode
K = TypeVar("K")
V = TypeVar("V")


class TotalsShown(Struct, frozen=True):
    """A room's totals so far: coins, how many gifts, and whether it is open."""

    coins: int
    gifts: int
    state: RoomState


class LineShown(Struct, frozen=True):
    """One line of the board: who gave how many coins in this room."""

    rank: int
    user_id: UUID
    name: str
    coins: int


class SenderShown(Struct, frozen=True):
    """Who sent a gift."""

    id: UUID
    name: str


class GivenShown(Struct, frozen=True):
    """Which gift it was, as it was when it was given; `art` is a file of /static/gifts."""

    id: str
    name: str
    art: str
    coins: int


class EventShown(Struct, frozen=True):
    """One gift that arrived; a room's events are numbered from one, without gaps."""

    number: int
    at: datetime
    sender: SenderShown
    gift: GivenShown
    count: int
    coins: int


class Hello(Struct, frozen=True, tag_field="type", tag="hello"):
    """The first frame: the number of the room's last event, and how the room stands."""

    number: int
    room: TotalsShown
    board: list[LineShown]


class Events(Struct, frozen=True, tag_field="type", tag="events"):
    """Events that follow on from the last ones, and how the room stands after them."""

    events: list[EventShown]
    room: TotalsShown
    board: list[LineShown]


class Closed(Struct, frozen=True, tag_field="type", tag="closed"):
    """The last frame: the room is closed."""


class RoomEvents(Struct, frozen=True):
    """The events of a room past a number, and how the room stands now."""

    number: int
    room: TotalsShown
    board: list[LineShown]
    events: list[EventShown]


# A gift that the catalogue does not know can only have been written into the ledger by hand.
_NO_GIFT: Final = GivenShown("unknown", "Gift", "", 0)
_NOBODY: Final = "—"


class Words:
    """Names of people and of gifts, remembered for a while, and never too many of them."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        self._names = _Kept[UUID, tuple[str, float]]()
        self._gifts = _Kept[int, GivenShown]()

    async def learn(
        self, tx: Tx, standings: Iterable[Standing], events: Sequence[Event] = ()
    ) -> "Known":
        """Everything that is needed to show these."""
        people = {one.sender_id for one in events}
        for standing in standings:
            people.update(standing.senders)
        now = time.monotonic()
        names: dict[UUID, str] = {}
        for one in people:
            kept = self._names.get(one)
            if kept is not None and kept[1] > now:
                names[one] = kept[0]
        new = people - names.keys()
        if new:
            found = await display_names(tx, new)
            for one in new:
                names[one] = found.get(one, _NOBODY)
                self._names.keep(one, (names[one], now + _NAME_S))
        return Known(names, await self._versions(tx, {one.gift_number for one in events}))

    async def _versions(self, tx: Tx, numbers: set[int]) -> dict[int, GivenShown]:
        known = {one: kept for one in numbers if (kept := self._gifts.get(one)) is not None}
        new = numbers - known.keys()
        if new:
            for number, gift in (await gifts_of(tx, new)).items():
                known[number] = _gift(gift)
                self._gifts.keep(number, known[number])
        return known


class Known:
    """The words for one answer."""

    def __init__(self, names: Mapping[UUID, str], gifts: Mapping[int, GivenShown]) -> None:
        """All that the answer will ask for."""
        self._names = names
        self._gifts = gifts

    def event(self, one: Event) -> EventShown:
        """One event as it is shown."""
        return EventShown(
            number=one.number,
            at=from_ns(one.at_ns),
            sender=SenderShown(one.sender_id, self._names[one.sender_id]),
            gift=self._gifts.get(one.gift_number, _NO_GIFT),
            count=one.count,
            coins=one.coins,
        )

    def board(self, standing: Standing) -> list[LineShown]:
        """The board as it is shown."""
        lines = zip(standing.senders, standing.sums, strict=True)
        return [
            LineShown(rank, sender, self._names[sender], coins)
            for rank, (sender, coins) in enumerate(lines, start=1)
        ]

    def hello(self, standing: Standing) -> Hello:
        """The first frame."""
        return Hello(standing.number, room_shown(standing), self.board(standing))

    def events(self, standing: Standing, events: Sequence[Event]) -> Events:
        """A frame of events."""
        shown = [self.event(one) for one in events]
        return Events(shown, room_shown(standing), self.board(standing))


def room_shown(standing: Standing) -> TotalsShown:
    """The totals as they are shown."""
    state = RoomState.CLOSED if standing.closed else RoomState.OPEN
    return TotalsShown(standing.coins, standing.gifts, state)


def text_of(frame: Hello | Events | Closed) -> str:
    """A frame as it is sent."""
    return _ENCODE(frame).decode()


def _gift(gift: Gift) -> GivenShown:
    return GivenShown(gift.id, gift.name, gift.art, gift.coins)


class _Kept(Generic[K, V]):
    """The last so many of something."""

    def __init__(self) -> None:
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """What was kept under a key."""
        return self._kept.get(key)

    def keep(self, key: K, value: V) -> None:
        """Keep it; the oldest goes where there are too many."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)

"""The words of the demo world: who lives in it, and what each of them does when."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Final

from coinwell.users import NewUser

DAYS: Final = 126
VIEWERS: Final = 200


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is: days of history, and viewers beside those to sign in as."""

    days: int = DAYS
    viewers: int = VIEWERS


class Kind(StrEnum):
    """How somebody takes part."""

    WATCHING = "watching"
    OCCASIONAL = "occasional"
    REGULAR = "regular"
    DEVOTED = "devoted"


class Hand(IntEnum):
    """How freely somebody spends, the place of a row in the tables of packs and gifts."""

    SMALL = 0
    MIDDLE = 1
    OPEN = 2
    LAVISH = 3


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who watches, and perhaps gives.

    Units: `habit` is visits a day before the seasons; `joined_day` and `left_day` count from the
    first day of the world, 0; `favourites` are places among the creators.
    """

    user: NewUser
    kind: Kind
    hand: Hand
    habit: float
    region: str
    paydays: tuple[int, ...]
    joined_day: int
    left_day: int
    favourites: tuple[int, ...]

    @property
    def name(self) -> str:
        """What the host app calls them."""
        return self.user.external_id


@dataclass(frozen=True, slots=True)
class Creator:
    """Somebody who is live; the first creators are the best known."""

    user: NewUser
    region: str
    topic: str
    starts_at: int  # The local hour around which they begin.
    joined_day: int

    @property
    def name(self) -> str:
        """What the host app calls them."""
        return self.user.external_id


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One room of one creator, opened once and closed once."""

    name: str
    creator: str
    title: str
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """Something that a creator published in the host app; what a promotion can be made of."""

    id: str
    creator: str
    caption: str
    topic: str
    published_at: datetime


class Ending(StrEnum):
    """How a recharge goes."""

    PAID = "paid"
    PAID_LATER = "paid_later"  # Declined first, then paid with another card.
    DECLINED = "declined"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Purchase:
    """One recharge of one pack."""

    key: str
    at: datetime
    person: str
    pack_coins: int
    ending: Ending

    @property
    def pack_id(self) -> str:
        """The pack, as the catalogue names it."""
        return f"coins-{self.pack_coins}"

    @property
    def coins(self) -> int:
        """What it brings, without a bonus."""
        return self.pack_coins if self.ending in {Ending.PAID, Ending.PAID_LATER} else 0


@dataclass(frozen=True, slots=True)
class Gift:
    """One gift, for whoever the room belongs to."""

    key: str
    at: datetime
    person: str
    room: str
    gift_id: str
    count: int
    coins: int  # All together.


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """A limit of coins that somebody set for themselves."""

    at: datetime
    person: str
    period: str
    mode: str
    coins: int


@dataclass(frozen=True, slots=True)
class Pause:
    """An account that could not give for some days, because something looked unusual."""

    at: datetime
    person: str
    until: datetime


@dataclass(frozen=True, slots=True)
class World:
    """All that happens in the demo's history; a pure function of its first day and its size.

    Shape: everything with a time is in the order of time.
    """

    begins_on: date
    size: Size
    people: tuple[Person, ...]
    creators: tuple[Creator, ...]
    broadcasts: tuple[Broadcast, ...]
    posts: tuple[Post, ...]
    purchases: tuple[Purchase, ...]
    gifts: tuple[Gift, ...]
    limits: tuple[OwnLimit, ...]
    pauses: tuple[Pause, ...]

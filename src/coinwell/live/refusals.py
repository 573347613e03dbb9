"""How this room says no."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from coinwell.base.refusal import Kind, Refusal


@dataclass(eq=False)
class RoomUnknown(Refusal):
    """There is no room of that id."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "No such room"
    room_id: UUID


@dataclass(eq=False)
class RoomClosed(Refusal):
    """The room is closed, so no gift can be sent there. Nothing was taken."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "The room is closed"
    room_id: UUID


@dataclass(eq=False)
class RoomOpenAlready(Refusal):
    """The creator has an open room already; close it before opening another."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "A room is open already"
    room_id: UUID


@dataclass(eq=False)
class WrongTitle(Refusal):
    """A room's title is 1 to 80 characters on one line."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Wrong title"


@dataclass(eq=False)
class OwnRoom(Refusal):
    """Nobody sends gifts to themselves."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "This is the sender's own room"
    room_id: UUID


@dataclass(eq=False)
class GiftUnknown(Refusal):
    """No such gift is on offer now. Nothing was taken."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "No such gift"
    gift_id: str


@dataclass(eq=False)
class GiftPriceChanged(Refusal):
    """The gift no longer costs what the sender saw. Nothing was taken.

    Show the price in force, and send the gift again under a new key if the sender agrees.
    """

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "The price of the gift has changed"
    gift_id: str
    seen_coins: int
    coins: int


@dataclass(eq=False)
class NotEnoughCoins(Refusal):
    """The sender holds fewer coins than the gift costs. Nothing was taken.

    After a recharge, send the gift again under a new key: this one stays refused.
    """

    kind: ClassVar[Kind] = Kind.SHORT
    title: ClassVar[str] = "Not enough coins"
    coins: int


@dataclass(eq=False)
class GiftRefusedBefore(Refusal):
    """A gift was refused under this key before, and a key stays refused. Nothing was taken.

    Send the gift again under a new key.
    """

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Refused before"
    key: str


@dataclass(eq=False)
class AccountClosed(Refusal):
    """The account that would give or receive is closed for good. Nothing was taken."""

    kind: ClassVar[Kind] = Kind.GONE
    title: ClassVar[str] = "Account closed"

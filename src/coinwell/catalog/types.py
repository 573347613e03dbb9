"""The words of the catalogue: packs, price lists, quotes, and what a draft may get wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from coinwell.base.money import Money
from coinwell.base.refusal import Kind, Refusal

# Unit prices are kept in millionths of a minor unit per coin: whole numbers, fine enough for
# any price list that a person writes down.
PPM = 1_000_000


class Channel(StrEnum):
    """Where the buyer pays: an app store takes its share, so its prices may be higher."""

    WEB = "web"
    APP = "app"


@dataclass(frozen=True, slots=True)
class Pack:
    """A fixed number of coins at a fixed price, tax included."""

    id: str  # Stable from version to version, like "coins-350".
    coins: int
    bonus_coins: int  # Given on top, as a lot that cost nothing.
    price: Money


@dataclass(frozen=True, slots=True)
class PriceList:
    """What can be bought in one region, currency and channel: one version, never changed.

    Units: `unit_ppm` is millionths of a minor unit per coin; `step_minor` is the smallest
    difference between two prices (100 for rupiah, whose cents nobody can pay).
    Shape: `packs` by size, smallest first.
    """

    id: UUID
    version: int
    region: str
    currency: str
    channel: Channel
    unit_ppm: int
    step_minor: int
    coins_min: int
    coins_max: int
    packs: tuple[Pack, ...]
    valid_from: datetime
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """What a number of coins costs by one price list; frozen on the order that uses it."""

    price_list_id: UUID
    pack_id: str | None  # None for an exact amount that is no pack.
    coins: int
    bonus_coins: int
    price: Money
    per_hundred: Money  # Price of 100 coins at this rate, rounded up; bonus coins not counted.

    def unit_price_text(self, locale: str = "en") -> str:
        """The rate as a person compares it: "$1.06 per 100 coins"."""
        return f"{self.per_hundred.text(locale)} per 100 coins"


@dataclass(frozen=True, slots=True)
class PackDraft:
    """A pack as somebody wrote it; the price is still text, so that lint can judge it."""

    id: str
    coins: int
    bonus_coins: int
    price: str


@dataclass(frozen=True, slots=True)
class ListDraft:
    """A price list as somebody wrote it."""

    region: str
    currency: str
    channel: str
    unit_price: str  # Major units per coin, like "0.0125".
    coins_min: int
    coins_max: int
    packs: tuple[PackDraft, ...]


@dataclass(frozen=True, slots=True)
class RegionDraft:
    """A group of countries; its first currency is the one shown when nobody asks for another."""

    currencies: tuple[str, ...]
    countries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole catalogue before it is published; published whole or not at all."""

    default_region: str
    regions: Mapping[str, RegionDraft]
    lists: tuple[ListDraft, ...]
    digest: str  # Of the bytes it was read from.


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a draft."""

    code: str
    where: str  # "us USD web coins-350"
    sentence: str


@dataclass(frozen=True, slots=True)
class Publication:
    """One version of the whole catalogue."""

    id: UUID
    version: int
    digest: str
    valid_from: datetime
    published_at: datetime
    published_by: str


@dataclass(eq=False)
class PackUnknown(Refusal):
    """The price list in force has no such pack.

    Packs belong to a region, a currency and a channel: read `GET /v1/packs` again for the
    buyer's own list.
    """

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "No such pack"
    pack_id: str


@dataclass(eq=False)
class AmountTooSmall(Refusal):
    """Fewer coins than can be bought at once; the payment provider has a smallest charge."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Too few coins"
    coins: int
    coins_min: int

    def sentence(self) -> str:
        """Name the smallest amount and why there is one."""
        return (
            f"The smallest recharge here is {self.coins_min:,} coins, because payment providers "
            "do not take smaller charges."
        )


@dataclass(eq=False)
class AmountTooLarge(Refusal):
    """More coins than can be bought at once."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Too many coins"
    coins: int
    coins_max: int

    def sentence(self) -> str:
        """Name the largest amount."""
        return f"The largest recharge here is {self.coins_max:,} coins."


@dataclass(eq=False)
class PackOrCoins(Refusal):
    """A quote is asked for a pack or for a number of coins: exactly one of the two."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Choose a pack or an amount"


@dataclass(eq=False)
class NotSoldHere(Refusal):
    """Coins are not sold in that currency or channel in this country."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Not sold here"
    country: str
    currency: str | None
    channel: str


@dataclass(eq=False)
class CountryUnknown(Refusal):
    """A country is a code of ISO 3166-1 alpha-2, such as DE."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "No such country"
    country: str


@dataclass(eq=False)
class CatalogEmpty(Refusal):
    """Nothing is on sale yet: no catalogue has been published."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "Nothing on sale yet"


@dataclass(eq=False)
class PriceListUnknown(Refusal):
    """No price list has that id."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "No such price list"
    price_list_id: UUID


@dataclass(eq=False)
class StartsInThePast(Refusal):
    """A catalogue cannot begin before it is published: what was on sale yesterday is history."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Starts in the past"
    valid_from: datetime


@dataclass(eq=False)
class StartsTooEarly(Refusal):
    """An earlier version begins later than this one would, and would then undo it."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Starts too early"
    version: int
    valid_from: datetime

    def sentence(self) -> str:
        """Name the version that is in the way."""
        return (
            f"Version {self.version} begins on {self.valid_from:%d %b %Y, %H:%M} UTC and would "
            "undo this one. Let it begin then or later."
        )


@dataclass(eq=False)
class CatalogMoved(Refusal):
    """Another version was published since this draft was begun.

    Begin a new draft from the newest version, so that nothing in it is undone.
    """

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "The catalogue has moved on"
    version: int


@dataclass(eq=False)
class CatalogFaulty(Refusal):
    """The draft has findings; nothing was published.

    Each finding names its place. `coinwell catalog lint FILE` shows them all.
    """

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "The catalogue has mistakes"
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Gift:
    """One version of a gift, for good: what was given keeps its name, price and art.

    Units: `number` is a hash of the rest, below 2**47; the same gift has the same number
    wherever it is published. `coins` is the price of one.
    """

    number: int
    id: str  # Stable from version to version, like "rose".
    name: str
    coins: int
    art: str  # A file name like "rose.svg"; served as /static/gifts/<art>.


@dataclass(frozen=True, slots=True)
class GiftOffer:
    """What one publication offers, for good; `gifts` is None for who knows them already."""

    publication_id: UUID
    gifts: tuple[Gift, ...] | None


@dataclass(frozen=True, slots=True)
class GiftDraft:
    """A gift as somebody wrote it."""

    id: str
    name: str
    coins: int
    art: str


@dataclass(frozen=True, slots=True)
class GiftsDraft:
    """All gifts on offer before they are published; published whole or not at all."""

    gifts: tuple[GiftDraft, ...]
    digest: str  # Of the bytes it was read from.


@dataclass(eq=False)
class GiftsFaulty(Refusal):
    """The gifts have findings; nothing was published.

    Each finding names its place. `coinwell catalog gifts lint FILE` shows them all.
    """

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "The gifts have mistakes"
    findings: list[Finding]

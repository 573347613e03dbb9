"""Reads a catalogue file (TOML); prices stay text until lint has judged them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar

import msgspec

from coinwell.base.refusal import Kind, Refusal
from coinwell.catalog.types import Draft, ListDraft, PackDraft, RegionDraft


@dataclass(eq=False)
class CatalogUnreadable(Refusal):
    """The catalogue file is not TOML of the shape that `coinwell catalog` reads."""

    kind: ClassVar[Kind] = Kind.BROKEN
    title: ClassVar[str] = "Unreadable catalogue"
    reason: str

    def sentence(self) -> str:
        """Say where the reader stopped."""
        return f"The catalogue file cannot be read: {self.reason}"


class _Pack(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    coins: int
    price: str
    bonus_coins: int = 0


class _List(msgspec.Struct, forbid_unknown_fields=True):
    region: str
    currency: str
    channel: str
    unit_price: str
    coins_min: int
    coins_max: int
    packs: list[_Pack]


class _Region(msgspec.Struct, forbid_unknown_fields=True):
    currencies: list[str]
    countries: list[str] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    default_region: str
    regions: dict[str, _Region]
    lists: list[_List]


def read(content: bytes) -> Draft:
    """Read a catalogue file; what it says may still be wrong, and lint says how.

    Refuses: `CatalogUnreadable` if it is not TOML, or has missing, unknown or mistyped fields
        (a price must be text: a bare 4.99 would be a float).
    """
    try:
        tables: Mapping[str, Any] = tomllib.loads(content.decode())
        file = msgspec.convert(tables, _File)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise CatalogUnreadable(str(error)) from None
    return _draft(file, sha256(content).hexdigest())


def read_plain(plain: Mapping[str, Any], digest: str) -> Draft:
    """The same from plain values, as a draft of the console keeps them.

    Refuses: `CatalogUnreadable`.
    """
    try:
        file = msgspec.convert(plain, _File)
    except msgspec.ValidationError as error:
        raise CatalogUnreadable(str(error)) from None
    return _draft(file, digest)


def _draft(file: _File, digest: str) -> Draft:
    regions = {
        name: RegionDraft(tuple(region.currencies), tuple(region.countries))
        for name, region in file.regions.items()
    }
    return Draft(file.default_region, regions, tuple(map(_list, file.lists)), digest)


def _list(found: _List) -> ListDraft:
    packs = tuple(
        PackDraft(pack.id, pack.coins, pack.bonus_coins, pack.price) for pack in found.packs
    )
    return ListDraft(
        found.region,
        found.currency,
        found.channel,
        found.unit_price,
        found.coins_min,
        found.coins_max,
        packs,
    )

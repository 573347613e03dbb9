"""What can be bought, for programs: the packs of a place, and the price of any amount."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec import Meta, Struct

from coinwell.base.clock import Clock
from coinwell.base.db import Pool, transaction
from coinwell.base.given import Given
from coinwell.base.money import Money
from coinwell.base.openapi import json_body, refuses
from coinwell.catalog.gift_offers import gifts
from coinwell.catalog.offers import price_list
from coinwell.catalog.rules import quote, true_price, true_price_text
from coinwell.catalog.types import (
    AmountTooLarge,
    AmountTooSmall,
    CatalogEmpty,
    Channel,
    CountryUnknown,
    Gift,
    NotSoldHere,
    Pack,
    PackOrCoins,
    PackUnknown,
    PriceList,
)
from coinwell.users import ApiScope, Caller

_COINS_MAX = 2**53 - 1  # What every JSON reader can hold exactly.
# A pattern's end would let a line feed through; the length does not.
CountryCode = Annotated[str, Meta(pattern="^[A-Z]{2}$", max_length=2)]
CurrencyCode = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3)]


class Price(Struct):
    """An amount of money: whole minor units, and as a person reads it."""

    minor: int
    currency: str
    text: str


class PackOnSale(Struct):
    """A pack as it can be bought now, tax included."""

    id: str
    coins: int
    bonus_coins: int
    price: Price
    per_hundred: Price


class OnSale(Struct):
    """The price list in force for a buyer; exact amounts cost what `POST /v1/quotes` says."""

    price_list_id: UUID
    version: int
    region: str
    currency: str
    channel: Channel
    coins_min: int
    coins_max: int
    packs: list[PackOnSale]


class Wish(Struct, forbid_unknown_fields=True):
    """What somebody wants to know the price of: a pack, or an exact number of coins."""

    country: CountryCode
    currency: CurrencyCode | None = None
    channel: Channel = Channel.WEB
    pack_id: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    coins: Annotated[int, Meta(ge=0, le=_COINS_MAX)] | None = None


class Quoted(Struct):
    """The price of a wish by the list in force; an order freezes it."""

    price_list_id: UUID
    pack_id: str | None
    coins: int
    bonus_coins: int
    price: Price
    per_hundred: Price


class GiftOnOffer(Struct):
    """A gift as it can be sent now. `price` is what its coins are worth to this buyer."""

    id: str
    number: int
    name: str
    coins: int
    art: str
    price: Price


class GiftsOnOffer(Struct):
    """The gifts of the panel, in its order; prices by the buyer's own price list."""

    price_list_id: UUID
    currency: str
    gifts: list[GiftOnOffer]


@get(
    "/v1/packs",
    summary="Packs on sale for a buyer",
    tags=["catalog"],
    responses=refuses(CatalogEmpty, CountryUnknown, NotSoldHere),
)
async def packs_on_sale(
    caller: Given[Caller],
    pool: Given[Pool],
    clock: Given[Clock],
    country: Annotated[str, QueryParameter(pattern="^[A-Z]{2}$", max_length=2)],
    currency: Annotated[str | None, QueryParameter(pattern="^[A-Z]{3}$", max_length=3)] = None,
    channel: Annotated[Channel, QueryParameter()] = Channel.WEB,
) -> OnSale:
    """The packs of a country; without a currency, those in the region's first one."""
    caller.demand(ApiScope.CATALOG_READ)
    async with transaction(pool) as tx:
        found = await price_list(
            tx, country=country, currency=currency, channel=channel, now=clock.now()
        )
    return OnSale(
        price_list_id=found.id,
        version=found.version,
        region=found.region,
        currency=found.currency,
        channel=found.channel,
        coins_min=found.coins_min,
        coins_max=found.coins_max,
        packs=[_on_sale(found, pack) for pack in found.packs],
    )


@get(
    "/v1/catalogue/gifts",
    summary="Gifts on offer",
    tags=["catalog"],
    responses=refuses(CatalogEmpty, CountryUnknown, NotSoldHere),
)
async def gifts_on_offer(
    caller: Given[Caller],
    pool: Given[Pool],
    clock: Given[Clock],
    country: Annotated[str, QueryParameter(pattern="^[A-Z]{2}$", max_length=2)],
    currency: Annotated[str | None, QueryParameter(pattern="^[A-Z]{3}$", max_length=3)] = None,
    channel: Annotated[Channel, QueryParameter()] = Channel.WEB,
) -> GiftsOnOffer:
    """Coins and money beside each other: show both wherever somebody decides.

    `art` is the address of a drawing of ours; `number` names this version of the gift for good.
    """
    caller.demand(ApiScope.CATALOG_READ)
    async with transaction(pool) as tx:
        found = await price_list(
            tx, country=country, currency=currency, channel=channel, now=clock.now()
        )
        offered = await gifts(tx, now=clock.now())
    return GiftsOnOffer(found.id, found.currency, [_gift(found, gift) for gift in offered])


@post(
    "/v1/quotes",
    status_code=200,
    summary="Price of a pack or an exact amount",
    tags=["catalog"],
    responses=refuses(
        CatalogEmpty,
        CountryUnknown,
        NotSoldHere,
        PackOrCoins,
        PackUnknown,
        AmountTooSmall,
        AmountTooLarge,
    ),
)
async def quote_wish(
    caller: Given[Caller],
    pool: Given[Pool],
    clock: Given[Clock],
    data: Annotated[Wish, json_body(country="DE", coins=500)],
) -> Quoted:
    """Writes nothing, so it needs no key; the same wish has one price until a new version."""
    caller.demand(ApiScope.CATALOG_READ)
    async with transaction(pool) as tx:
        found = await price_list(
            tx,
            country=data.country,
            currency=data.currency,
            channel=data.channel,
            now=clock.now(),
        )
    quoted = quote(found, pack_id=data.pack_id, coins=data.coins)
    return Quoted(
        price_list_id=quoted.price_list_id,
        pack_id=quoted.pack_id,
        coins=quoted.coins,
        bonus_coins=quoted.bonus_coins,
        price=_price(quoted.price),
        per_hundred=_price(quoted.per_hundred),
    )


def _on_sale(found: PriceList, pack: Pack) -> PackOnSale:
    quoted = quote(found, pack_id=pack.id)
    return PackOnSale(
        id=pack.id,
        coins=pack.coins,
        bonus_coins=pack.bonus_coins,
        price=_price(pack.price),
        per_hundred=_price(quoted.per_hundred),
    )


def _gift(found: PriceList, gift: Gift) -> GiftOnOffer:
    worth = true_price(found, gift.coins)
    price = Price(worth.minor, worth.currency, true_price_text(found, gift.coins))
    return GiftOnOffer(
        id=gift.id,
        number=gift.number,
        name=gift.name,
        coins=gift.coins,
        art=f"/static/gifts/{gift.art}",
        price=price,
    )


def _price(money: Money) -> Price:
    return Price(money.minor, money.currency, money.text())


ROUTES: Sequence[ControllerRouterHandler] = (packs_on_sale, gifts_on_offer, quote_wish)

"""Which price list holds: for a buyer now, or for an order of long ago."""

from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.catalog import store
from coinwell.catalog.types import (
    CatalogEmpty,
    Channel,
    CountryUnknown,
    NotSoldHere,
    PriceList,
    PriceListUnknown,
    Publication,
)
from coinwell.users import countries


async def price_list(
    tx: Tx, *, country: str, currency: str | None, channel: Channel, now: datetime
) -> PriceList:
    """The price list in force for a buyer.

    A country that no region names gets the default region; without a currency, the region's
    first one.

    Refuses: `CountryUnknown`; `CatalogEmpty` before anything is published; `NotSoldHere` if
        the region has no list for the currency or channel.
    """
    if country not in countries():
        raise CountryUnknown(country)
    found = await store.price_list_in_force(
        tx, country=country, currency=currency, channel=channel, now=now
    )
    if found is not None:
        return found
    if not await store.anything_in_force(tx, now):
        raise CatalogEmpty
    raise NotSoldHere(country, currency, channel.value)


async def price_list_by_id(tx: Tx, price_list_id: UUID) -> PriceList:
    """The list that an order was quoted by, however old.

    Refuses: `PriceListUnknown`.
    """
    found = await store.price_list_by_id(tx, price_list_id)
    if found is None:
        raise PriceListUnknown(price_list_id)
    return found


async def publications(tx: Tx, *, limit: int = 20) -> list[Publication]:
    """The last publications, newest first."""
    return await store.publications(tx, limit=limit)


async def price_lists_of(tx: Tx, publication: Publication) -> list[PriceList]:
    """Everything that one publication put on sale."""
    return await store.price_lists_of(tx, publication.id)

"""Drafts of the whole catalogue as plain values: begun from the newest version, seen as a buyer."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from coinwell.base import audit
from coinwell.base.db import Tx
from coinwell.base.money import DECIMALS
from coinwell.catalog import store
from coinwell.catalog.publishing import price_list_of
from coinwell.catalog.reading import read_plain
from coinwell.catalog.types import (
    PPM,
    CatalogEmpty,
    Channel,
    Draft,
    ListDraft,
    NotSoldHere,
    PackDraft,
    PriceList,
    Publication,
    RegionDraft,
)


async def newest_draft(tx: Tx) -> tuple[Publication, Draft]:
    """The newest version, in force or still to come, as a draft that says the same.

    Refuses: `CatalogEmpty`.
    """
    last = await store.publications(tx, limit=1)
    if not last:
        raise CatalogEmpty
    regions = await store.regions_of(tx, last[0].id)
    lists = await store.price_lists_of(tx, last[0].id)
    draft = Draft(
        default_region=next(region.name for region in regions if region.is_default),
        regions={
            region.name: RegionDraft(tuple(region.currencies), tuple(region.countries))
            for region in regions
        },
        lists=tuple(_list(one) for one in lists),
        digest=last[0].digest,
    )
    return last[0], draft


def plain_draft(draft: Draft) -> dict[str, Any]:
    """A draft as values that JSON can hold; the shape of a catalogue file."""
    return {
        "default_region": draft.default_region,
        "regions": {
            name: {"currencies": list(region.currencies), "countries": list(region.countries)}
            for name, region in draft.regions.items()
        },
        "lists": [
            {
                "region": one.region,
                "currency": one.currency,
                "channel": one.channel,
                "unit_price": one.unit_price,
                "coins_min": one.coins_min,
                "coins_max": one.coins_max,
                "packs": [
                    {
                        "id": pack.id,
                        "coins": pack.coins,
                        "bonus_coins": pack.bonus_coins,
                        "price": pack.price,
                    }
                    for pack in one.packs
                ],
            }
            for one in draft.lists
        ],
    }


def draft_of_plain(plain: Mapping[str, Any]) -> Draft:
    """A draft from its plain values; its digest is theirs.

    Refuses: `CatalogUnreadable`.
    """
    return read_plain(plain, audit.digest(dict(plain)))


def preview(draft: Draft, *, country: str, channel: Channel) -> PriceList:
    """What a buyer in a country would be offered; only for a draft that passed lint.

    Refuses: `NotSoldHere`.
    """
    region = next(
        (name for name, one in draft.regions.items() if country in one.countries),
        draft.default_region,
    )
    currency = draft.regions[region].currencies[0]
    place = (region, currency, channel.value)
    for one in draft.lists:
        if (one.region, one.currency, one.channel) == place:
            nowhen = datetime(1970, 1, 1, tzinfo=UTC)
            unpublished = Publication(UUID(int=0), 0, draft.digest, nowhen, nowhen, "")
            return replace(price_list_of(one, unpublished), id=UUID(int=0))
    raise NotSoldHere(country, currency, channel.value)


def _list(one: PriceList) -> ListDraft:
    unit = Decimal(one.unit_ppm).scaleb(-DECIMALS[one.currency]) / PPM
    return ListDraft(
        region=one.region,
        currency=one.currency,
        channel=one.channel.value,
        unit_price=f"{unit.normalize():f}",
        coins_min=one.coins_min,
        coins_max=one.coins_max,
        packs=tuple(
            PackDraft(pack.id, pack.coins, pack.bonus_coins, f"{pack.price.major:f}")
            for pack in one.packs
        ),
    )

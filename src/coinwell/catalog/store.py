"""The only SQL over the catalogue's tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx, row, rows, run, value
from coinwell.base.money import Money
from coinwell.catalog.types import Channel, Pack, PriceList, Publication

# Publishing is rare; one at a time keeps the versions counted.
_LOCK = "LOCK TABLE catalog.publication IN SHARE ROW EXCLUSIVE MODE"

_PUBLICATIONS = """
    SELECT id, version, digest, valid_from, published_at, published_by
    FROM catalog.publication ORDER BY version DESC LIMIT %(limit)s
"""

_ANY_IN_FORCE = "SELECT count(*) FROM catalog.publication WHERE valid_from <= %(now)s"

_ADD_PUBLICATION = """
    INSERT INTO catalog.publication (id, version, digest, valid_from, published_at, published_by)
    VALUES (%(id)s, %(version)s, %(digest)s, %(valid_from)s, %(published_at)s, %(published_by)s)
"""

_ADD_REGION = """
    INSERT INTO catalog.region (publication_id, name, currencies, countries, is_default)
    VALUES (%(publication_id)s, %(name)s, %(currencies)s, %(countries)s, %(is_default)s)
"""

_ADD_LIST = """
    INSERT INTO catalog.price_list (
        id, publication_id, region, currency, channel, unit_ppm, step_minor, coins_min, coins_max
    ) VALUES (
        %(id)s, %(publication_id)s, %(region)s, %(currency)s, %(channel)s,
        %(unit_ppm)s, %(step_minor)s, %(coins_min)s, %(coins_max)s
    )
"""

_ADD_PACKS = """
    INSERT INTO catalog.pack (price_list_id, id, coins, bonus_coins, price_minor)
    SELECT %(price_list_id)s, * FROM unnest(
        %(ids)s::text[], %(coins)s::bigint[], %(bonus_coins)s::bigint[], %(prices)s::bigint[]
    )
"""

# The newest publication that has begun; then the country's region, or the one for the rest.
_IN_FORCE = """
    WITH publication AS (
        SELECT * FROM catalog.publication WHERE valid_from <= %(now)s
        ORDER BY valid_from DESC, version DESC LIMIT 1
    ), region AS (
        SELECT region.* FROM catalog.region
        JOIN publication ON publication.id = region.publication_id
        WHERE %(country)s = ANY (region.countries) OR region.is_default
        ORDER BY %(country)s = ANY (region.countries) DESC LIMIT 1
    )
    SELECT list.id, publication.version, list.region, list.currency, list.channel,
        list.unit_ppm, list.step_minor, list.coins_min, list.coins_max,
        publication.valid_from, publication.published_at
    FROM catalog.price_list AS list
    JOIN publication ON publication.id = list.publication_id
    JOIN region ON region.name = list.region
    WHERE list.channel = %(channel)s
        AND list.currency = coalesce(%(currency)s::text, region.currencies[1])
"""

_BY_ID = """
    SELECT list.id, publication.version, list.region, list.currency, list.channel,
        list.unit_ppm, list.step_minor, list.coins_min, list.coins_max,
        publication.valid_from, publication.published_at
    FROM catalog.price_list AS list
    JOIN catalog.publication ON publication.id = list.publication_id
    WHERE list.id = %(id)s
"""

_OF_PUBLICATION = """
    SELECT list.id, publication.version, list.region, list.currency, list.channel,
        list.unit_ppm, list.step_minor, list.coins_min, list.coins_max,
        publication.valid_from, publication.published_at
    FROM catalog.price_list AS list
    JOIN catalog.publication ON publication.id = list.publication_id
    WHERE list.publication_id = %(id)s
    ORDER BY list.region, list.currency, list.channel DESC
"""

_REGIONS = """
    SELECT name, currencies, countries, is_default
    FROM catalog.region WHERE publication_id = %(id)s ORDER BY is_default DESC, name
"""

_PACKS = """
    SELECT price_list_id, id, coins, bonus_coins, price_minor
    FROM catalog.pack WHERE price_list_id = ANY (%(ids)s) ORDER BY coins
"""


@dataclass(frozen=True, slots=True)
class _List:
    id: UUID
    version: int
    region: str
    currency: str
    channel: str
    unit_ppm: int
    step_minor: int
    coins_min: int
    coins_max: int
    valid_from: datetime
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Region:
    """One group of countries, as it was published."""

    name: str
    currencies: list[str]
    countries: list[str]
    is_default: bool


@dataclass(frozen=True, slots=True)
class _Pack:
    price_list_id: UUID
    id: str
    coins: int
    bonus_coins: int
    price_minor: int


async def lock(tx: Tx) -> None:
    """Let nobody else publish until `tx` ends.

    Locks: the publication table, against other writers only.
    """
    await run(tx, _LOCK)


async def publications(tx: Tx, *, limit: int) -> list[Publication]:
    """The last publications, newest first."""
    return await rows(tx, Publication, _PUBLICATIONS, {"limit": limit})


async def anything_in_force(tx: Tx, now: datetime) -> bool:
    """Whether any publication has begun."""
    return bool(await value(tx, _ANY_IN_FORCE, {"now": now}))


async def add_publication(tx: Tx, publication: Publication) -> None:
    """Write the head of a publication."""
    await run(
        tx,
        _ADD_PUBLICATION,
        {
            "id": publication.id,
            "version": publication.version,
            "digest": publication.digest,
            "valid_from": publication.valid_from,
            "published_at": publication.published_at,
            "published_by": publication.published_by,
        },
    )


async def add_region(
    tx: Tx,
    publication_id: UUID,
    *,
    name: str,
    currencies: Sequence[str],
    countries: Sequence[str],
    is_default: bool,
) -> None:
    """Write one region of a publication."""
    await run(
        tx,
        _ADD_REGION,
        {
            "publication_id": publication_id,
            "name": name,
            "currencies": list(currencies),
            "countries": list(countries),
            "is_default": is_default,
        },
    )


async def add_price_list(tx: Tx, publication_id: UUID, price_list: PriceList) -> None:
    """Write one price list of a publication, with its packs."""
    await run(
        tx,
        _ADD_LIST,
        {
            "id": price_list.id,
            "publication_id": publication_id,
            "region": price_list.region,
            "currency": price_list.currency,
            "channel": price_list.channel.value,
            "unit_ppm": price_list.unit_ppm,
            "step_minor": price_list.step_minor,
            "coins_min": price_list.coins_min,
            "coins_max": price_list.coins_max,
        },
    )
    await run(
        tx,
        _ADD_PACKS,
        {
            "price_list_id": price_list.id,
            "ids": [pack.id for pack in price_list.packs],
            "coins": [pack.coins for pack in price_list.packs],
            "bonus_coins": [pack.bonus_coins for pack in price_list.packs],
            "prices": [pack.price.minor for pack in price_list.packs],
        },
    )


async def price_list_in_force(
    tx: Tx, *, country: str, currency: str | None, channel: Channel, now: datetime
) -> PriceList | None:
    """The list for a buyer now; the region's first currency if none is named."""
    wanted = {"country": country, "currency": currency, "channel": channel.value, "now": now}
    found = await row(tx, _List, _IN_FORCE, wanted)
    return None if found is None else (await _with_packs(tx, [found]))[0]


async def price_list_by_id(tx: Tx, price_list_id: UUID) -> PriceList | None:
    """Any list that was ever published."""
    found = await row(tx, _List, _BY_ID, {"id": price_list_id})
    return None if found is None else (await _with_packs(tx, [found]))[0]


async def price_lists_of(tx: Tx, publication_id: UUID) -> list[PriceList]:
    """All lists of one publication."""
    return await _with_packs(tx, await rows(tx, _List, _OF_PUBLICATION, {"id": publication_id}))


async def regions_of(tx: Tx, publication_id: UUID) -> list[Region]:
    """The regions of one publication, the default one first."""
    return await rows(tx, Region, _REGIONS, {"id": publication_id})


async def _with_packs(tx: Tx, found: Sequence[_List]) -> list[PriceList]:
    packs = await rows(tx, _Pack, _PACKS, {"ids": [a_list.id for a_list in found]})
    return [
        PriceList(
            id=a_list.id,
            version=a_list.version,
            region=a_list.region,
            currency=a_list.currency,
            channel=Channel(a_list.channel),
            unit_ppm=a_list.unit_ppm,
            step_minor=a_list.step_minor,
            coins_min=a_list.coins_min,
            coins_max=a_list.coins_max,
            packs=tuple(
                Pack(
                    pack.id,
                    pack.coins,
                    pack.bonus_coins,
                    Money(pack.price_minor, a_list.currency),
                )
                for pack in packs
                if pack.price_list_id == a_list.id
            ),
            valid_from=a_list.valid_from,
            published_at=a_list.published_at,
        )
        for a_list in found
    ]

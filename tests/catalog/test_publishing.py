"""Publishing adds a version; what was on sale before stays as it was."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, Tx, run, transaction
from coinwell.base.money import Money
from coinwell.catalog import (
    CatalogEmpty,
    CatalogFaulty,
    Channel,
    Draft,
    NotSoldHere,
    PriceListUnknown,
    StartsInThePast,
    price_list,
    price_list_by_id,
    price_lists_of,
    publications,
    publish,
    read,
    seed,
    seed_draft,
)

DEARER = b"""
default_region = "world"
[regions.world]
currencies = ["USD", "EUR"]
[regions.france]
currencies = ["EUR"]
countries = ["FR"]
[[lists]]
region = "world"
currency = "USD"
channel = "web"
unit_price = "0.02"
coins_min = 50
coins_max = 1000
packs = [{ id = "coins-70", coins = 70, bonus_coins = 3, price = "1.40" }]
[[lists]]
region = "world"
currency = "EUR"
channel = "web"
unit_price = "0.02"
coins_min = 50
coins_max = 1000
packs = [{ id = "coins-70", coins = 70, price = "1.30" }]
[[lists]]
region = "france"
currency = "EUR"
channel = "web"
unit_price = "0.02"
coins_min = 50
coins_max = 1000
packs = [
    { id = "coins-700", coins = 700, price = "9.99" },
    { id = "coins-70", coins = 70, price = "1.20" },
]
"""


@pytest.fixture
def dearer() -> Draft:
    return read(DEARER)


async def test_nothing_is_on_sale_before_anything_is_published(tx: Tx, clock: StillClock) -> None:
    with pytest.raises(CatalogEmpty):
        await price_list(tx, country="US", currency=None, channel=Channel.WEB, now=clock.now())
    assert await publications(tx) == []


async def test_the_seed_sells_to_each_country_in_its_currency(tx: Tx, clock: StillClock) -> None:
    await seed(tx, clock.now())

    async def currency_in(country: str) -> str:
        found = await price_list(
            tx, country=country, currency=None, channel=Channel.WEB, now=clock.now()
        )
        return found.currency

    assert await currency_in("DE") == "EUR"
    assert await currency_in("GB") == "GBP"
    assert await currency_in("JP") == "JPY"
    assert await currency_in("KR") == "KRW"
    assert await currency_in("BR") == "BRL"
    assert await currency_in("ID") == "IDR"
    assert await currency_in("US") == "USD"
    assert await currency_in("NZ") == "USD"
    for channel in Channel:
        found = await price_list(tx, country="US", currency="USD", channel=channel, now=clock.now())
        assert found.channel is channel
        assert [pack.coins for pack in found.packs][:2] == [70, 350]
    with pytest.raises(NotSoldHere):
        await price_list(tx, country="US", currency="EUR", channel=Channel.WEB, now=clock.now())


async def test_a_published_list_is_exactly_its_draft(
    tx: Tx, clock: StillClock, dearer: Draft
) -> None:
    published = await publish(tx, dearer, now=clock.now(), by="ana")
    found = await price_list(tx, country="FR", currency=None, channel=Channel.WEB, now=clock.now())
    assert found.version == published.version == 1
    assert found.region == "france"
    assert found.unit_ppm == 2_000_000
    assert [(pack.id, pack.coins, pack.price) for pack in found.packs] == [
        ("coins-70", 70, Money(120, "EUR")),
        ("coins-700", 700, Money(999, "EUR")),
    ]
    assert found == await price_list_by_id(tx, found.id)
    assert len(await price_lists_of(tx, published)) == 3
    euros = await price_list(tx, country="US", currency="EUR", channel=Channel.WEB, now=clock.now())
    assert (euros.region, euros.packs[0].price) == ("world", Money(130, "EUR"))


async def test_a_new_version_leaves_what_was_sold_alone(
    tx: Tx, clock: StillClock, dearer: Draft
) -> None:
    await seed(tx, clock.now())
    place: dict[str, Any] = {"country": "US", "currency": None, "channel": Channel.WEB}
    sold_by = await price_list(tx, now=clock.now(), **place)
    clock.advance(hours=1)
    await publish(tx, dearer, now=clock.now(), by="ana")
    now_by = await price_list(tx, now=clock.now(), **place)
    assert (sold_by.version, now_by.version) == (1, 2)
    assert now_by.packs[0].price == Money(140, "USD")
    assert now_by.packs[0].bonus_coins == 3
    assert await price_list_by_id(tx, sold_by.id) == sold_by


async def test_a_version_may_begin_later_but_not_earlier(
    tx: Tx, clock: StillClock, dearer: Draft
) -> None:
    await seed(tx, clock.now())
    begins_at = clock.now() + timedelta(days=3)
    await publish(tx, dearer, now=clock.now(), by="ana", valid_from=begins_at)

    async def version() -> int:
        found = await price_list(
            tx, country="US", currency=None, channel=Channel.WEB, now=clock.now()
        )
        return found.version

    assert await version() == 1
    clock.set(begins_at - timedelta(microseconds=1))
    assert await version() == 1
    clock.set(begins_at)
    assert await version() == 2
    with pytest.raises(StartsInThePast):
        await publish(
            tx, dearer, now=clock.now(), by="ana", valid_from=clock.now() - timedelta(seconds=1)
        )


async def test_a_draft_with_mistakes_is_not_published(tx: Tx, clock: StillClock) -> None:
    draft = replace(seed_draft(), default_region="moon")
    with pytest.raises(CatalogFaulty) as no:
        await publish(tx, draft, now=clock.now(), by="ana")
    assert [finding.code for finding in no.value.findings] == ["region_unknown"]
    assert await publications(tx) == []


async def test_the_seed_is_published_once_and_again_only_when_its_file_changed(
    tx: Tx, clock: StillClock, monkeypatch: pytest.MonkeyPatch, dearer: Draft
) -> None:
    first = await seed(tx, clock.now())
    assert first is not None
    assert await seed(tx, clock.now()) is None
    changed = replace(seed_draft(), digest="other")
    monkeypatch.setattr("coinwell.catalog.publishing.seed_draft", lambda: changed)
    second = await seed(tx, clock.now())
    assert second is not None
    assert second.version == 2
    await publish(tx, dearer, now=clock.now(), by="ana")
    monkeypatch.undo()
    assert await seed(tx, clock.now()) is None, "an operator's own catalogue is left alone"


async def test_two_processes_that_start_together_seed_once(pool: Pool, clock: StillClock) -> None:
    async def start() -> bool:
        async with transaction(pool) as tx:
            return await seed(tx, clock.now()) is not None

    assert sum(await asyncio.gather(*(start() for _ in range(4)))) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE catalog.pack SET price_minor = 1",
        "DELETE FROM catalog.price_list",
        "UPDATE catalog.region SET countries = '{}'",
        "DELETE FROM catalog.publication",
        "TRUNCATE catalog.pack",
    ],
)
async def test_nothing_published_can_be_changed(
    tx: Tx, clock: StillClock, change: LiteralString
) -> None:
    await seed(tx, clock.now())
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        await run(tx, change)


async def test_an_unknown_list_is_refused(tx: Tx) -> None:
    with pytest.raises(PriceListUnknown):
        await price_list_by_id(tx, UUID(int=9))

"""Puts a catalogue on sale: a new version of everything, nothing ever changed."""

from datetime import datetime
from importlib import resources

from coinwell.base import audit
from coinwell.base.db import Tx
from coinwell.base.ids import new_uuid
from coinwell.base.money import Money
from coinwell.catalog import store
from coinwell.catalog.linting import lint, unit_ppm
from coinwell.catalog.reading import read
from coinwell.catalog.rules import step_minor
from coinwell.catalog.types import (
    CatalogFaulty,
    CatalogMoved,
    Channel,
    Draft,
    ListDraft,
    Pack,
    PriceList,
    Publication,
    StartsInThePast,
    StartsTooEarly,
)

SEED = "seed"


async def publish(
    tx: Tx,
    draft: Draft,
    *,
    now: datetime,
    by: str,
    valid_from: datetime | None = None,
    after_version: int | None = None,
) -> Publication:
    """Publish a draft as the next version, in force from `valid_from` (at once, if not given).

    What was sold before keeps naming the version it was sold by. With `after_version`, only if
    that is still the newest one: a draft must not undo what was published meanwhile.

    Locks: the publication table against other publishers, until `tx` ends.
    Refuses: `CatalogFaulty` if lint finds anything; `StartsInThePast`; `CatalogMoved`;
        `StartsTooEarly`.
    """
    findings = lint(draft)
    if findings:
        raise CatalogFaulty(findings)
    begins_at = valid_from or now
    if begins_at < now:
        raise StartsInThePast(begins_at)
    await store.lock(tx)
    last = await store.publications(tx, limit=1)
    version = last[0].version if last else 0
    if after_version is not None:
        if after_version != version:
            raise CatalogMoved(version)
        if last and last[0].valid_from > begins_at:
            raise StartsTooEarly(version, last[0].valid_from)
    publication = Publication(
        id=new_uuid(),
        version=version + 1,
        digest=draft.digest,
        valid_from=begins_at,
        published_at=now,
        published_by=by,
    )
    await store.add_publication(tx, publication)
    for name, region in draft.regions.items():
        await store.add_region(
            tx,
            publication.id,
            name=name,
            currencies=region.currencies,
            countries=region.countries,
            is_default=name == draft.default_region,
        )
    for a_list in draft.lists:
        await store.add_price_list(tx, publication.id, price_list_of(a_list, publication))
    published = audit.Act(
        who=by,
        act="prices.published",
        object=f"publication:{publication.id}",
        after=draft.digest,
        facts={"version": publication.version, "valid_from": begins_at.isoformat()},
    )
    await audit.write(tx, published, at=now)
    return publication


async def seed(tx: Tx, now: datetime) -> Publication | None:
    """Publish the catalogue that ships with Coinwell, where that is wanted.

    It is when nothing is on sale yet, and again when the shipped file has changed and nobody
    has published a catalogue of their own since. Returns None if there was nothing to do.
    """
    await store.lock(tx)
    draft = seed_draft()
    last = await store.publications(tx, limit=1)
    if last and (last[0].published_by != SEED or last[0].digest == draft.digest):
        return None
    return await publish(tx, draft, now=now, by=SEED)


def seed_draft() -> Draft:
    """The catalogue that ships with Coinwell."""
    return read(resources.files("coinwell.catalog").joinpath("seed.toml").read_bytes())


def price_list_of(a_list: ListDraft, publication: Publication) -> PriceList:
    """A price list from a draft that passed lint."""
    packs = [
        Pack(pack.id, pack.coins, pack.bonus_coins, Money.parse(pack.price, a_list.currency))
        for pack in a_list.packs
    ]
    return PriceList(
        id=new_uuid(),
        version=publication.version,
        region=a_list.region,
        currency=a_list.currency,
        channel=Channel(a_list.channel),
        unit_ppm=unit_ppm(a_list.unit_price, a_list.currency),
        step_minor=step_minor(a_list.currency),
        coins_min=a_list.coins_min,
        coins_max=a_list.coins_max,
        packs=tuple(sorted(packs, key=lambda pack: pack.coins)),
        valid_from=publication.valid_from,
        published_at=publication.published_at,
    )

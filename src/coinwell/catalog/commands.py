"""`coinwell catalog …`: judge a catalogue file, publish it, show what is on sale."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import click

from coinwell.base.clock import SystemClock
from coinwell.base.db import Pool, transaction
from coinwell.catalog.gift_drafts import drawings, lint_gifts, read_gifts
from coinwell.catalog.gift_offers import gift_publications, gifts_of_publication
from coinwell.catalog.gift_publishing import publish_gifts
from coinwell.catalog.linting import lint
from coinwell.catalog.offers import price_lists_of, publications
from coinwell.catalog.publishing import publish
from coinwell.catalog.reading import read
from coinwell.catalog.types import CatalogFaulty, Finding, Gift, GiftsFaulty, PriceList, Publication

_READABLE_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Context(Protocol):
    """What the command line hands to a room's commands."""

    def run(self, job: Callable[[Pool], Awaitable[Any]]) -> Any: ...


@dataclass(frozen=True, slots=True)
class _OnSale:
    publication: Publication | None
    lists: Sequence[PriceList]


@dataclass(frozen=True, slots=True)
class _OnOffer:
    publication: Publication | None
    gifts: Sequence[Gift]


@click.group()
def catalog() -> None:
    """Packs, price lists and gifts: what can be bought, where, and for how much."""


@catalog.command("lint")
@click.argument("file", type=_READABLE_FILE)
def lint_(file: Path) -> None:
    """Say what is wrong with a catalogue file; exit status 1 if anything is."""
    findings = lint(read(file.read_bytes()))
    _say_findings(findings)
    if findings:
        sys.exit(1)
    click.echo("The catalogue may be sold.")


@catalog.command("publish")
@click.argument("file", type=_READABLE_FILE)
@click.option("--by", required=True, help="Who publishes it; kept with the version.")
@click.option(
    "--from",
    "valid_from",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"]),
    help="When it begins, in UTC; at once if not given.",
)
@click.pass_obj
def publish_(context: _Context, file: Path, by: str, valid_from: datetime | None) -> None:
    """Put a catalogue file on sale as the next version. What was sold keeps its price."""
    draft = read(file.read_bytes())
    begins_at = valid_from.replace(tzinfo=UTC) if valid_from else None

    async def job(pool: Pool) -> Publication:
        async with transaction(pool) as tx:
            return await publish(tx, draft, now=SystemClock().now(), by=by, valid_from=begins_at)

    try:
        published = context.run(job)
    except CatalogFaulty as no:
        _say_findings(no.findings)
        raise
    click.echo(f"Version {published.version} is on sale from {published.valid_from:%F %T} UTC.")


@catalog.command("show")
@click.pass_obj
def show(context: _Context) -> None:
    """Show the newest version: every price list with its packs."""

    async def job(pool: Pool) -> _OnSale:
        async with transaction(pool) as tx:
            newest = await publications(tx, limit=1)
            lists = await price_lists_of(tx, newest[0]) if newest else []
        return _OnSale(newest[0] if newest else None, lists)

    found = context.run(job)
    if found.publication is None:
        click.echo("Nothing is on sale yet: coinwell catalog publish FILE.")
        return
    newest = found.publication
    click.echo(
        f"Version {newest.version}, from {newest.valid_from:%F %T} UTC, by {newest.published_by}"
    )
    for price_list in found.lists:
        click.echo(
            f"\n{price_list.region} {price_list.currency} {price_list.channel}: "
            f"{price_list.coins_min:,} to {price_list.coins_max:,} coins"
        )
        for pack in price_list.packs:
            bonus = f" + {pack.bonus_coins:,}" if pack.bonus_coins else ""
            click.echo(f"  {pack.id:<16} {pack.coins:>7,}{bonus:<8} {pack.price.text():>16}")


@catalog.group("gifts")
def gifts_() -> None:
    """Gifts: what coins can be given as."""


@gifts_.command("lint")
@click.argument("file", type=_READABLE_FILE)
@click.pass_obj
def lint_gifts_(context: _Context, file: Path) -> None:
    """Say what is wrong with a file of gifts, by the packs on sale; exit status 1 if anything."""
    draft = read_gifts(file.read_bytes())

    async def job(pool: Pool) -> list[PriceList]:
        async with transaction(pool) as tx:
            newest = await publications(tx, limit=1)
            return await price_lists_of(tx, newest[0]) if newest else []

    findings = lint_gifts(draft, lists=context.run(job), art=drawings())
    _say_findings(findings)
    if findings:
        sys.exit(1)
    click.echo("The gifts may be offered.")


@gifts_.command("publish")
@click.argument("file", type=_READABLE_FILE)
@click.option("--by", required=True, help="Who publishes them; kept with the version.")
@click.option(
    "--from",
    "valid_from",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"]),
    help="When they begin, in UTC; at once if not given.",
)
@click.pass_obj
def publish_gifts_(context: _Context, file: Path, by: str, valid_from: datetime | None) -> None:
    """Put a file of gifts on offer as the next version. What was given stays what it was."""
    draft = read_gifts(file.read_bytes())
    begins_at = valid_from.replace(tzinfo=UTC) if valid_from else None

    async def job(pool: Pool) -> Publication:
        now = SystemClock().now()
        async with transaction(pool) as tx:
            return await publish_gifts(tx, draft, now=now, by=by, valid_from=begins_at)

    try:
        published = context.run(job)
    except GiftsFaulty as no:
        _say_findings(no.findings)
        raise
    click.echo(f"Version {published.version} is on offer from {published.valid_from:%F %T} UTC.")


@gifts_.command("show")
@click.pass_obj
def show_gifts(context: _Context) -> None:
    """Show the newest version of the gifts, in the order of the panel."""

    async def job(pool: Pool) -> _OnOffer:
        async with transaction(pool) as tx:
            newest = await gift_publications(tx, limit=1)
            found = await gifts_of_publication(tx, newest[0]) if newest else ()
        return _OnOffer(newest[0] if newest else None, found)

    found = context.run(job)
    if found.publication is None:
        click.echo("No gifts are on offer yet: coinwell catalog gifts publish FILE.")
        return
    newest = found.publication
    click.echo(
        f"Version {newest.version}, from {newest.valid_from:%F %T} UTC, by {newest.published_by}"
    )
    for gift in found.gifts:
        click.echo(f"  {gift.id:<20} {gift.name:<24} {gift.coins:>7,}")


def _say_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        click.echo(f"{finding.where}: {finding.sentence} [{finding.code}]", err=True)


COMMANDS = (catalog,)

"""`coinwell recharge …`: find a recharge by any id, and read its story."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol
from uuid import UUID

import click

from coinwell.base.clock import SystemClock
from coinwell.base.db import Pool, transaction
from coinwell.ledger import open_ledger
from coinwell.recharge.reading import find
from coinwell.recharge.store_lists import in_state
from coinwell.recharge.timelines import Entry, timeline
from coinwell.recharge.types import Order, OrderState


class _Context(Protocol):
    """What the command line hands to a room's commands."""

    def run(self, job: Callable[[Pool], Awaitable[Any]]) -> Any: ...


@click.group()
def recharge() -> None:
    """Recharges: find one by any id, see what happened to it."""


@recharge.command("find")
@click.argument("text")
@click.pass_obj
def find_(context: _Context, text: str) -> None:
    """List recharges by any id: recharge, payment, refund, transfer or message."""

    async def job(pool: Pool) -> list[Order]:
        async with transaction(pool) as tx:
            return await find(tx, text)

    _say(context.run(job), none="Nothing has that id.")


@recharge.command("waiting")
@click.pass_obj
def waiting(context: _Context) -> None:
    """List the recharges that wait for a person, oldest first."""

    async def job(pool: Pool) -> list[Order]:
        async with transaction(pool) as tx:
            now = SystemClock().now()
            found: list[Order] = []
            for state in (OrderState.NEEDS_REVIEW, OrderState.DISPUTED):
                found += await in_state(tx, state, until=now, limit=100)
            return sorted(found, key=lambda order: order.changed_at)

    _say(context.run(job), none="No recharge waits for a person.")


@recharge.command("show")
@click.argument("recharge_id", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def show(context: _Context, recharge_id: UUID, *, as_json: bool) -> None:
    """Tell the whole story of one recharge: our steps, the provider's news, the postings."""

    async def job(pool: Pool) -> list[Entry]:
        assert isinstance(pool.conninfo, str), "our pools are opened with a URL"
        async with open_ledger(pool.conninfo) as ledger:
            return await timeline(pool, ledger, recharge_id)

    entries: Sequence[Entry] = context.run(job)
    for entry in entries:
        facts = json.dumps(entry.facts, sort_keys=True)
        if as_json:
            line = {"at": entry.at.isoformat(), "source": entry.source, "kind": entry.kind}
            click.echo(json.dumps(line | {"facts": entry.facts}, sort_keys=True))
        else:
            click.echo(f"{entry.at:%Y-%m-%d %H:%M:%S} {entry.source:<9} {entry.kind:<18} {facts}")


def _say(orders: Sequence[Order], *, none: str) -> None:
    for order in orders:
        price = order.price.text()
        click.echo(f"{order.id} {order.state.value:<18} {price:>12} {order.all_coins:,} coins")
    if not orders:
        click.echo(none)


COMMANDS: tuple[click.Command, ...] = (recharge,)

"""`coinwell audit …`: check the chain of acts, and read it."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import click

from coinwell.base import audit
from coinwell.base.db import Pool, transaction

_PAGE_MAX = 1_000


class _Context(Protocol):
    """What the command line hands to a room's commands."""

    def run(self, job: Callable[[Pool], Awaitable[Any]]) -> Any: ...


@click.group("audit")
def audit_() -> None:
    """Who did what to what, when and why."""


@audit_.command("verify")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a sentence.")
@click.option("--head", help="A head that was kept elsewhere; it must be in the chain's place.")
@click.pass_obj
def verify(context: _Context, head: str | None, *, as_json: bool) -> None:
    """Walk the chain of acts; name the first bad row, and exit with 1, if there is one."""
    chain: audit.Chain = context.run(lambda pool: audit.verify(pool, kept_head=head))
    if as_json:
        said = {
            "sound": chain.sound,
            "acts": chain.count,
            "head": chain.head,
            "sentence": chain.sentence,
        }
        click.echo(json.dumps(said))
    else:
        click.echo(chain.sentence)
    sys.exit(0 if chain.sound else 1)


@audit_.command("show")
@click.option("--who", help="Acts of one caller, like operator:olu@example.org.")
@click.option("--what", "act", help="Acts of one kind, like restriction.placed.")
@click.option("--about", "object_", help="Acts about one thing, like user:… or recharge:….")
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, _PAGE_MAX),
    help="How many, at most.",
)
@click.pass_obj
def show(
    context: _Context, who: str | None, act: str | None, object_: str | None, limit: int
) -> None:
    """List acts, newest first."""
    wanted = audit.Filter(who=who, act=act, object=object_)

    async def job(pool: Pool) -> list[audit.Row]:
        async with transaction(pool) as tx:
            return await audit.find(tx, wanted, limit=limit)

    found: list[audit.Row] = context.run(job)
    for one in found:
        click.echo(f"{one.number:>6} {one.at:%F %T} {one.who} {one.act} {one.object}")
    if not found:
        click.echo("No act like that.")


COMMANDS = (audit_,)

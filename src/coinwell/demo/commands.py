"""`coinwell crowd`: a crowd for as long as one likes, and what came of it."""

import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol
from uuid import uuid4

import click

from coinwell.base.db import Pool
from coinwell.demo.asking import Report
from coinwell.demo.crowd import crowd_key, run_crowd
from coinwell.settings import Settings


class _Context(Protocol):
    """What the command line hands to a room's commands."""

    @property
    def settings(self) -> Settings: ...

    def run(self, job: Callable[[Pool], Awaitable[Any]]) -> Any: ...


@click.command()
@click.option("--rate", default=20, type=click.IntRange(1, 5_000), help="Acts a second.")
@click.option("--seconds", default=10, type=click.IntRange(1), help="How long.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
@click.pass_obj
def crowd(context: _Context, *, rate: int, seconds: int, as_json: bool) -> None:
    """Have made-up people give and recharge on the running product, and say what came of it.

    Ends with status 1 if any answer was one that nothing explains.
    """

    async def act(pool: Pool) -> Report:
        # A name of its own, so that the demo's own crowd keeps its key.
        async with crowd_key(pool, context.settings, f"crowd {uuid4()}") as key:
            return await run_crowd(context.settings, key, rate=rate, seconds=seconds)

    report: Report = context.run(act)
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        click.echo("\n".join(report.lines()))
    sys.exit(0 if report.explained else 1)


COMMANDS: Sequence[click.Command] = (crowd,)

"""Wires the rooms' commands into `coinwell …`."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import click

from coinwell import serving
from coinwell.backup import commands as backup_commands
from coinwell.base import audit
from coinwell.base.db import Pool, open_pool
from coinwell.base.refusal import Refusal
from coinwell.catalog import commands as catalog_commands
from coinwell.console import commands as console_commands
from coinwell.demo import commands as demo_commands
from coinwell.demo import demo_settings, live_on, populate
from coinwell.ledger import commands as ledger_commands
from coinwell.ledger import verify
from coinwell.notify import commands as notify_commands
from coinwell.postgres import Trouble
from coinwell.recharge import commands as recharge_commands
from coinwell.settings import Settings
from coinwell.users import commands as users_commands
from coinwell.worker import READERS
from coinwell.worker import work as run_worker

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """What a command is handed: the settings, and a way to run something on the database."""

    settings: Settings

    def run(self, job: Callable[[Pool], Awaitable[T]]) -> T:
        """Run `job(pool)` on the installation's database, started for it where needed."""

        async def on_pool(url: str) -> T:
            async with open_pool(url, max_size=4) as pool:
                return await job(pool)

        with serving.database(self.settings, attach=True) as (settings, _):
            serving.prepare(settings)
            return asyncio.run(on_pool(settings.database))


class _No(click.ClickException):
    exit_code = 2


class _Sentences(click.Group):
    """A foreseeable no is a sentence and exit status 2, never a trace."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Refusal as no:
            raise _No(no.sentence()) from no
        except Trouble as trouble:
            raise _No(str(trouble)) from trouble


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--demo", "of_demo", is_flag=True, help="Work on the demo installation of this folder."
)
@click.pass_context
def main(ctx: click.Context, *, of_demo: bool) -> None:
    """Coinwell: the coin economy of a live or short-video app."""
    if ctx.invoked_subcommand == "demo":
        return
    ctx.obj = Context(_settings(of_demo=of_demo))


def _settings(*, of_demo: bool) -> Settings:
    # Without a secret of its own, a folder that holds a demo is meant.
    if of_demo or "COINWELL_SECRET" not in os.environ:
        return demo_settings(os.environ)
    return Settings.from_env(os.environ)


@main.command()
@click.option("--port", type=int, help="Port of the pages; the sandbox takes the next one.")
def demo(port: int | None) -> None:
    """Start everything with its demo world: made-up people and a sandbox for payments."""
    environ = dict(os.environ)
    if port is not None:
        environ["COINWELL_PORT"] = str(port)
        environ["COINWELL_SANDBOX_PORT"] = str(port + 1)
    sys.exit(serving.serve_all(demo_settings(environ), populate=populate))


@main.command()
@click.pass_obj
def serve(context: Context) -> None:
    """Start database, web, worker and (where allowed) the sandbox, under one parent."""
    sys.exit(serving.serve_all(context.settings))


@main.command()
@click.pass_obj
def work(context: Context) -> None:
    """Run background jobs until told to stop."""
    with serving.database(context.settings, attach=True) as (settings, _):
        asyncio.run(run_worker(settings))


@main.command("migrate")
@click.pass_obj
def migrate_(context: Context) -> None:
    """Bring the database up to date."""
    with serving.database(context.settings, attach=True) as (settings, _):
        ran = serving.prepare(settings)
    click.echo("\n".join(ran) or "Already up to date.")


@main.command("verify")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a sentence.")
@click.pass_obj
def verify_(context: Context, *, as_json: bool) -> None:
    """Check the books: recompute everything from the transfers; and the chain of the audit log."""
    verdict = context.run(verify)
    chain = context.run(audit.verify)
    if as_json:
        said = {
            "balanced": verdict.balanced,
            "sentence": verdict.sentence,
            "audit": {"sound": chain.sound, "sentence": chain.sentence},
        }
        click.echo(json.dumps(said))
    else:
        click.echo(f"{verdict.sentence}\n{chain.sentence}")
    sys.exit(0 if verdict.balanced and chain.sound else 1)


@main.command("settings")
@click.pass_obj
def settings_(context: Context) -> None:
    """Show every setting, its value and its meaning; secrets masked."""
    for name, value, meaning in context.settings.shown():
        click.echo(f"{name:<28} {value:<32} {meaning}")


@main.group(hidden=True)
def process() -> None:
    """What the parent starts; not for people."""


@process.command()
@click.pass_obj
def web(context: Context) -> None:
    """One web process."""
    serving.serve_web(context.settings)


@process.command()
@click.pass_obj
def sandbox(context: Context) -> None:
    """The sandbox provider."""
    serving.serve_sandbox_process(context.settings)


@process.command("crowd")
@click.pass_obj
def crowd_(context: Context) -> None:
    """The demo's crowd."""
    asyncio.run(live_on(context.settings))


for _commands in (
    users_commands,
    catalog_commands,
    recharge_commands,
    notify_commands,
    console_commands,
    backup_commands,
    demo_commands,
):
    for _command in _commands.COMMANDS:
        main.add_command(_command)
for _command in ledger_commands.reader_commands(READERS):
    main.add_command(_command)


if __name__ == "__main__":
    main()

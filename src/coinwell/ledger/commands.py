"""`coinwell rebuild` and `coinwell readers`: the readers of the feed, for a person."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import click

from coinwell.base.clock import NANOSECONDS_PER_SECOND
from coinwell.base.db import Pool
from coinwell.base.refusal import Kind, Refusal
from coinwell.ledger.feed import Lag, Progress, Reader, lags, rebuild
from coinwell.ledger.opening import open_ledger


class _Context(Protocol):
    """What the command line hands to a room's commands."""

    def run(self, job: Callable[[Pool], Awaitable[Any]]) -> Any: ...


@dataclass(eq=False)
class ReaderUnknown(Refusal):
    """No reader of the feed has this name; `coinwell readers` lists them."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "No such reader"
    reader: str


def reader_commands(readers: Sequence[Reader]) -> tuple[click.Command, ...]:
    """The commands over these readers: the ledger knows none by itself."""
    return _rebuild_command(readers), _readers_command(readers)


def _rebuild_command(readers: Sequence[Reader]) -> click.Command:
    @click.command("rebuild")
    @click.argument("name")
    @click.option("--go-on", is_flag=True, help="Clear nothing; finish a rebuild that was killed.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a bar.")
    @click.pass_obj
    def command(context: _Context, name: str, *, go_on: bool, as_json: bool) -> None:
        """Clear what a reader of the feed made and make it again from the first transfer."""
        known = {reader.name: reader for reader in readers}
        if name not in known:
            raise ReaderUnknown(name)
        with _Bar(name, shown=not as_json) as bar:
            passed = context.run(lambda pool: _rebuild(pool, known[name], bar.show, go_on=go_on))
        if as_json:
            click.echo(json.dumps({"reader": name, "transfers": passed}))
        else:
            click.echo(f"{name}: {passed:,} transfers read.")

    return command


def _readers_command(readers: Sequence[Reader]) -> click.Command:
    @click.command("readers")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
    @click.pass_obj
    def command(context: _Context, *, as_json: bool) -> None:
        """List the readers of the feed: how far each has come, and how far it is behind."""
        found: list[Lag] = context.run(lambda pool: _lags(pool, readers))
        for reader, lag in zip(readers, found, strict=True):
            click.echo(_json(reader, lag) if as_json else _sentence(reader, lag))

    return command


class _Bar:
    """A progress bar that a rebuild moves."""

    def __init__(self, name: str, *, shown: bool) -> None:
        self._bar: Any = click.progressbar(length=1_000, label=name) if shown else None
        self._at = 0

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(*error)

    def show(self, progress: Progress) -> None:
        """Move the bar to where the rebuild is."""
        if self._bar is not None:
            self._bar.update(progress.per_mille - self._at)
            self._at = progress.per_mille


async def _rebuild(
    pool: Pool, reader: Reader, show: Callable[[Progress], None], *, go_on: bool
) -> int:
    assert isinstance(pool.conninfo, str), "our pools are opened with a URL"
    async with open_ledger(pool.conninfo) as ledger:
        return await rebuild(pool, ledger, reader, show, go_on=go_on)


async def _lags(pool: Pool, readers: Sequence[Reader]) -> list[Lag]:
    assert isinstance(pool.conninfo, str), "our pools are opened with a URL"
    async with open_ledger(pool.conninfo) as ledger:
        return await lags(pool, ledger, readers)


def _sentence(reader: Reader, lag: Lag) -> str:
    passed = f"{lag.position.passed_count:,} read"
    if not lag.behind_count:
        behind = "up to date"
    else:
        more = " or more" if lag.and_more else ""
        seconds = lag.behind_ns // NANOSECONDS_PER_SECOND
        behind = f"{lag.behind_count:,}{more} behind, waiting for {seconds:,} s"
    kind = "rebuildable" if reader.clear is not None else "told once"
    return f"{reader.name:<20} {passed:>16}  {kind:<12} {behind}"


def _json(reader: Reader, lag: Lag) -> str:
    return json.dumps(
        {
            "reader": reader.name,
            "rebuildable": reader.clear is not None,
            "position_ns": lag.position.position_ns,
            "passed": lag.position.passed_count,
            "behind": lag.behind_count,
            "behind_or_more": lag.and_more,
            "behind_ns": lag.behind_ns,
        }
    )

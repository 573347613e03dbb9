"""`coinwell backup`, `coinwell backup verify` and `coinwell restore`."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, Self

import click
import msgspec

from coinwell import serving
from coinwell.backup.checking import check
from coinwell.backup.restoring import restore
from coinwell.backup.taking import take
from coinwell.backup.types import BackupKind, Manifest, Stage, Tell, silent
from coinwell.settings import Settings

_FOLDER = click.Path(path_type=Path)
_WITHOUT = (
    "Not in it: COINWELL_SECRET and the other settings. Keep them apart from the backup; without "
    "the secret a restored installation knows no API key any more."
)


class _Context(Protocol):
    """What the command line hands to a room's commands."""

    @property
    def settings(self) -> Settings: ...


class _FolderFirst(click.Group):
    """`backup FOLDER` takes one; `backup verify FOLDER` is told apart by its name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["take", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_FolderFirst)
def backup() -> None:
    """Copy the installation while it works, or check such a copy.

    `coinwell backup FOLDER` is short for `coinwell backup take FOLDER`.
    """


@backup.command("take")
@click.argument("folder", type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
@click.pass_obj
def take_(context: _Context, folder: Path, *, as_json: bool) -> None:
    """Copy the installation into the new FOLDER while it works.

    The embedded server is copied whole. Of a given server (COINWELL_DATABASE) every table of the
    one database is exported, as of one moment.
    """
    with (
        serving.database(context.settings, attach=True) as (settings, server),
        _Bar(shown=not as_json) as bar,
    ):
        serving.prepare(settings)
        manifest = take(settings, folder, embedded=server is not None, tell=bar.tell)
    _say(folder, manifest, "Backed up", as_json=as_json)
    if not as_json:
        drawn = any(file.path == "secret" for file in manifest.files)
        click.echo("The demo's own secret is in it: keep it to yourself." if drawn else _WITHOUT)


@backup.command("verify")
@click.argument("folder", type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
def verify_(folder: Path, *, as_json: bool) -> None:
    """Read every file of a backup and compare it with what was written."""
    with _Bar(shown=not as_json) as bar:
        manifest = check(folder, tell=bar.tell)
    _say(folder, manifest, "Whole", as_json=as_json)


@click.command("restore")
@click.argument("folder", type=_FOLDER)
@click.option("--into", type=_FOLDER, help="Data folder to restore into; else COINWELL_DATA.")
@click.option(
    "--replace", "over", is_flag=True, help="Put a database that is there aside, and keep it."
)
@click.option(
    "--other-secret", is_flag=True, help="Go on although COINWELL_SECRET is another one now."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
@click.pass_obj
def restore_(
    context: _Context,
    folder: Path,
    *,
    into: Path | None,
    over: bool,
    other_secret: bool,
    as_json: bool,
) -> None:
    """Bring the backup in FOLDER back to life, and verify the books before saying so.

    Nothing is overwritten. The product must not be running on that data folder. A backup of a
    given server goes into the empty database that COINWELL_DATABASE names, or without one into
    an embedded server.
    """
    settings = context.settings if into is None else replace(context.settings, data=into)
    with _Bar(shown=not as_json) as bar:
        made = restore(settings, folder, over=over, other_secret=other_secret, tell=bar.tell)
    if as_json:
        click.echo(msgspec.json.encode(made))
        return
    click.echo(f"Restored: {made.verdict}")
    click.echo(
        f"The books are as of {made.backup_began_at:%Y-%m-%d %H:%M:%S} UTC or a moment later. "
        f"Epoch {made.epoch} begins: what is decided now is later than all before."
    )
    if made.kept is not None:
        click.echo(f"The database that was there is kept in {made.kept}.")
    click.echo(
        "At the next start every payment provider is asked for what it told since then. A caller "
        "whose answer is newer than the backup sends its request again with the same key."
    )


def _say(folder: Path, manifest: Manifest, done: str, *, as_json: bool) -> None:
    if as_json:
        facts: dict[str, Any] = msgspec.to_builtins(manifest)
        facts |= {"files": len(manifest.files), "bytes": manifest.all_bytes, "folder": str(folder)}
        click.echo(json.dumps(facts))
        return
    what = "server" if manifest.kind is BackupKind.CLUSTER else "database"
    click.echo(
        f"{done}: {folder}, {len(manifest.files):,} files, {manifest.all_bytes / 1024**2:,.0f} "
        f"MiB; the {what} as of {manifest.began_at:%Y-%m-%d %H:%M:%S} UTC or a moment later, "
        f"{manifest.transfer_count:,} transfers or more."
    )


class _Bar:
    """A progress bar for each stage, on a terminal's standard error."""

    def __init__(self, *, shown: bool) -> None:
        self.tell: Tell = self._tell if shown and sys.stderr.isatty() else silent
        self._stage: Stage | None = None
        self._percent = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stage is not None:
            click.echo(err=True)

    def _tell(self, stage: Stage, done: int, total: int) -> None:
        percent = min(100 * done // total, 100) if total else 0
        if (stage, percent) == (self._stage, self._percent):
            return
        if self._stage not in {None, stage}:
            click.echo(err=True)
        self._stage, self._percent = stage, percent
        filled = "█" * (percent // 4)
        click.echo(f"\r{stage.value:<22} {filled:<25} {percent:3d} %", nl=False, err=True)


COMMANDS: tuple[click.Command, ...] = (backup, restore_)
"""The room's commands."""

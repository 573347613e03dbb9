"""Take a backup while the installation works."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from coinwell.backup.checking import kept, listed
from coinwell.backup.refusals import BackupThere
from coinwell.backup.types import (
    CLUSTER,
    DUMP,
    FORMAT,
    MANIFEST,
    SANDBOX,
    SEAL,
    SECRET,
    BackupKind,
    KeptFile,
    Manifest,
    Stage,
    Tell,
    silent,
)
from coinwell.base.clock import Clock, SystemClock
from coinwell.ledger import Epoch, current_epoch
from coinwell.postgres import run_program, take_cluster
from coinwell.settings import Settings

_CHECK = "backup check"
_SIZE = "SELECT pg_database_size(current_database())"


def take(
    settings: Settings,
    folder: Path,
    *,
    embedded: bool,
    clock: Clock | None = None,
    tell: Tell = silent,
) -> Manifest:
    """Copy the installation into the new `folder`; everything acknowledged by now is in it.

    `settings.database` answers; `embedded` says that it is our own server, which is then copied
    file by file. Of a given server all tables of the one database are exported, as of one
    moment, with the rights of that URL's role. It is written beside its name, and gets the name
    when every byte is on the disk.
    Refuses: `BackupThere`; `CopyFailed` with PostgreSQL's own words.
    """
    now = (clock or SystemClock()).now
    folder = folder.expanduser().absolute()
    _demand_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = folder.with_name(f"{folder.name}.unfinished-{os.getpid()}")
    building.mkdir(mode=0o700)
    try:
        began_at, books = now(), asyncio.run(_books(settings.database))
        if embedded:
            take_cluster(settings.database, building / CLUSTER, partial(tell, Stage.COPYING))
        else:
            _dump(settings.database, building / DUMP, tell)
        _beside(settings, building)
        files = _files(building, tell)
        kind = BackupKind.CLUSTER if embedded else BackupKind.DUMP
        manifest = _manifest(settings, kind, books, (began_at, now()), files)
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
        _write(building / MANIFEST, text)
        _write(building / SEAL, sha256(text).hexdigest().encode() + b"\n")
        os.sync()
        # Over an empty folder that came up meanwhile a rename would go.
        _demand_free(folder)
        building.rename(folder)
        _sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return manifest


def secret_check(settings: Settings) -> str:
    """Tells one secret from another without telling it."""
    return settings.derived_secret(_CHECK)[:32]


def _demand_free(folder: Path) -> None:
    if folder.exists() or folder.is_symlink():
        raise BackupThere(str(folder))


async def _books(url: str) -> Epoch:
    async with await AsyncConnection[TupleRow].connect(url, connect_timeout=10) as tx:
        return await current_epoch(tx)


def _dump(url: str, file: Path, tell: Tell) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        found = connection.execute(_SIZE).fetchone()
    total = 0 if found is None else int(found[0])

    def watch() -> None:
        tell(Stage.COPYING, min(file.stat().st_size if file.exists() else 0, total), total)

    # Rights and owners are the new server's own affair.
    arguments = ["--format=custom", "--no-owner", "--no-privileges", "--no-password"]
    run_program("pg_dump", [*arguments, f"--file={file}"], url, watch)
    run_program("pg_restore", ["--list", "--file=/dev/null", str(file)], None)


def _beside(settings: Settings, building: Path) -> None:
    """What lies beside the database: the sandbox's own books, and a secret drawn for a demo."""
    sandbox = settings.data / "sandbox" / SANDBOX
    if sandbox.exists():
        with (
            closing(sqlite3.connect(f"{sandbox.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(building / SANDBOX)) as target,
        ):
            source.backup(target)
        (building / SANDBOX).chmod(0o600)
    # A secret that was given is kept by whoever gave it, and not beside what it protects.
    drawn = settings.data / SECRET
    if drawn.exists() and drawn.read_text() == settings.secret:
        _write(building / SECRET, settings.secret.encode())


def _files(building: Path, tell: Tell) -> tuple[KeptFile, ...]:
    names = listed(building)
    total, done = sum((building / name).stat().st_size for name in names), 0

    def told(size: int) -> None:
        nonlocal done
        done += size
        tell(Stage.HASHING, done, total)

    return tuple(kept(building, name, told) for name in names)


def _manifest(
    settings: Settings,
    kind: BackupKind,
    books: Epoch,
    times: tuple[datetime, datetime],
    files: tuple[KeptFile, ...],
) -> Manifest:
    with psycopg.connect(settings.database, connect_timeout=10) as connection:
        major = connection.info.server_version // 10_000
    return Manifest(
        format=FORMAT,
        kind=kind,
        began_at=times[0],
        finished_at=times[1],
        coinwell=version("coinwell"),
        postgres=major,
        installation=settings.installation,
        environment=settings.environment,
        secret_check=secret_check(settings),
        epoch=books.epoch,
        timestamp_ns=books.timestamp,
        transfer_count=books.transfer_count,
        files=files,
    )


def _write(path: Path, content: bytes) -> None:
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "wb") as writing:
        writing.write(content)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

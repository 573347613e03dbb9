"""Restore: check, put in place aside, start, verify, begin a new epoch, and only then the name."""

import asyncio
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import psycopg

from coinwell import serving
from coinwell.backup.checking import check
from coinwell.backup.moving import load
from coinwell.backup.refusals import (
    BackupNewer,
    BooksBroken,
    ClockBehind,
    DataThere,
    OtherSecret,
    WrongTarget,
)
from coinwell.backup.taking import secret_check
from coinwell.backup.types import (
    CLUSTER,
    DUMP,
    SANDBOX,
    SECRET,
    BackupKind,
    Manifest,
    Stage,
    Tell,
    silent,
)
from coinwell.base.clock import Clock, SystemClock
from coinwell.base.db import open_pool, transaction
from coinwell.base.jobs import defer
from coinwell.base.migrate import migrations
from coinwell.ledger import Epoch, Verdict, begin_epoch, verify
from coinwell.postgres import demand_idle, place_cluster
from coinwell.settings import Settings

NOTE = "restored.json"
# A provider may date what it tells a little earlier than we heard of it.
_EARLIER = timedelta(minutes=15)
_RAN = "SELECT name FROM public.migration ORDER BY name"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, where to, and where the books go on.

    `kept` is where the database that was there before is now.
    """

    verdict: str
    epoch: int
    timestamp_ns: int
    backup_began_at: datetime
    restored_at: datetime
    data: str
    kept: str | None


def restore(
    settings: Settings,
    folder: Path,
    *,
    over: bool = False,
    other_secret: bool = False,
    clock: Clock | None = None,
    tell: Tell = silent,
) -> Restored:
    """Bring a backup back to life in `settings.data` (or in the empty given database).

    With `over` a database that is there is kept beside the restored one; otherwise it is
    refused. With `other_secret` the installation may have another secret than it had.
    Refuses: `BackupBroken`, `BackupNewer`, `DataThere`, `DatabaseInUse`, `WrongTarget`,
        `OtherSecret`, `ClockBehind`, `BooksBroken`; what `open_server` refuses.
    """
    now = (clock or SystemClock()).now
    manifest = check(folder, tell=tell)
    _demand_right(settings, folder, manifest, now(), other_secret=other_secret)
    if settings.database:
        if manifest.kind is BackupKind.CLUSTER:
            raise WrongTarget
        load(settings.database, folder / DUMP)
        return _revive(settings, manifest, clock or SystemClock())
    return _into_folder(settings, folder, manifest, (clock or SystemClock(), tell), over=over)


def _demand_right(
    settings: Settings, folder: Path, manifest: Manifest, now: datetime, *, other_secret: bool
) -> None:
    if now < manifest.finished_at:
        raise ClockBehind(f"{now:%Y-%m-%d %H:%M:%S} UTC", f"{manifest.finished_at:%F %T} UTC")
    brings = (folder / SECRET).exists() and not settings.database
    if not (other_secret or brings or secret_check(settings) == manifest.secret_check):
        raise OtherSecret


def _into_folder(
    settings: Settings, folder: Path, manifest: Manifest, by: tuple[Clock, Tell], *, over: bool
) -> Restored:
    clock, tell = by
    data = settings.data.expanduser().absolute()
    there = data / "postgres"
    occupied = (there / "cluster").exists() or (there / "location").exists()
    if occupied and not over:
        raise DataThere(str(data))
    demand_idle(there)
    data.mkdir(parents=True, exist_ok=True)
    aside = data / serving.RESTORING
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    if manifest.kind is BackupKind.CLUSTER:
        place_cluster(aside / "postgres", folder / CLUSTER, partial(tell, Stage.PLACING))
    with serving.database(replace(settings, data=aside)) as (served, _):
        if manifest.kind is BackupKind.DUMP:
            load(served.database, folder / DUMP)
        made = _revive(served, manifest, clock)
    demand_idle(there)
    stamp = f"{made.restored_at:%Y%m%d-%H%M%S}"
    kept = data / f"postgres.before-{stamp}" if there.exists() else None
    _beside(folder, data, stamp, occupied=occupied)
    # Between these two names a start is refused (`RestoreUnfinished`), never made on nothing.
    if kept is not None:
        there.rename(kept)
    (aside / "postgres").rename(there)
    shutil.rmtree(aside)
    made = replace(made, data=str(data), kept=kept and str(kept))
    (data / NOTE).write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    return made


def _beside(folder: Path, data: Path, stamp: str, *, occupied: bool) -> None:
    """The sandbox stands for the outside: one that lives on in this folder is not set back."""
    sandbox = data / "sandbox" / SANDBOX
    if (folder / SANDBOX).exists() and not sandbox.exists():
        sandbox.parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / SANDBOX, sandbox)
        sandbox.chmod(0o600)
    if (folder / SECRET).exists() and not occupied:
        drawn = data / SECRET
        with suppress(FileNotFoundError):
            drawn.rename(data / f"{SECRET}.before-{stamp}")
        drawn.touch(mode=0o600)
        drawn.write_bytes((folder / SECRET).read_bytes())


def _revive(settings: Settings, manifest: Manifest, clock: Clock) -> Restored:
    """On the running copy: bring the schema up to date, verify, and begin the new epoch."""
    _demand_known(settings.database)
    serving.prepare(settings)
    verdict, epoch, at = asyncio.run(_new_epoch(settings.database, manifest, clock))
    return Restored(
        verdict=verdict.sentence,
        epoch=epoch.epoch,
        timestamp_ns=epoch.timestamp,
        backup_began_at=manifest.began_at,
        restored_at=at,
        data=str(settings.data),
        kept=None,
    )


async def _new_epoch(url: str, manifest: Manifest, clock: Clock) -> tuple[Verdict, Epoch, datetime]:
    verdict = await verify(url)
    if not verdict.balanced:
        raise BooksBroken(verdict.sentence)
    now = clock.now()
    since = (manifest.began_at - _EARLIER).isoformat()
    async with open_pool(url, max_size=1) as pool, transaction(pool) as tx:
        epoch = await begin_epoch(tx, floor_ns=clock.now_ns())
        await defer(tx, "recharge.catch_up", since=since)
    if epoch.transfer_count < manifest.transfer_count:
        raise BooksBroken(
            f"It has {epoch.transfer_count:,} transfers, and the backup began with "
            f"{manifest.transfer_count:,}."
        )
    return verdict, epoch, now


def _demand_known(url: str) -> None:
    known = {migration.name for migration in migrations()}
    with psycopg.connect(url, connect_timeout=10) as connection:
        for (name,) in connection.execute(_RAN):
            if name not in known:
                raise BackupNewer(str(name))

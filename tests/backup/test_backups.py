"""A backup is whole or refused, a restore overwrites nothing and goes on in a new epoch."""

import asyncio
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from coinwell import serving
from coinwell.backup import (
    BackupBroken,
    BackupNewer,
    BackupThere,
    BooksBroken,
    ClockBehind,
    DatabaseInUse,
    DataThere,
    OtherSecret,
    WrongTarget,
    check,
    restore,
    take,
)
from coinwell.base.clock import SystemClock, from_ns
from coinwell.ledger import CreateTransferStatus, open_ledger, verify
from coinwell.postgres import AlreadyServed, CopyFailed
from coinwell.settings import Settings
from tests.backup.conftest import MOVES, fill, move
from tests.postgres.scripts import finish, logged, start

pytestmark = [
    pytest.mark.faults,
    pytest.mark.xdist_group("backup"),
    pytest.mark.skipif(sys.platform == "win32", reason="the embedded server needs POSIX"),
]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
_XIDS = "SELECT transaction::text::bigint FROM base.outbox ORDER BY at"
_CATCH_UP = "SELECT args->>'since' FROM procrastinate_jobs WHERE task_name = 'recharge.catch_up'"


async def again(url: str) -> tuple[list[CreateTransferStatus], list[int], str]:
    """Send the first transfers again and one more; the statuses, the times and the verdict."""
    async with open_ledger(url) as ledger:
        results = await ledger.create_transfers([*map(move, range(1, MOVES + 2))])
    verdict = await verify(url)
    assert verdict.balanced, verdict.sentence
    return [one.status for one in results], [one.timestamp for one in results], verdict.sentence


def test_a_restored_installation_stands_and_goes_on_in_a_new_epoch(
    backup: Path, settings: Settings
) -> None:
    made = restore(settings, backup)

    assert made.verdict.startswith(f"The books balance: {MOVES} transfers")
    assert made.epoch == 2
    with serving.database(settings) as (served, _):
        statuses, times, _ = asyncio.run(again(served.database))
        with psycopg.connect(served.database) as connection:
            asked = connection.execute(_CATCH_UP).fetchall()
    exists, created = CreateTransferStatus.EXISTS, CreateTransferStatus.CREATED
    assert statuses == [exists] * MOVES + [created]
    assert times[-2] < made.timestamp_ns < times[-1]
    [(since,)] = asked
    assert datetime.fromisoformat(since) < made.backup_began_at
    assert json.loads((settings.data / "restored.json").read_bytes())["epoch"] == 2
    assert (settings.data / "secret").read_text() == settings.secret
    assert sorted(path.name for path in settings.data.iterdir()) == [
        "postgres",
        "restored.json",
        "secret",
    ]


Harm = Callable[[Path], None]


def one_byte(folder: Path) -> None:
    [found] = (folder / "cluster" / "pg_wal").glob("0*")
    content = bytearray(found.read_bytes())
    content[len(content) // 2] ^= 1
    found.write_bytes(content)


def one_byte_of_the_manifest(folder: Path) -> None:
    path = folder / "coinwell-backup.json"
    path.write_text(path.read_text().replace('"epoch": 1', '"epoch": 2'))


def gone(name: str) -> Harm:
    return lambda folder: (folder / name).unlink()


def added(folder: Path) -> None:
    (folder / "cluster" / "stray").touch()


def cut(folder: Path) -> None:
    (folder / "cluster" / "PG_VERSION").write_text("18")


def all_gone(folder: Path) -> None:
    shutil.rmtree(folder)


HARMS: list[tuple[Harm, str]] = [
    (one_byte, "cluster/pg_wal/0"),
    (one_byte_of_the_manifest, "coinwell-backup.json"),
    (gone("cluster/backup_label"), "cluster/backup_label"),
    (gone("coinwell-backup.json"), "coinwell-backup.json"),
    (gone("coinwell-backup.sha256"), "coinwell-backup.sha256"),
    (added, "cluster/stray"),
    (cut, "cluster/PG_VERSION"),
    (all_gone, "backup"),
]


@pytest.mark.parametrize(("harm", "named"), HARMS)
def test_a_backup_that_is_not_whole_is_refused_by_the_name_of_the_file(
    backup: Path, settings: Settings, harm: Harm, named: str
) -> None:
    check(backup)
    harm(backup)
    with pytest.raises(BackupBroken) as no:
        check(backup)
    assert named in no.value.file
    assert no.value.file in no.value.sentence()
    with pytest.raises(BackupBroken):
        restore(settings, backup)
    assert not settings.data.exists()


def test_a_link_in_the_place_of_a_file_is_refused(backup: Path) -> None:
    path = backup / "cluster" / "PG_VERSION"
    path.rename(backup.parent / "elsewhere")
    path.symlink_to(backup.parent / "elsewhere")
    with pytest.raises(BackupBroken, match="PG_VERSION"):
        check(backup)


def test_a_backup_that_is_killed_or_fails_never_has_its_name(kept: Path, outer: Path) -> None:
    settings = Settings(secret="x" * 32, data=kept / "data")
    program = (
        "import sys, os, signal\nfrom pathlib import Path\n"
        "from coinwell import backup, serving\nfrom coinwell.settings import Settings\n"
        "s = Settings(secret='x' * 32, data=Path(sys.argv[1]))\n"
        "def tell(stage, done, total):\n"
        "    if stage is backup.Stage.HASHING: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with serving.database(s) as (served, _):\n"
        "    backup.take(served, Path(sys.argv[2]), embedded=True, tell=tell)\n"
    )
    command = [sys.executable, "-c", program, str(settings.data), str(outer / "b")]
    ended = subprocess.run(command, check=False, timeout=100)
    assert ended.returncode == -signal.SIGKILL
    assert not (outer / "b").exists()
    [rest] = outer.iterdir()
    with pytest.raises(BackupBroken, match="never finished"):
        check(rest)
    shutil.rmtree(rest)

    with pytest.raises(psycopg.OperationalError):
        take(replace(settings, database="host=/nowhere"), outer / "b", embedded=True)
    assert list(outer.iterdir()) == [], "a failure leaves nothing"


def test_nothing_that_is_there_is_overwritten(kept: Path, backup: Path, settings: Settings) -> None:
    with pytest.raises(BackupThere):
        take(settings, backup, embedded=True)
    restore(settings, backup)
    with pytest.raises(DataThere):
        restore(settings, backup)
    with serving.database(settings) as (served, _):
        asyncio.run(fill(served.database, range(50, 60)))
        with pytest.raises(AlreadyServed):
            restore(settings, backup, over=True)
    (settings.data / "sandbox").mkdir()
    (settings.data / "sandbox" / "sandbox.sqlite").write_text("what the outside knows")

    made = restore(settings, backup, over=True)

    assert made.verdict.startswith(f"The books balance: {MOVES} transfers")
    assert (settings.data / "sandbox" / "sandbox.sqlite").read_text() == "what the outside knows"
    assert made.kept is not None
    shutil.rmtree(settings.data / "postgres")
    Path(made.kept).rename(settings.data / "postgres")
    with serving.database(settings) as (served, _):
        assert f"{MOVES + 10} transfers" in asyncio.run(verify(served.database)).sentence


def test_a_restore_cut_short_is_never_taken_for_an_empty_installation(
    backup: Path, settings: Settings
) -> None:
    (settings.data / "restoring").mkdir(parents=True)
    with pytest.raises(serving.RestoreUnfinished), serving.database(settings):
        raise AssertionError
    restore(settings, backup)
    with serving.database(settings) as (served, _):
        assert "balance" in asyncio.run(verify(served.database)).sentence


def test_books_that_do_not_balance_are_not_put_to_use(kept: Path, outer: Path) -> None:
    settings = Settings(secret="y" * 32, data=outer / "source")
    shutil.copytree(kept / "backup", outer / "b")
    restore(settings, outer / "b", other_secret=True)
    with serving.database(settings) as (served, _):
        with psycopg.connect(served.database) as connection:
            connection.execute("UPDATE ledger.account SET credits_posted = credits_posted + 1")
        take(served, outer / "bent", embedded=True)
    target = replace(settings, data=outer / "target")
    with pytest.raises(BooksBroken, match="do not balance"):
        restore(target, outer / "bent")
    assert not (target.data / "postgres").exists()


class _Early(SystemClock):
    def now(self) -> datetime:
        return datetime(2020, 1, 1, tzinfo=UTC)


def test_a_wrong_clock_secret_or_target_is_refused_before_anything_is_done(
    backup: Path, settings: Settings, database_url: str
) -> None:
    with pytest.raises(ClockBehind):
        restore(settings, backup, clock=_Early())
    with pytest.raises(WrongTarget):
        restore(replace(settings, database=database_url), backup)
    assert not settings.data.exists()


def test_a_secret_that_was_given_is_not_in_the_backup_and_must_be_given_again(
    kept: Path, outer: Path
) -> None:
    given = Settings(secret="given from outside, not drawn here", data=kept / "data")
    with serving.database(given) as (served, _):
        take(served, outer / "b", embedded=True)
    assert not (outer / "b" / "secret").exists()
    everything = b"".join(path.read_bytes() for path in (outer / "b").glob("coinwell*"))
    assert given.secret.encode() not in everything
    other = Settings(secret="z" * 32, data=outer / "data")
    with pytest.raises(OtherSecret):
        restore(other, outer / "b")
    assert restore(other, outer / "b", other_secret=True).epoch == 2
    assert restore(replace(given, data=outer / "data2"), outer / "b").epoch == 2


def test_a_backup_of_a_newer_version_is_refused(backup: Path, outer: Path) -> None:
    settings = Settings(secret="a secret of the tests, long enough", data=outer / "source")
    restore(settings, backup)
    with serving.database(settings) as (served, _):
        with psycopg.connect(served.database) as connection:
            connection.execute(
                "INSERT INTO public.migration (name, digest) VALUES ('9999_later.sql', '')"
            )
        take(served, outer / "newer", embedded=True)
    with pytest.raises(BackupNewer, match=r"9999_later\.sql"):
        restore(replace(settings, data=outer / "target"), outer / "newer")


def test_a_given_server_is_exported_and_imported_into_an_empty_database(
    given: Settings, outer: Path, empty: str
) -> None:
    for number in range(4):
        with psycopg.connect(given.database) as connection:
            connection.execute("SELECT pg_current_xact_id()")
            connection.execute(
                "INSERT INTO base.outbox (id, kind, subject, body, at, transaction) VALUES "
                "(gen_random_uuid(), 'k', gen_random_uuid(), '{}', now() + %s * interval '1 h', "
                "(pg_current_xact_id()::text::bigint + 70000)::text::xid8)",
                [number],
            )
    manifest = take(given, outer / "b", embedded=False)
    assert manifest.transfer_count == MOVES
    check(outer / "b")
    with pytest.raises(DatabaseInUse):
        restore(given, outer / "b")

    made = restore(replace(given, database=empty), outer / "b")

    assert made.epoch == 2
    with psycopg.connect(empty) as connection:
        found = [number for (number,) in connection.execute(_XIDS)]
        now = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
    assert now is not None
    assert found == sorted(set(found)), "news keeps its order"
    assert found[-1] < now[0], "and what is written now comes after it"
    assert asyncio.run(again(empty))[0][-1] is CreateTransferStatus.CREATED


def test_a_given_server_comes_back_in_an_embedded_one(given: Settings, outer: Path) -> None:
    take(given, outer / "b", embedded=False)
    target = replace(given, database="", data=outer / "data")
    assert restore(target, outer / "b").epoch == 2
    with serving.database(target) as (served, _):
        assert f"{MOVES} transfers" in asyncio.run(verify(served.database)).sentence


def test_a_role_without_the_right_to_read_says_which_table(given: Settings, outer: Path) -> None:
    with psycopg.connect(given.database, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS half_blind")
        connection.execute("CREATE ROLE half_blind LOGIN")
        connection.execute("GRANT USAGE ON SCHEMA ledger, public TO half_blind")
        connection.execute("GRANT SELECT ON ledger.head TO half_blind")
        parts = conninfo_to_dict(given.database)
        blind = make_conninfo("", **{**parts, "user": "half_blind"})
        try:
            with pytest.raises(CopyFailed, match="permission denied for"):
                take(replace(given, database=blind), outer / "b", embedded=False)
        finally:
            connection.execute("DROP OWNED BY half_blind")
            connection.execute("DROP ROLE half_blind")
    assert list(outer.iterdir()) == []


@as_root
def test_root_restores_below_a_folder_that_only_root_may_enter(
    backup: Path, outer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coinwell.postgres.places._SHARED", (outer / "shared",))
    closed = outer / "closed"
    closed.mkdir(mode=0o700)
    settings = Settings(secret="a secret of the tests, long enough", data=closed / "data")

    restore(settings, backup)

    assert (settings.data / "postgres" / "location").exists()
    with serving.database(settings) as (served, server):
        assert server is not None
        assert (server.home / "cluster").stat().st_uid == 61017
        assert f"{MOVES} transfers" in asyncio.run(verify(served.database)).sentence


ORDINARY = """
    import asyncio, sqlite3
    from coinwell import backup, cli
    from coinwell.settings import Settings
    own = folder / "own"
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(int(os.environ["BECOME"]))
        os.setuid(int(os.environ["BECOME"]))
    os.environ["HOME"] = str(own)
    os.environ["COINWELL_SECRET"] = "s" * 32
    os.environ["COINWELL_DATA"] = str(own / "data")
    def run(*words):
        try:
            cli.main(words)
        except SystemExit as end:
            say(end.code)
    run("backup", str(own / "b"))
    run("backup", "verify", str(own / "b"))
    run("restore", str(own / "b"), "--into", str(own / "new"))
    """


def test_an_ordinary_user_backs_up_and_restores(outer: Path) -> None:
    uid = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    (outer / "own").mkdir()
    os.chown(outer / "own", uid, -1)
    script = start(ORDINARY, outer, environment={"BECOME": str(uid)})
    assert script.stdout is not None
    said = script.stdout.read().splitlines()
    assert finish(script) == 0, logged(outer)
    told = [text.partition(":")[0] for text in said]
    assert told.index("Backed up") < told.index("Whole") < told.index("Restored")
    assert [text for text in said if text.isdecimal()] == ["0", "0", "0"], said
    assert (outer / "own" / "new" / "postgres" / "cluster").stat().st_uid == uid


def test_the_time_of_the_new_epoch_is_the_clock_of_the_restore(
    backup: Path, settings: Settings
) -> None:
    before = time.time_ns()
    made = restore(settings, backup)
    assert before < made.timestamp_ns < time.time_ns()
    assert from_ns(made.timestamp_ns) >= check(backup).finished_at

"""Copies of a database: taken while it runs, and put in place of one that is gone.

PostgreSQL's own programs do the copying; here they are run without a password on their command
line, watched for progress, and made to say in one sentence what went wrong.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo, Ping

from coinwell.postgres.making import clean_environment, sync_folder
from coinwell.postgres.places import settle
from coinwell.postgres.programs import Programs, binaries_folder, find_programs
from coinwell.postgres.serving import answer, url_of
from coinwell.postgres.tying import start_tied
from coinwell.postgres.types import AlreadyServed, CopyFailed, NoPlace, OtherMajor

Tell = Callable[[int, int], None]
"""Hears how far it came: bytes done, and bytes in all."""

_STEP_S = 0.2
_GONE_S = 10.0
_BLOCK_BYTES = 1024 * 1024
_PROGRESS = """
    SELECT backup_streamed, backup_total FROM pg_stat_progress_basebackup
    WHERE backup_total IS NOT NULL ORDER BY pid DESC LIMIT 1
"""


def take_cluster(url: str, folder: Path, tell: Tell) -> None:
    """Copy the whole server behind `url` into the new folder, consistent and on the disk.

    Whoever works on it is not disturbed. What is committed before this begins is in the copy.
    Refuses: `CopyFailed` with PostgreSQL's own words.
    """
    command = ["--pgdata", str(folder), "--format=plain", "--wal-method=stream"]
    command += ["--checkpoint=fast", "--manifest-checksums=SHA256", "--no-password"]
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as watching:

        def watch() -> None:
            found = watching.execute(_PROGRESS).fetchone()
            if found is not None:
                tell(min(found[0], found[1]), found[1])

        run_program("pg_basebackup", command, url, watch)
    check_cluster(folder)


def check_cluster(folder: Path) -> None:
    """Compare a copy with what the server said it sent, its write-ahead log included.

    Refuses: `CopyFailed` naming what differs.
    """
    run_program("pg_verifybackup", ["--quiet", str(folder)], None)


def run_program(
    name: str, arguments: Sequence[str], url: str | None, watch: Callable[[], None] = lambda: None
) -> None:
    """Run one of PostgreSQL's programs on the database at `url` until it ends.

    Refuses: `CopyFailed` with what it said last, if it ends badly.
    """
    environment = clean_environment() | ({} if url is None else _spoken(url))
    command = [str(binaries_folder() / name), *arguments]
    with tempfile.TemporaryFile() as said:
        process = start_tied(
            command,
            dying_signal=signal.SIGKILL,
            environment=environment,
            output=said.fileno(),
            cwd="/",
        )
        try:
            while (status := process.wait(_STEP_S)) is None:
                watch()
        finally:
            if process.poll() is None:
                process.send_group(signal.SIGKILL)  # Also the half of it that streams the log.
                process.wait(_GONE_S)
        if status != 0:
            said.seek(0)
            raise CopyFailed(name, _reason(said.read().decode(errors="replace")))


def place_cluster(data_dir: Path, source: Path, tell: Tell) -> None:
    """Put a copied cluster where `open_server(data_dir)` will find it.

    It is built beside its final name, so that an interrupted copy leaves no half of one.
    Refuses: `NoPlace` if a cluster is there already; `OtherMajor`.
    """
    programs: Programs = find_programs(None)
    major = int((source / "PG_VERSION").read_text().strip())
    if major != programs.major:
        raise OtherMajor(source, major, programs.major)
    place = settle(data_dir)
    if place.cluster.exists():
        raise NoPlace(f"There is a database in {place.home} already.")
    building = place.home / "building"
    if building.exists():
        shutil.rmtree(building)
    building.mkdir(mode=0o700)
    cluster = building / "cluster"
    _copy_tree(source, cluster, tell)
    if place.run_as:
        for path in (cluster, *cluster.rglob("*")):
            os.chown(path, place.run_as.uid, place.run_as.gid, follow_symlinks=False)
    os.sync()  # Its files, and who owns them, before the name that says it is whole.
    cluster.rename(place.cluster)
    building.rmdir()
    sync_folder(place.home)


def demand_idle(data_dir: Path) -> None:
    """Refuses: `AlreadyServed` while a server answers on that data folder, or starts or stops."""
    if not data_dir.exists():
        return
    place = settle(data_dir)
    found = answer(url_of(place))
    if found is not Ping.NO_RESPONSE:
        raise AlreadyServed(place.home, answers=found is Ping.OK)


def _copy_tree(source: Path, target: Path, tell: Tell) -> None:
    files = [path for path in sorted(source.rglob("*")) if path.is_file()]
    total, done = sum(path.stat().st_size for path in files), 0
    target.mkdir(mode=0o700)
    for folder in sorted(path for path in source.rglob("*") if path.is_dir()):
        (target / folder.relative_to(source)).mkdir(mode=0o700)
    for path in files:
        copy = target / path.relative_to(source)
        opened = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with path.open("rb") as reading, os.fdopen(opened, "wb") as writing:
            while block := reading.read(_BLOCK_BYTES):
                writing.write(block)
                done += len(block)
                tell(done, total)


def _spoken(url: str) -> dict[str, str]:
    """The URL as the variables that PostgreSQL's programs read: others see a command line."""
    known = {one.keyword.decode(): one.envvar for one in Conninfo.get_defaults()}
    spoken: dict[str, str] = {}
    for keyword, text in conninfo_to_dict(make_conninfo(url)).items():
        variable = known.get(keyword)
        if variable is not None and text is not None:
            spoken[variable.decode()] = str(text)
    return spoken


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()]
    return (told or lines or ["it said nothing"])[0]

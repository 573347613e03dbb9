"""Make a cluster, PostgreSQL's data folder, and refuse one of another major version."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from coinwell.postgres.places import Place
from coinwell.postgres.programs import Programs
from coinwell.postgres.tying import RunAs
from coinwell.postgres.types import NoPlace, NotStarted, OtherMajor

ROLE = "coinwell"
_FIRST_WITH_BUILTIN_LOCALE = 17


def clean_environment() -> dict[str, str]:
    """An environment without PG… variables, which would bend what we ask for."""
    kept = ("PATH", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"TZ": "UTC"}


def ensure_cluster(place: Place, programs: Programs, *, durable: bool) -> bool:
    """Make the cluster if there is none, and say whether that was so.

    It is made beside its final name, so that an interrupted start leaves no half of one.
    Refuses: `OtherMajor` if the existing one was made by another major version.
    """
    if place.cluster.exists():
        found = int((place.cluster / "PG_VERSION").read_text().strip())
        if found != programs.major:
            raise OtherMajor(place.home, found, programs.major)
        return False
    building = place.home / "building"
    if building.exists():
        shutil.rmtree(building)
    building.mkdir(mode=0o700)
    maker = _maker(place)
    cluster = building / "cluster"
    cluster.mkdir(mode=0o700)
    if maker and place.run_as:
        # Only root and initdb have this group, so nobody else of the maker's name gets in.
        os.chown(building, 0, maker.gid)
        building.chmod(0o710)
        os.chown(cluster, maker.uid, maker.gid)
    _initdb(place, programs, cluster, maker)
    if place.run_as:
        for path in (cluster, *cluster.rglob("*")):
            os.chown(path, place.run_as.uid, place.run_as.gid, follow_symlinks=False)
    if durable:
        os.sync()  # Its files, and who owns them, before the name that says it is whole.
    cluster.rename(place.cluster)
    building.rmdir()
    if durable:
        sync_folder(place.home)
    return True


def _maker(place: Place) -> RunAs | None:
    """Who runs initdb: it insists on a user with a name, which our number need not have."""
    named = {entry.pw_uid: entry.pw_name for entry in pwd.getpwall()}
    if place.run_as is None:
        if os.geteuid() not in named:
            raise NoPlace(
                f"PostgreSQL makes a database only for a user with a name, and number "
                f"{os.geteuid()} has none on this system (/etc/passwd). Start Coinwell as "
                f"another user, or set COINWELL_DATABASE to the URL of a server."
            )
        return None
    uids = {name: uid for uid, name in named.items() if uid != 0}
    if place.run_as.uid in named:
        return place.run_as
    if not uids:
        raise NoPlace("This system has no user but root, and PostgreSQL does not run as root.")
    return RunAs(uids.get("nobody", max(uids.values())), place.run_as.gid)


def _initdb(place: Place, programs: Programs, folder: Path, maker: RunAs | None) -> None:
    # Code-point order with Unicode case rules: the same on every system, and never changing.
    locale = ["--locale=C.UTF-8"]
    if programs.major >= _FIRST_WITH_BUILTIN_LOCALE:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command = [
        programs.initdb,
        f"--pgdata={folder}",
        f"--username={ROLE}",
        # The socket is in a folder that nobody else may enter, and there is no other way in.
        "--auth=trust",
        "--encoding=UTF8",
        *locale,
        "--data-checksums",
        "--no-instructions",
        "--no-sync",  # The caller does it.
    ]
    made = subprocess.run(  # noqa: S603 - PostgreSQL's own program, no shell reads it
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        env=clean_environment(),
        user=maker and maker.uid,
        group=maker and maker.gid,
        extra_groups=[] if maker else None,
    )
    if made.returncode != 0:
        with os.fdopen(place.open_file(place.log.name, os.O_WRONLY | os.O_APPEND), "a") as log:
            log.write(made.stdout)
        lines = [line for line in made.stdout.splitlines() if "error" in line.lower()]
        reason = "; ".join(lines) or made.stdout.strip()[-300:]
        raise NotStarted("Making the database", reason, place.log)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

"""Where a database lives and as whom: the home folder, the socket folder, the user.

A home holds `cluster/` (PostgreSQL's data), `run/` (its socket), `postgres.log` and `lock`.
PostgreSQL refuses to run as root, so root starts it as another user, by number alone: as the
owner of an existing cluster, else as number 61017. No account is made, and no folder that
Coinwell did not make changes its permissions. If that user cannot reach the wanted folder (say
below /root), the home is made below /var/lib/coinwell (or /var/tmp/coinwell), the log says so,
and the file `location` in the wanted folder names it.
"""

import contextlib
import hashlib
import logging
import os
import secrets
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from coinwell.postgres.tying import RunAs
from coinwell.postgres.types import NoPlace

_LOG = logging.getLogger("coinwell.postgres")
# Outside the ranges that Debian and systemd give away, below 65536 so that containers with a
# user namespace know it, and not `nobody`, which other programs share.
_UID = 61017
_SHARED = (Path("/var/lib/coinwell"), Path("/var/tmp/coinwell"))  # noqa: S108 - ownership is checked
_SHORT = Path("/tmp")  # noqa: S108 - ownership is checked
_SOCKET_BYTES_MAX = 99  # The narrowest system allows 103 and a zero.


@dataclass(frozen=True, slots=True)
class Place:
    """A settled home, and the user PostgreSQL runs as there (None: as we do)."""

    home: Path
    run_as: RunAs | None

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data folder."""
        return self.home / "cluster"

    @property
    def log(self) -> Path:
        """What PostgreSQL says."""
        return self.home / "postgres.log"

    @property
    def run(self) -> Path:
        """The folder of the socket, whose whole path must be short."""
        near = self.home / "run"
        if len(os.fsencode(near / ".s.PGSQL.5432")) <= _SOCKET_BYTES_MAX:
            return near
        key = hashlib.blake2b(os.fsencode(self.home), digest_size=8).hexdigest()
        return _SHORT / f"coinwell-{key}"

    def forget_run(self) -> None:
        """Leave nothing of the socket outside the home."""
        if not self.run.is_relative_to(self.home):
            with contextlib.suppress(OSError):  # Not empty, or gone already.
                self.run.rmdir()

    def own_folder(self, folder: Path) -> None:
        """Make a folder that only PostgreSQL's user may enter, or check that it is one."""
        uid = self.run_as.uid if self.run_as else os.getuid()
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            facts = folder.lstat()
            if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != uid:
                raise NoPlace(
                    f"{folder} must be a folder that belongs to the user with number {uid}; "
                    f"it belongs to number {facts.st_uid}."
                ) from None
            folder.chmod(0o700)
        else:
            if self.run_as:
                os.chown(folder, self.run_as.uid, self.run_as.gid)

    def open_file(self, name: str, flags: int) -> int:
        """Open (or make) a file in the home, which keeps the owner of the home."""
        no_follow = flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            opened = os.open(self.home / name, no_follow, 0o600)
        except PermissionError as error:
            raise NoPlace(_foreign(self.home)) from error
        if self.run_as:
            owner = self.home.stat()
            os.fchown(opened, owner.st_uid, owner.st_gid)
        return opened


def settle(wanted: Path) -> Place:
    """Decide home and user for the wanted data folder, and make the home if need be.

    Refuses: `NoPlace` if nobody but root could use it, or it belongs to someone else.
    """
    wanted = wanted.expanduser().absolute()
    try:
        if os.geteuid() != 0:
            home = _pointed(wanted) or wanted
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Place(home, None)
        return _settle_for_root(wanted)
    except PermissionError as error:
        raise NoPlace(_foreign(wanted)) from error


def _settle_for_root(wanted: Path) -> Place:
    home = _pointed(wanted) or wanted
    if (home / "cluster").exists():
        facts = (home / "cluster").lstat()
        run_as = RunAs(facts.st_uid, facts.st_gid)
        if run_as.uid == 0:
            raise NoPlace(f"{home}/cluster belongs to root, as whom PostgreSQL refuses to run.")
        _demand_dropping(run_as)
        if not reaches(run_as, home):
            raise NoPlace(
                f"The user with number {run_as.uid}, who owns {home}/cluster, may not pass "
                f"through the folders above it any more."
            )
        return Place(home, run_as)
    run_as = RunAs(_UID, _UID)
    _demand_dropping(run_as)
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir()
        home.chmod(0o711)
    if not reaches(run_as, home):
        home = _elsewhere(wanted, run_as)
    return Place(home, run_as)


def _pointed(wanted: Path) -> Path | None:
    pointer = wanted / "location"
    if not pointer.exists():
        return None
    home = Path(pointer.read_text().strip())
    if not (home / "cluster").exists():
        return None
    if home.parent.parent not in _SHARED or home.lstat().st_uid != 0:
        raise NoPlace(f"{pointer} names {home}, which is not a place Coinwell makes.")
    return home


def _elsewhere(wanted: Path, run_as: RunAs) -> Path:
    databases = shared_folder(run_as) / "databases"
    databases.mkdir(exist_ok=True)
    databases.chmod(0o755)
    # A new name each time: whoever removes the wanted folder gets a fresh database, and the
    # old one stays until a person removes it.
    home = databases / secrets.token_hex(6)
    home.mkdir()
    home.chmod(0o711)
    (home / "wanted-by").write_text(f"{wanted}\n")
    (wanted / "location").write_text(f"{home}\n")
    _LOG.warning(
        "%s is below a folder that only root may enter, and PostgreSQL does not run as root: "
        "the database is in %s instead.",
        wanted,
        home,
    )
    return home


def shared_folder(run_as: RunAs) -> Path:
    """A folder of root's that everybody may enter, for what cannot stay where it is."""
    for folder in _SHARED:
        try:
            folder.mkdir()
            folder.chmod(0o755)
        except FileExistsError:
            pass
        except OSError:
            continue
        facts = folder.lstat()
        ours = stat.S_ISDIR(facts.st_mode) and facts.st_uid == 0 and not facts.st_mode & 0o022
        if ours and reaches(run_as, folder):
            return folder
    raise NoPlace(
        "PostgreSQL does not run as root, and there is no safe folder for another user: none of "
        + ", ".join(str(folder) for folder in _SHARED)
        + " can be made, belongs to root alone and may be entered by all. Start Coinwell as an "
        "ordinary user, or set COINWELL_DATABASE to the URL of a server."
    )


def reaches(run_as: RunAs, folder: Path) -> bool:
    """Whether the permissions let that user pass into `folder`, from the root down."""
    real = folder.resolve()
    for step in (real, *real.parents):
        facts = step.stat()
        if facts.st_uid == run_as.uid:
            bit = stat.S_IXUSR
        elif facts.st_gid == run_as.gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not facts.st_mode & bit:
            return False
    return True


def _demand_dropping(run_as: RunAs) -> None:
    try:
        subprocess.run(
            ["/bin/sh", "-c", ":"],
            cwd="/",
            check=True,
            user=run_as.uid,
            group=run_as.gid,
            extra_groups=[],
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NoPlace(
            f"PostgreSQL does not run as root, and this root may not become another user "
            f"(number {run_as.uid}): {error}. Start Coinwell as an ordinary user, or set "
            f"COINWELL_DATABASE to the URL of a server."
        ) from error


def _foreign(folder: Path) -> str:
    return (
        f"The database folder {folder} belongs to another user. Start Coinwell as that user, "
        f"or as root, or give it another folder."
    )

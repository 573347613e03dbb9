"""Start `postgres` on a cluster, past the lock file that a killed predecessor left."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coinwell.postgres.making import clean_environment
from coinwell.postgres.places import Place
from coinwell.postgres.programs import Programs
from coinwell.postgres.tying import Tied, start_tied

PORT = "5432"  # It only names the socket.
_LOG_BYTES_MAX = 8 * 1024 * 1024
_TAIL_BYTES = 8192

_ALWAYS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": PORT,
    "max_connections": "200",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "cluster_name": "coinwell",
    "log_line_prefix": "%m [%p] %a ",
    "log_checkpoints": "off",
    "log_min_duration_statement": "1s",
    "logging_collector": "off",
    "default_transaction_isolation": "read committed",
    # A stopped process must not hold its row locks for ever.
    "idle_in_transaction_session_timeout": "10s",
}
_DURABLE: Final[Mapping[str, str]] = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
}
_THROW_AWAY: Final[Mapping[str, str]] = {
    "fsync": "off",
    "full_page_writes": "off",
    # Commits then survive a killed server, though not a machine that loses power.
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "1h",
}
# What PostgreSQL says while its predecessor, or a child of it, is still on the way out.
_PASSING = ("lock file", "pre-existing shared memory block")


@dataclass(frozen=True, slots=True)
class Launched:
    """A postmaster just started, and where in the log its words begin."""

    process: Tied
    log: Path
    log_start: int

    def last_words(self) -> str:
        """The last complaint in the log since the start."""
        lines = self._said().splitlines()
        worst = [line for line in lines if "FATAL" in line or "PANIC" in line or "rror" in line]
        return (worst or lines or ["it said nothing"])[-1].strip()

    def may_pass(self) -> bool:
        """Whether it ended for a reason that goes away by waiting a little."""
        said = self._said()
        return any(words in said for words in _PASSING)

    def _said(self) -> str:
        with self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(min(self.log_start, size), size - _TAIL_BYTES))
            return log.read().decode(errors="replace")


def launch(place: Place, programs: Programs, *, durable: bool) -> Launched:
    """Start the server as our own child; it ends when we do, by a fast shutdown."""
    settings = {
        **_ALWAYS,
        **(_DURABLE if durable else _THROW_AWAY),
        "unix_socket_directories": str(place.run),
    }
    command = [programs.postgres, "-D", str(place.cluster)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    environment = clean_environment()
    stale = stale_pid(place.cluster)
    if stale is not None:
        # PostgreSQL takes any live process of the recorded number for its predecessor. This
        # variable (meant for pg_ctl's shell) names a number that is not. Unlike removing the
        # lock file it keeps the check that no backend of the predecessor is left.
        environment["PG_GRANDPARENT_PID"] = str(stale)
    place.own_folder(place.run)
    trim_log(place)
    log = place.open_file(place.log.name, os.O_WRONLY | os.O_APPEND)
    try:
        start = os.fstat(log).st_size
        process = start_tied(
            command,
            dying_signal=signal.SIGINT,
            environment=environment,
            output=log,
            run_as=place.run_as,
            cwd="/",
        )
    finally:
        os.close(log)
    return Launched(process, place.log, start)


def trim_log(place: Place) -> None:
    """Keep the log bounded: past 8 MiB, what it holds moves to `postgres.log.1`."""
    try:
        if place.log.stat().st_size <= _LOG_BYTES_MAX:
            return
    except FileNotFoundError:
        return
    # Copied and cut rather than renamed, because the running server keeps its file open.
    source = place.open_file(place.log.name, os.O_RDWR)
    target = place.open_file(place.log.name + ".1", os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(source, "rb+") as log, os.fdopen(target, "wb") as kept:
        log.seek(-_LOG_BYTES_MAX, os.SEEK_END)
        kept.write(log.read())
        log.truncate(0)


def stale_pid(cluster: Path) -> int | None:
    """The number in the lock file, if it is surely not a server of this cluster any more.

    That is a zombie, or another program that was given the number since. None if there is no
    lock file, if nobody has the number (PostgreSQL sees that itself), or if in doubt.
    """
    try:
        pid = int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    if pid <= 0:
        return None
    return None if _may_serve(pid, cluster) else pid


def _may_serve(pid: int, cluster: Path) -> bool:
    if sys.platform != "linux":
        return _may_serve_by_ps(pid)
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True  # Gone: nothing to explain to PostgreSQL.
    # After the name in parentheses, which may hold anything: the state.
    if status.rpartition(")")[2].split()[0] in "ZX":
        return False
    try:
        # A postmaster, and each of its children, works in the data folder.
        return Path(f"/proc/{pid}/cwd").readlink() == cluster.resolve()
    except OSError:
        return False  # Another user's, while PostgreSQL would run as ours; or just gone.


def _may_serve_by_ps(pid: int) -> bool:
    asked = subprocess.run(  # noqa: S603 - constant command, a number as argument
        ["/bin/ps", "-o", "stat=,comm=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, command = asked.stdout.strip().partition(" ")
    if not state:
        return True  # Gone, as above.
    return not state.startswith("Z") and Path(command.strip()).name.startswith("postgres")

"""Open a server on a data folder: one owner at a time, ready when returned, stopped at the end."""

import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from coinwell.postgres.launching import PORT, Launched, launch, trim_log
from coinwell.postgres.making import ROLE, ensure_cluster
from coinwell.postgres.places import Place, settle, shared_folder
from coinwell.postgres.programs import Programs, find_programs, reachable_programs
from coinwell.postgres.tying import Tied
from coinwell.postgres.types import AlreadyServed, NoPlace, NotStarted

_LOG = logging.getLogger("coinwell.postgres")
_PATIENCE_S = 15.0  # For a predecessor on its way out.
_READY_S = 900.0  # Recovery after a crash may have much to read again.
_TELL_S = 10.0
_STEP_S = 0.02
_FAST_STOP_S = 30.0
_QUICK_STOP_S = 5.0
_HURRIED_S = 1.0


class Server:
    """PostgreSQL on a data folder.

    Either ours, and then it ends with `stop()` or with this process, whatever ends that; or
    attached to (`owned` is false), and then it is left alone.
    """

    def __init__(
        self, place: Place, programs: Programs, *, durable: bool, lock: int | None
    ) -> None:
        self._place = place
        self._programs = programs
        self._durable = durable
        self._lock = lock
        self._launched: Launched | None = None

    @property
    def home(self) -> Path:
        """The folder of the database, which may be elsewhere than wanted (see `places`)."""
        return self._place.home

    @property
    def log(self) -> Path:
        """The file that PostgreSQL's own words go to."""
        return self._place.log

    @property
    def owned(self) -> bool:
        """Whether this process runs the server, rather than being its guest."""
        return self._lock is not None

    @property
    def process(self) -> Tied | None:
        """The server process last started, if it is ours."""
        return self._launched.process if self._launched else None

    @property
    def pid(self) -> int | None:
        """The process id of the server last started, if it is ours."""
        return self._launched.process.pid if self._launched else None

    def url(self, dbname: str = "postgres") -> str:
        """The URL of one of its databases, over the socket."""
        return url_of(self._place, dbname)

    def alive(self) -> bool:
        """Whether our server process runs; it may still be recovering."""
        return self._launched is not None and self._launched.process.poll() is None

    def last_words(self) -> str:
        """What PostgreSQL complained of last."""
        return self._launched.last_words() if self._launched else "it was not started"

    def relaunch(self) -> Launched:
        """Start it again after it died, without waiting until it answers.

        If remains of the dead one are still about, it ends at once: launch again a bit later.
        """
        assert self.owned, "only the owner starts a server"
        assert not self.alive(), "it still runs"
        self._launched = launch(self._place, self._programs, durable=self._durable)
        return self._launched

    def tend(self) -> None:
        """Keep the log bounded; to be called now and then while it runs."""
        if self.owned:
            trim_log(self._place)

    def stop(self, *, hurried: Callable[[], bool] = lambda: False) -> None:
        """End the server if it is ours: finish what is committed, cut off who is connected.

        Once `hurried` says so it is cut short, and the next start recovers; nothing
        acknowledged is lost either way.
        """
        if self._lock is None:
            return
        if self._launched is not None:
            _stop(self._launched.process, hurried)
            self._place.forget_run()
        os.close(self._lock)
        self._lock = None

    def wait_until_ready(self) -> None:
        """Return when it answers.

        Refuses: `NotStarted` if it ends, but for a passing reason, or takes past all patience.
        """
        begun = time.monotonic()
        told = begun
        launched = self._launched or self.relaunch()
        while True:
            if launched.process.poll() is not None:
                if not launched.may_pass() or time.monotonic() - begun > _PATIENCE_S:
                    raise NotStarted("Starting PostgreSQL", launched.last_words(), self.log)
                time.sleep(_STEP_S * 5)
                launched = self.relaunch()
            elif answer(self.url()) is Ping.OK:
                return
            now = time.monotonic()
            if now - begun > _READY_S:
                raise NotStarted("Starting PostgreSQL", "it does not get ready", self.log)
            if now - told > _TELL_S:
                told = now
                _LOG.info("PostgreSQL is still recovering, for %.0f s now.", now - begun)
            time.sleep(_STEP_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def open_server(
    data_dir: Path,
    *,
    durable: bool = True,
    binaries: Path | None = None,
    attach: bool = False,
) -> Server:
    """Bring up PostgreSQL on `data_dir`, making the database at the first time.

    With `attach`, a server that another process runs there is used instead; without, it is
    refused. `durable=False` is for throw-away servers of tests ONLY: it does not wait for the
    disk, so a crash of the machine leaves a broken database.

    Locks: the file `lock` in the data folder, until `stop()` or the end of this process.
    Refuses: `AlreadyServed`, `OtherMajor`, `ProgramsMissing`, `UnknownMajor`, `NoPlace`,
        `NotStarted`.
    Source: ADR-0004.
    """
    if os.name != "posix":
        raise NoPlace(
            "The embedded PostgreSQL runs on Linux and macOS. On this system, set "
            "COINWELL_DATABASE to the URL of a server."
        )
    programs = find_programs(binaries)
    place = settle(data_dir)
    if place.run_as:
        programs = reachable_programs(programs, place.run_as, shared_folder)
    server = Server(place, programs, durable=durable, lock=_own(place, attach=attach))
    if not server.owned:
        return server
    try:
        if ensure_cluster(place, programs, durable=durable):
            _LOG.info("Made a PostgreSQL %s database in %s.", programs.version, place.home)
        server.wait_until_ready()
    except BaseException:
        server.stop(hurried=lambda: True)
        raise
    return server


def url_of(place: Place, dbname: str = "postgres") -> str:
    """The URL of a database of the server in that place, whether it runs or not."""
    host = quote(str(place.run), safe="")
    # The port is said because a PGPORT around us would count otherwise.
    return f"postgresql://{ROLE}@/{quote(dbname, safe='')}?host={host}&port={PORT}"


def answer(url: str) -> Ping:
    """Whether a server answers: OK, REJECT (it starts or stops), or NO_RESPONSE."""
    return Ping(PGconn.ping(make_conninfo(url, connect_timeout=2).encode()))


def _own(place: Place, *, attach: bool) -> int | None:
    """Become the owner of the home (the open lock), or its guest (None)."""
    lock = place.open_file("lock", os.O_RDWR)
    try:
        mine = _is_mine(lock, place, attach=attach)
    except BaseException:
        os.close(lock)
        raise
    if mine:
        return lock
    os.close(lock)
    return None


def _is_mine(lock: int, place: Place, *, attach: bool) -> bool:
    patient_until = time.monotonic() + _PATIENCE_S
    locked = False
    while True:
        locked = locked or _locked(lock)
        answers = answer(url_of(place))
        # Whoever has the lock may start, once a predecessor has gone silent.
        if locked and answers is Ping.NO_RESPONSE:
            return True
        # A server that answers while nobody holds the lock is on its way out (its owner was
        # killed), or was started by hand.
        patient = time.monotonic() < patient_until
        if answers is Ping.OK and (not locked or not patient):
            if attach:
                return False
            raise AlreadyServed(place.home, answers=True)
        if not patient:
            raise AlreadyServed(place.home, answers=answers is not Ping.NO_RESPONSE)
        time.sleep(_STEP_S * 5)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stop(process: Tied, hurried: Callable[[], bool]) -> None:
    for number, patience_s in (
        (signal.SIGINT, _FAST_STOP_S),
        (signal.SIGQUIT, _QUICK_STOP_S),
        (signal.SIGKILL, _QUICK_STOP_S),
    ):
        begun = time.monotonic()
        process.send(number)
        while process.poll() is None:
            waited = time.monotonic() - begun
            if waited > (_HURRIED_S if hurried() else patience_s):
                break
            time.sleep(_STEP_S)

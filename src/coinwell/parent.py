"""The one parent process: keeps the database, web, worker and sandbox processes running.

A child that dies is started again; killing one never takes the others along. When the parent
is asked to end, the children end first and the database last. When it is killed, the kernel
(or a watchdog) ends them all.
"""

import logging
import os
import select
import signal
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from psycopg.pq import Ping

from coinwell.postgres import Server, Tied, answer, start_tied

_LOG = logging.getLogger("coinwell.parent")
_TICK_S = 0.25
_DELAY_FIRST_S = 0.1
_DELAY_MAX_S = 3.0
_STEADY_S = 10.0  # Whoever lived this long may fail anew.
_FAILURES_MAX = 8
_TEND_S = 60.0
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One child to keep running: a name for the log, and how it is started."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


class GaveUp(Exception):
    """A child ends by itself again and again, so that starting it once more is no use."""


def run_parent(
    children: Sequence[ChildSpec],
    *,
    server: Server | None = None,
    database_url: str | None = None,
    wait_until_ready: Callable[[], bool] | None = None,
    when_ready: Callable[[], None] | None = None,
    grace_s: float = 10.0,
) -> int:
    """Run the children until a signal asks to end, and return the exit status.

    `server` is the running database if it is ours to keep; it is stopped at the end.
    `database_url` reaches every child as COINWELL_DATABASE. `wait_until_ready` is asked until
    it says yes, and then `when_ready` is called once. The first SIGINT, SIGTERM or SIGHUP ends
    the children gracefully within `grace_s` seconds; the second hurries. Must be called in the
    main thread. Returns 0 after a signal, 1 if a child cannot be kept running, which is never
    said while the database is away.
    """
    environment = dict(os.environ)
    if database_url is not None:
        environment["COINWELL_DATABASE"] = database_url
    database = [_database(server)] if server is not None and server.owned else []
    excused = _excuse(database, database_url)
    kept = [_Kept(spec.name, _starter(spec, environment), excused=excused) for spec in children]
    with _signals() as signals:
        try:
            _keep(kept, database, server, signals, _Readiness(wait_until_ready, when_ready))
        except GaveUp as error:
            _LOG.error("%s Stopping everything.", error)
            return 1
        finally:
            _end(kept, grace_s, signals)
            if server is not None:
                server.stop(hurried=signals.hurried)
    _LOG.info("Stopped.")
    return 0


def _keep(
    kept: "Sequence[_Kept]",
    database: "Sequence[_Kept]",
    server: Server | None,
    signals: "_Signals",
    readiness: "_Readiness",
) -> None:
    tend_at = time.monotonic() + _TEND_S
    while not signals.asked():
        now = time.monotonic()
        for one in (*database, *kept):
            one.keep(now)
        readiness.ask()
        if server is not None and now >= tend_at:
            server.tend()
            tend_at = now + _TEND_S
        signals.sleep(_TICK_S if readiness.reached else _TICK_S / 5)


def _end(kept: "Sequence[_Kept]", grace_s: float, signals: "_Signals") -> None:
    running = [one for one in kept if one.running()]
    for one in running:
        one.send(signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while any(one.running() for one in running):
        if signals.hurried() or time.monotonic() > deadline:
            late = ", ".join(one.name for one in running if one.running())
            _LOG.warning("Killing what has not ended in time: %s.", late)
            break
        signals.sleep(_TICK_S / 5)
    for one in kept:
        one.send(signal.SIGKILL)  # Also whatever a child that has ended left in its group.
        one.reap()


class _Kept:
    """A process that is started again when it ends, a bit later each time in a row."""

    def __init__(
        self,
        name: str,
        start: Callable[[], Tied],
        process: Tied | None = None,
        last_words: Callable[[], str] = lambda: "",
        excused: Callable[[], bool] = lambda: False,
    ) -> None:
        self.name = name
        self._start = start
        self._last_words = last_words
        self._excused = excused
        self._process = process
        self._started_at = time.monotonic()
        self._start_at = 0.0
        self._ends = 0  # In a row, however it ended.
        self._failures = 0  # In a row, of its own doing.

    def running(self) -> bool:
        """Whether it runs at this moment."""
        return self._process is not None and self._process.poll() is None

    def steady(self) -> bool:
        """Whether it runs, and has for a while if it ever ended."""
        return self.running() and self._ends == 0

    def keep(self, now: float) -> None:
        """Notice an end, or start it again once its time has come."""
        if self.running():
            if now - self._started_at > _STEADY_S:
                self._ends = self._failures = 0
            return
        if self._process is not None:
            self._notice(self._process, now)
            self._process = None
        if now >= self._start_at:
            self._process = self._start()
            self._started_at = now

    def _notice(self, process: Tied, now: float) -> None:
        status = process.poll()
        assert status is not None, "it has ended"
        process.send_group(signal.SIGKILL)
        failed = status >= 0 and not self._excused()
        self._failures = self._failures + 1 if failed else 0
        how = f"with status {status}" if status >= 0 else f"by {signal.Signals(-status).name}"
        if self._failures >= _FAILURES_MAX:
            words = self._last_words()
            raise GaveUp(
                f"{self.name} ended {how}, the {self._failures}th time in a row"
                + (f" ({words})." if words else ".")
            )
        delay_s = min(_DELAY_FIRST_S * 2**self._ends, _DELAY_MAX_S)
        self._ends += 1
        self._start_at = now + delay_s
        _LOG.warning("%s ended %s; starting it again in %.1f s.", self.name, how, delay_s)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and to what it has started in its group."""
        if self._process is not None:
            self._process.send_group(number)

    def reap(self) -> None:
        """Wait for the end of a killed process."""
        if self._process is not None:
            self._process.wait(_DELAY_MAX_S)


def _starter(spec: ChildSpec, environment: Mapping[str, str]) -> Callable[[], Tied]:
    return lambda: start_tied(
        spec.command,
        dying_signal=signal.SIGTERM,
        environment={**environment, **spec.environment},
    )


def _database(server: Server) -> _Kept:
    return _Kept(
        "The database",
        lambda: server.relaunch().process,
        process=server.process,
        last_words=server.last_words,
    )


def _excuse(database: Sequence[_Kept], url: str | None) -> Callable[[], bool]:
    """Whether whoever needs the database may end now, and be started again however often.

    It is away, or was a moment ago: a recovery or a failover may take longer than we would
    otherwise bear with a child.
    """

    def excused() -> bool:
        shaky = any(not one.steady() for one in database)
        return shaky or (url is not None and answer(url) is not Ping.OK)

    return excused


@dataclass(slots=True)
class _Readiness:
    is_ready: Callable[[], bool] | None
    when_ready: Callable[[], None] | None
    reached: bool = False

    def ask(self) -> None:
        """Ask once, unless the answer was yes before."""
        if self.reached or (self.is_ready is not None and not self.is_ready()):
            return
        self.reached = True
        if self.when_ready is not None:
            self.when_ready()


class _Signals:
    """What was asked of us so far; its sleep ends early when something happens."""

    def __init__(self) -> None:
        self._count = 0
        self._ear, self._mouth = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(self._mouth, False)
        self._wakeup_before = signal.set_wakeup_fd(self._mouth, warn_on_full_buffer=False)
        self._before = {number: signal.getsignal(number) for number in (*_ENDING, signal.SIGCHLD)}
        for number in _ENDING:
            signal.signal(number, self._hear)
        signal.signal(signal.SIGCHLD, _nothing)  # Its byte in the pipe is what we want.

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1

    def asked(self) -> bool:
        """Whether we should end."""
        return self._count > 0

    def hurried(self) -> bool:
        """Whether we were asked more than once."""
        return self._count > 1

    def sleep(self, seconds: float) -> None:
        """Sleep, until a signal comes or a child ends."""
        heard, _, _ = select.select([self._ear], [], [], seconds)
        if heard:
            os.read(self._ear, 4096)

    def close(self) -> None:
        """Put everything back as it was."""
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        os.close(self._ear)
        os.close(self._mouth)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    return


@contextmanager
def _signals() -> Generator[_Signals]:
    signals = _Signals()
    try:
        yield signals
    finally:
        signals.close()

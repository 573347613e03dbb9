"""The real product as a process tree of its own, which a test may kill piece by piece."""

import asyncio
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg

from coinwell.postgres import Tied, start_tied
from coinwell.settings import Settings
from coinwell.users import ApiScope

ROOT = Path(__file__).parents[2]
SECRET = "a secret of the tests, long enough"
WEB, WORKER, DATABASE = "process web", "coinwell.cli work", "bin/postgres"
KINDS = (WEB, WORKER, DATABASE)
WEBS = 2
# Generous, for the machine may have much else to do; nothing here asserts how fast it is.
PATIENCE_S = 60.0
_CLI = (sys.executable, "-m", "coinwell.cli")
_SHARED = re.compile(r"/dev/shm/PostgreSQL\.\d+")  # noqa: S108 - read, not made.


@dataclass(slots=True)
class World:
    """One installation in a folder: its settings, its parent process, and what it left."""

    folder: Path
    settings: Settings
    parent: Tied | None = None
    killed: int = 0
    database_url: str = ""
    _pids: set[int] = field(default_factory=set[int])
    _shared: set[str] = field(default_factory=set[str])

    @property
    def url(self) -> str:
        """Where the pages and the API are."""
        return self.settings.public_url

    @property
    def log(self) -> str:
        """The end of what the processes said."""
        return (self.folder / "log.txt").read_text(errors="replace")[-6_000:]

    def environment(self) -> dict[str, str]:
        """The settings of every process, with the embedded database."""
        kept = {name: text for name, text in os.environ.items() if "COINWELL_" not in name}
        return kept | self.settings.to_env()

    def start(self) -> None:
        """`coinwell serve`, which does not outlive this test process."""
        with (self.folder / "log.txt").open("ab") as log:
            self.parent = start_tied(
                [*_CLI, "serve"],
                dying_signal=signal.SIGTERM,
                environment=self.environment(),
                output=log.fileno(),
                cwd=str(ROOT),
            )

    async def ready(self, within_s: float = PATIENCE_S) -> None:
        """Wait until every process is there and the page answers."""
        assert self.parent is not None
        await self.until(lambda: all(self.find(kind) for kind in KINDS), within_s)
        await self.until(lambda: len(self.find(WEB)) == WEBS, within_s)
        async with httpx2.AsyncClient(base_url=self.url, timeout=5) as client:
            deadline = time.monotonic() + within_s
            while not await _answers(client):
                assert self.parent.poll() is None, self.log
                assert time.monotonic() < deadline, self.log
                await asyncio.sleep(0.05)
        self.database_url = self._told("COINWELL_DATABASE")
        self.remember()

    async def until(self, true: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
        """Wait until it is true, or say what the processes said."""
        deadline = time.monotonic() + within_s
        while not true():
            assert self.parent is not None
            assert self.parent.poll() is None, f"the parent ended:\n{self.log}"
            assert time.monotonic() < deadline, self.log
            await asyncio.sleep(0.02)

    def find(self, kind: str) -> list[int]:
        """The children of the parent of one kind that live."""
        assert self.parent is not None
        return [pid for pid in children_of(self.parent.pid) if kind in command_of(pid)]

    def kill(self, pid: int) -> None:
        """`kill -9`."""
        self.remember()
        os.kill(pid, signal.SIGKILL)
        self.killed += 1

    async def back(self, kind: str, victims: Sequence[int]) -> None:
        """Wait until the parent has noticed, has put others in their place, and all answers."""
        await self.until(lambda: not set(victims) & set(self.find(kind)))
        await self.ready()

    def remember(self) -> None:
        """Note the processes and the shared memory that must be gone at the end."""
        self._pids.update(self.processes())
        for pid in self.find(DATABASE):
            try:
                maps = Path(f"/proc/{pid}/maps").read_text()
            except OSError:
                continue
            self._shared.update(_SHARED.findall(maps))

    def processes(self) -> set[int]:
        """Every process that works in this folder, whoever its parent is."""
        marks = f"COINWELL_DATA={self.settings.data}".encode(), bytes(self.settings.data)
        return {pid for pid in _numbers() if pid != os.getpid() and _belongs(pid, marks)}

    def end(self, number: signal.Signals = signal.SIGTERM, within_s: float = PATIENCE_S) -> float:
        """Send the parent a signal and wait until it has ended; how long that took."""
        assert self.parent is not None
        self.remember()
        begun = time.monotonic()
        self.parent.send(number)
        status = self.parent.wait(within_s)
        assert status == (-number if number is signal.SIGKILL else 0), (status, self.log)
        self.parent = None
        return time.monotonic() - begun

    def run(self, *command: str) -> str:
        """A command of the real CLI on this installation; what it printed."""
        done = subprocess.run(
            [*_CLI, *command],
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S * 2,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def make_key(self) -> str:
        """An API key that may do everything."""
        scopes = [word for scope in ApiScope for word in ("--scope", scope.value)]
        return self.run("key", "create", "the host app", *scopes).splitlines()[0]

    def _told(self, setting: str) -> str:
        """A setting as the parent told it to its web processes."""
        environ = _read(self.find(WEB)[0], "environ").split(b"\0")
        [told] = [line for line in environ if line.startswith(f"{setting}=".encode())]
        return told.decode().partition("=")[2]

    def ask(self, sql: str, *params: object) -> list[tuple[object, ...]]:
        """Rows from the database, past the product."""
        with psycopg.connect(self.database_url, connect_timeout=5) as connection:
            return connection.execute(sql.encode(), params).fetchall()

    def assert_nothing_left(self, within_s: float = 10.0) -> None:
        """No process and no shared memory of it is about."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and (self.processes() or self._shared_left()):
            time.sleep(0.05)
        assert not self.processes(), [command_of(pid) for pid in self.processes()]
        assert not self._shared_left()

    def _shared_left(self) -> list[str]:
        # PostgreSQL's main segment is of System V; it names its maker.
        table = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
        left = [f"shmid {row[1]}" for row in table if int(row[4]) in self._pids]
        return left + [name for name in self._shared if Path(name).exists()]


def tell(figures: str) -> None:
    """Say what was measured, for whoever runs with `-s`; no figure is asserted."""
    print(f"\n{figures}")  # noqa: T201 - see above.


@contextmanager
def new_world() -> Generator[World]:
    """A world on free ports, not started yet; whatever happens, nothing of it stays."""
    folder = Path(tempfile.mkdtemp(prefix="coinwell-faults-"))
    folder.chmod(0o755)  # The user that root starts PostgreSQL as must be able to pass through.
    port, sandbox_port = _free_ports(2)
    world = World(
        folder,
        Settings(
            secret=SECRET,
            demo=True,
            data=folder / "data",
            port=port,
            web_processes=WEBS,
            public_url=f"http://127.0.0.1:{port}",
            sandbox_port=sandbox_port,
            sandbox_url=f"http://127.0.0.1:{sandbox_port}",
            log_level="warning",
        ),
    )
    try:
        yield world
        if world.parent is not None:
            world.end()
        world.assert_nothing_left()
    finally:
        if world.parent is not None:
            world.parent.send(signal.SIGKILL)
            world.parent.wait(PATIENCE_S)
        _sweep(world)
        shutil.rmtree(folder)


def children_of(pid: int) -> list[int]:
    """The living children of a process."""
    return [
        one
        for one in _numbers()
        if _parent_and_state(one) in {(pid, "R"), (pid, "S"), (pid, "D"), (pid, "T")}
    ]


def command_of(pid: int) -> str:
    """A process's command line."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace")


def _numbers() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _parent_and_state(pid: int) -> tuple[int, str]:
    # After the name in parentheses, which may hold anything: the state, the parent.
    facts = _read(pid, "stat").rpartition(b")")[2].split()
    return (int(facts[1]), facts[0].decode()) if facts else (0, "Z")


def _belongs(pid: int, marks: tuple[bytes, bytes]) -> bool:
    setting, folder = marks
    ours = setting in _read(pid, "environ") or folder in _read(pid, "cmdline")
    return ours and _parent_and_state(pid)[1] not in "ZX"


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # It is gone.
        return b""


def _free_ports(count: int) -> list[int]:
    # Below those that the system gives to outgoing connections, which come and go.
    found: list[int] = []
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            break
    return found


async def _answers(client: httpx2.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx2.HTTPError:
        return False


def _sweep(world: World) -> None:
    """After a failure: end what is left, so that the next test has the machine to itself."""
    deadline = time.monotonic() + 10
    while world.processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in world.processes():
        os.kill(pid, signal.SIGKILL)

"""The whole house for one test: web app, sandbox provider and worker, on real sockets.

They share the test's still clock, so that minutes of waiting are one line of a test.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import httpx2
import procrastinate
import pytest
import uvicorn
from litestar.types import ASGIApp

from coinwell.app import create_app
from coinwell.base.clock import StillClock
from coinwell.base.db import transaction
from coinwell.base.jobs import install_queue, job_app
from coinwell.catalog import seed, seed_gifts
from coinwell.demo import make_people
from coinwell.installation import Installation, open_installation, webhook_secret
from coinwell.ledger import advance
from coinwell.recharge.providers.sandbox.server import SandboxSettings, create_sandbox
from coinwell.settings import Settings
from coinwell.users import NewUser, User, create_user
from coinwell.wallet import balance
from coinwell.worker import JOBS, READERS, rooms

SECRET = "a secret of the tests, long enough"
CARD_OK = "4242424242424242"


class QuietServer(uvicorn.Server):
    """A server inside a test's loop, which has no business with signals."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals to the test runner."""
        yield


@asynccontextmanager
async def served(app: ASGIApp, listener: socket.socket) -> AsyncGenerator[None]:
    """An app on a socket, until the block ends."""
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    server = QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    for _ in range(500):
        if server.started or task.done():
            break
        await asyncio.sleep(0.01)
    assert server.started, "the server did not start"
    try:
        yield
    finally:
        server.should_exit = True
        await task


@dataclass(slots=True)
class House:
    """Addresses, the clock, and the doors that a test may use directly."""

    url: str
    sandbox_url: str
    clock: StillClock
    settings: Settings
    installation: Installation
    sandbox: httpx2.AsyncClient

    async def work(self) -> None:
        """What the worker does in a while: the queue emptied, every periodic job, the feed read."""
        app = job_app(JOBS, rooms(self.installation), self.settings.database, concurrency=2)
        # Time is the test's own here: nothing comes by the real clock, the loop below is its turn.
        app.periodic_registry.periodic_tasks.clear()
        async with app.open_async():
            await self._drain(app)
            for job in JOBS:
                if job.cron is not None:
                    await job.run(rooms(self.installation)[job.name.partition(".")[0]])
            await self._drain(app)
        await self.read()

    async def read(self) -> None:
        """What the worker's readers of the ledger's feed do: come to its end."""
        for reader in READERS:
            await advance(self.installation.pool, self.installation.ledger, reader)

    async def _drain(self, app: procrastinate.App) -> None:
        await app.run_worker_async(
            wait=False, install_signal_handlers=False, listen_notify=False, queues=["coinwell"]
        )

    async def pass_time(self, seconds: int) -> None:
        """Let time go by for both sides, and let the sandbox send what is due by then."""
        self.clock.advance(seconds=seconds)
        await self.deliver()

    async def deliver(self) -> None:
        """Have the sandbox do and send what is due now."""
        answer = await self.sandbox.post("/_control/deliver", json={})
        assert answer.status_code < 300, answer.text

    async def person(self, external_id: str = "ana", **changes: object) -> User:
        """A grown-up in Germany, unless told otherwise."""
        said = {
            "display_name": external_id.title(),
            "country": "DE",
            "time_zone": "Europe/Berlin",
            "birth_on": date(1995, 5, 5),
        }
        new = NewUser(external_id=external_id, **(said | changes))  # type: ignore[arg-type]
        async with transaction(self.installation.pool) as tx:
            return await create_user(tx, new, now=self.clock.now())

    async def coins(self, user_id: UUID) -> int:
        """What the ledger says that a user can spend."""
        return (await balance(self.installation.ledger, user_id)).coins


@asynccontextmanager
async def open_house(database_url: str, clock: StillClock, folder: Path) -> AsyncGenerator[House]:
    """Everything up, on free ports of loopback, with a seeded catalogue."""
    install_queue(database_url)
    web, pay = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    url, sandbox_url = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in (web, pay))
    settings = Settings(
        secret=SECRET,
        demo=True,
        database=database_url,
        data=folder,
        public_url=url,
        sandbox_url=sandbox_url,
        webhooks_private=True,
        log_level="error",
    )
    sandbox = SandboxSettings(
        store_path=folder / "sandbox.sqlite",
        secret=settings.derived_secret("sandbox api"),
        control_token=settings.derived_secret("sandbox control"),
        webhook_url=f"{url}/v1/webhooks/sandbox",
        webhook_secret=webhook_secret(settings),
        public_url=sandbox_url,
    )
    control = httpx2.AsyncClient(
        base_url=sandbox_url, headers={"authorization": f"Bearer {sandbox.control_token}"}
    )
    async with (
        open_installation(settings, clock=clock, pool_size=4) as installation,
        served(create_sandbox(sandbox, clock), pay),
        served(create_app(settings, clock=clock), web),
        control,
    ):
        async with transaction(installation.pool) as tx:
            await seed(tx, now=clock.now())
            await seed_gifts(tx, now=clock.now())
        await make_people(installation.pool, settings, now=clock.now())
        yield House(url, sandbox_url, clock, settings, installation, control)


@pytest.fixture
async def house(database_url: str, clock: StillClock, tmp_path: Path) -> AsyncGenerator[House]:
    """Web app, sandbox and worker together, on real sockets and the still clock."""
    async with open_house(database_url, clock, tmp_path) as opened:
        yield opened

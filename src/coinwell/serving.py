"""Brings the product up: database, migrations, catalogue, then the parent and its children."""

import asyncio
import logging
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import click
import uvicorn

from coinwell.app import create_app
from coinwell.base.clock import SystemClock
from coinwell.base.db import open_pool, transaction
from coinwell.base.jobs import install_queue
from coinwell.base.migrate import migrate
from coinwell.base.refusal import Kind, Refusal
from coinwell.catalog import publications, seed, seed_gifts
from coinwell.demo import history_begins
from coinwell.installation import sandbox_settings
from coinwell.parent import ChildSpec, run_parent
from coinwell.postgres import Server, check_server, ensure_database, open_server
from coinwell.recharge.providers.sandbox.server import serve_sandbox
from coinwell.settings import Settings

DATABASE_NAME = "coinwell"
# Where a restore builds, inside the data folder; gone when it is done.
RESTORING = "restoring"


@dataclass(eq=False)
class PortTaken(Refusal):
    """Something else listens on the port already."""

    kind = Kind.CLASH
    title = "Port taken"
    port: int
    setting: str

    def sentence(self) -> str:
        """Say how to choose another."""
        return f"Port {self.port} is taken. Set {self.setting} to a free one and start again."


@dataclass(eq=False)
class RestoreUnfinished(Refusal):
    """A restore was cut short here. An empty database in its place would look like lost money."""

    kind = Kind.CLASH
    title = "Restore not finished"
    folder: str

    def sentence(self) -> str:
        """Say the two ways on."""
        return (
            f"A restore into {self.folder} was cut short, and there is no database. Run "
            f"`coinwell restore` again, or remove {self.folder}/{RESTORING} to begin anew."
        )


@contextmanager
def database(
    settings: Settings, *, attach: bool = False
) -> Generator[tuple[Settings, Server | None]]:
    """The settings with a database that answers: the given one, or the embedded server started.

    With `attach`, an embedded server that another process runs is used instead of refused.
    """
    if settings.database:
        check_server(settings.database)
        yield settings, None
        return
    place = settings.data / "postgres"
    if not place.exists() and (settings.data / RESTORING).exists():
        raise RestoreUnfinished(str(settings.data))
    server = open_server(place, attach=attach)
    try:
        ensure_database(server.url(), DATABASE_NAME)
        yield replace(settings, database=server.url(DATABASE_NAME)), server
    finally:
        server.stop()


def prepare(settings: Settings) -> list[str]:
    """Bring the schema, the queue and the catalogue up to date; the migrations that ran."""
    ran = migrate(settings.database)
    install_queue(settings.database)
    asyncio.run(_seed(settings))
    return ran


async def _seed(settings: Settings) -> None:
    now = SystemClock().now()
    async with open_pool(settings.database, max_size=1) as pool, transaction(pool) as tx:
        if settings.demo and not await publications(tx):
            # A demo's first recharges are months old, and so are the prices that were paid.
            now = history_begins(now)
        await seed(tx, now=now)
        await seed_gifts(tx, now=now)


def serve_all(
    settings: Settings, *, populate: Callable[[Settings], Coroutine[Any, Any, None]] | None = None
) -> int:
    """Run the whole product in this terminal until it is told to stop; the exit status.

    `populate` is awaited after the preparation and before anything is served.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for chatty in ("psycopg", "procrastinate", "httpx2"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    _demand_free(settings.host, settings.port, "COINWELL_PORT")
    if settings.sandbox:
        _demand_free("127.0.0.1", settings.sandbox_port, "COINWELL_SANDBOX_PORT")
    for above in range(settings.web_processes + 1) if settings.metrics_port else ():
        _demand_free(settings.metrics_host, settings.metrics_port + above, "COINWELL_METRICS_PORT")
    with database(settings) as (served, server):
        prepare(served)
        if populate is not None:
            asyncio.run(populate(served))

        def say_ready() -> None:
            click.echo(f"\n  Coinwell is ready: {served.public_url}\n  Ctrl-C stops it.\n")

        return run_parent(
            children(served),
            server=server,
            database_url=served.database,
            wait_until_ready=lambda: _answers(f"http://{served.host}:{served.port}/readyz"),
            when_ready=say_ready,
        )


def children(settings: Settings) -> list[ChildSpec]:
    """The processes that the parent keeps running."""
    environment = settings.to_env()
    run = (sys.executable, "-m", "coinwell.cli")

    def with_port(above: int) -> dict[str, str]:
        # A page for each process: they share the web port, and a page there would be anyone's.
        port = settings.metrics_port and settings.metrics_port + above
        return environment | {"COINWELL_METRICS_PORT": str(port)}

    specs = [
        ChildSpec(f"web {number}", (*run, "process", "web"), with_port(number))
        for number in range(1, settings.web_processes + 1)
    ]
    specs.append(ChildSpec("worker", (*run, "work"), with_port(0)))
    if settings.sandbox:
        specs.append(ChildSpec("sandbox", (*run, "process", "sandbox"), environment))
    if settings.crowd_rate:
        specs.append(ChildSpec("crowd", (*run, "process", "crowd"), environment))
    return specs


def serve_web(settings: Settings) -> None:
    """One web process: any number of them may listen on the same port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Each process accepts for itself and the kernel spreads the connections between them.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((settings.host, settings.port))
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=8,
        # Watchers of rooms count, too; of those a process takes fewer (live/streaming.py).
        limit_concurrency=6_000,
        ws="websockets-sansio",
        ws_max_size=4_096,
        ws_per_message_deflate=False,
        lifespan="on",
    )
    uvicorn.Server(config).run(sockets=[listener])


def serve_sandbox_process(settings: Settings) -> None:
    """The sandbox payment provider: its own program, its own store."""
    sandbox = sandbox_settings(settings)
    serve_sandbox(sandbox, host="127.0.0.1", port=settings.sandbox_port)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False


def _demand_free(host: str, port: int, setting: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise PortTaken(port, setting) from None

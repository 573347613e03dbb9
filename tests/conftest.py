"""A real PostgreSQL for every test, a clock that stands still, and a ledger on top.

One throw-away server per test process; one migrated template; every test that asks for a
database gets a clone of its own, which takes milliseconds.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.sql import SQL, Identifier

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, Tx, open_pool
from coinwell.base.migrate import migrate
from coinwell.ledger import Ledger, open_ledger
from coinwell.postgres import Server, open_server

_NUMBERS = count(1)
NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)

settings.register_profile(
    "coinwell",
    deadline=None,  # A timed assertion in a test says more about the machine than the code.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.load_profile("coinwell")


@pytest.fixture(scope="session")
def server() -> Generator[Server]:
    """A PostgreSQL of this test process's own, gone with it."""
    folder = Path(tempfile.mkdtemp(prefix="coinwell-test-"))
    # A dropped user must be able to pass through; nothing secret is in here.
    folder.chmod(0o755)
    running = open_server(folder / "data", durable=False)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """The name of a migrated, empty database to clone."""
    name = "template_coinwell"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    migrate(server.url(name))
    return name


@pytest.fixture
def database_url(server: Server, template: str) -> Generator[str]:
    """The URL of a fresh migrated database that no other test sees."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        clone = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        connection.execute(clone.format(Identifier(name), Identifier(template)))
    yield server.url(name)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """A pool on the fresh database."""
    async with open_pool(database_url, max_size=10) as opened:
        yield opened


@pytest.fixture
async def tx(pool: Pool) -> AsyncGenerator[Tx]:
    """A transaction that is rolled back after the test."""
    async with pool.connection() as connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture
def clock() -> StillClock:
    """Noon of a Sunday, until the test moves it."""
    return StillClock(NOON)


@pytest.fixture
async def ledger(database_url: str, clock: StillClock) -> AsyncGenerator[Ledger]:
    """A ledger on the fresh database, on the still clock."""
    async with open_ledger(database_url, now_ns=clock.now_ns) as opened:
        yield opened

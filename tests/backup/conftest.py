"""A small installation with durable files, a few transfers in it, and a backup of it."""

import asyncio
import shutil
import tempfile
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from coinwell import serving
from coinwell.backup import take
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    Kind,
    Transfer,
    open_ledger,
    platform_account,
)
from coinwell.settings import Settings

SECRET = "a secret of the tests, long enough"
ISSUED = platform_account(Code.ISSUED, LEDGER_COINS)
SHOP = platform_account(Code.REDEEMED, LEDGER_COINS)
MOVES = 7


def move(number: int) -> Transfer:
    return Transfer(
        id=number,
        debit_account_id=ISSUED.id,
        credit_account_id=SHOP.id,
        amount=number,
        ledger=LEDGER_COINS,
        code=Kind.SPEND,
    )


async def fill(url: str, numbers: range) -> list[int]:
    async with open_ledger(url) as ledger:
        await ledger.create_accounts([ISSUED, SHOP])
        return [one.timestamp for one in await ledger.create_transfers([*map(move, numbers)])]


@pytest.fixture
def outer() -> Generator[Path]:
    made = Path(tempfile.mkdtemp(prefix="coinwell-backup-"))
    made.chmod(0o755)  # The user that root starts PostgreSQL as must be able to pass through.
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def kept() -> Generator[Path]:
    """A data folder and a backup of it; made once, and only copied."""
    outer = Path(tempfile.mkdtemp(prefix="coinwell-backup-"))
    outer.chmod(0o755)
    settings = Settings(secret=SECRET, data=outer / "data")
    (outer / "data").mkdir()
    (outer / "data" / "secret").write_text(SECRET)
    with serving.database(settings) as (served, _):
        serving.prepare(served)
        asyncio.run(fill(served.database, range(1, MOVES + 1)))
        take(served, outer / "backup", embedded=True)
    yield outer
    shutil.rmtree(outer)


@pytest.fixture
def backup(kept: Path, outer: Path) -> Path:
    """A backup of one's own to harm."""
    shutil.copytree(kept / "backup", outer / "backup")
    return outer / "backup"


@pytest.fixture
def settings(outer: Path) -> Settings:
    """The same installation, with a data folder that is not there yet."""
    return Settings(secret=SECRET, data=outer / "data")


@pytest.fixture
def given(database_url: str, settings: Settings) -> Settings:
    """An installation whose database is on a given server."""
    with_url = replace(settings, database=database_url)
    serving.prepare(with_url)
    asyncio.run(fill(database_url, range(1, MOVES + 1)))
    return with_url


@pytest.fixture
def empty(database_url: str) -> Generator[str]:
    """The URL of an empty database on the same server."""
    name = "empty_for_a_restore"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty_for_a_restore TEMPLATE template0")
    old = conninfo_to_dict(database_url)
    yield make_conninfo("", **{**old, "dbname": name})
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE empty_for_a_restore WITH (FORCE)")

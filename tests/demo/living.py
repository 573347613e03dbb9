"""A small history for tests: what it is made in, and what it came to."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from coinwell.base.db import open_pool, row, rows, transaction
from coinwell.base.jobs import install_queue
from coinwell.catalog import seed, seed_gifts
from coinwell.demo import Size, history_begins, make_history
from coinwell.installation import Installation, open_installation
from coinwell.ledger import LEDGER_COINS, Code, account_id
from coinwell.settings import Settings
from coinwell.users import user_by_external_id
from coinwell.wallet import balance
from tests.conftest import NOON
from tests.house import SECRET

SMALL = Size(days=8, viewers=60)


@dataclass(frozen=True, slots=True)
class Held:
    """What the ledger says of somebody: coins to spend, and coins that were given to them."""

    coins: int
    earned: int


def settings_for(database_url: str, folder: Path) -> Settings:
    """A demo of its own."""
    return Settings(secret=SECRET, demo=True, database=database_url, data=folder, log_level="error")


async def prepare(settings: Settings, now: datetime = NOON) -> None:
    """What is done before the history: a queue, and a catalogue that is as old as it."""
    install_queue(settings.database)
    async with open_pool(settings.database, max_size=1) as pool, transaction(pool) as tx:
        await seed(tx, now=history_begins(now))
        await seed_gifts(tx, now=history_begins(now))


@asynccontextmanager
async def installed(settings: Settings) -> AsyncGenerator[Installation]:
    """The product on this database."""
    async with open_installation(settings, pool_size=4) as installation:
        yield installation


async def holdings(settings: Settings, names: list[str]) -> dict[str, Held]:
    """What each of these people holds."""
    found: dict[str, Held] = {}
    async with installed(settings) as opened:
        for name in names:
            async with transaction(opened.pool) as tx:
                person = await user_by_external_id(tx, name)
            held = await balance(opened.ledger, person.id)
            earned = await _earned(opened, person.id)
            found[name] = Held(held.coins, earned)
    return found


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows a history left."""

    transfers: int
    users: int
    rooms: int
    orders: int
    events: int


_COUNTS = """
    SELECT (SELECT count(*) FROM ledger.transfer) AS transfers,
        (SELECT count(*) FROM users.person) AS users,
        (SELECT count(*) FROM live.room) AS rooms,
        (SELECT count(*) FROM recharge."order") AS orders,
        (SELECT count(*) FROM live.event) AS events
"""


@dataclass(frozen=True, slots=True)
class State:
    """Orders in one state."""

    state: str
    count: int


async def counts(settings: Settings) -> Counts:
    """How many rows there are."""
    async with open_pool(settings.database, max_size=1) as pool, transaction(pool) as tx:
        found = await row(tx, Counts, _COUNTS)
    assert found is not None
    return found


async def order_states(settings: Settings) -> dict[str, int]:
    """How many recharges ended how."""
    sql = 'SELECT state, count(*) AS count FROM recharge."order" GROUP BY state'
    async with open_pool(settings.database, max_size=1) as pool, transaction(pool) as tx:
        return {one.state: one.count for one in await rows(tx, State, sql)}


async def _earned(opened: Installation, user_id: UUID) -> int:
    wanted = account_id(Code.EARNED, user_id, LEDGER_COINS)
    accounts = await opened.ledger.lookup_accounts([wanted])
    return accounts[0].credits_posted if accounts else 0


def main(database_url: str, folder: str) -> None:
    """Make the small history in a process of its own, which can be killed."""
    asyncio.run(
        make_history(
            settings_for(database_url, Path(folder)),
            now=NOON,
            size=SMALL,
            progress=lambda done, of: print(f"{done} {of}", flush=True),  # noqa: T201 - its use.
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

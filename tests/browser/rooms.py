"""Live rooms for browser tests: opened, with coins to give, and the feed read meanwhile."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count

from coinwell.base.db import transaction
from coinwell.demo import open_lives
from coinwell.ledger import LEDGER_COINS, Code, Kind, Transfer, account_id, platform_account
from coinwell.ledger import wallet_account as wallet_of
from coinwell.live import rooms
from coinwell.users import demo_users, user_by_external_id
from tests.house import House

_IDS = count(7_000)


@dataclass(frozen=True, slots=True)
class Live:
    """The room of Luz, who is one of the demo's people."""

    path: str
    creator_id: str


async def go_live(house: House) -> Live:
    """The demo's creators open their rooms; this is the one of Luz."""
    async with transaction(house.installation.pool) as tx:
        luz = await user_by_external_id(tx, "demo-luz")
    await open_lives(house.installation.pool, now=house.clock.now())
    async with transaction(house.installation.pool) as tx:
        (found,), _ = await rooms(tx, creator_id=luz.id)
    return Live(f"/live/{found.id}", str(luz.id))


async def give_coins(house: House, name: str, coins: int) -> None:
    """Coins out of nothing, for one of the demo's people."""
    async with transaction(house.installation.pool) as tx:
        person = next(one for one in await demo_users(tx) if one.display_name.startswith(name))
    issued, wallet = platform_account(Code.ISSUED, LEDGER_COINS), wallet_of(person.id)
    await house.installation.ledger.create_accounts([issued, wallet])
    given = Transfer(
        id=next(_IDS),
        debit_account_id=issued.id,
        credit_account_id=account_id(Code.WALLET, person.id, LEDGER_COINS),
        amount=coins,
        ledger=LEDGER_COINS,
        code=int(Kind.RECHARGE),
    )
    (result,) = await house.installation.ledger.create_transfers([given])
    assert result.status.name == "CREATED"


@asynccontextmanager
async def reading(house: House) -> AsyncGenerator[None]:
    """The worker's readers follow the feed until the block ends."""

    async def follow() -> None:
        while True:
            await house.read()
            await asyncio.sleep(0.05)

    task = asyncio.create_task(follow())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

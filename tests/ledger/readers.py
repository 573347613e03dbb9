"""A reader for tests: it writes down each transfer it is handed, with a number of its own."""

from collections.abc import Sequence

from coinwell.base.db import Pool, Tx, run, transaction
from coinwell.ledger import Ledger, QueryFilter, Reader, Transfer
from tests.ledger.coins import BANK, SHOP, move

TABLE = "CREATE TABLE IF NOT EXISTS public.noted (number bigserial, id uuid, amount bigint)"
_NOTE = "INSERT INTO public.noted (id, amount) VALUES (%s, %s)"
_NOTED = "SELECT id, amount FROM public.noted ORDER BY number"


async def make_table(pool: Pool) -> None:
    """The table of the test's reader."""
    async with transaction(pool) as tx:
        await run(tx, TABLE)


async def note(tx: Tx, transfers: Sequence[Transfer]) -> None:
    """Write each down, one row a transfer."""
    for one in transfers:
        await run(tx, _NOTE, [f"{one.id:032x}", one.amount])


async def forget(tx: Tx) -> None:
    """Empty the table, its numbers too."""
    await run(tx, "TRUNCATE public.noted RESTART IDENTITY")


NOTER = Reader("test.noter", note, forget, batch_max=7)


async def noted(pool: Pool) -> list[tuple[int, int]]:
    """What the reader wrote, in its order."""
    async with transaction(pool) as tx:
        cursor = await tx.execute(_NOTED)
        return [(key.int, amount) for key, amount in await cursor.fetchall()]


async def feed(ledger: Ledger) -> list[tuple[int, int]]:
    """What is there to read, in the order of the feed."""
    found: list[Transfer] = []
    while True:
        after = found[-1].timestamp + 1 if found else 0
        page = await ledger.query_transfers(QueryFilter(timestamp_min=after, limit=8_189))
        found += page
        if not page:
            return [(one.id, one.amount) for one in found]


async def spend(ledger: Ledger, wallet: int, times: int) -> None:
    """So many transfers of one coin, one call each."""
    for _ in range(times):
        await ledger.create_transfers([move(BANK, wallet, 1)])
        await ledger.create_transfers([move(wallet, SHOP, 1)])

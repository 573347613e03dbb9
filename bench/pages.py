"""Wallet and statement pages with a million transfers stored: latency over real HTTP."""

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import quantiles
from uuid import UUID, uuid4

import httpx2
import uvicorn

from coinwell.app import create_app
from coinwell.base.db import open_pool, transaction
from coinwell.base.jobs import install_queue
from coinwell.base.migrate import migrate
from coinwell.catalog import seed
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    Kind,
    Ledger,
    Transfer,
    open_ledger,
    platform_account,
    wallet_account,
)
from coinwell.postgres import open_server
from coinwell.settings import Settings
from coinwell.users import NewUser, create_user

TRANSFERS = 1_000_000
WALLETS = 1_000  # So a wallet has a thousand lines.
BATCH = 8_000
REQUESTS = 400
AT_ONCE = 2
P99_MS_MAX = 100


async def fill(url: str) -> list[str]:
    """A thousand people and a million transfers of theirs."""
    now = datetime.now(UTC)
    owners: list[UUID] = []
    async with open_pool(url) as pool, transaction(pool) as tx:
        await seed(tx, now=now)
        for number in range(WALLETS):
            new = NewUser(f"demo-{number}", f"Viewer {number}", "DE", birth_on=date(1990, 1, 1))
            owners.append((await create_user(tx, new, now=now)).id)
    async with open_ledger(url) as ledger:
        await _move(ledger, owners)
    return [f"demo-{number}" for number in range(WALLETS)]


async def _move(ledger: Ledger, people: list[UUID]) -> None:
    issued = platform_account(Code.ISSUED, LEDGER_COINS)
    redeemed = platform_account(Code.REDEEMED, LEDGER_COINS)
    wallets = [wallet_account(person) for person in people]
    await ledger.create_accounts([issued, redeemed, *wallets])
    for begin in range(0, TRANSFERS, BATCH):
        batch = [
            Transfer(
                id=uuid4().int,
                debit_account_id=issued.id if wave < 10 else wallets[number % WALLETS].id,
                credit_account_id=wallets[number % WALLETS].id if wave < 10 else redeemed.id,
                amount=1_000 if wave < 10 else 1,
                ledger=LEDGER_COINS,
                code=Kind.BONUS if wave < 10 else Kind.SPEND,
            )
            for number in range(begin, min(begin + BATCH, TRANSFERS))
            for wave in [number // WALLETS]
        ]
        await ledger.create_transfers(batch)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncGenerator[str]:
    """The web app on a free port of loopback."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(settings), log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def sign_in(client: httpx2.AsyncClient, person: str) -> None:
    """Enter as one of the demo people, by the form that the sign-in page shows."""
    client.cookies.clear()
    page = await client.get("/")
    token = page.text.partition('name="_csrf" value="')[2].partition('"')[0]
    entered = await client.post("/demo/enter", data={"_csrf": token, "person": person})
    assert entered.status_code == 303, entered.text


async def measure(base: str, people: list[str], path: str) -> tuple[float, float]:
    """p50 and p99 in milliseconds, every person's page in turn."""
    taken: list[float] = []

    async def visit(share: list[str]) -> None:
        async with httpx2.AsyncClient(base_url=base) as client:
            for person in share:
                await sign_in(client, person)
                begun = time.perf_counter()
                answer = await client.get(path)
                taken.append((time.perf_counter() - begun) * 1000)
                assert answer.status_code == 200, answer.text

    visited = people[:REQUESTS]
    await asyncio.gather(*(visit(visited[part::AT_ONCE]) for part in range(AT_ONCE)))
    cuts = quantiles(taken, n=100)
    return cuts[49], cuts[98]


async def main(url: str, data: Path) -> int:
    """Fill, serve, measure; 1 if a page is slower than the bar."""
    begun = time.perf_counter()
    people = await fill(url)
    print(f"stored {TRANSFERS:,} transfers in {time.perf_counter() - begun:.0f} s")
    settings = Settings(secret="b" * 32, demo=True, database=url, data=data, log_level="error")
    missed = 0
    async with serving(settings) as base:
        await measure(base, people[:20], "/me/balance")
        for path in ("/me/balance", "/me/statement"):
            p50, p99 = await measure(base, people, path)
            missed |= p99 > P99_MS_MAX
            print(f"{path:<16} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   (bar: p99 < {P99_MS_MAX})")
    return int(missed)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="coinwell-bench-") as folder:
        Path(folder).chmod(0o755)
        with open_server(Path(folder) / "data") as server:
            migrate(server.url())
            install_queue(server.url())
            sys.exit(asyncio.run(main(server.url(), Path(folder))))

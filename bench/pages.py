"""Wallet and statement pages with a million transfers stored: latency over real HTTP.

The web process is one of its own, as in life; the visitors share another. A *cold* visit is the
first that this web process gets from somebody, so it has to read a thousand lines; a *warm* one
comes later, after the visitor spent once more.
"""

import asyncio
import multiprocessing
import random
import socket
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
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
BONUSES = 10
VISITORS = 300
WARM_UP = 20
REMEMBERED = 200  # The web process is sure to remember these.
AT_ONCE = 2
P99_MS_MAX = 100


async def fill(url: str) -> dict[str, UUID]:
    """A thousand people and a million transfers of theirs; their names for the demo's door."""
    now = datetime.now(UTC)
    owners: list[UUID] = []
    async with open_pool(url) as pool, transaction(pool) as tx:
        await seed(tx, now=now)
        for number in range(WALLETS):
            new = NewUser(f"demo-{number}", f"Viewer {number}", "DE", birth_on=date(1990, 1, 1))
            owners.append((await create_user(tx, new, now=now)).id)
    async with open_ledger(url) as ledger:
        await _move(ledger, owners)
    return {f"demo-{number}": owner for number, owner in enumerate(owners)}


async def _move(ledger: Ledger, people: list[UUID]) -> None:
    platform = [platform_account(code, LEDGER_COINS) for code in (Code.ISSUED, Code.REDEEMED)]
    wallets = [wallet_account(person) for person in people]
    await ledger.create_accounts([*platform, *wallets])
    for begin in range(0, TRANSFERS, BATCH):
        batch = [
            bonus(wallets[number % WALLETS].id)
            if number // WALLETS < BONUSES
            else spending(wallets[number % WALLETS].id)
            for number in range(begin, min(begin + BATCH, TRANSFERS))
        ]
        await ledger.create_transfers(batch)


def bonus(wallet: int) -> Transfer:
    """Coins for a wallet."""
    issued = platform_account(Code.ISSUED, LEDGER_COINS)
    return Transfer(
        id=uuid4().int,
        debit_account_id=issued.id,
        credit_account_id=wallet,
        amount=1_000,
        ledger=LEDGER_COINS,
        code=Kind.BONUS,
    )


def spending(wallet: int) -> Transfer:
    """One coin spent."""
    redeemed = platform_account(Code.REDEEMED, LEDGER_COINS)
    return Transfer(
        id=uuid4().int,
        debit_account_id=wallet,
        credit_account_id=redeemed.id,
        amount=1,
        ledger=LEDGER_COINS,
        code=Kind.SPEND,
    )


def serve(settings: Settings, listener: socket.socket) -> None:
    """The web process: the app on that socket, until it is told to end."""
    config = uvicorn.Config(create_app(settings), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def serving(settings: Settings) -> Generator[str]:
    """A fresh web process on a free port of loopback; it remembers nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(settings, listener)
        )
        process.start()
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        # The socket listens already, so the first question waits until the app answers.
        httpx2.get(f"{base}/readyz", timeout=30).raise_for_status()
        yield base
    finally:
        process.terminate()
        process.join()


async def sign_in(client: httpx2.AsyncClient, person: str) -> None:
    """Enter as one of the demo people, by the form that the sign-in page shows."""
    client.cookies.clear()
    page = await client.get("/")
    token = page.text.partition('name="_csrf" value="')[2].partition('"')[0]
    entered = await client.post("/demo/enter", data={"_csrf": token, "person": person})
    assert entered.status_code == 303, entered.text


async def visits(base: str, people: list[str], path: str) -> list[float]:
    """Milliseconds that each person's page took, two visitors at a time."""
    taken: list[float] = []

    async def visit(share: list[str]) -> None:
        async with httpx2.AsyncClient(base_url=base) as client:
            for person in share:
                await sign_in(client, person)
                begun = time.perf_counter()
                answer = await client.get(path)
                taken.append((time.perf_counter() - begun) * 1000)
                assert answer.status_code == 200, answer.text

    await asyncio.gather(*(visit(people[part::AT_ONCE]) for part in range(AT_ONCE)))
    return taken


def said(name: str, taken: list[float]) -> bool:
    """Print p50 and p99; whether the bar is met."""
    cuts = quantiles(taken, n=100)
    p50, p99 = cuts[49], cuts[98]
    print(f"{name:<22} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   (bar: p99 < {P99_MS_MAX})")
    return p99 < P99_MS_MAX


async def measure(url: str, settings: Settings, people: dict[str, UUID], path: str) -> bool:
    """A page's cold and warm visits by people at random; whether both meet the bar."""
    order = random.sample(sorted(people), VISITORS + WARM_UP)
    visitors, others = order[:VISITORS], order[VISITORS:]
    with serving(settings) as base:
        await visits(base, others, path)
        met = said(f"{path} cold", await visits(base, visitors, path))
        async with open_ledger(url) as ledger:
            await ledger.create_transfers(
                [spending(wallet_account(people[name]).id) for name in visitors]
            )
        met &= said(f"{path} warm", await visits(base, visitors[-REMEMBERED:], path))
    return met


async def main(url: str, data: Path) -> int:
    """Fill, serve, measure; 1 if a page is slower than the bar."""
    begun = time.perf_counter()
    people = await fill(url)
    print(f"stored {TRANSFERS:,} transfers in {time.perf_counter() - begun:.0f} s")
    settings = Settings(secret="b" * 32, demo=True, database=url, data=data, log_level="error")
    met = [await measure(url, settings, people, path) for path in ("/me/balance", "/me/statement")]
    return int(not all(met))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="coinwell-bench-") as folder:
        Path(folder).chmod(0o755)
        with open_server(Path(folder) / "data") as server:
            migrate(server.url())
            install_queue(server.url())
            sys.exit(asyncio.run(main(server.url(), Path(folder))))

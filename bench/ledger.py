"""Durable transfers a second through the ledger, beside the textbook transaction, in one run.

Rates of different machines or days say little; the ratios of one run say something. Everything
is durable: an answer counts when its commit is on disk. Run it by `make bench`, or
`python -m bench.ledger --seconds 3 --url postgresql://…`.
"""

import argparse
import asyncio
import itertools
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import psycopg

from coinwell.base.migrate import migrate
from coinwell.ledger import (
    Account,
    AccountFlags,
    CreateTransferStatus,
    Ledger,
    Transfer,
    open_ledger,
    verify,
)
from coinwell.postgres import open_server

WALLETS = 10_000
CREATORS = 1_000
CALLERS = 500
TEXTBOOK_CONNECTIONS = 16
# What the ledger has to reach with all callers at once, in times the textbook.
BARS = {False: 4.0, True: 10.0}
_FUNDS = 1_000_000_000
_BANK = 1
_BATCH = 8_000
_WALLET = 1_000
_CREATOR = 1_000_000

TEXTBOOK_SCHEMA = """
    CREATE SCHEMA textbook;
    CREATE TABLE textbook.account (
        id bigint PRIMARY KEY,
        balance bigint NOT NULL CHECK (balance >= 0)
    ) WITH (fillfactor = 50);
    CREATE TABLE textbook.transfer (
        key uuid PRIMARY KEY, debit bigint NOT NULL, credit bigint NOT NULL, amount bigint NOT NULL
    );
    INSERT INTO textbook.account
    SELECT id, 1000000000 FROM generate_series(1000, 10999) AS id;
    INSERT INTO textbook.account SELECT id, 0 FROM generate_series(1000000, 1000999) AS id;
    ANALYZE textbook.account;
"""
_LOCK = "SELECT id, balance FROM textbook.account WHERE id = ANY (%s) ORDER BY id FOR UPDATE"
_TAKE = "UPDATE textbook.account SET balance = balance - %s WHERE id = %s"
_GIVE = "UPDATE textbook.account SET balance = balance + %s WHERE id = %s"
_NOTE = "INSERT INTO textbook.transfer (key, debit, credit, amount) VALUES (%s, %s, %s, %s)"


class Rate(NamedTuple):
    """What one run reached."""

    per_second: float
    middle_ms: float
    worst_ms: float

    def __str__(self) -> str:
        """For the table."""
        return (
            f"{self.per_second:10,.0f}/s  p50 {self.middle_ms:7.1f} ms  p99 {self.worst_ms:7.1f} ms"
        )


class Pairs:
    """Who gives to whom: uniform over all creators, or everybody to one."""

    def __init__(self, *, hot: bool) -> None:
        """The same seed each time, so that both sides move the same coins."""
        self._random = random.Random(20_261_122)
        self._creators = 1 if hot else CREATORS

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Endless wallet, creator, amount."""
        draw = self._random.randrange
        while True:
            yield _WALLET + draw(WALLETS), _CREATOR + draw(self._creators), 1 + draw(99)


def new_id() -> int:
    """As intents make them: 48 bits of time, then 80 that nobody can guess."""
    return (time.time_ns() // 1_000_000 << 80) | random.getrandbits(80)


def transfers(pairs: Iterator[tuple[int, int, int]], size: int) -> list[Transfer]:
    """The next gifts."""
    return [
        Transfer(
            id=new_id(), debit_account_id=wallet, credit_account_id=creator, amount=amount,
            ledger=1, code=21,
        )
        for wallet, creator, amount in itertools.islice(pairs, size)
    ]  # fmt: skip


async def prepare(ledger: Ledger) -> None:
    """Wallets with plenty of coins, and creators without."""
    guarded = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
    wallets = [Account(id=_WALLET + n, ledger=1, code=10, flags=guarded) for n in range(WALLETS)]
    creators = [Account(id=_CREATOR + n, ledger=1, code=11) for n in range(CREATORS)]
    accounts = [Account(id=_BANK, ledger=1, code=20), *creators, *wallets]
    for start in range(0, len(accounts), _BATCH):
        await ledger.create_accounts(accounts[start : start + _BATCH])
    funds = [
        Transfer(
            id=new_id(), debit_account_id=_BANK, credit_account_id=wallet.id, amount=_FUNDS,
            ledger=1, code=1,
        )
        for wallet in wallets
    ]  # fmt: skip
    for start in range(0, len(funds), _BATCH):
        results = await ledger.create_transfers(funds[start : start + _BATCH])
        assert all(result.status is CreateTransferStatus.CREATED for result in results)


async def measure(
    callers: int, seconds: float, size: int, call: Callable[[int], Awaitable[None]]
) -> Rate:
    """Closed loop: each caller waits for its answer, then asks again; a warm-up does not count."""
    waits: list[float] = []
    begin = time.perf_counter() + seconds / 4
    end = begin + seconds

    async def loop(caller: int) -> None:
        while (start := time.perf_counter()) < end:
            await call(caller)
            if start >= begin:
                waits.append(time.perf_counter() - start)

    await asyncio.gather(*(loop(caller) for caller in range(callers)))
    elapsed = time.perf_counter() - begin
    return Rate(len(waits) * size / elapsed, median(waits) * 1e3, quantiles(waits, n=100)[98] * 1e3)


async def through_ledger(
    ledger: Ledger, *, hot: bool, callers: int, size: int, seconds: float
) -> Rate:
    """`callers` at once, each with `size` transfers a call."""
    pairs = iter(Pairs(hot=hot))

    async def call(_: int) -> None:
        results = await ledger.create_transfers(transfers(pairs, size))
        assert all(result.status is CreateTransferStatus.CREATED for result in results)

    return await measure(callers, seconds, size, call)


async def by_the_textbook(url: str, *, hot: bool, seconds: float) -> Rate:
    """BEGIN; SELECT … FOR UPDATE; two UPDATEs; INSERT; COMMIT, on sixteen connections."""
    pairs = iter(Pairs(hot=hot))
    async with _connections(url, TEXTBOOK_CONNECTIONS) as connections:

        async def call(caller: int) -> None:
            wallet, creator, amount = next(pairs)
            connection = connections[caller]
            async with connection.transaction(), connection.cursor() as cursor:
                await cursor.execute(_LOCK, [[wallet, creator]])
                held = dict(await cursor.fetchall())
                assert held[wallet] >= amount
                await cursor.execute(_TAKE, [amount, wallet])
                await cursor.execute(_GIVE, [amount, creator])
                await cursor.execute(_NOTE, [f"{new_id():032x}", wallet, creator, amount])

        return await measure(TEXTBOOK_CONNECTIONS, seconds, 1, call)


@asynccontextmanager
async def _connections(
    url: str, count: int
) -> AsyncGenerator[list[psycopg.AsyncConnection[psycopg.rows.TupleRow]]]:
    opened = [
        await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=0)
        for _ in range(count)
    ]
    try:
        yield opened
    finally:
        for connection in opened:
            await connection.close()


async def run(url: str, seconds: float) -> bool:
    """Both worlds, textbook and ledger in turn; whether the bars are met."""
    met = True
    async with open_ledger(url) as ledger:
        await prepare(ledger)
        for hot in (False, True):
            name = "one hot creator" if hot else "uniform"
            textbook = await by_the_textbook(url, hot=hot, seconds=seconds)
            print(f"\n{name}, durable")
            print(f"  textbook, {TEXTBOOK_CONNECTIONS} connections     {textbook}")
            for callers, size in ((1, 1), (1, 100), (1, 500), (CALLERS, 1)):
                rate = await through_ledger(
                    ledger, hot=hot, callers=callers, size=size, seconds=seconds
                )
                ratio = rate.per_second / textbook.per_second
                print(
                    f"  ledger, {callers:3} callers x {size:3}      {rate}  {ratio:5.1f} x textbook"
                )
    verdict = await verify(url)
    print(f"\n{verdict.sentence}")
    return met and verdict.balanced


@contextmanager
def database(url: str | None) -> Generator[str]:
    """The database to load: the given one, or a throw-away server that syncs to the disk."""
    if url is not None:
        yield url
        return
    folder = Path(tempfile.mkdtemp(prefix="coinwell-bench-"))
    folder.chmod(0o755)  # A server of another user must be able to pass through.
    server = open_server(folder / "data", durable=True)
    try:
        yield server.url()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Read the arguments, find a database, run; 1 when a bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each run")
    parser.add_argument("--url", help="an empty database to use instead of a throw-away server")
    arguments = parser.parse_args()
    with suppress(ImportError):
        import uvloop  # noqa: PLC0415 - as the server runs, where it is installed.

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    with database(arguments.url) as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(TEXTBOOK_SCHEMA)
        print(f"{os.cpu_count()} cores, {arguments.seconds:g} s each")
        return 0 if asyncio.run(run(url, arguments.seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Durable gifts a second over HTTP, everything on, beside the textbook transaction in one run.

Real web processes, a load generator in a process of its own, a server that syncs to the disk, the
worker that follows the feed; every call with an API key, a tenth of the senders with limits. An
answer counts when its status says that the gift stands. `python -m bench.gifts --seconds 5`.
"""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import psycopg

from bench import ledger as textbook
from bench.load import Plan, run_load
from coinwell.base.db import Pool, open_pool, transaction
from coinwell.base.jobs import install_queue
from coinwell.base.migrate import migrate
from coinwell.catalog import seed, seed_gifts
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    Kind,
    Ledger,
    Transfer,
    open_ledger,
    platform_account,
    verify,
    wallet_account,
)
from coinwell.limits import LimitKind, LimitName, Mode, Period, set_limit
from coinwell.live import open_room
from coinwell.settings import Settings
from coinwell.users import ApiScope, NewKey, NewUser, create_api_key, create_user, seal_of

SENDERS = 1_000
CREATORS = 50
LIMITED_EACH = 10  # Every so manieth sender has limits.
SINGLE_BAR, BATCH_BAR = 2_000, 8_000
CONNECTIONS, BATCH_CONNECTIONS, BATCH_SIZE = 128, 8, 200
_FUNDS = 10**9
_READY_S_MAX = 30


@dataclass(frozen=True, slots=True)
class World:
    """Who can give, and where."""

    senders: list[UUID]
    rooms: list[UUID]
    key: str


async def fill(url: str, settings: Settings) -> World:
    """People, rooms, coins, an API key, and limits for a tenth."""
    now = datetime.now(UTC)
    async with open_pool(url) as pool, open_ledger(url) as ledger:
        async with transaction(pool) as tx:
            await seed(tx, now)
            await seed_gifts(tx, now)
            senders = [
                (await create_user(tx, _person(f"viewer-{number}"), now=now)).id
                for number in range(SENDERS)
            ]
            creators = [
                (await create_user(tx, _person(f"creator-{number}"), now=now)).id
                for number in range(CREATORS)
            ]
            rooms = [
                (await open_room(tx, creator_id=one, title="Live", now=now)).id for one in creators
            ]
            new = NewKey("bench", [ApiScope.GIFTS_WRITE])
            _, key = await create_api_key(tx, new, seal=seal_of(settings), by="bench", now=now)
        await _fund(ledger, senders)
        await _limit(pool, ledger, senders[::LIMITED_EACH], now)
    return World(senders, rooms, key)


def _person(external_id: str) -> NewUser:
    return NewUser(external_id, external_id.title(), "DE", birth_on=date(1990, 1, 1))


async def _fund(ledger: Ledger, senders: list[UUID]) -> None:
    issued = platform_account(Code.ISSUED, LEDGER_COINS)
    wallets = [wallet_account(sender) for sender in senders]
    await ledger.create_accounts([issued, *wallets])
    funds = [
        Transfer(
            id=uuid4().int,
            debit_account_id=issued.id,
            credit_account_id=wallet.id,
            amount=_FUNDS,
            ledger=LEDGER_COINS,
            code=Kind.BONUS,
        )
        for wallet in wallets
    ]
    await ledger.create_transfers(funds)


async def _limit(pool: Pool, ledger: Ledger, senders: list[UUID], now: datetime) -> None:
    for sender in senders:
        for period in (Period.DAY, Period.MONTH):
            name = LimitName(sender, LimitKind.COINS, period)
            await set_limit(pool, ledger, name, Mode.STOP, _FUNDS // 10, now=now)


@contextmanager
def product(settings: Settings, *, web: int, worker: bool) -> Generator[list[int]]:
    """The web processes and the worker as in production; the ids of their processes."""
    run = [sys.executable, "-m", "coinwell.cli"]
    environment = os.environ | settings.to_env()
    commands = [[*run, "process", "web"]] * web + [[*run, "work"]] * worker
    started = [subprocess.Popen(command, env=environment) for command in commands]
    try:
        _wait_until_served(settings.port)
        yield [one.pid for one in started]
    finally:
        for one in started:
            one.send_signal(signal.SIGTERM)
        for one in started:
            with suppress(subprocess.TimeoutExpired):
                one.wait(15)
            one.kill()


def _wait_until_served(port: int) -> None:
    end = time.monotonic() + _READY_S_MAX
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    sys.exit("the web process did not start")


def cpu_s(pids: list[int]) -> float:
    """The processor time that these processes have used so far, in seconds."""
    ticks = os.sysconf("SC_CLK_TCK")
    used = 0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
    return used / ticks


async def run(url: str, arguments: argparse.Namespace, folder: Path) -> bool:
    """Textbook, single gifts, batches; whether the bars are met and the books balance."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(
        secret="b" * 32, database=url, data=folder, port=port, log_level="error", sandbox=False
    )
    world = await fill(url, settings)
    peer = await textbook.by_the_textbook(url, hot=False, seconds=arguments.seconds)
    print(f"  textbook, {textbook.TEXTBOOK_CONNECTIONS} connections, no HTTP   {peer}")
    met = True
    with product(settings, web=arguments.web, worker=not arguments.no_worker) as pids:
        for batch, bar in ((0, SINGLE_BAR), (BATCH_SIZE, BATCH_BAR)):
            plan = Plan(
                port=port,
                key=world.key,
                senders=[str(one) for one in world.senders],
                rooms=[str(one) for one in world.rooms],
                seconds=arguments.seconds,
                connections=BATCH_CONNECTIONS if batch else CONNECTIONS,
                batch=batch,
            )
            before = cpu_s(pids[: arguments.web])
            rate = await asyncio.to_thread(run_load, plan)
            web_us = (cpu_s(pids[: arguments.web]) - before) / max(rate.sent, 1) * 1e6
            name = f"batches of {batch}" if batch else "one per request"
            print(
                f"  gifts, {name:<16} {rate}  {rate.per_second / peer.per_second:5.1f} x textbook"
                f"  web {web_us:5.0f} us of processor a gift  (bar {bar:,}/s)"
            )
            met &= rate.per_second >= bar
    verdict = await verify(url)
    print(f"\n{verdict.sentence}")
    return met and verdict.balanced


def main() -> int:
    """Read the arguments, find a database, run; 1 when a bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each run")
    parser.add_argument("--web", type=int, default=1, help="how many web processes")
    parser.add_argument("--no-worker", action="store_true", help="leave the feed unread")
    parser.add_argument("--url", help="an empty database to use instead of a throw-away server")
    arguments = parser.parse_args()
    with textbook.database(arguments.url) as url, TemporaryDirectory() as folder:
        migrate(url)
        install_queue(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(textbook.TEXTBOOK_SCHEMA)
        print(f"{os.cpu_count()} cores, {arguments.seconds:g} s each")
        return 0 if asyncio.run(run(url, arguments, Path(folder))) else 1


if __name__ == "__main__":
    sys.exit(main())

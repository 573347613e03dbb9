"""From the answer that accepts a gift to every viewer's phone: 500 viewers, 200 gifts a second.

The whole product as in production: a web process, the worker that follows the feed, a server that
syncs to the disk. Viewers and senders are processes of their own on the same machine, and share
one clock with it. Run it by `make bench`, or `python -m bench.stream --seconds 15`.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any, cast
from uuid import uuid4

from bench.gifts import cpu_s, product
from bench.ledger import database
from coinwell.base.db import open_pool, transaction
from coinwell.base.jobs import install_queue
from coinwell.base.migrate import migrate
from coinwell.catalog import gifts, seed, seed_gifts
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    Kind,
    Transfer,
    open_ledger,
    owned_account,
    platform_account,
    verify,
    wallet_account,
)
from coinwell.live import open_room
from coinwell.settings import Settings
from coinwell.users import ApiScope, NewKey, NewUser, create_api_key, create_user, seal_of

VIEWERS = 500
GIFTS_PER_SECOND = 200
P99_MS_MAX = 500
SENDERS = 50
COUNT_MAX = 999  # Who sent how many at once names a gift, so no sender repeats a count.
_CONNECTIONS = 16
_FUNDS = 10**9
_READY_S_MAX = 30.0
_LAST_S = 3.0  # Time for the last gifts to arrive.


@dataclass(frozen=True, slots=True)
class World:
    """Who gives what, where, with which key."""

    senders: list[str]
    room: str
    gift: str
    key: str


async def fill(url: str, settings: Settings) -> World:
    """A room, senders with plenty of coins, and a key for them and for the viewers."""
    now = datetime.now(UTC)
    issued = platform_account(Code.ISSUED, LEDGER_COINS)
    async with open_pool(url) as pool, open_ledger(url) as ledger:
        async with transaction(pool) as tx:
            await seed(tx, now=now)
            await seed_gifts(tx, now=now)
            people = [
                await create_user(tx, _person(number), now=now) for number in range(SENDERS + 1)
            ]
            creator, *senders = [one.id for one in people]
            room = await open_room(tx, creator_id=creator, title="Live", now=now)
            new = NewKey("bench", [ApiScope.GIFTS_WRITE, ApiScope.LIVE_READ])
            _, key = await create_api_key(tx, new, seal=seal_of(settings), by="bench", now=now)
            cheapest = min(await gifts(tx, now=now), key=lambda one: one.coins)
        wallets = [wallet_account(one) for one in senders]
        await ledger.create_accounts([issued, owned_account(Code.EARNED, creator), *wallets])
        await ledger.create_transfers([_funds(issued.id, wallet.id) for wallet in wallets])
    return World([str(one) for one in senders], str(room.id), cheapest.id, key)


def _person(number: int) -> NewUser:
    return NewUser(f"person-{number}", f"Person {number}", "DE", birth_on=date(1990, 1, 1))


def _funds(issued: int, wallet: int) -> Transfer:
    return Transfer(
        id=uuid4().int, debit_account_id=issued, credit_account_id=wallet, amount=_FUNDS,
        ledger=LEDGER_COINS, code=Kind.BONUS,
    )  # fmt: skip


class Viewer(asyncio.Protocol):
    """One viewer's socket: notes when each frame came whole; unmasked text is all it reads."""

    def __init__(self, hello: bytes, seen: dict[bytes, list[float]]) -> None:
        """`hello` asks for the stream; `seen` is every viewer's book of frames and times."""
        self._hello = hello
        self._seen = seen
        self._buffer = b""
        self._opened = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        cast("asyncio.Transport", transport).write(self._hello)

    def data_received(self, data: bytes) -> None:
        """Frames, or parts of them."""
        now = time.monotonic()
        self._buffer += data
        if not self._opened:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._opened, self._buffer = True, rest
        while (text := self._frame()) is not None:
            self._seen.setdefault(text, []).append(now)

    def _frame(self) -> bytes | None:
        size, at = self._buffer[1] if len(self._buffer) > 1 else 0, 2
        if size > 125:
            at += 2 if size == 126 else 8
            size = int.from_bytes(self._buffer[2:at])
        if len(self._buffer) < max(at, at + size):
            return None
        text, self._buffer = self._buffer[at : at + size], self._buffer[at + size :]
        return text


async def watch(plan: dict[str, Any]) -> None:
    """All viewers, until told to stop; prints what they saw and when."""
    hello = (
        f"GET /v1/rooms/{plan['room']}/stream HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"authorization: Bearer {plan['key']}\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    seen: dict[bytes, list[float]] = {}
    loop = asyncio.get_running_loop()
    for _ in range(plan["viewers"]):
        await loop.create_connection(lambda: Viewer(hello, seen), "127.0.0.1", plan["port"])
    end = time.monotonic() + _READY_S_MAX
    while (
        time.monotonic() < end
        and sum(len(times) for text, times in seen.items() if b'"hello"' in text) < plan["viewers"]
    ):
        await asyncio.sleep(0.05)
    assert time.monotonic() < end, "not every viewer was greeted"
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    found: list[Any] = []
    for text, times in seen.items():
        said = json.loads(text)
        named = [[one["sender"]["id"], one["count"]] for one in said.get("events", ())]
        found.append([named, times])
    print(json.dumps(found), flush=True)


async def send(world: World, port: int, seconds: float) -> dict[tuple[str, int], float]:
    """Gifts at a steady rate, whatever the answers take; when each was accepted."""
    accepted: dict[tuple[str, int], float] = {}
    total = int(GIFTS_PER_SECOND * seconds)
    assert total <= SENDERS * COUNT_MAX
    begin = time.monotonic()
    numbers = iter(range(total))

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            await asyncio.sleep(begin + number / GIFTS_PER_SECOND - time.monotonic())
            count, place = divmod(number, SENDERS)
            sender = world.senders[place]
            writer.write(_request(world, sender, count + 1))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r")[0])
            answer = await reader.readexactly(length)
            assert head.startswith(b"HTTP/1.1 201"), answer
            accepted[sender, count + 1] = time.monotonic()
        writer.close()

    await asyncio.gather(*(connection() for _ in range(_CONNECTIONS)))
    return accepted


def _request(world: World, sender: str, count: int) -> bytes:
    body = json.dumps(
        {"sender_id": sender, "room_id": world.room, "gift_id": world.gift, "count": count}
    )
    return (
        f"POST /v1/gifts HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {world.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"idempotency-key: {uuid4()}\r\n\r\n{body}"
    ).encode()


async def run(url: str, seconds: float, folder: Path) -> bool:
    """Everything up, everybody in, gifts sent, times compared; whether the bar is met."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(
        secret="b" * 32, database=url, data=folder, port=port, log_level="error", sandbox=False
    )
    world = await fill(url, settings)
    plan = {"room": world.room, "key": world.key, "viewers": VIEWERS, "port": port}
    with product(settings, web=1, worker=True) as pids:
        watching = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.stream", "--watch", json.dumps(plan),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**28,
        )  # fmt: skip
        assert watching.stdout is not None
        assert watching.stdin is not None
        assert await watching.stdout.readline() == b"ready\n"
        before = cpu_s(pids[:1])
        accepted = await send(world, port, seconds)
        web_s = cpu_s(pids[:1]) - before
        await asyncio.sleep(_LAST_S)
        watching.stdin.write(b"stop\n")
        found = json.loads(await watching.stdout.readline())
        await watching.wait()
    verdict = await verify(url)
    print(f"{verdict.sentence}")
    return judge(found, accepted, web_s / seconds) and verdict.balanced


def judge(
    found: list[tuple[list[tuple[str, int]], list[float]]],
    accepted: dict[tuple[str, int], float],
    web_part: float,
) -> bool:
    """Print what was measured; whether every viewer saw every gift, and soon enough."""
    waits: list[float] = []
    frames = 0
    for named, times in found:
        frames += len(times) if named else 0
        for sender, count in named:
            at = accepted[sender, count]
            waits += [came - at for came in times]
    wanted = len(accepted) * VIEWERS
    parts = quantiles(waits, n=100)
    print(
        f"\n  {len(accepted):,} gifts at {GIFTS_PER_SECOND}/s, {VIEWERS} viewers:"
        f" {len(waits):,} of {wanted:,} arrivals in {frames:,} frames"
        f"\n  accepted to viewer  p50 {parts[49] * 1e3:6.0f} ms  p99 {parts[98] * 1e3:6.0f} ms"
        f"  last {max(waits) * 1e3:6.0f} ms  (bar p99 {P99_MS_MAX} ms)"
        f"\n  web process {web_part * 100:.0f} % of a core"
    )
    return len(waits) == wanted and parts[98] * 1e3 < P99_MS_MAX


def main() -> int:
    """Read the arguments, find a database, run; 1 when the bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long gifts are sent")
    parser.add_argument("--url", help="an empty database to use instead of a throw-away server")
    parser.add_argument("--watch", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with suppress(ImportError):
        import uvloop  # noqa: PLC0415 - as the server runs, where it is installed.

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    if arguments.watch:
        asyncio.run(watch(json.loads(arguments.watch)))
        return 0
    with database(arguments.url) as url, TemporaryDirectory() as folder:
        migrate(url)
        install_queue(url)
        print(f"{os.cpu_count()} cores, {arguments.seconds:g} s")
        return 0 if asyncio.run(run(url, arguments.seconds, Path(folder))) else 1


if __name__ == "__main__":
    sys.exit(main())

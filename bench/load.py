"""Many senders of gifts over keep-alive connections, in a process of their own, cheaply.

Each connection waits for its answer before it asks again. No client library: what is measured is
the server, and both share two cores.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

_GIFTS = ("rose", "heart", "spark")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send: single gifts, or batches of `batch`."""

    port: int
    key: str
    senders: list[str]
    rooms: list[str]
    seconds: float
    connections: int
    batch: int


@dataclass(frozen=True, slots=True)
class Reached:
    """What one run reached; `refused` are answers that no gift stands behind."""

    sent: int
    refused: int
    per_second: float
    middle_ms: float
    worst_ms: float

    def __str__(self) -> str:
        """For the table."""
        return (
            f"{self.per_second:10,.0f}/s  p50 {self.middle_ms:7.1f} ms  p99 {self.worst_ms:7.1f} ms"
            + (f"  ({self.refused:,} refused)" if self.refused else "")
        )


def run_load(plan: Plan) -> Reached:
    """Run a plan in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=True,
    )
    return Reached(**json.loads(done.stdout))


class _Sender(asyncio.Protocol):
    """One connection: sends, waits for the answer, sends again."""

    def __init__(self, load: "_Load") -> None:
        self._load = load
        self._buffer = b""
        self._wanted = 0
        self._begun = 0.0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing comes any more."""
        del exc
        self._load.left()

    def _ask(self) -> None:
        self._begun = time.perf_counter()
        if self._begun >= self._load.end:
            self._transport.close()
            return
        self._transport.write(self._load.request())

    def data_received(self, data: bytes) -> None:
        """An answer, or a part of one."""
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        if not self._wanted:
            headers = self._buffer[:head].lower()
            at = headers.index(b"content-length:") + 15
            length = int(headers[at : headers.find(b"\r", at) if b"\r" in headers[at:] else None])
            self._wanted = head + 4 + length
        if len(self._buffer) < self._wanted:
            return
        self._load.answered(self._buffer, time.perf_counter() - self._begun)
        self._buffer, self._wanted = b"", 0
        self._ask()


class _Load:
    """All connections of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.begin = time.perf_counter() + plan.seconds / 4
        self.end = self.begin + plan.seconds
        self.sent = self.refused = 0
        self.waits: list[float] = []
        self.done = asyncio.Event()
        self._random = random.Random(20_261_122)
        self._connected = plan.connections
        path = "/v1/gifts/batch" if plan.batch else "/v1/gifts"
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {plan.key}\r\n"
            "Content-Type: application/json\r\n"
        )
        self._serial = self._random.getrandbits(40)

    def request(self) -> bytes:
        """The next request."""
        if not self.plan.batch:
            body = "{" + self._gift() + "}"
            return (
                f"{self._head}Idempotency-Key: {self._key()}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        gifts = ",".join(
            f'{{"key":"{self._key()}",{self._gift()}}}' for _ in range(self.plan.batch)
        )
        body = f'{{"gifts":[{gifts}]}}'
        return f"{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    def _gift(self) -> str:
        draw = self._random.random
        senders, rooms = self.plan.senders, self.plan.rooms
        sender, room = senders[int(draw() * len(senders))], rooms[int(draw() * len(rooms))]
        gift = _GIFTS[int(draw() * len(_GIFTS))]
        return f'"sender_id":"{sender}","room_id":"{room}","gift_id":"{gift}","count":1'

    def _key(self) -> str:
        # A UUID of version 7, as an app would make it.
        self._serial += 1
        at = time.time_ns() // 1_000_000
        return f"{at >> 16:08x}-{at & 0xFFFF:04x}-7000-8000-{self._serial:012x}"

    def answered(self, answer: bytes, waited_s: float) -> None:
        """Count what stands."""
        if time.perf_counter() < self.begin:
            return
        self.waits.append(waited_s)
        if self.plan.batch:
            stands = answer.count(b'"status":201')
            self.sent += stands
            self.refused += self.plan.batch - stands
        elif answer.startswith(b"HTTP/1.1 201"):
            self.sent += 1
        else:
            self.refused += 1

    def left(self) -> None:
        """One connection is done."""
        self._connected -= 1
        if not self._connected:
            self.done.set()


async def _run(plan: Plan) -> Reached:
    load = _Load(plan)
    loop = asyncio.get_running_loop()
    for _ in range(plan.connections):
        await loop.create_connection(lambda: _Sender(load), "127.0.0.1", plan.port)
    await load.done.wait()
    elapsed = time.perf_counter() - load.begin
    worst = quantiles(load.waits, n=100)[98] if len(load.waits) > 1 else 0.0
    return Reached(
        load.sent, load.refused, load.sent / elapsed, median(load.waits) * 1e3, worst * 1e3
    )


if __name__ == "__main__":
    import uvloop

    uvloop.install()
    print(json.dumps(asdict(asyncio.run(_run(Plan(**json.loads(sys.stdin.read())))))))

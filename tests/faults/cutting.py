"""A wire that breaks: stands before the web port, and cuts some answers at a random byte."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlsplit

_DONE = b"HTTP/1.1 201 "


@dataclass(slots=True)
class Wire:
    """What went over it: by key, the first answer to a thing done that a cut kept back."""

    url: str
    target: tuple[str, int]
    chance: Random
    share: float
    requests: int = 0
    unsent: int = 0
    cuts: int = 0
    withheld: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def carry(self, caller: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One request and its answer: whole, or cut before or within the answer."""
        self.requests += 1
        try:
            request = await _message(caller)
            if self.chance.random() < self.share / 5:
                self.unsent += 1  # It breaks on the way there: nothing is done.
                return
            answer = await self._forward(request)
            if self.chance.random() < self.share:
                self.cuts += 1
                if answer.startswith(_DONE):
                    self.withheld.setdefault(_key_of(request), answer)
                answer = answer[: self.chance.randrange(len(answer))]
            back.write(answer)
            await back.drain()
        finally:
            back.close()
            with suppress(OSError):
                await back.wait_closed()

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self.target)
        writer.write(request)
        await writer.drain()
        answer = await reader.read(-1)
        writer.close()
        await writer.wait_closed()
        return answer


@asynccontextmanager
async def breaking_wire(url: str, chance: Random, share: float) -> AsyncGenerator[Wire]:
    """A wire to `url` that cuts this share of all answers; callers must close each connection."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    wire = Wire("", (parts.hostname, parts.port), chance, share)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield wire


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (
            int(line.partition(b":")[2])
            for line in _lines(head)
            if line.startswith(b"content-length:")
        ),
        0,
    )
    return head + await reader.readexactly(length)


def _key_of(request: bytes) -> str:
    [key] = [line for line in _lines(request) if line.startswith(b"idempotency-key:")]
    return key.partition(b":")[2].strip().decode()


def _lines(message: bytes) -> list[bytes]:
    head = message.partition(b"\r\n\r\n")[0]
    return [
        name.lower() + colon + value
        for name, colon, value in (line.partition(b":") for line in head.split(b"\r\n"))
    ]

"""A receiver of webhooks as an app team would have one: real sockets, the library that checks.

It notes everything that arrives before it decides how to answer, for what arrived counts.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar, Self

import pytest
import standardwebhooks.webhooks
from standardwebhooks import Webhook, WebhookVerificationError

from coinwell.base.clock import Clock


@dataclass(frozen=True, slots=True)
class Got:
    """One request that arrived."""

    id: str
    body: bytes
    headers: dict[str, str]

    @property
    def kind(self) -> str:
        return str(json.loads(self.body)["type"])

    @property
    def data(self) -> dict[str, Any]:
        return dict(json.loads(self.body)["data"])

    @property
    def user(self) -> str:
        return str(self.data["user_id"])

    @property
    def sequence(self) -> int:
        return int(self.data["sequence"])


@dataclass(frozen=True, slots=True)
class Reply:
    """How to answer: a status after a while, or a cut line before or after the status line."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"ok"
    after_s: float = 0
    cut: bool = False


OK = Reply()


@dataclass(slots=True)
class Receiver:
    """What arrived, and how it is answered."""

    port: int = 0
    secrets: list[str] = field(default_factory=list[str])
    answer: Callable[[Got], Reply] = lambda _: OK
    got: list[Got] = field(default_factory=list[Got])
    taken: list[Got] = field(default_factory=list[Got])
    forged: list[str] = field(default_factory=list[str])
    connections: int = 0
    hold: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _lines: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    async def up(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Listen no more, and cut every line."""
        assert self._server is not None
        self._server.close()
        for line in list(self._lines):
            line.transport.abort()
        await asyncio.sleep(0)
        self._server = None

    def by_user(self) -> dict[str, list[int]]:
        """The sequence numbers of each user, as they arrived."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for one in self.got:
            found[one.user].append(one.sequence)
        return dict(found)

    def duplicates(self) -> Counter[str]:
        """How often each id arrived."""
        return Counter(one.id for one in self.got)

    async def _serve(self, reader: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._lines.add(line)
        with suppress(OSError, asyncio.IncompleteReadError):
            while (got := await self._read(reader)) is not None:
                self._note(got)
                if not await self._reply(got, line):
                    break
        self._lines.discard(line)
        line.close()

    async def _read(self, reader: asyncio.StreamReader) -> Got | None:
        head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
        if not head:
            return None
        lines = head.decode().split("\r\n")[1:-2]
        headers = {name.lower(): text for name, _, text in (one.partition(": ") for one in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        return Got(headers["webhook-id"], body, headers)

    def _note(self, got: Got) -> None:
        self.got.append(got)
        self.arrived.set()
        for secret in self.secrets:
            try:
                Webhook(secret).verify(got.body, got.headers)
            except WebhookVerificationError as error:
                self.forged.append(f"{got.id}: {error}")

    async def _reply(self, got: Got, line: asyncio.StreamWriter) -> bool:
        reply = self.answer(got)
        if self.hold is not None:
            await self.hold.wait()
        if reply.after_s:
            await asyncio.sleep(reply.after_s)
        if reply.cut:
            line.transport.abort()
            return False
        said = [f"HTTP/1.1 {reply.status} Said", f"content-length: {len(reply.body)}"]
        said += [f"{name}: {text}" for name, text in reply.headers]
        line.write("\r\n".join(said).encode() + b"\r\n\r\n" + reply.body)
        await line.drain()
        if 200 <= reply.status < 300:
            self.taken.append(got)
        return True


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """A receiver that listens until the block ends."""
    receiver = Receiver()
    await receiver.up()
    try:
        yield receiver
    finally:
        if receiver._server is not None:
            await receiver.down()


def library_on(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library's tolerance of five minutes be counted on the test's clock."""

    class Then(datetime):
        _clock: ClassVar[Clock] = clock

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(cls._clock.now().timestamp(), tz or UTC)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Then)


def never_backwards(sequences: Sequence[int]) -> bool:
    """Whether numbers only repeat or rise by one, beginning with 1."""
    last = 0
    for one in sequences:
        if one not in {last, last + 1}:
            return False
        last = one
    return True

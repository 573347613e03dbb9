"""Short news between processes: "look again", never what there is to see.

News may be lost or come twice, so whoever listens looks by itself as well, only less often. Here it
travels by PostgreSQL's NOTIFY, in the transaction that makes it true; another carrier has the same
two sides: `tell` where something happens, a `Bus` where somebody waits.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any, Protocol

from psycopg import AsyncConnection, Error
from psycopg.sql import SQL, Identifier

from coinwell.base.db import Tx
from coinwell.base.ending import end

_TELL = "SELECT pg_notify(%s, '')"
_AGAIN_S_MAX = 3.0
_CONNECTING: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}


class Bus(Protocol):
    """Where to wait for news."""

    def listening(self, topic: str) -> AbstractContextManager[asyncio.Event]:
        """An event that is set whenever there may be news about `topic`, while the block runs."""
        ...


async def tell(tx: Tx, topic: str) -> None:
    """Let everybody who listens look again, once `tx` has committed."""
    await tx.execute(_TELL, [topic])


class PostgresBus:
    """Listens on one connection of its own, and connects again whenever that is lost."""

    def __init__(self, url: str) -> None:
        """Nothing is connected until `run` runs."""
        self._url = url
        self._ears: dict[str, list[asyncio.Event]] = {}

    @contextmanager
    def listening(self, topic: str) -> Generator[asyncio.Event]:
        """An event that is set whenever there may be news about `topic`, while the block runs."""
        ear = asyncio.Event()
        self._ears.setdefault(topic, []).append(ear)
        try:
            yield ear
        finally:
            self._ears[topic].remove(ear)

    async def run(self, topics: tuple[str, ...]) -> None:
        """Listen to these topics until cancelled."""
        wait_s = 0.1
        while True:
            with suppress(Error, OSError):
                async with await AsyncConnection.connect(
                    self._url, autocommit=True, application_name="coinwell bus", **_CONNECTING
                ) as connection:
                    for topic in topics:
                        await connection.execute(SQL("LISTEN {}").format(Identifier(topic)))
                    wait_s = 0.1
                    self._wake(topics)  # Something may have been said while nobody listened.
                    async for news in connection.notifies():
                        self._wake((news.channel,))
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _AGAIN_S_MAX)

    def _wake(self, topics: tuple[str, ...]) -> None:
        for topic in topics:
            for ear in self._ears.get(topic, ()):
                ear.set()


@asynccontextmanager
async def open_bus(url: str, *topics: str) -> AsyncGenerator[Bus]:
    """Hear news about `topics` at `url` until the block ends."""
    bus = PostgresBus(url)
    task = asyncio.create_task(bus.run(topics))
    try:
        yield bus
    finally:
        await end([task])

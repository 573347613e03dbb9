"""Viewers for tests: real sockets on the room stream, and the house's own people to send gifts."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from coinwell.base.db import transaction
from coinwell.catalog import gifts
from coinwell.ledger import advance
from coinwell.live import READERS, Room, open_room
from coinwell.users import ApiScope, NewKey, User, create_api_key, enter_as, seal_of
from tests.house import House
from tests.live.giving import gift, people

_IDS = count(5_000_000)


@dataclass
class Theatre:
    """A room with its creator and senders who have plenty of coins, in a house."""

    house: House
    room: Room
    creator: User
    senders: list[User]
    rose: int  # The number of some gift of the catalogue.
    sent: int = 0

    @property
    def url(self) -> str:
        """The stream's address, without `after`."""
        return f"{self.house.url.replace('http', 'ws')}/v1/rooms/{self.room.id}/stream"

    async def give(self, times: int = 1, *, by: int = 0, coins: int = 5, told: bool = True) -> None:
        """So many gifts of one sender, one after the other; `told` has the readers come along."""
        ledger = self.house.installation.ledger
        sender = self.senders[by].id
        await ledger.create_transfers(
            [
                gift(
                    next(_IDS), sender, self.creator.id, room=self.room.id, coins=coins,
                    number=self.rose, count=2,
                )
                for _ in range(times)
            ]
        )  # fmt: skip
        self.sent += times
        if told:
            await self.read()

    async def read(self) -> None:
        """What the worker does with it."""
        installation = self.house.installation
        for reader in READERS:
            await advance(installation.pool, installation.ledger, reader)

    async def cookie(self, user: User | None = None) -> str:
        """A signed-in browser's cookie."""
        async with transaction(self.house.installation.pool) as tx:
            who = user or self.senders[0]
            token = await enter_as(tx, who.id, now=self.house.clock.now())
        return f"coinwell={token}"

    async def key(self, *scopes: ApiScope) -> str:
        """A host app's API key with these scopes."""
        async with transaction(self.house.installation.pool) as tx:
            _, plain = await create_api_key(
                tx,
                NewKey("tests", scopes),
                seal=seal_of(self.house.settings),
                by="tests",
                now=self.house.clock.now(),
            )
        return plain


async def open_theatre(house: House, senders: int = 2) -> Theatre:
    """An open room, and people."""
    creator = await house.person("cleo")
    viewers = [await house.person(f"viewer-{number}") for number in range(senders)]
    async with transaction(house.installation.pool) as tx:
        room = await open_room(tx, creator_id=creator.id, title="Show", now=house.clock.now())
        [first, *_] = await gifts(tx, now=house.clock.now())
    await people(house.installation.ledger, [one.id for one in viewers], [creator.id])
    return Theatre(house, room, creator, viewers, first.number)


@asynccontextmanager
async def watching(theatre: Theatre, **asked: Any) -> AsyncGenerator[ClientConnection]:
    """A socket of a signed-in browser on one of our pages."""
    headers = {"cookie": asked.pop("cookie", None) or await theatre.cookie()}
    url = (
        theatre.url
        if (after := asked.pop("after", None)) is None
        else f"{theatre.url}?after={after}"
    )
    async with connect(url, origin=theatre.house.url, additional_headers=headers) as socket:  # type: ignore[arg-type]
        yield socket


async def frame(socket: ClientConnection) -> dict[str, Any]:
    """The next frame."""
    return json.loads(await asyncio.wait_for(socket.recv(), 20))


async def ended(socket: ClientConnection) -> tuple[int, str]:
    """The code and reason that a socket is closed with; frames before it are passed over."""
    with suppress(ConnectionClosed):
        while True:
            await asyncio.wait_for(socket.recv(), 20)
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


@dataclass
class Viewer:
    """Somebody who watches, loses the connection, comes back after their last number, …"""

    theatre: Theatre
    numbers: list[int] = field(default_factory=list)
    coins: int = 0
    last: dict[str, Any] = field(default_factory=dict)
    visits: int = 0

    async def watch(self, enough: int, stay: Callable[[], int]) -> None:
        """Until event `enough` was seen; each visit ends after `stay()` frames."""
        cookie = await self.theatre.cookie()
        while self.numbers[-1:] != [enough]:
            after = self.numbers[-1] if self.numbers else 0
            self.visits += 1
            try:
                async with watching(self.theatre, after=after, cookie=cookie) as socket:
                    assert (await frame(socket))["type"] == "hello"
                    for _ in range(stay()):
                        self.take(await frame(socket))
                        if self.numbers[-1:] == [enough]:
                            return
            except (ConnectionClosed, OSError):
                await asyncio.sleep(0.05)

    def take(self, said: dict[str, Any]) -> None:
        """Note what a frame shows."""
        assert said["type"] == "events"
        self.numbers += [one["number"] for one in said["events"]]
        self.coins += sum(one["coins"] for one in said["events"])
        self.last = said


def user_id(shown: dict[str, Any]) -> UUID:
    """The id of a line of a board."""
    return UUID(shown["user_id"])

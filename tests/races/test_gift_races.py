"""Gifts in a storm: doubled, reordered and cut, over two web processes, to the coin."""

import asyncio
import json
import random
import socket
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from coinwell.app import create_app
from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.ledger import Kind, Ledger, QueryFilter, advance
from coinwell.limits import LimitKind, LimitName, Mode, Period, set_limit
from coinwell.live import READERS, count_of
from coinwell.live.store_events import standing as standing_of
from coinwell.notify import NotifyDeps, open_sender
from coinwell.settings import Settings
from coinwell.users import ApiScope, NewKey, create_api_key, seal_of
from tests.house import SECRET, served
from tests.live.stage import Stage, open_stage
from tests.notify.conftest import SETTINGS, Desk
from tests.notify.receiving import library_on, receiving
from tests.profile import scale

SENDERS = 500
GIFTS = scale(2_000, 10_000)
CONNECTIONS = 24
LIMITED_EACH = 25  # Every so manieth sender has a limit of so many coins a day.
LIMIT = 6


@dataclass(frozen=True, slots=True)
class Sent:
    """One gift as an app would send it, and how often it is asked for."""

    key: str
    body: dict[str, Any]

    def call(self, token: str) -> bytes:
        content = json.dumps(self.body).encode()
        head = (
            "POST /v1/gifts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {token}\r\nIdempotency-Key: {self.key}\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


@dataclass
class Storm:
    """Two web processes on one database, and every answer that came."""

    ports: Sequence[int]
    token: str
    draw: random.Random
    answers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set[str]))

    async def send(self, calls: Sequence[tuple[Sent, str]]) -> None:
        """Send all, each in its manner (`whole`, `cut` or `half`), over many connections."""
        waiting = asyncio.Queue[tuple[Sent, str]]()
        for one in calls:
            waiting.put_nowait(one)
        await asyncio.gather(*(self._connection(waiting, n) for n in range(CONNECTIONS)))

    async def _connection(self, waiting: "asyncio.Queue[tuple[Sent, str]]", number: int) -> None:
        while not waiting.empty():
            port = self.ports[number % len(self.ports)]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await self._until_cut(waiting, reader, writer)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    async def _until_cut(
        self,
        waiting: "asyncio.Queue[tuple[Sent, str]]",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        while not waiting.empty():
            sent, manner = waiting.get_nowait()
            call = sent.call(self.token)
            writer.write(call[: len(call) // 2] if manner == "half" else call)
            await writer.drain()
            if manner != "whole":
                # Gone before the answer, or before the call was even whole.
                await asyncio.sleep(self.draw.random() / 50)
                return
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            body = json.loads(await reader.readexactly(length))
            body.pop("request_id", None)
            status = int(head[9:12])
            self.answers[sent.key].add(outcome(status, body))


def outcome(status: int, body: dict[str, Any]) -> str:
    """What an answer says of the gift: the gift itself, or that it is none."""
    assert status in {201, 402, 403, 409}, (status, body)
    return json.dumps(body, sort_keys=True) if status == 201 else "refused"


@pytest.fixture
async def stage(pool: Pool, ledger: Ledger, clock: StillClock) -> Stage:
    return await open_stage(pool, ledger, clock)


@asynccontextmanager
async def storm_over(stage: Stage, url: str, folder: Path) -> AsyncGenerator[Storm]:
    """Two web apps, each with a ledger of its own, and a key for both."""
    settings = Settings(secret=SECRET, database=url, data=folder, log_level="error", sandbox=False)
    async with transaction(stage.pool) as tx:
        new = NewKey("storm", [ApiScope.GIFTS_WRITE])
        _, token = await create_api_key(
            tx, new, seal=seal_of(settings), by="test", now=stage.clock.now()
        )
    async with AsyncExitStack() as stack:
        ports: list[int] = []
        for _ in range(2):
            listener = socket.create_server(("127.0.0.1", 0))
            await stack.enter_async_context(
                served(create_app(settings, clock=stage.clock), listener)
            )
            ports.append(listener.getsockname()[1])
        yield Storm(ports, token, random.Random(7))


@pytest.mark.timeout(600)
async def test_after_a_storm_answers_ledger_board_and_webhooks_agree(
    stage: Stage, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(20_261_122)
    given = [draw.randrange(4, 40) for _ in range(SENDERS)]
    senders = await stage.audience(given)
    funds = dict(zip(senders, given, strict=True))
    limited = senders[::LIMITED_EACH]
    for sender in limited:
        name = LimitName(sender, LimitKind.COINS, Period.DAY)
        await set_limit(stage.pool, stage.ledger, name, Mode.STOP, LIMIT, now=stage.clock.now())
    gifts = [
        Sent(
            f"018f3a3e-0000-7000-8000-{number:012x}" if number % 2 else f"key {number}",
            {
                "sender_id": str(draw.choice(senders)),
                "room_id": str(stage.room.id),
                "gift_id": draw.choice(["rose", "heart"]),
                "count": draw.randrange(1, 4),
            },
        )
        for number in range(GIFTS)
    ]
    calls = [(gift, "whole") for gift in gifts]
    calls += [(gift, "whole") for gift in gifts if draw.random() < 0.3]
    calls += [(gift, "cut") for gift in gifts if draw.random() < 0.1]
    calls += [(gift, "half") for gift in gifts if draw.random() < 0.02]
    draw.shuffle(calls)
    half = len(calls) // 2
    async with storm_over(stage, database_url, tmp_path) as storm:
        await storm.send(calls[:half])
        await stage.offer(("rose", 2), ("heart", 4))  # Prices change while it blows.
        await storm.send(calls[half:])
        await storm.send([(gift, "whole") for gift in reversed(gifts)])
    told = await holds(stage, storm, gifts, funds)
    await the_board_says_the_same(stage, told)
    await the_host_app_heard_the_same(stage, told, monkeypatch)
    spent = {sender: funds[sender] - await stage.coins(sender) for sender in limited}
    assert max(spent.values()) <= LIMIT
    assert LIMIT in spent.values(), "the limit was really reached"


@pytest.mark.timeout(300)
async def test_a_room_that_closes_in_the_storm_gives_each_gift_one_outcome(
    stage: Stage, database_url: str, tmp_path: Path
) -> None:
    many = scale(300, 3_000)
    numbers = count()
    gifts = [
        Sent(
            f"key {next(numbers)}",
            {
                "sender_id": str(stage.viewer_id),
                "room_id": str(stage.room.id),
                "gift_id": "rose",
            },
        )
        for _ in range(many)
    ]
    async with storm_over(stage, database_url, tmp_path) as storm:
        twins = [(gift, "whole") for gift in gifts for _ in range(3)]

        async def close_meanwhile() -> None:
            while len(storm.answers) < many // 3:  # noqa: ASYNC110 - the storm tells nobody.
                await asyncio.sleep(0.001)
            await stage.close()

        await asyncio.gather(storm.send(twins), close_meanwhile())
        await storm.send([(gift, "whole") for gift in gifts])
    assert {len(said) for said in storm.answers.values()} == {1}
    assert {"refused"} in storm.answers.values(), "some came too late"
    await holds(stage, storm, gifts, {stage.viewer_id: 1_000})


# By the gift's transfer: who sent it, how many, for how many coins.
Told = dict[int, tuple[str, int, int]]


async def holds(stage: Stage, storm: Storm, gifts: Sequence[Sent], funds: dict[UUID, int]) -> Told:
    """Each key had one outcome, and the ledger holds exactly the gifts that were answered."""
    assert storm.answers.keys() == {gift.key for gift in gifts}
    told: Told = {}
    for gift in gifts:
        (said,) = storm.answers[gift.key]
        if said != "refused":
            shown = json.loads(said)
            named = UUID(shown["gift_transfer_id"]).int
            told[named] = (shown["sender_id"], shown["count"], shown["coins"])
            assert shown["count"] == gift.body.get("count", 1)
            assert shown["sender_id"] == gift.body["sender_id"]
    stand = await standing(stage)
    assert {id_: (count_of(one), one.amount) for id_, one in stand.items()} == {
        id_: (many, coins) for id_, (_, many, coins) in told.items()
    }
    spent: dict[str, int] = defaultdict(int)
    for sender, _, coins in told.values():
        spent[sender] += coins
    for sender, coins in funds.items():
        assert await stage.coins(sender) == coins - spent[str(sender)]
    assert await stage.earned() == sum(coins for _, _, coins in told.values())
    await stage.books_balance()
    return told


async def the_board_says_the_same(stage: Stage, told: Told) -> None:
    """Every sender stands on the board with the coins of their answers, and the room with all."""
    for reader in READERS:
        while await advance(stage.pool, stage.ledger, reader):
            pass
    async with transaction(stage.pool) as tx:
        found = await standing_of(tx, stage.room.id, lines=SENDERS)
    assert found is not None
    given: dict[UUID, int] = defaultdict(int)
    for sender, _, coins in told.values():
        given[UUID(sender)] += coins
    assert dict(zip(found.senders, found.sums, strict=True)) == given
    assert (found.coins, found.number) == (sum(given.values()), len(told))


async def the_host_app_heard_the_same(
    stage: Stage, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One webhook to each sender's account and one to the creator's, in order, to the coin."""
    library_on(stage.clock, monkeypatch)
    async with receiving() as receiver, open_sender(stage.clock, private=True) as sender:
        desk = Desk(NotifyDeps(stage.pool, stage.clock, SETTINGS), stage.clock, sender)
        await desk.enlist(receiver)
        await desk.settle()
    assert not receiver.forged
    assert set(receiver.duplicates().values()) == {1}
    heard: dict[str, Told] = {"gift.sent": {}, "gift.received": {}}
    for got in receiver.taken:
        if got.kind not in heard:
            continue  # Of the limits of some.
        about = got.data
        named = UUID(about["gift_transfer_id"]).int
        heard[got.kind][named] = (about["sender_id"], about["count"], about["coins"])
        about_whom = "sender_id" if got.kind == "gift.sent" else "creator_id"
        assert got.user == about[about_whom]
    assert heard == {"gift.sent": told, "gift.received": told}
    assert all(
        numbers == list(range(1, len(numbers) + 1)) for numbers in receiver.by_user().values()
    )


async def standing(stage: Stage) -> dict[int, Any]:
    """Every gift in the ledger."""
    found: dict[int, Any] = {}
    after = 0
    while True:
        page = await stage.ledger.query_transfers(
            QueryFilter(code=int(Kind.GIFT), timestamp_min=after, limit=8_000)
        )
        found |= {one.id: one for one in page}
        if len(page) < 8_000:
            return found
        after = page[-1].timestamp + 1

"""Load on a world: buyers over HTTP who insist until they are answered, spenders on the ledger."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx2

from tests.faults.world import PATIENCE_S, ROOT, World
from tests.house import CARD_OK

PEOPLE = ("DE", "US", "JP", "BR", "GB", "KR")
FUNDS = 70_000
# A killed worker is missed after half a minute, and its jobs are taken up within another minute.
CREDITED_S = 240.0
_STATES = 'SELECT id, state FROM recharge."order"'
_SERVER_ERROR = 500
_PAUSE_S = 0.1


@dataclass(slots=True)
class Bought:
    """One recharge as its buyer saw it: the first answer under its key, and whether it was paid."""

    key: str
    user_id: str
    body: Mapping[str, Any]
    answer: dict[str, Any]
    paid: bool = False


@dataclass(slots=True)
class Buyers:
    """People who buy over HTTP; `web` may lead through a proxy."""

    world: World
    web: httpx2.AsyncClient
    sandbox: httpx2.AsyncClient
    people: list[str] = field(default_factory=list[str])
    bought: list[Bought] = field(default_factory=list[Bought])
    troubles: Counter[str] = field(default_factory=Counter[str])

    async def insist(
        self, method: str, path: str, key: str = "", body: Mapping[str, Any] | None = None
    ) -> httpx2.Response:
        """Repeat one request, under one key, until somebody answers it."""
        headers = {"idempotency-key": key} if key else {}
        while True:
            try:
                answer = await self.web.request(method, path, json=body, headers=headers)
                if answer.status_code < _SERVER_ERROR:
                    return answer
                self.troubles[str(answer.status_code)] += 1
            except httpx2.HTTPError as error:
                self.troubles[type(error).__name__] += 1
            await asyncio.sleep(_PAUSE_S)

    async def make_people(self) -> None:
        """Grown-ups of several countries, each with many coins to begin with."""
        for number, country in enumerate(PEOPLE):
            body = {
                "external_id": f"buyer-{number}",
                "display_name": f"Buyer {number}",
                "country": country,
                "birth_on": "1990-01-01",
            }
            answer = await self.insist("POST", "/v1/users", str(uuid4()), body)
            assert answer.status_code == 201, answer.text
            self.people.append(answer.json()["id"])
        for person in self.people:
            await self.pay(await self.buy(person, {"coins": FUNDS}))

    async def buy(self, user_id: str, body: Mapping[str, Any]) -> Bought:
        """Start a recharge, and note the first answer."""
        key = str(uuid4())
        answer = await self.insist("POST", f"/v1/users/{user_id}/recharges", key, body)
        assert answer.status_code == 201, answer.text
        made = Bought(key, user_id, body, answer.json())
        self.bought.append(made)
        return made

    async def pay(self, made: Bought) -> None:
        """Pay it with a card that works."""
        payment_id = made.answer["payment_id"] or await self._payment_of(made)
        while True:
            try:
                answer = await self.sandbox.post(
                    f"/_control/pay/{payment_id}", json={"card": CARD_OK}
                )
                break
            except httpx2.HTTPError as error:  # The machine is busy; the sandbox lives.
                self.troubles[f"sandbox {type(error).__name__}"] += 1
        assert answer.status_code == 200, answer.text
        made.paid = True

    async def _payment_of(self, made: Bought) -> str:
        # The provider's answer got lost on the way to us: the product finds out.
        while True:
            seen = await self.insist("GET", f"/v1/recharges/{made.answer['id']}")
            assert seen.status_code == 200, seen.text
            if seen.json()["payment_id"]:
                return str(seen.json()["payment_id"])
            await asyncio.sleep(_PAUSE_S)

    async def credited(self) -> float:
        """Wait until every paid recharge is credited; how long that took."""
        begun = time.monotonic()
        while True:
            states = {str(order[0]): order[1] for order in self.world.ask(_STATES)}
            late = [
                one.answer["id"]
                for one in self.bought
                if one.paid and states[one.answer["id"]] != "credited"
            ]
            took = time.monotonic() - begun
            if not late:
                return took
            assert took < CREDITED_S, (late, self.world.log)
            await asyncio.sleep(0.2)

    async def buy_on(self, user_id: str, chance: Random, stop: asyncio.Event) -> None:
        """Buy and mostly pay, until told to stop."""
        while not stop.is_set():
            made = await self.buy(user_id, {"coins": chance.choice((70, 350, 777, 7_000))})
            if chance.random() < 0.8:
                await self.pay(made)
            await asyncio.sleep(chance.random() * 0.4)


@asynccontextmanager
async def buyers_of(world: World, *, through: str | None = None) -> AsyncGenerator[Buyers]:
    """Buyers with an API key, who do not know that anything is the matter."""
    key = await asyncio.to_thread(world.make_key)
    token = world.settings.derived_secret("sandbox control")
    async with (
        httpx2.AsyncClient(
            base_url=through or world.url,
            headers={"authorization": f"Bearer {key}"},
            timeout=PATIENCE_S,
        ) as web,
        httpx2.AsyncClient(
            base_url=world.settings.sandbox_url,
            headers={"authorization": f"Bearer {token}"},
            timeout=PATIENCE_S,
        ) as sandbox,
    ):
        yield Buyers(world, web, sandbox)


@dataclass(slots=True)
class Spender:
    """Another process that spends, and the file of what was acknowledged to it."""

    process: "subprocess.Popen[bytes]"
    file: Path

    def acknowledged(self) -> dict[int, tuple[int, int]]:
        """Per transfer id: the wallet, and its time in the ledger (0 if it was refused)."""
        # The last line may be half written yet.
        whole = self.file.read_text().rpartition("\n")[0] if self.file.exists() else ""
        rows = [tuple(map(int, line.split())) for line in whole.splitlines()]
        assert len({row[0] for row in rows}) == len(rows), "each is answered once"
        return {row[0]: (row[1], row[2]) for row in rows}

    async def finish(self) -> dict[int, tuple[int, int]]:
        """Let it end what it began; what was acknowledged to it in all."""
        self.process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(self.process.wait, PATIENCE_S)
        assert status == 0, "the spender got an answer that nobody should get"
        return self.acknowledged()


@asynccontextmanager
async def spending(
    world: World, people: list[str], *, seed: int = 1, callers: int = 3, batch: int = 1
) -> AsyncGenerator[Spender]:
    """A spender that runs until the block ends."""
    file = world.folder / f"spends-{seed}.txt"
    command = [sys.executable, "-m", "tests.faults.spending", world.database_url, str(file)]
    command += [str(seed), str(callers), str(batch), *people]
    process = subprocess.Popen(  # noqa: ASYNC220 - it is quick.
        command, cwd=ROOT, env=world.environment()
    )
    try:
        yield Spender(process, file)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)


@dataclass(slots=True)
class Load:
    """Buyers and a spender at work."""

    buyers: Buyers
    spender: Spender
    stop: asyncio.Event
    callers: list["asyncio.Task[None]"]

    async def goes_on(self, world: World) -> None:
        """Somebody was served since."""
        bought, spent = len(self.buyers.bought), len(self.spender.acknowledged())
        await world.until(
            lambda: (
                any(caller.done() for caller in self.callers)
                or (len(self.buyers.bought) > bought and len(self.spender.acknowledged()) > spent)
            )
        )
        assert not any(caller.done() for caller in self.callers), "a caller was told no"

    async def finish(self) -> dict[int, tuple[int, int]]:
        """Let everybody end what they began; the spends that were acknowledged."""
        self.stop.set()
        await asyncio.gather(*self.callers)
        return await self.spender.finish()


@asynccontextmanager
async def loaded(world: World, *, at_work: int = len(PEOPLE)) -> AsyncGenerator[Load]:
    """Six buyers (or fewer `at_work`) and a spender, at work until the block ends."""
    async with buyers_of(world) as buyers:
        await buyers.make_people()
        await buyers.credited()
        stop = asyncio.Event()
        async with spending(world, buyers.people) as spender:
            callers = [
                asyncio.create_task(buyers.buy_on(person, Random(number), stop))
                for number, person in enumerate(buyers.people[:at_work])
            ]
            try:
                yield Load(buyers, spender, stop, callers)
            finally:
                for caller in callers:
                    caller.cancel()
                await asyncio.gather(*callers, return_exceptions=True)

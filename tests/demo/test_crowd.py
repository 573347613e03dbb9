"""The crowd on the whole house: every answer has its explanation, and the books hold."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import httpx2
import pytest

from coinwell.base.db import transaction
from coinwell.demo import crowd_key, run_crowd
from coinwell.demo.asking import Asker, Report, Unanswered
from coinwell.ledger import verify
from coinwell.settings import Settings, WrongSetting
from coinwell.users import KeyUnknown, api_keys, caller_of_key, seal_of
from tests.house import SECRET, House
from tests.profile import scale


@asynccontextmanager
async def working(house: House) -> AsyncGenerator[None]:
    """The worker, and the sandbox's courier, until the block ends."""

    ending = asyncio.Event()  # Not by canceling, which the queue takes for a wish to end a round.

    async def work() -> None:
        while not ending.is_set():
            await house.deliver()
            await house.work()
            await asyncio.sleep(0.05)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        ending.set()
        await task


async def test_a_crowd_gives_and_recharges_and_every_answer_is_explained(house: House) -> None:
    pool = house.installation.pool
    acts: Counter[str] = Counter()
    async with working(house), crowd_key(pool, house.settings) as key:
        # Round after round, for who has paid waits for the coins, and the machine may be busy.
        for _ in range(30):
            report = await run_crowd(house.settings, key, rate=25, seconds=scale(4, 30))
            acts += report.acts
            assert report.explained, report.lines()
            assert set(report.refusals) <= {"not_enough_coins", "limit_reached"}
            assert report.slowest
            if acts["gifts"] >= scale(10, 500) and acts["recharges"] >= scale(5, 100):
                break

    assert acts["gifts"] >= scale(10, 500), acts
    assert acts["recharges"] >= scale(5, 100), acts
    assert acts["rooms opened"] >= 3
    verdict = await verify(pool)
    assert verdict.balanced, verdict.sentence


async def test_the_key_of_a_crowd_ends_with_it(house: House) -> None:
    pool, seal, now = house.installation.pool, seal_of(house.settings), house.clock.now()
    async with crowd_key(pool, house.settings) as left:
        async with crowd_key(pool, house.settings) as key, transaction(pool) as tx:
            await caller_of_key(tx, key, seal=seal, now=now)
            with pytest.raises(KeyUnknown):  # One that was killed left it, as far as we know.
                await caller_of_key(tx, left, seal=seal, now=now)
        async with transaction(pool) as tx:
            assert all(one.revoked_at for one in await api_keys(tx))
            with pytest.raises(KeyUnknown):
                await caller_of_key(tx, key, seal=seal, now=now)


def _answering(status: int, code: str = "", failures: int = 0) -> httpx2.MockTransport:
    left = [failures]

    def answer(_: httpx2.Request) -> httpx2.Response:
        if left[0]:
            left[0] -= 1
            return httpx2.Response(503)
        body = json.dumps({"code": code})
        headers = {"content-type": "application/problem+json"}
        return httpx2.Response(status, content=body, headers=headers)

    return httpx2.MockTransport(answer)


async def _asked(transport: httpx2.MockTransport) -> Report:
    report = Report()
    async with httpx2.AsyncClient(base_url="http://host", transport=transport) as web:
        with suppress(Unanswered):
            await Asker(web, report).post("/v1/gifts", {})
    return report


async def test_an_answer_that_nothing_explains_is_reported() -> None:
    report = await _asked(_answering(409, "idempotency_key_reused"))
    assert not report.explained
    assert report.unexplained == ["POST /v1/gifts: 409 idempotency_key_reused"]
    assert "Unexplained: POST /v1/gifts: 409 idempotency_key_reused" in report.lines()


async def test_what_a_crowd_runs_into_by_itself_is_counted() -> None:
    report = await _asked(_answering(402, "not_enough_coins"))
    assert report.explained
    assert report.refusals == {"not_enough_coins": 1}


async def test_a_house_that_is_away_for_a_moment_is_asked_again() -> None:
    report = await _asked(_answering(201, failures=2))
    assert report.explained
    assert report.repeats == 2


def test_a_crowd_is_for_the_demo_only() -> None:
    with pytest.raises(WrongSetting):
        Settings(secret=SECRET, crowd_rate=1)
    with pytest.raises(WrongSetting):
        Settings(secret=SECRET, demo=True, sandbox=False, crowd_rate=1)
    assert Settings(secret=SECRET, demo=True, crowd_rate=1).crowd_rate == 1

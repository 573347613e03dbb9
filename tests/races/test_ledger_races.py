"""Two at once, and outages in the middle: real connections, real sessions ended, real commits."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random
from uuid import uuid4

import psycopg
import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, Tx, transaction
from coinwell.ledger import (
    Account,
    CreateTransferStatus,
    IdMaker,
    Intent,
    IntentState,
    Ledger,
    Transfer,
    TransferFlags,
    freeze,
    open_ledger,
    settle,
)
from coinwell.ledger.engines.postgres.connecting import writer_connection
from coinwell.ledger.engines.postgres.loading import load
from tests.ledger.coins import (
    BANK,
    CREATED,
    SHOP,
    assert_balanced,
    coins_of,
    found,
    kill_writers,
    move,
    statuses,
)
from tests.profile import scale

S = CreateTransferStatus


@asynccontextmanager
async def two_ledgers(url: str) -> AsyncGenerator[tuple[Ledger, Ledger]]:
    """Two writers on one database, as two processes are."""
    async with open_ledger(url) as one, open_ledger(url) as other:
        yield one, other


async def test_two_hundred_identical_transfers_have_one_effect(database_url: str) -> None:
    async with two_ledgers(database_url) as ledgers:
        await found(ledgers[0], {7: 1_000})
        gift = move(7, SHOP, 10)
        answers = await asyncio.gather(
            *(ledgers[n % 2].create_transfers([gift]) for n in range(200))
        )
        results = [result for [result] in answers]
        assert sorted(result.status.name for result in results) == ["CREATED"] + ["EXISTS"] * 199
        assert len({result.timestamp for result in results}) == 1, "one answer, with one time"
        assert await coins_of(ledgers[0], 7) == (990, 0)
    await assert_balanced(database_url)


async def test_the_last_coin_is_spent_once(database_url: str) -> None:
    async with two_ledgers(database_url) as ledgers:
        await found(ledgers[0], dict.fromkeys(range(100, 100 + scale(30, 500)), 1))
        for wallet in range(100, 100 + scale(30, 500)):
            answers = await asyncio.gather(
                *(statuses(ledgers[n % 2], move(wallet, SHOP, 1)) for n in range(4))
            )
            names = sorted(status.name for [status] in answers)
            assert names == ["CREATED"] + ["EXCEEDS_CREDITS"] * 3
            assert await coins_of(ledgers[1], wallet) == (0, 0)
    await assert_balanced(database_url)


async def test_a_hold_is_posted_or_voided_but_not_both(database_url: str) -> None:
    async with two_ledgers(database_url) as ledgers:
        await found(ledgers[0], {7: 1_000})
        holds = [move(7, SHOP, 10, flags=TransferFlags.PENDING) for _ in range(scale(20, 100))]
        await statuses(ledgers[0], *holds)
        both = TransferFlags.POST_PENDING_TRANSFER, TransferFlags.VOID_PENDING_TRANSFER
        posted = 0
        for number, hold in enumerate(holds):
            ends = [
                Transfer(id=2**100 + 2 * number + n, amount=10, pending_id=hold.id, flags=how)
                for n, how in enumerate(both)
            ]
            answers = await asyncio.gather(
                *(statuses(ledger, end) for ledger, end in zip(ledgers, ends, strict=True))
            )
            assert [status for [status] in answers].count(CREATED) == 1
            posted += answers[0] == [CREATED]
        assert await coins_of(ledgers[0], 7) == (1_000 - 10 * posted, 0)
    await assert_balanced(database_url)


async def spend_on(ledger: Ledger, stop: asyncio.Event, seed: int) -> dict[int, int]:
    """One caller that never gives up: what was acknowledged, and when it happened."""
    chance, done = Random(seed), dict[int, int]()
    while not stop.is_set():
        batch = [move(7, SHOP, 1, id_=chance.getrandbits(120) + 1) for _ in range(1 + seed % 5)]
        results = await ledger.create_transfers(batch)
        # An outage never turns a first answer into a repeat.
        assert {result.status for result in results} == {CREATED}
        done |= {t.id: r.timestamp for t, r in zip(batch, results, strict=True)}
    return done


async def assert_all_there(url: str, done: dict[int, int], funds: int) -> None:
    """Every acknowledged transfer stands at the time it was answered with, once, and no other."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT id, timestamp FROM ledger.transfer WHERE debit_account_id <> %s::uuid",
            [f"{BANK:032x}"],
        ).fetchall()
    assert {key.int: at for key, at in rows} == done
    async with open_ledger(url) as ledger:
        assert await coins_of(ledger, 7) == (funds - len(done), 0)
    await assert_balanced(url)


async def test_nothing_is_lost_or_doubled_when_sessions_are_ended_in_the_middle(
    database_url: str,
) -> None:
    chance, stop = Random(11), asyncio.Event()
    async with two_ledgers(database_url) as ledgers:
        await found(ledgers[0], {7: 10**9})
        spending = [
            asyncio.create_task(spend_on(ledgers[seed % 2], stop, seed)) for seed in range(20)
        ]
        ended = 0
        for _ in range(scale(30, 300)):
            await asyncio.sleep(chance.random() * 0.08)
            ended += await asyncio.to_thread(kill_writers, database_url)
        stop.set()
        done: dict[int, int] = {}
        for one in await asyncio.wait_for(asyncio.gather(*spending), 30):
            done |= one
    assert ended > 5, "sessions were ended"
    assert len(done) > 100, "work went on"
    await assert_all_there(database_url, done, 10**9)


async def test_a_stuck_process_does_not_hold_the_head_for_ever(database_url: str) -> None:
    async with open_ledger(database_url) as ledger:
        await found(ledger, {7: 100})
        # A process that stops between loading and writing, as under SIGSTOP.
        stuck = await writer_connection(database_url)
        await load(stuck, now_ns=0, accounts=[7], transfers=[1], answered=None)
        begun = time.monotonic()
        answer = await asyncio.wait_for(statuses(ledger, move(7, SHOP, 1)), 20)
        waited = time.monotonic() - begun
        assert answer == [CREATED]
        assert 3 < waited < 12, waited
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            await stuck.execute("COMMIT")
        await stuck.close()
    await assert_balanced(database_url)


async def test_a_caller_that_is_cancelled_neither_stops_nor_repeats_its_batch(
    database_url: str,
) -> None:
    chance = Random(5)
    async with open_ledger(database_url) as ledger:
        await found(ledger, {7: 10**6})
        moves = [move(7, SHOP, 1) for _ in range(scale(200, 2_000))]
        tasks = []
        for one in moves:
            tasks.append(asyncio.create_task(ledger.create_transfers([one])))
            if chance.random() < 0.3:
                await asyncio.sleep(chance.random() * 0.003)
                chance.choice(tasks).cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        acknowledged = [m.id for m, a in zip(moves, answers, strict=True) if isinstance(a, list)]
        assert 0 < len(acknowledged) < len(moves)
        # Repeating everything settles what the cancelled ones never learned.
        again = await statuses(ledger, *moves)
        repeated = {m.id for m, status in zip(moves, again, strict=True) if status is S.EXISTS}
        assert set(acknowledged) <= repeated
        assert await coins_of(ledger, 7) == (10**6 - len(moves), 0)
    await assert_balanced(database_url)


async def test_freezing_and_recording_at_once_never_wait_for_each_other(
    pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    """A room holds its row when it freezes; a recorder takes that row after the intent's."""
    await found(ledger, {})
    with psycopg.connect(pool.conninfo, autocommit=True) as person:
        person.execute("CREATE TABLE orders (id uuid PRIMARY KEY, credited integer DEFAULT 0)")

    async def lock(tx: Tx, subject: str) -> None:
        await tx.execute("SELECT 1 FROM orders WHERE id = %s FOR UPDATE", [subject])

    async def record(tx: Tx, intent: Intent) -> None:
        await asyncio.sleep(0.005)
        await lock(tx, intent.subject)
        await tx.execute(
            "UPDATE orders SET credited = credited + 1 WHERE id = %s", [intent.subject]
        )

    def legs(ids: IdMaker) -> list[Transfer]:
        return [move(BANK, 7, 1, id_=ids())]

    async def sell(subject: str) -> Intent:
        async with transaction(pool) as tx:
            await lock(tx, subject)
            await asyncio.sleep(0.005)
            wallet = Account(id=7, ledger=1, code=10)
            intent = await freeze(
                tx, room="shop", subject=subject, step="sell", accounts=[wallet], transfers=legs,
                now=clock.now(),
            )  # fmt: skip
        return await settle(pool, ledger, intent, {"shop": record}, now=clock.now())

    for _ in range(scale(5, 50)):
        subject = str(uuid4())
        async with transaction(pool) as tx:
            await tx.execute("INSERT INTO orders (id) VALUES (%s)", [subject])
        sold = await asyncio.gather(*(sell(subject) for _ in range(6)))
        assert {intent.state for intent in sold} == {IntentState.POSTED}
    assert await coins_of(ledger, 7) == (scale(5, 50), 0)
    with psycopg.connect(pool.conninfo) as person:
        assert person.execute("SELECT DISTINCT credited FROM orders").fetchall() == [(1,)]

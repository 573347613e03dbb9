"""The PostgreSQL engine against the oracle, through the door that everyone uses."""

import asyncio
from collections.abc import Iterator
from functools import partial
from random import Random

import pytest
from msgspec.structs import replace

from coinwell.ledger import (
    AccountFilter,
    AccountFilterFlags,
    Ledger,
    QueryFilter,
    QueryFilterFlags,
    Transfer,
    open_ledger,
)
from tests.ledger.generate import Step
from tests.ledger.judge import Judge, Results
from tests.ledger.oracle_books import SECOND
from tests.profile import scale

WORLDS = scale(4, 40)
MEMBERS_PER_WORLD = 5_200
PAGE = 700


@pytest.mark.parametrize("seed", range(500, 500 + WORLDS))
async def test_the_engine_answers_and_stores_what_the_oracle_says(
    seed: int, database_url: str
) -> None:
    judge, chance, now_ns = Judge(seed, MEMBERS_PER_WORLD, engine=True), Random(seed), 0
    async with open_ledger(database_url, now_ns=lambda: now_ns) as ledger:
        for steps in bunches(judge.steps(), chance):
            now_ns = steps[0].now_ns
            if holds_fall_due_at(judge, now_ns):
                # How many of them a batch sees would depend on how the steps are gathered.
                for step in steps:
                    judge.compare(step, await run(ledger, step))
            else:
                # What is sent at once is decided in the order it was sent.
                answers = await asyncio.gather(*(run(ledger, step) for step in steps))
                for step, results in zip(steps, answers, strict=True):
                    judge.compare(step, results)
            await compare_rows(judge, ledger, steps)
        await compare_reads(judge, ledger, chance)
    judge.all_statuses_met()


async def test_a_ledger_opened_again_goes_on_where_it_was(database_url: str) -> None:
    judge = Judge(900, scale(1_500, 15_000), engine=True)
    for step in judge.steps():
        async with open_ledger(database_url, now_ns=partial(int, step.now_ns)) as ledger:
            judge.compare(step, await run(ledger, step))
            await compare_rows(judge, ledger, [step])


def bunches(steps: Iterator[Step], chance: Random) -> Iterator[list[Step]]:
    """Single steps, and now and then a few batches of transfers for the same instant."""
    bunch: list[Step] = []
    for step in steps:
        single = step.alone or step.verb != "transfers"
        if bunch and single:
            yield bunch
            bunch = []
        bunch.append(replace(step, now_ns=bunch[0].now_ns) if bunch else step)
        if single or chance.random() < 0.6:
            yield bunch
            bunch = []
    if bunch:
        yield bunch


def holds_fall_due_at(judge: Judge, now_ns: int) -> bool:
    """Whether a hold runs out in the very microseconds that the next batches will take up."""
    soon = range(max(now_ns, judge.oracle.clock), max(now_ns, judge.oracle.clock) + 10_000)
    books = judge.oracle.books
    return any(
        fate == "pending" and t.timeout and t.timestamp + t.timeout * SECOND in soon
        for t, fate in ((books.transfers[id_], fate) for id_, fate in books.fate.items())
    )


async def run(ledger: Ledger, step: Step) -> Results:
    """One step through the door."""
    if step.verb == "accounts":
        return await ledger.create_accounts(step.accounts)
    if step.verb == "transfers":
        return await ledger.create_transfers(step.transfers)
    await ledger.pulse()
    return []


async def compare_rows(judge: Judge, ledger: Ledger, steps: list[Step]) -> None:
    """Every account with its counters, and every id this step named, stored or not."""
    judge.same_accounts(await ledger.lookup_accounts(list(judge.oracle.books.accounts)))
    ids = {id_ for step in steps for t in step.transfers for id_ in (t.id, t.pending_id)}
    judge.same_transfers(await ledger.lookup_transfers(list(ids)), ids)


async def compare_reads(judge: Judge, ledger: Ledger, chance: Random) -> None:
    """The whole feed, page by page, and each account's transfers by random filters."""
    stored = sorted(judge.oracle.books.transfers.values(), key=lambda t: t.timestamp)
    feed: list[Transfer] = []
    while page := await ledger.query_transfers(
        QueryFilter(timestamp_min=feed[-1].timestamp + 1 if feed else 0, limit=PAGE)
    ):
        feed += page
    assert feed == stored
    for account_id in judge.oracle.books.accounts:
        sides = chance.choice((1, 2, 3, 3))
        ends = sorted(chance.choice(stored).timestamp for _ in range(2))
        asked = AccountFilter(
            account_id=account_id,
            user_data_128=chance.choice((0, 0, 0, 7)),
            user_data_64=chance.choice((0, 0, 0, 7)),
            user_data_32=chance.choice((0, 0, 0, 7)),
            code=chance.choice((0, 0, 1, 20)),
            timestamp_min=chance.choice((0, ends[0])),
            timestamp_max=chance.choice((0, ends[1])),
            limit=chance.choice((1, 10, 5_000)),
            flags=AccountFilterFlags(sides | chance.choice((0, AccountFilterFlags.REVERSED))),
        )
        assert await ledger.get_account_transfers(asked) == of_account(stored, asked), asked
        query = QueryFilter(
            user_data_128=asked.user_data_128,
            user_data_32=asked.user_data_32,
            ledger=chance.choice((0, 1, 2)),
            code=asked.code,
            timestamp_min=asked.timestamp_min,
            timestamp_max=asked.timestamp_max,
            limit=asked.limit,
            flags=chance.choice((QueryFilterFlags.NONE, QueryFilterFlags.REVERSED)),
        )
        assert await ledger.query_transfers(query) == of_query(stored, query), query


def of_account(stored: list[Transfer], asked: AccountFilter) -> list[Transfer]:
    """What an account filter means, said as plainly as it can be."""
    found = [
        t
        for t in matching(stored, asked)
        if (asked.flags & AccountFilterFlags.DEBITS and t.debit_account_id == asked.account_id)
        or (asked.flags & AccountFilterFlags.CREDITS and t.credit_account_id == asked.account_id)
    ]
    if asked.flags & AccountFilterFlags.REVERSED:
        found.reverse()
    return found[: asked.limit]


def of_query(stored: list[Transfer], asked: QueryFilter) -> list[Transfer]:
    """What a query filter means."""
    found = [t for t in matching(stored, asked) if asked.ledger in (0, t.ledger)]
    if asked.flags & QueryFilterFlags.REVERSED:
        found.reverse()
    return found[: asked.limit]


def matching(stored: list[Transfer], asked: AccountFilter | QueryFilter) -> list[Transfer]:
    """What both filters say alike: zero is "any", both ends of the time belong to it."""
    return [
        t
        for t in stored
        if asked.user_data_128 in (0, t.user_data_128)
        and asked.user_data_64 in (0, t.user_data_64)
        and asked.user_data_32 in (0, t.user_data_32)
        and asked.code in (0, t.code)
        and asked.timestamp_min <= t.timestamp
        and (asked.timestamp_max == 0 or t.timestamp <= asked.timestamp_max)
    ]

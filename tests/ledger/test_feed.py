"""The feed's readers: each transfer once, in order, whatever fails and whoever else tries."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace

import pytest
from psycopg.errors import RaiseException

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, Tx, open_pool, transaction
from coinwell.ledger import (
    Ledger,
    Progress,
    Reader,
    ToldOnce,
    Transfer,
    advance,
    follow,
    lags,
    open_ledger,
    position,
    rebuild,
)
from tests.ledger.coins import BANK, found, move
from tests.ledger.readers import NOTER, feed, forget, make_table, note, noted, spend
from tests.profile import scale

WALLETS = {100: 50, 101: 50, 102: 0}


@pytest.fixture
async def town(pool: Pool, ledger: Ledger) -> None:
    """A few wallets with a short past, and the table of the test's reader."""
    await make_table(pool)
    await found(ledger, WALLETS)
    await spend(ledger, 100, 10)


class Broken(Exception):
    """What a test throws into the works."""


def breaking(*, after: int, where: str) -> Reader:
    """The reader, broken once it has applied `after` batches: before, within or after its work."""
    batches = 0

    async def apply(tx: Tx, transfers: Sequence[Transfer]) -> None:
        nonlocal batches
        batches += 1
        if batches > after and where == "before":
            raise Broken
        middle = len(transfers) // 2
        await note(tx, transfers[:middle])
        if batches > after and where == "within":
            raise Broken
        await note(tx, transfers[middle:])
        if batches > after and where == "after":
            raise Broken

    return replace(NOTER, apply=apply)


async def test_a_reader_gets_every_transfer_once_and_in_order(
    pool: Pool, ledger: Ledger, town: None
) -> None:
    first = await advance(pool, ledger, NOTER)
    await spend(ledger, 101, 3)
    second = await advance(pool, ledger, NOTER)

    assert (first, second, await advance(pool, ledger, NOTER)) == (22, 6, 0)
    assert await noted(pool) == await feed(ledger)
    assert (await position(pool, NOTER)).passed_count == 28


@pytest.mark.parametrize("where", ["before", "within", "after"])
@pytest.mark.parametrize("after", [0, 1, 2])
async def test_a_reader_that_breaks_goes_on_where_it_was(
    pool: Pool, ledger: Ledger, town: None, after: int, where: str
) -> None:
    with pytest.raises(Broken):
        await advance(pool, ledger, breaking(after=after, where=where))

    assert await noted(pool) == (await feed(ledger))[: after * NOTER.batch_max]
    await advance(pool, ledger, NOTER)
    assert await noted(pool) == await feed(ledger)


async def test_a_reader_that_breaks_while_it_learns_has_done_nothing(
    pool: Pool, ledger: Ledger, town: None
) -> None:
    async def learn(_: Ledger, transfers: Sequence[Transfer]) -> Sequence[Transfer]:
        raise Broken

    with pytest.raises(Broken):
        await advance(pool, ledger, replace(NOTER, learn=learn))

    assert await noted(pool) == []
    assert (await position(pool, NOTER)).passed_count == 0


_STUCK = """
    CREATE FUNCTION public.stuck() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the position cannot move'; END $$;
    CREATE TRIGGER stuck BEFORE UPDATE ON ledger.reader
    FOR EACH ROW EXECUTE FUNCTION public.stuck();
"""


async def test_what_was_applied_stands_only_with_the_position(
    pool: Pool, ledger: Ledger, town: None
) -> None:
    async with transaction(pool) as tx:
        await tx.execute(_STUCK)

    with pytest.raises(RaiseException):
        await advance(pool, ledger, NOTER)

    assert await noted(pool) == []
    assert (await position(pool, NOTER)).passed_count == 0


async def test_what_a_reader_learns_is_what_it_applies(
    pool: Pool, ledger: Ledger, town: None
) -> None:
    async def odd_ones(_: Ledger, transfers: Sequence[Transfer]) -> Sequence[Transfer]:
        return [one for one in transfers if one.amount > 1]

    await advance(pool, ledger, replace(NOTER, learn=odd_ones))

    assert [amount for _, amount in await noted(pool)] == [50, 50]
    assert (await position(pool, NOTER)).passed_count == 22


async def test_many_who_try_at_once_apply_each_transfer_once(
    pool: Pool, ledger: Ledger, town: None
) -> None:
    async def tries() -> int:
        return sum([await advance(pool, ledger, NOTER) for _ in range(20)])

    counts = await asyncio.gather(*(tries() for _ in range(4)), spend(ledger, 101, 40))
    rest = await advance(pool, ledger, NOTER)

    assert await noted(pool) == await feed(ledger)
    assert sum(count or 0 for count in counts) + rest == len(await feed(ledger))


async def test_the_feed_has_no_gap_while_two_processes_write(
    pool: Pool, ledger: Ledger, database_url: str, clock: StillClock, town: None
) -> None:
    done = asyncio.Event()

    async def write(books: Ledger, wallet: int) -> None:
        for _ in range(scale(40, 400)):
            await asyncio.gather(
                *(books.create_transfers([move(BANK, wallet, 1)]) for _ in range(5))
            )

    async def read() -> None:
        while not done.is_set():
            await advance(pool, ledger, NOTER)

    async with open_ledger(database_url, now_ns=clock.now_ns) as other:
        reading = asyncio.create_task(read())
        await asyncio.gather(write(ledger, 100), write(other, 101))
        done.set()
        await reading

    await advance(pool, ledger, NOTER)
    assert await noted(pool) == await feed(ledger)


async def test_rebuilding_makes_the_same_again(pool: Pool, ledger: Ledger, town: None) -> None:
    await advance(pool, ledger, NOTER)
    before = await noted(pool)
    told: list[Progress] = []

    passed = await rebuild(pool, ledger, NOTER, told.append)

    assert passed == len(before)
    assert await noted(pool) == before
    parts = [one.per_mille for one in told]
    assert parts == sorted(parts)
    assert parts[-1] == 1_000


@pytest.mark.parametrize("where", ["before", "within", "after"])
@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("by", ["a worker", "going on"])
async def test_a_rebuild_that_breaks_is_finished_by_whoever_comes_next(
    pool: Pool, ledger: Ledger, town: None, after: int, where: str, by: str
) -> None:
    await advance(pool, ledger, NOTER)

    with pytest.raises(Broken):
        await rebuild(pool, ledger, breaking(after=after, where=where))
    assert len(await noted(pool)) == after * NOTER.batch_max

    if by == "going on":
        assert await rebuild(pool, ledger, NOTER, go_on=True) == 22
    else:
        await advance(pool, ledger, NOTER)
    assert await noted(pool) == await feed(ledger)


async def test_a_rebuild_whose_clearing_breaks_has_cleared_nothing(
    pool: Pool, ledger: Ledger, town: None
) -> None:
    async def clear(tx: Tx) -> None:
        await forget(tx)
        raise Broken

    await advance(pool, ledger, NOTER)
    with pytest.raises(Broken):
        await rebuild(pool, ledger, replace(NOTER, clear=clear))

    assert await noted(pool) == await feed(ledger)
    assert await advance(pool, ledger, NOTER) == 0


async def test_a_rebuild_and_a_follower_do_not_get_in_each_others_way(
    pool: Pool, ledger: Ledger, town: None
) -> None:
    following = asyncio.create_task(follow(pool, ledger, NOTER, on_trouble=_raise))
    for _ in range(5):
        await asyncio.gather(rebuild(pool, ledger, NOTER), spend(ledger, 101, 5))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)

    await advance(pool, ledger, NOTER)
    assert await noted(pool) == await feed(ledger)


def _raise(_: Reader, error: Exception) -> None:
    raise error


async def test_what_was_told_once_is_not_rebuilt(pool: Pool, ledger: Ledger, town: None) -> None:
    teller = replace(NOTER, clear=None)
    await advance(pool, ledger, teller)

    with pytest.raises(ToldOnce) as no:
        await rebuild(pool, ledger, teller)

    assert no.value.sentence().startswith("test.noter has told others")
    assert await noted(pool) == await feed(ledger)


async def test_a_lag_counts_what_waits_and_for_how_long(
    pool: Pool, ledger: Ledger, clock: StillClock, town: None
) -> None:
    await advance(pool, ledger, NOTER)
    [none] = await lags(pool, ledger, [NOTER], now_ns=clock.now_ns())
    clock.advance(seconds=10)
    await spend(ledger, 100, 1)
    clock.advance(seconds=5)
    [lag] = await lags(pool, ledger, [NOTER], now_ns=clock.now_ns())

    assert (none.behind_count, none.behind_ns) == (0, 0)
    assert (lag.behind_count, lag.behind_ns, lag.and_more) == (2, 5_000_000_000, False)


async def test_a_follower_survives_what_goes_wrong_and_goes_on(
    pool: Pool, ledger: Ledger, town: None
) -> None:
    told: list[Exception] = []
    broken = True

    async def apply(tx: Tx, transfers: Sequence[Transfer]) -> None:
        if broken:
            raise Broken
        await note(tx, transfers)

    def on_trouble(_: Reader, error: Exception) -> None:
        nonlocal broken
        told.append(error)
        broken = len(told) < 2

    reader = replace(NOTER, apply=apply)
    following = asyncio.create_task(follow(pool, ledger, reader, on_trouble=on_trouble))
    while await noted(pool) != await feed(ledger):  # noqa: ASYNC110 - other code fills the table.
        await asyncio.sleep(0.02)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)

    assert [type(error) for error in told] == [Broken, Broken]


_REBUILDING = """
    import asyncio, sys
    from coinwell.base.db import open_pool
    from coinwell.ledger import open_ledger, rebuild
    from tests.ledger.readers import NOTER

    async def main():
        async with open_pool(sys.argv[1], max_size=2) as pool, open_ledger(sys.argv[1]) as ledger:
            await rebuild(pool, ledger, NOTER, lambda at: print(at.passed_count, flush=True))

    asyncio.run(main())
"""


@pytest.mark.faults
async def test_a_rebuild_killed_at_any_point_is_gone_on_with(
    pool: Pool, ledger: Ledger, database_url: str, town: None
) -> None:
    await spend(ledger, 101, scale(100, 1_000))
    await advance(pool, ledger, NOTER)
    whole = await feed(ledger)
    for kill in range(scale(3, 20)):
        process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs here meanwhile.
            [sys.executable, "-c", textwrap.dedent(_REBUILDING), database_url],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        for _ in range(1 + kill % 7):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        process.wait()

        written = await noted(pool)
        assert written == whole[: len(written)]
    async with open_pool(database_url, max_size=2) as fresh:
        await rebuild(fresh, ledger, NOTER, go_on=True)
    assert await noted(pool) == whole


async def test_a_reader_that_never_read_can_be_rebuilt(
    pool: Pool, ledger: Ledger, town: None
) -> None:
    assert await rebuild(pool, ledger, NOTER) == 22
    assert await noted(pool) == await feed(ledger)

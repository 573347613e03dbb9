"""What a process remembers of a wallet is what a reading from zero would say."""

import asyncio
from random import Random
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec
import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.base.money import Money
from coinwell.ledger import AccountFilter, Code, Kind, Ledger, Transfer
from coinwell.wallet import (
    Fold,
    Lot,
    LotKind,
    balance,
    fold,
    fold_of,
    lots_of_user,
    month_line,
    moves_of,
    name_lot,
    overview,
    statement,
    whole_fold_of,
)
from coinwell.wallet.remembering import memory_of
from tests.profile import scale
from tests.wallet.worlds import World


class Window:
    """A ledger that is looked at through a window: it counts what it shows, and can hide."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.shown: list[int] = []
        self.newest_ns = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    async def get_account_transfers(self, wanted: AccountFilter) -> list[Transfer]:
        if self.newest_ns:
            newest_ns = min(wanted.timestamp_max or self.newest_ns, self.newest_ns)
            wanted = msgspec.structs.replace(wanted, timestamp_max=newest_ns)
        found = await self.ledger.get_account_transfers(wanted)
        self.shown.append(len(found))
        return found


@pytest.fixture
def window(ledger: Ledger) -> Window:
    return Window(ledger)


@pytest.fixture
def world(pool: Pool, window: Window, clock: StillClock) -> World:
    return World(pool, cast("Ledger", window), clock)


async def seen(world: World) -> Fold:
    found = await fold_of(world.pool, world.ledger, world.user_id, now=world.clock.now())
    assert found is not None
    return found


async def from_zero(world: World, newest_ns: int = 0) -> Fold:
    wanted = AccountFilter(account_id=world.wallet, timestamp_max=newest_ns)
    transfers = await world.ledger.get_account_transfers(wanted)
    async with transaction(world.pool) as tx:
        lots = await lots_of_user(tx, world.user_id)
    return fold(lots, moves_of(world.wallet, transfers), as_of_ns=world.clock.now_ns())


async def test_a_second_look_reads_only_what_is_new(world: World, window: Window) -> None:
    await world.recharge(100, 106, bonus=3)
    for _ in range(5):
        await world.spend(2)
    window.shown.clear()
    await seen(world)
    await seen(world)
    await world.spend(2)
    await overview(world.pool, world.ledger, world.user_id, zone="UTC", now=world.clock.now())
    # Seven rows; then the last one again, as the proof that it is the same book; then the new one.
    assert window.shown == [7, 1, 2]


@pytest.mark.parametrize("chunk", [1, 2, 2_000])
async def test_whatever_happens_between_looks_it_says_what_a_reading_from_zero_says(
    world: World, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("coinwell.wallet.remembering.CHUNK", chunk)
    random = Random(chunk)
    open_holds: list[tuple[int, int]] = []
    orders: list[UUID] = []
    for _ in range(scale(40, 2_000)):
        free = (await balance(world.ledger, world.user_id)).coins
        what = random.randrange(8)
        if what < 2 or free < 20:
            orders.append(await world.recharge(50, random.randrange(40, 80), bonus=what * 3))
        elif what < 4:
            await world.spend(random.randrange(1, 9))
        elif what == 4:
            open_holds.append((await world.hold(9), random.randrange(10)))
        elif what == 5:
            await world.hold(5, for_s=random.randrange(2, 6))
        elif what == 6 and open_holds:
            hold_id, keep = open_holds.pop(random.randrange(len(open_holds)))
            await world.end(hold_id, keep=keep)
        else:
            await world.refund(orders.pop(random.randrange(len(orders))), 7) if orders else None
        await world.ledger.pulse()
        if random.random() < 0.6:
            assert await seen(world) == await from_zero(world)
    found = await seen(world)
    held = await balance(world.ledger, world.user_id)
    assert found == await from_zero(world)
    assert sum(lot.available for lot in found.lots) == held.coins
    assert sum(lot.held for lot in found.lots) == held.held


async def test_looks_that_overlap_take_each_row_in_once(world: World, window: Window) -> None:
    await world.recharge(100, 106)
    for coins in range(1, 8):
        await world.spend(coins)
    window.shown.clear()
    looks = await asyncio.gather(*(seen(world) for _ in range(8)))
    assert window.shown == [8] + [1] * 7
    assert all(each == looks[0] for each in looks)
    assert looks[0] == await from_zero(world)


async def test_no_look_is_behind_an_acknowledged_write(world: World) -> None:
    await world.recharge(200, 212)
    spent = 0

    async def spend() -> None:
        nonlocal spent
        for _ in range(scale(15, 300)):
            await world.spend(1)
            spent += 1

    async def look() -> None:
        while spent < scale(15, 300):
            before = spent
            assert (await seen(world)).lots[0].spent >= before

    await asyncio.gather(spend(), look(), look())
    assert (await seen(world)).lots[0].spent == spent


async def test_a_look_that_is_given_up_leaves_the_next_one_right(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coinwell.wallet.remembering.CHUNK", 2)
    await world.recharge(100, 106)
    for _ in range(12):
        await world.spend(3)
    for turns in range(1, 40):
        look = asyncio.ensure_future(seen(world))
        for _ in range(turns):
            await asyncio.sleep(0)
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)
    assert await seen(world) == await from_zero(world)


async def test_terms_that_were_named_after_a_look_count(world: World) -> None:
    await world.recharge(10, 20)
    await seen(world)
    await world.recharge(10, 30, bonus=2)
    assert (await seen(world)).holding().cost == (Money(50, "USD"),)
    order = uuid4()
    await world.post(world.transfer(Code.ISSUED, world.wallet, 5, Kind.RECHARGE, order))
    assert (await seen(world)).holding().cost == (Money(50, "USD"),)
    # Against our own order, terms after the coins: a look must still end where a new one begins.
    async with transaction(world.pool) as tx:
        price = Money(9, "USD")
        await name_lot(
            tx, Lot(order, world.user_id, LotKind.PAID, 5, price, world.clock.now(), order.int)
        )
    assert (await seen(world)).holding().cost == (Money(59, "USD"),)
    assert await seen(world) == await from_zero(world)


async def test_a_hold_ends_for_looks_at_its_time_without_any_new_row(world: World) -> None:
    await world.recharge(10, 20)
    await world.hold(4, for_s=60)
    assert (await seen(world)).lots[0].held == 4
    world.clock.advance(seconds=59)
    assert (await seen(world)).lots[0].held == 4
    world.clock.advance(seconds=1)
    assert (await seen(world)).lots[0].held == 0


async def test_an_older_copy_of_the_books_is_read_from_zero(world: World, window: Window) -> None:
    await world.recharge(100, 106)
    await world.spend(10)
    newest_ns = world.clock.now_ns()
    await world.spend(20)
    assert (await seen(world)).lots[0].spent == 30
    window.newest_ns = newest_ns
    assert (await seen(world)).lots[0].spent == 10
    window.newest_ns = 0
    await world.spend(5)
    assert (await seen(world)).lots[0].spent == 35


async def test_memory_is_bounded_in_rows_and_keeps_who_came_last(
    world: World, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coinwell.wallet.remembering.ROWS_MAX", 60)
    monkeypatch.setattr("coinwell.wallet.remembering.ROWS_OF_ONE_MAX", 40)
    people = [World(world.pool, world.ledger, world.clock) for _ in range(6)]
    memory = memory_of(world.ledger)
    for person in people:
        await person.recharge(20, 30)
        for _ in range(4):
            await person.spend(1)
        await seen(person)
        assert 0 < memory.size <= 60
    window.shown.clear()
    for person in [people[-1], people[0], people[-1]]:
        await seen(person)
    assert window.shown == [1, 5, 1]
    # Somebody with a history that is too long to keep pushes nobody out.
    for _ in range(40):
        await people[0].spend(0)
    assert await seen(people[0]) == await from_zero(people[0])
    window.shown.clear()
    await seen(people[-1])
    await seen(people[0])
    assert window.shown == [1, 45]
    assert memory.size <= 60


async def test_what_one_ledger_taught_is_not_told_of_another(world: World, ledger: Ledger) -> None:
    await world.recharge(10, 20)
    await seen(world)
    other = cast("Ledger", Window(ledger))
    assert memory_of(other) is not memory_of(world.ledger)
    assert memory_of(other).size == 0
    assert memory_of(world.ledger).size > 0


async def test_the_first_rows_of_a_history_that_is_too_long_still_explain_old_pages(
    world: World, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coinwell.wallet.balances.HISTORY_MAX", 5)
    await world.recharge(100, 100)
    for _ in range(9):
        await world.spend(1)
    looked = await overview(
        world.pool, world.ledger, world.user_id, zone="UTC", now=world.clock.now()
    )
    assert looked.fold is None
    assert (looked.month.coins_in, looked.month.coins_out) == (100, 9)
    assert looked.month.money_in == (Money(100, "USD"),)
    window.shown.clear()
    newest = await statement(world.pool, world.ledger, world.user_id, limit=5)
    oldest = await statement(world.pool, world.ledger, world.user_id, limit=5, cursor=newest.cursor)
    assert [line.paid_known for line in (*newest.lines, *oldest.lines)] == [False] * 5 + [True] * 5
    assert [line.paid for line in oldest.lines[:4]] == [(Money(1, "USD"),)] * 4
    assert window.shown == [6, 1, 5, 1]
    whole = await whole_fold_of(world.pool, world.ledger, world.user_id, now=world.clock.now())
    assert whole == await from_zero(world)
    assert whole.lots[0].spent == 9


async def test_a_month_is_the_same_from_memory_and_from_its_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.recharge(30, 33)
    world.clock.advance(days=31)
    order = await world.recharge(100, 106, bonus=4)
    await world.spend(9)
    await world.refund(order, 50)
    await world.end(await world.hold(8), keep=3)

    async def line() -> Any:
        return await month_line(
            world.pool, world.ledger, world.user_id, zone="UTC", now=world.clock.now()
        )

    remembered = await line()
    monkeypatch.setattr("coinwell.wallet.balances.CHUNK", 2)
    for rows_max in range(8):
        monkeypatch.setattr("coinwell.wallet.balances.HISTORY_MAX", rows_max)
        world.ledger = cast("Ledger", Window(world.ledger))  # Nothing is remembered.
        assert await line() == remembered
    assert (remembered.coins_in, remembered.coins_out) == (104, 12)
    assert remembered.coins_returned == 50

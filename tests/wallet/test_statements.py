"""The statement says every change once, in plain words, with the money really paid."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import pytest

from coinwell.base import cursor as cursors
from coinwell.base.clock import StillClock
from coinwell.base.cursor import BadCursor
from coinwell.base.db import Pool, Tx
from coinwell.base.money import Money
from coinwell.ledger import Code, Kind, Ledger, Transfer
from coinwell.wallet import Line, LineStatus, Page, balance, fold_of, statement
from coinwell.wallet.lots import summed
from tests.wallet.worlds import World


@pytest.fixture
def world(pool: Pool, ledger: Ledger, clock: StillClock) -> World:
    return World(pool, ledger, clock)


async def page_of(world: World, **more: Any) -> Page:
    return await statement(world.pool, world.ledger, world.user_id, **more)


def usd(minor: int) -> tuple[Money, ...]:
    return (Money(minor, "USD"),)


async def test_a_newcomers_statement_is_empty(world: World) -> None:
    assert await page_of(world) == Page((), None)


async def test_each_change_is_a_line_in_plain_words(world: World) -> None:
    first = await world.recharge(100, 106)
    second = await world.recharge(70, 74, bonus=5)
    await world.spend(55)
    await world.refund(second, 70)
    page = await page_of(world)
    assert [(line.words, line.coins, line.paid, line.order_id) for line in page.lines] == [
        ("Refund of a recharge", -70, usd(74), second),
        ("Coins spent", -55, usd(53), None),  # 5 free, then 50 of the first hundred.
        ("Bonus coins", 5, (), second),
        ("Recharge", 70, usd(74), second),
        ("Recharge", 100, usd(106), first),
    ]
    assert page.cursor is None
    assert all(line.paid_known for line in page.lines)
    assert {line.status for line in page.lines} == {LineStatus.DONE}
    assert page.lines[0].at == world.clock.now()


async def test_a_hold_is_told_from_what_is_spent(world: World) -> None:
    await world.recharge(100, 100)
    kept, returned = await world.hold(30), await world.hold(20)
    await world.end(kept, keep=12)
    await world.end(returned)
    page = await page_of(world, limit=4)
    assert [(line.coins, line.held_coins, line.status, line.paid) for line in page.lines] == [
        (0, -20, LineStatus.RELEASED, ()),
        (-12, 0, LineStatus.DONE, usd(12)),
        (0, 20, LineStatus.HELD, ()),
        (0, 30, LineStatus.HELD, ()),
    ]


async def test_a_refund_takes_its_own_lots_though_older_coins_are_there(world: World) -> None:
    await world.recharge(100, 100)
    order = await world.recharge(50, 200, bonus=5)
    reserved = await world.reserve(order, 55)
    await world.spend(10)  # Not of those set aside.
    await world.end(reserved, keep=55)
    page = await page_of(world)
    told = [(line.words, line.coins, line.paid, line.order_id) for line in page.lines[:3]]
    assert told == [
        ("Refund of a recharge", -55, usd(200), order),
        ("Coins spent", -10, usd(10), None),
        ("Refund of a recharge", 0, (), order),
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
async def test_pages_of_any_size_hold_every_line_once(world: World, limit: int) -> None:
    for coins in (10, 20, 30):
        await world.recharge(coins, coins * 3, bonus=1)
    for coins in (3, 4):
        await world.spend(coins)
    whole = (await page_of(world)).lines
    assert len(whole) == 8
    found: list[Line] = []
    cursor = None
    while True:
        page = await page_of(world, limit=limit, cursor=cursor)
        assert 0 < len(page.lines) <= limit
        found += page.lines
        cursor = page.cursor
        if cursor is None:
            break
    assert tuple(found) == whole


async def test_lines_add_up_to_the_balance_and_costs_to_the_lots(world: World) -> None:
    order = await world.recharge(97, 101, bonus=3)
    await world.recharge(11, 50, "EUR")
    for coins in (1, 2, 40):
        await world.spend(coins)
    await world.end(await world.hold(9), keep=5)
    await world.refund(order, 60)
    lines = (await page_of(world)).lines
    held = await balance(world.ledger, world.user_id)
    assert sum(line.coins for line in lines) == held.coins + held.held
    found = await fold_of(world.pool, world.ledger, world.user_id, now=world.clock.now())
    assert found is not None
    left = found.holding().cost
    spent = [money for line in lines if line.coins < 0 for money in line.paid]
    prices = [money for line in lines if line.coins > 0 for money in line.paid]
    assert summed([*spent, *left]) == summed(prices)


async def test_an_old_page_says_the_same_after_later_changes(world: World) -> None:
    await world.recharge(10, 99)
    await world.spend(3)
    await world.spend(4)
    newest = await page_of(world, limit=1)
    before = await page_of(world, cursor=newest.cursor)
    await world.recharge(500, 400, bonus=100)
    await world.spend(200)
    assert await page_of(world, cursor=newest.cursor) == before


async def test_an_old_page_is_worked_out_however_long_the_history_became(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.recharge(10, 20)
    for _ in range(4):
        await world.spend(1)
    monkeypatch.setattr("coinwell.wallet.balances.HISTORY_MAX", 3)
    newest = await page_of(world, limit=2)
    assert [line.paid_known for line in newest.lines] == [False, False]
    oldest = await page_of(world, cursor=newest.cursor)
    assert [line.paid for line in oldest.lines] == [usd(2), usd(2), usd(20)]


async def test_a_page_of_recharges_reads_no_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.recharge(10, 20)
    await world.spend(1)
    await world.recharge(10, 20, bonus=2)
    monkeypatch.setattr("coinwell.wallet.balances.HISTORY_MAX", 0)
    assert all(line.paid_known for line in (await page_of(world, limit=2)).lines)
    known = [line.paid_known for line in (await page_of(world)).lines]
    assert known == [True, True, False, True]


async def test_a_room_above_gives_its_own_words_once_a_page(world: World) -> None:
    asked: list[int] = []

    async def describe(_: Tx, transfers: Sequence[Transfer]) -> Mapping[int, str]:
        asked.append(len(transfers))
        return {transfers[0].id: "Rose to @ana"}

    await world.recharge(10, 20)
    await world.spend(1)
    await world.spend(2)
    page = await page_of(world, describe={int(Kind.SPEND): describe})
    assert [line.words for line in page.lines] == ["Rose to @ana", "Coins spent", "Recharge"]
    assert asked == [2]


async def test_coins_without_terms_still_have_a_line(world: World) -> None:
    await world.open()
    await world.post(world.transfer(Code.ISSUED, world.wallet, 5, Kind.GIFT, uuid4()))
    (line,) = (await page_of(world)).lines
    assert (line.words, line.coins, line.paid, line.order_id) == ("Gift", 5, (), None)


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "x" * 500, cursors.encode("one"), cursors.encode(0), cursors.encode(1),
     cursors.encode(-5), cursors.encode(2**63), cursors.encode(3, 4)],
)  # fmt: skip
async def test_a_cursor_that_is_not_ours_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await page_of(world, cursor=cursor)

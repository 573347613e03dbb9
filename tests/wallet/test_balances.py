"""The balance, its cost and the month line say what the ledger says."""

from dataclasses import replace
from datetime import date
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, Tx, run, transaction
from coinwell.base.money import Money
from coinwell.ledger import Ledger
from coinwell.wallet import (
    Balance,
    Lot,
    LotClash,
    LotKind,
    MonthLine,
    balance,
    fold_of,
    holding,
    lots_of_user,
    month_line,
    name_lot,
)
from tests.wallet.histories import AT
from tests.wallet.worlds import World


@pytest.fixture
def world(pool: Pool, ledger: Ledger, clock: StillClock) -> World:
    return World(pool, ledger, clock)


async def test_a_newcomer_has_nothing(world: World) -> None:
    assert await balance(world.ledger, world.user_id) == Balance(0, 0, 0)
    found = await holding(world.pool, world.ledger, world.user_id, now=world.clock.now())
    assert found is not None
    assert (found.coins, found.cost, found.per_hundred) == (0, (), ())


async def test_coins_held_and_owed_are_told_apart(world: World) -> None:
    order = await world.recharge(100, 106)
    hold = await world.hold(30)
    assert await balance(world.ledger, world.user_id) == Balance(70, 30, 0)
    moved = (await balance(world.ledger, world.user_id)).moved
    await world.end(hold, keep=10)
    assert await balance(world.ledger, world.user_id) == Balance(90, 0, 0)
    assert (await balance(world.ledger, world.user_id)).moved == moved + 10
    await world.refund(order, 100)
    assert await balance(world.ledger, world.user_id) == Balance(0, 0, 10)


async def test_the_true_price_of_a_coin_is_what_was_paid_for_those_left(world: World) -> None:
    await world.recharge(100, 100)
    await world.recharge(100, 300, bonus=10)
    await world.spend(60)  # The bonus, then 50 of the first.
    found = await holding(world.pool, world.ledger, world.user_id, now=world.clock.now())
    assert found is not None
    assert found.coins == 150
    assert found.promotional_coins == 0
    assert found.cost == (Money(350, "USD"),)
    assert found.per_hundred == (Money(234, "USD"),)


async def test_the_lots_hold_what_the_ledger_holds(world: World) -> None:
    first = await world.recharge(100, 106, bonus=5)
    await world.recharge(40, 50, "EUR")
    await world.spend(12)
    hold = await world.hold(20, for_s=60)
    kept = await world.hold(9)
    await world.end(kept, keep=4)
    await world.refund(first, 105)
    found = await fold_of(world.pool, world.ledger, world.user_id, now=world.clock.now())
    held = await balance(world.ledger, world.user_id)
    assert found is not None
    assert sum(lot.available for lot in found.lots) == held.coins
    assert sum(lot.held for lot in found.lots) == held.held == 20
    world.clock.advance(seconds=61)
    await world.ledger.pulse()
    later = await fold_of(world.pool, world.ledger, world.user_id, now=world.clock.now())
    assert later is not None
    assert hold not in later.held
    after = await balance(world.ledger, world.user_id)
    assert sum(lot.available for lot in later.lots) == after.coins == held.coins + 20


async def test_the_month_line_counts_this_month_in_the_users_zone(world: World) -> None:
    async def line(zone: str = "America/New_York") -> MonthLine:
        return await month_line(
            world.pool, world.ledger, world.user_id, zone=zone, now=world.clock.now()
        )

    world.clock.set(world.clock.now().replace(day=1, hour=3, minute=30))  # Still October there.
    await world.recharge(100, 106)
    assert (await line()).starts_on == date(2026, 10, 1)
    assert (await line()).money_in == (Money(106, "USD"),)
    assert (await line("Europe/Berlin")).starts_on == date(2026, 11, 1)
    in_october = world.clock.now()
    world.clock.advance(days=1)
    empty = await line()
    assert (empty.starts_on, empty.money_in, empty.coins_in) == (date(2026, 11, 1), (), 0)
    order = await world.recharge(350, 370, bonus=7)
    await world.recharge(10, 20, "EUR")
    await world.spend(40)
    await world.hold(5)
    returned = await world.hold(6)
    await world.end(returned)
    kept = await world.hold(8)
    await world.end(kept, keep=3)
    await world.refund(order, 100)
    found = await line()
    assert found.money_in == (Money(20, "EUR"), Money(370, "USD"))
    assert found.coins_in == 367
    assert found.coins_out == 43
    assert found.coins_returned == 100
    assert (await line("Europe/Berlin")).money_in == (Money(20, "EUR"), Money(476, "USD"))
    october = await month_line(
        world.pool, world.ledger, world.user_id, zone="America/New_York", now=in_october
    )
    assert (october.money_in, october.coins_out) == ((Money(106, "USD"),), 0)


async def test_a_long_history_is_not_worked_out_while_somebody_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.recharge(10, 20)
    await world.recharge(10, 20)
    monkeypatch.setattr("coinwell.wallet.balances.HISTORY_MAX", 1)
    assert await holding(world.pool, world.ledger, world.user_id, now=world.clock.now()) is None
    monkeypatch.setattr("coinwell.wallet.balances.CHUNK", 1)
    found = await month_line(
        world.pool, world.ledger, world.user_id, zone="UTC", now=world.clock.now()
    )
    assert found.coins_in == 20


def a_lot() -> Lot:
    return Lot(uuid4(), uuid4(), LotKind.PAID, 10, Money(99, "USD"), AT, 2**127)


async def test_a_lot_is_named_once_and_never_with_other_terms(tx: Tx) -> None:
    lot = a_lot()
    await name_lot(tx, lot)
    await name_lot(tx, lot)
    await name_lot(tx, replace(lot, transfer_id=5))  # A second attempt at the same purchase.
    assert await lots_of_user(tx, lot.user_id) == [lot]
    with pytest.raises(LotClash):
        await name_lot(tx, replace(lot, price=Money(98, "USD")))
    with pytest.raises(LotClash):
        await name_lot(tx, replace(lot, coins=11))
    free = replace(lot, kind=LotKind.PROMOTIONAL, price=None)
    await name_lot(tx, free)
    assert len(await lots_of_user(tx, lot.user_id)) == 2


@pytest.mark.parametrize(
    "change", ["UPDATE wallet.lot SET coins = 1", "DELETE FROM wallet.lot", "TRUNCATE wallet.lot"]
)
async def test_what_coins_cost_cannot_be_changed(pool: Pool, change: LiteralString) -> None:
    async with transaction(pool) as tx:
        await name_lot(tx, a_lot())
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        async with transaction(pool) as tx:
            await run(tx, change)

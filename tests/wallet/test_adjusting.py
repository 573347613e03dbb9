"""Coins given or taken by decision: once, never below nothing, and read in plain words."""

from uuid import UUID, uuid4

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction, value
from coinwell.ledger import IntentClash, Ledger, verify
from coinwell.wallet import (
    Adjustment,
    AdjustmentWrong,
    CoinsNotThere,
    LotKind,
    adjust,
    balance,
    fold_of,
    month_line,
    statement,
)
from tests.users.make import person


@pytest.fixture
async def user_id(pool: Pool) -> UUID:
    async with transaction(pool) as tx:
        return (await person(tx)).id


async def test_an_adjustment_happens_once_and_is_a_lot_that_cost_nothing(
    pool: Pool, ledger: Ledger, clock: StillClock, user_id: UUID
) -> None:
    gift = Adjustment(uuid4(), user_id, 500)
    for _ in range(3):
        await adjust(pool, ledger, gift, now=clock.now())
    assert (await balance(ledger, user_id)).coins == 500
    found = await fold_of(pool, ledger, user_id, now=clock.now())
    assert found is not None
    (lot,) = found.lots
    assert (lot.kind, lot.price, lot.lot_id) == (LotKind.PROMOTIONAL, None, gift.id)
    async with transaction(pool) as tx:
        told = "SELECT count(*) FROM base.outbox WHERE kind = 'wallet.adjusted' AND subject = %(u)s"
        assert await value(tx, told, {"u": user_id}) == 1
    assert (await verify(pool)).balanced


async def test_what_is_taken_is_never_more_than_there(
    pool: Pool, ledger: Ledger, clock: StillClock, user_id: UUID
) -> None:
    with pytest.raises(CoinsNotThere):
        await adjust(pool, ledger, Adjustment(uuid4(), user_id, -1), now=clock.now())
    await adjust(pool, ledger, Adjustment(uuid4(), user_id, 100), now=clock.now())
    too_much = Adjustment(uuid4(), user_id, -101)
    for _ in range(2):
        with pytest.raises(CoinsNotThere):
            await adjust(pool, ledger, too_much, now=clock.now())
    await adjust(pool, ledger, Adjustment(uuid4(), user_id, -100), now=clock.now())
    assert (await balance(ledger, user_id)).coins == 0
    assert (await verify(pool)).balanced


async def test_one_decision_cannot_be_carried_out_with_other_coins(
    pool: Pool, ledger: Ledger, clock: StillClock, user_id: UUID
) -> None:
    decision = uuid4()
    await adjust(pool, ledger, Adjustment(decision, user_id, 100), now=clock.now())
    with pytest.raises(IntentClash):
        await adjust(pool, ledger, Adjustment(decision, user_id, 101), now=clock.now())
    assert (await balance(ledger, user_id)).coins == 100


async def test_a_statement_says_what_happened(
    pool: Pool, ledger: Ledger, clock: StillClock, user_id: UUID
) -> None:
    for coins in (500, -200):
        await adjust(pool, ledger, Adjustment(uuid4(), user_id, coins), now=clock.now())
    lines = (await statement(pool, ledger, user_id)).lines
    assert [(line.words, line.coins, line.paid, line.order_id) for line in lines] == [
        ("Coins taken back", -200, (), None),
        ("Coins given to you", 500, (), None),
    ]
    month = await month_line(pool, ledger, user_id, zone="UTC", now=clock.now())
    assert (month.coins_in, month.coins_out, month.coins_returned) == (500, 0, 200)


@pytest.mark.parametrize("coins", [0, 10**7 + 1, -(10**7) - 1])
def test_an_adjustment_moves_something_and_not_everything(coins: int) -> None:
    with pytest.raises(AdjustmentWrong):
        Adjustment(uuid4(), uuid4(), coins)

"""A process that dies anywhere between freeze, post and record: the coins still come once."""

import pytest
from psycopg import DatabaseError

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction, value
from coinwell.installation import finish_intents
from coinwell.ledger import Ledger
from coinwell.recharge import OrderState, sync_order
from coinwell.recharge import jobs as work
from tests.recharge.making import House, Killed, open_house


@pytest.fixture
async def house(pool: Pool, ledger: Ledger, clock: StillClock) -> House:
    return await open_house(pool, ledger, clock)


async def _repair(house: House, how: str) -> None:
    if how == "intents":
        await finish_intents(house.deps.pool, house.deps.ledger, now=house.deps.clock.now())
    else:
        await work.poll(house.deps)


# What brings the coins afterwards: the sweep of intents, another look, or both at once.
REPAIRS = [["intents"], ["poll"], ["intents", "poll"], ["poll", "intents"]]


@pytest.mark.parametrize("repairs", REPAIRS)
@pytest.mark.parametrize("dies", [{"before": 1}, {"after": 1}])
async def test_a_credit_cut_off_at_the_posting_is_finished_once(
    house: House, clock: StillClock, dies: dict[str, int], repairs: list[str]
) -> None:
    order = await house.begin()
    house.provider.only.capture()
    with pytest.raises(Killed):
        await sync_order(house.dying(**dies), order.id)
    assert (await house.order(order.id)).state is OrderState.PAID

    clock.advance(seconds=31)
    for repair in repairs:
        await _repair(house, repair)
    assert (await house.order(order.id)).state is OrderState.CREDITED
    assert await house.coins() == 350
    await house.books_balance()


async def test_a_credit_posted_but_not_recorded_is_recorded_later(
    house: House, clock: StillClock
) -> None:
    order = await house.begin()
    house.provider.only.capture()
    async with transaction(house.deps.pool) as tx:
        await tx.execute("ALTER TABLE base.outbox RENAME TO outbox_away")
    with pytest.raises(DatabaseError):
        await sync_order(house.deps, order.id)
    # The coins are there, the record is not: it goes with the news or not at all.
    assert await house.coins() == 350
    assert (await house.order(order.id)).state is OrderState.PAID
    async with transaction(house.deps.pool) as tx:
        await tx.execute("ALTER TABLE base.outbox_away RENAME TO outbox")

    clock.advance(seconds=31)
    await _repair(house, "intents")
    assert (await house.order(order.id)).state is OrderState.CREDITED
    assert await house.coins() == 350
    async with transaction(house.deps.pool) as tx:
        news = await value(tx, "SELECT count(*) FROM base.outbox WHERE kind = 'recharge.credited'")
    assert news == 1


async def test_a_credit_cut_off_again_and_again_comes_once(house: House, clock: StillClock) -> None:
    order = await house.begin(pack_id="coins-3500")
    house.provider.only.capture()
    for dies in ({"before": 1}, {"after": 1}, {"before": 1}, {"after": 1}):
        clock.advance(minutes=5)
        with pytest.raises((Killed, ExceptionGroup)):
            await sync_order(house.dying(**dies), order.id)
    clock.advance(minutes=5)
    await work.poll(house.deps)
    assert await house.coins() == 3_535
    async with transaction(house.deps.pool) as tx:
        assert await value(tx, "SELECT count(*) FROM ledger.intent") == 1
    await house.books_balance()


async def test_a_sweep_finishes_everything_though_one_thing_cannot_be_finished(
    house: House, clock: StillClock
) -> None:
    first, second = await house.begin("key-1"), await house.begin("key-2")
    for payment in house.provider.payments.values():
        payment.capture()
    house.provider.troubles["fetch"] = [RuntimeError("a fault of the adapter")]
    clock.advance(seconds=31)
    with pytest.raises(ExceptionGroup):
        await work.poll(house.deps)
    states = [(await house.order(one.id)).state for one in (first, second)]
    assert sorted(states) == [OrderState.AWAITING_USER, OrderState.CREDITED]
    await work.poll(house.deps)
    assert await house.coins() == 700

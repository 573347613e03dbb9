"""Many at once: one key, one order; one capture, one credit; one coin, one of two takers."""

import asyncio
from uuid import UUID

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction, value
from coinwell.base.jobs import install_queue
from coinwell.installation import finish_intents
from coinwell.ledger import Ledger
from coinwell.recharge import (
    LotSpent,
    OrderState,
    RefundState,
    Wish,
    cancel,
    receive,
    refund_order,
    start,
    sync_order,
)
from coinwell.recharge import jobs as work
from tests.profile import scale
from tests.recharge.making import SIGNED, House, open_house, webhook

PACK = Wish(pack_id="coins-350")


@pytest.fixture
async def house(pool: Pool, ledger: Ledger, clock: StillClock) -> House:
    return await open_house(pool, ledger, clock)


@pytest.mark.timeout(300)
async def test_two_hundred_identical_requests_are_one_recharge_with_one_answer(
    house: House,
) -> None:
    answers = await asyncio.gather(
        *(start(house.deps, house.viewer, PACK, key="one") for _ in range(200))
    )
    assert all(answer.body == answers[0].body for answer in answers)
    assert sum(not answer.replayed for answer in answers) == 1
    assert len(house.provider.payments) == 1
    assert house.provider.asked.count("create") == 1
    async with transaction(house.deps.pool) as tx:
        assert await value(tx, 'SELECT count(*) FROM recharge."order"') == 1


async def test_two_hundred_keys_are_two_hundred_recharges(house: House) -> None:
    many = 200
    answers = await asyncio.gather(
        *(start(house.deps, house.viewer, PACK, key=f"key-{n}") for n in range(many))
    )
    assert len({answer.body["id"] for answer in answers}) == many
    assert len(house.provider.payments) == many


async def test_message_return_page_button_and_sweep_at_once_credit_once(
    house: House, clock: StillClock, database_url: str
) -> None:
    await asyncio.to_thread(install_queue, database_url)
    order = await house.begin()
    house.provider.only.capture()
    clock.advance(seconds=31)
    await asyncio.gather(
        *(receive(house.deps, "sandbox", webhook("pay_1", f"m{n}"), SIGNED) for n in range(5)),
        *(sync_order(house.deps, order.id) for _ in range(5)),
        work.poll(house.deps),
        work.inbox(house.deps),
        finish_intents(house.deps.pool, house.deps.ledger, now=house.deps.clock.now()),
    )
    await work.inbox(house.deps)
    assert await house.coins() == 350
    async with transaction(house.deps.pool) as tx:
        assert await value(tx, "SELECT count(*) FROM ledger.transfer WHERE code = 1") == 1
        news = "SELECT count(*) FROM base.outbox WHERE kind = 'recharge.credited'"
        assert await value(tx, news) == 1
    await house.books_balance()


async def test_a_refund_and_a_spend_race_for_the_same_coins_and_one_wins(house: House) -> None:
    for n in range(scale(6, 60)):
        order = await house.begin(f"key-{n}")
        assert order.payment_id is not None
        house.provider.payments[order.payment_id].capture()
        await sync_order(house.deps, order.id)
        refunding = refund_order(house.deps, order.id, operator="ops", reason="asked")
        ended, spent = await asyncio.gather(
            refunding, house.spend(350, 1_000 + n), return_exceptions=True
        )
        returned = not isinstance(ended, BaseException) and ended.state is RefundState.DONE
        assert returned is not spent
        assert returned or isinstance(ended, LotSpent)
        assert len(house.provider.payments[order.payment_id].refunds) == returned
        assert await house.coins() == 0
    await house.books_balance()


async def test_a_cancel_and_a_capture_race_and_the_money_is_never_lost(house: House) -> None:
    for n in range(scale(6, 60)):
        order = await house.begin(f"key-{n}")
        assert order.payment_id is not None
        payment = house.provider.payments[order.payment_id]

        async def pay(at: int = n % 4, to: str = payment.id) -> None:
            for _ in range(at * 5):
                await asyncio.sleep(0)
            if house.provider.payments[to].state.value == "awaiting_user":
                house.provider.payments[to].capture()

        await asyncio.gather(cancel(house.deps, order.id), pay())
        end = await sync_order(house.deps, order.id)
        paid = payment.captured is not None
        assert end.state is (OrderState.CREDITED if paid else OrderState.CANCELED)
    await house.books_balance()


async def test_a_repeat_waits_for_the_first_ones_answer(house: House) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    create = house.provider.create_payment

    async def slow(*args: object, **named: object) -> object:
        begun.set()
        await go_on.wait()
        return await create(*args, **named)  # type: ignore[arg-type]

    house.provider.create_payment = slow  # type: ignore[method-assign]
    first = asyncio.create_task(start(house.deps, house.viewer, PACK, key="one"))
    await begun.wait()
    second = asyncio.create_task(start(house.deps, house.viewer, PACK, key="one"))
    await asyncio.sleep(0.1)
    assert not second.done()
    go_on.set()
    one, other = await asyncio.gather(first, second)
    assert one.body == other.body
    assert (await house.order(UUID(one.body["id"]))).state is OrderState.AWAITING_USER
    assert house.provider.asked.count("create") == 1

"""Provider messages: signed, stored once, worked on, and never missed even when they are."""

import asyncio
import json
from datetime import timedelta

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction, value
from coinwell.base.jobs import install_queue
from coinwell.ledger import Ledger
from coinwell.recharge import (
    OrderState,
    ProviderUnknown,
    WebhookForged,
    WebhookTooLarge,
    receive,
    sync_order,
)
from coinwell.recharge import jobs as work
from coinwell.recharge.providers.types import InboundEvent, PaymentState, Retryable
from tests.recharge.making import SIGNED, House, open_house, webhook


@pytest.fixture
async def house(pool: Pool, ledger: Ledger, clock: StillClock, database_url: str) -> House:
    await asyncio.to_thread(install_queue, database_url)
    return await open_house(pool, ledger, clock)


async def inbox(house: House) -> list[tuple[str, str]]:
    async with transaction(house.deps.pool) as tx:
        found = await tx.execute("SELECT external_id, state FROM recharge.inbox ORDER BY id")
        return [(name, state) for name, state in await found.fetchall()]


async def queued(house: House) -> int:
    async with transaction(house.deps.pool) as tx:
        return await value(tx, "SELECT count(*) FROM procrastinate_jobs")


async def test_a_message_is_stored_with_its_job_and_then_acted_on(house: House) -> None:
    order = await house.begin()
    house.provider.only.capture()
    assert await receive(house.deps, "sandbox", webhook("pay_1", "m1"), SIGNED) == 1
    assert await inbox(house) == [("m1", "pending")]
    assert await queued(house) == 1
    assert await house.coins() == 0

    await work.message(house.deps, item_id=1)
    assert await inbox(house) == [("m1", "done")]
    assert (await house.order(order.id)).state is OrderState.CREDITED


async def test_the_same_message_five_times_is_one_message(house: House) -> None:
    await house.begin()
    house.provider.only.capture()
    told = [receive(house.deps, "sandbox", webhook("pay_1", "m1"), SIGNED) for _ in range(5)]
    assert sorted(await asyncio.gather(*told)) == [0, 0, 0, 0, 1]
    for _ in range(5):
        await work.message(house.deps, item_id=1)
    assert await house.coins() == 350


async def test_messages_in_the_wrong_order_end_in_the_same_place(house: House) -> None:
    order = await house.begin()
    house.provider.only.state = PaymentState.PROCESSING
    await receive(house.deps, "sandbox", webhook("pay_1", "m1"), SIGNED)
    house.provider.only.capture()
    await receive(house.deps, "sandbox", webhook("pay_1", "m2"), SIGNED)
    async with transaction(house.deps.pool) as tx:
        found = await tx.execute("SELECT id FROM recharge.inbox ORDER BY id DESC")
        ids = [row[0] for row in await found.fetchall()]
    for item_id in ids:
        await work.message(house.deps, item_id=item_id)
    assert (await house.order(order.id)).state is OrderState.CREDITED
    assert [state for _, state in await inbox(house)] == ["done", "done"]


async def test_a_lost_message_is_made_up_for_by_the_sweep(house: House, clock: StillClock) -> None:
    order = await house.begin()
    house.provider.only.capture()
    clock.advance(seconds=31)
    await work.poll(house.deps)
    assert (await house.order(order.id)).state is OrderState.CREDITED


async def test_a_message_that_is_quicker_than_our_own_commit_finds_its_order(
    house: House, clock: StillClock
) -> None:
    """The provider has begun the payment and tells us; our own write of its id never came."""
    house.provider.lose_answer.add("create")
    order = await house.begin()
    house.provider.only.capture()
    await receive(house.deps, "sandbox", webhook("pay_1", "m1"), SIGNED)
    assert await inbox(house) == [("m1", "parked")]
    await work.message(house.deps, item_id=1)
    assert await inbox(house) == [("m1", "done")]
    assert (await house.order(order.id)).state is OrderState.CREDITED


async def test_a_message_about_nobodys_payment_is_parked_and_then_left_to_a_person(
    house: House, clock: StillClock
) -> None:
    await receive(house.deps, "sandbox", webhook("pay_999", "m1"), SIGNED)
    for _ in range(6):
        clock.advance(hours=1)
        await work.inbox(house.deps)
        assert await inbox(house) == [("m1", "parked")]
    clock.advance(hours=70)
    await work.inbox(house.deps)
    assert await inbox(house) == [("m1", "failed")]


@pytest.mark.parametrize("headers", [{}, {"webhook-signature": "bad"}])
async def test_a_forged_message_has_no_effect(house: House, headers: dict[str, str]) -> None:
    await house.begin()
    house.provider.only.capture()
    with pytest.raises(WebhookForged):
        await receive(house.deps, "sandbox", webhook("pay_1", "m1"), headers)
    assert (await inbox(house), await queued(house)) == ([], 0)


async def test_a_message_too_large_or_from_nobody_is_refused(house: House) -> None:
    with pytest.raises(WebhookTooLarge):
        await receive(house.deps, "sandbox", b" " * (256 * 1024 + 1), SIGNED)
    with pytest.raises(ProviderUnknown):
        await receive(house.deps, "nobody", b"{}", SIGNED)


async def test_what_we_do_not_know_or_is_not_ours_is_kept_and_ignored(house: House) -> None:
    await house.begin()
    body = json.loads(webhook("pay_1", "m2")) | {"environment": "live"}
    await receive(house.deps, "sandbox", webhook("pay_1", "m1", "weather.changed"), SIGNED)
    await receive(house.deps, "sandbox", json.dumps(body).encode(), SIGNED)
    assert [state for _, state in await inbox(house)] == ["ignored", "ignored"]
    assert await queued(house) == 0


async def test_a_message_stays_until_the_provider_answers(house: House, clock: StillClock) -> None:
    order = await house.begin()
    house.provider.only.capture()
    await receive(house.deps, "sandbox", webhook("pay_1", "m1"), SIGNED)
    house.provider.troubles["fetch"] = [Retryable("down")]
    await work.message(house.deps, item_id=1)
    assert await inbox(house) == [("m1", "pending")]
    clock.advance(minutes=1)
    await work.inbox(house.deps)
    assert await inbox(house) == [("m1", "done")]
    assert (await house.order(order.id)).state is OrderState.CREDITED


async def test_losing_the_whole_queue_loses_no_money(house: House, clock: StillClock) -> None:
    order = await house.begin()
    house.provider.only.capture()
    await receive(house.deps, "sandbox", webhook("pay_1", "m1"), SIGNED)
    async with transaction(house.deps.pool) as tx:
        await tx.execute("TRUNCATE procrastinate_jobs CASCADE")
    clock.advance(minutes=1)
    await work.inbox(house.deps)
    assert (await house.order(order.id)).state is OrderState.CREDITED


async def test_messages_that_never_came_are_fetched_once(house: House, clock: StillClock) -> None:
    order = await house.begin()
    house.provider.only.capture()
    at = clock.now()
    await receive(house.deps, "sandbox", webhook("pay_1", "m1"), SIGNED)
    for name, when in [("m1", at), ("m2", at), ("m0", at - timedelta(hours=2))]:
        event = InboundEvent(name, "payment.updated", "pay_1", "test", when)
        house.provider.events.append(event)
    for _ in range(2):
        await work.events(house.deps)
    assert [name for name, _ in await inbox(house)] == ["m1", "m2"]
    await work.events_nightly(house.deps)
    assert [name for name, _ in await inbox(house)] == ["m1", "m2", "m0"]
    await work.inbox(house.deps)
    assert (await sync_order(house.deps, order.id)).state is OrderState.CREDITED

"""The sandbox's webhooks: signed, sent again until they are taken, and spoiled on request."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from coinwell.base.clock import StillClock, SystemClock
from coinwell.base.money import Money
from coinwell.recharge.providers import OrderView, PaymentState
from coinwell.recharge.providers.sandbox.adapter import SandboxProvider
from tests.recharge.providers.running import (
    WEBHOOK_SECRET,
    Received,
    Sandbox,
    Shop,
    running_sandbox,
    running_shop,
)

CARD = "4242424242424242"


@pytest.fixture
async def shop() -> AsyncGenerator[Shop]:
    async with running_shop() as shop:
        yield shop


@pytest.fixture
async def sandbox(tmp_path: Path, clock: StillClock, shop: Shop) -> AsyncGenerator[Sandbox]:
    async with running_sandbox(tmp_path, clock, webhook_url=shop.url) as sandbox:
        yield sandbox


@pytest.fixture
async def provider(sandbox: Sandbox) -> AsyncGenerator[SandboxProvider]:
    provider = sandbox.provider()
    yield provider
    await provider.close()


def an_order() -> OrderView:
    return OrderView(uuid4(), "acc", Money(499, "USD"), "400 coins", "http://127.0.0.1:9/back")


async def begun(provider: SandboxProvider) -> str:
    return (await provider.create_payment(an_order(), idempotency_key=str(uuid4()))).payment_id


def subject(received: Received) -> str:
    found: str = json.loads(received.body)["data"]["payment_id"]
    return found


async def test_a_payment_tells_the_shop_once_and_names_only_itself(
    sandbox: Sandbox, provider: SandboxProvider, shop: Shop, clock: StillClock
) -> None:
    payment_id = await begun(provider)
    await sandbox.pay(payment_id, card=CARD)
    (received,) = await shop.hears(1)

    assert json.loads(received.body) == {
        "type": "payment.updated",
        "id": received.headers["webhook-id"],
        "timestamp": "2026-11-22T12:00:00Z",
        "environment": "test",
        "data": {"payment_id": payment_id},
    }
    (event,) = provider.verify_webhook(received.body, received.headers, clock.now())
    (listed,) = [one async for one in provider.list_events(clock.now())]
    assert event == listed, "the list has the same id, so that one message counts once"
    await asyncio.sleep(0.3)
    assert len(shop.received) == 1


async def test_the_reference_library_accepts_the_signature(tmp_path: Path, shop: Shop) -> None:
    # The library asks the machine for the time, so this sandbox runs on it.
    async with running_sandbox(tmp_path, SystemClock(), webhook_url=shop.url) as sandbox:
        provider = sandbox.provider()
        await sandbox.pay(await begun(provider), card=CARD)
        (received,) = await shop.hears(1)
        Webhook(WEBHOOK_SECRET).verify(received.body, received.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(WEBHOOK_SECRET).verify(received.body + b" ", received.headers)
        await provider.close()


async def test_the_stamp_is_of_now_however_far_the_sandbox_is_ahead(
    sandbox: Sandbox, provider: SandboxProvider, shop: Shop, clock: StillClock
) -> None:
    payment_id = await begun(provider)
    await sandbox.pay(payment_id, transfer="arrives")
    await sandbox.advance(86_400)
    for received in await shop.hears(2):
        assert provider.verify_webhook(received.body, received.headers, clock.now())


async def test_five_copies_carry_one_id(
    sandbox: Sandbox, provider: SandboxProvider, shop: Shop
) -> None:
    await sandbox.pay(await begun(provider), card="4000005000000019")
    received = await shop.hears(5)
    await asyncio.sleep(0.3)
    assert len(received) == 5
    assert len({one.headers["webhook-id"] for one in received}) == 1


async def test_a_lost_webhook_never_comes_and_is_in_the_list(
    sandbox: Sandbox, provider: SandboxProvider, shop: Shop, clock: StillClock
) -> None:
    payment_id = await begun(provider)
    await sandbox.pay(payment_id, card="4000005000000027")
    await sandbox.advance(1_000_000)
    await sandbox.deliver()
    assert shop.received == []
    events = [one.payment_id async for one in provider.list_events(clock.now())]
    assert events == [payment_id]


async def test_reversed_webhooks_come_last_first(
    sandbox: Sandbox, provider: SandboxProvider, shop: Shop, clock: StillClock
) -> None:
    await sandbox.pay(await begun(provider), card="4000005000000035")
    happened = [one.external_id async for one in provider.list_events(clock.now())]
    assert len(happened) == 2
    await sandbox.advance(10)
    came = [one.headers["webhook-id"] for one in await shop.hears(2)]
    assert came == happened[::-1]


async def test_an_early_webhook_comes_before_the_answer(
    sandbox: Sandbox, provider: SandboxProvider, shop: Shop
) -> None:
    await sandbox.next_mischief(webhook_first=True)
    payment_id = await begun(provider)
    assert [subject(one) for one in shop.received] == [payment_id]
    await sandbox.pay(payment_id, card=CARD)
    assert len(shop.received) == 2


async def test_the_early_card_tells_the_shop_before_the_payer_is_sent_back(
    sandbox: Sandbox, provider: SandboxProvider, shop: Shop
) -> None:
    await sandbox.pay(await begun(provider), card="4000005000000043")
    assert len(shop.received) == 1


async def test_the_slow_card_tells_the_shop_ten_minutes_later(
    sandbox: Sandbox, provider: SandboxProvider, shop: Shop
) -> None:
    payment_id = await begun(provider)
    await sandbox.pay(payment_id, card="4000005000000084")
    await sandbox.advance(599)
    await sandbox.deliver()
    assert shop.received == []
    await sandbox.advance(1)
    assert [subject(one) for one in await shop.hears(1)] == [payment_id]


async def test_a_webhook_that_is_not_taken_comes_again_later_with_the_same_id(
    sandbox: Sandbox, provider: SandboxProvider, shop: Shop
) -> None:
    shop.status = 500
    payment_id = await begun(provider)
    await sandbox.pay(payment_id, card=CARD)
    await shop.hears(1)
    for wait in (5, 30, 120):
        await sandbox.deliver()  # Waits until the round before has been written down.
        await sandbox.advance(wait - 1)
        await sandbox.deliver()
        before = len(shop.received)
        await sandbox.advance(1)
        await shop.hears(before + 1)
        assert len(shop.received) == before + 1
    await sandbox.deliver()
    shop.status = 204
    await sandbox.advance(600)
    await shop.hears(5)
    await sandbox.advance(1_000_000)
    await sandbox.deliver()
    (delivery,) = await sandbox.deliveries(payment_id)
    assert delivery["state"] == "delivered"
    assert len(shop.received) == 5
    assert len({one.headers["webhook-id"] for one in shop.received}) == 1


async def test_a_shop_that_is_gone_for_good_is_not_asked_again(
    sandbox: Sandbox, provider: SandboxProvider, shop: Shop
) -> None:
    shop.status = 410
    payment_id = await begun(provider)
    await sandbox.pay(payment_id, card=CARD)
    await shop.hears(1)
    await sandbox.advance(1_000_000)
    await sandbox.deliver()
    (delivery,) = await sandbox.deliveries(payment_id)
    assert delivery["state"] == "given_up"
    assert len(shop.received) == 1


async def test_what_was_not_sent_is_sent_after_a_restart(
    tmp_path: Path, clock: StillClock, shop: Shop
) -> None:
    async with running_sandbox(tmp_path, clock, webhook_url="http://127.0.0.1:9/") as sandbox:
        provider = sandbox.provider()
        paid = await begun(provider)
        await sandbox.pay(paid, card=CARD)
        waiting = await begun(provider)
        await sandbox.pay(waiting, transfer="arrives")
        await sandbox.deliver()
        await provider.close()
    assert shop.received == []
    async with running_sandbox(tmp_path, clock, webhook_url=shop.url) as sandbox:
        provider = sandbox.provider()
        assert (await provider.fetch(paid)).state is PaymentState.CAPTURED
        await sandbox.advance(120)
        assert (await provider.fetch(waiting)).state is PaymentState.CAPTURED
        came = await shop.hears(3)
        assert [subject(one) for one in came].count(paid) == 1
        assert [subject(one) for one in came].count(waiting) == 2
        await provider.close()

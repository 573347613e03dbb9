"""The adapter alone: the published signature, odd answers, and secrets that are none."""

import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from coinwell.base.money import Money
from coinwell.recharge.providers import (
    Declined,
    Forged,
    Misconfigured,
    OrderView,
    OutcomeUnknown,
    RefundReason,
    Retryable,
)
from coinwell.recharge.providers.sandbox.adapter import KINDS, SandboxProvider
from coinwell.recharge.providers.sandbox.server.cards import DECLINES
from tests.recharge.providers.running import running_app

# Source: the tests of the Standard Webhooks reference libraries for Go and C#.
PUBLISHED_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PUBLISHED_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
PUBLISHED_STAMP = "1614265330"
PUBLISHED_BODY = b'{"test": 2432232314}'
PUBLISHED_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
THEN = datetime.fromtimestamp(1_614_265_330, UTC)


@dataclass(slots=True)
class Oddity:
    """A provider that answers as told."""

    status: int = 200
    body: bytes = b"{}"
    asked: list[str] = field(default_factory=list[str])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        await receive()
        headers = [(b"content-type", b"application/json"), (b"location", b"/elsewhere")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@pytest.fixture
async def odd() -> AsyncGenerator[tuple[Oddity, SandboxProvider]]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    oddity = Oddity()
    async with running_app(oddity, listener, lifespan="off"):
        provider = a_provider(f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield oddity, provider
        await provider.close()


def a_provider(base_url: str, *secrets: str) -> SandboxProvider:
    return SandboxProvider(base_url=base_url, secret="s", webhook_secrets=secrets, timeout_s=2)


def an_order() -> OrderView:
    return OrderView(uuid4(), "acc", Money(499, "USD"), "", "https://shop.example/")


def published(**changes: str) -> dict[str, str]:
    return {
        "webhook-id": PUBLISHED_ID,
        "webhook-timestamp": PUBLISHED_STAMP,
        "webhook-signature": PUBLISHED_SIGNATURE,
    } | {name.replace("_", "-"): text for name, text in changes.items()}


async def test_the_published_signature_is_accepted_and_its_body_is_not_ours() -> None:
    provider = a_provider("http://127.0.0.1:9", PUBLISHED_SECRET)
    with pytest.raises(Forged, match="signed, but not a message that we know"):
        provider.verify_webhook(PUBLISHED_BODY, published(), THEN)
    with pytest.raises(Forged, match="does not match"):
        provider.verify_webhook(PUBLISHED_BODY + b" ", published(), THEN)
    await provider.close()


@pytest.mark.parametrize(
    ("signature", "match"),
    [
        (f"v1,AAAA {PUBLISHED_SIGNATURE}", "signed, but"),
        (f"v1a,xyz nonsense , {PUBLISHED_SIGNATURE}", "signed, but"),
        (PUBLISHED_SIGNATURE.replace("v1", "v1a"), "does not match"),
        (PUBLISHED_SIGNATURE.removeprefix("v1,"), "does not match"),
        (PUBLISHED_SIGNATURE[:-1], "does not match"),
        ("v1,é", "does not match"),
    ],
)
async def test_one_right_signature_among_others_is_enough(signature: str, match: str) -> None:
    provider = a_provider("http://127.0.0.1:9", PUBLISHED_SECRET)
    headers = published(webhook_signature=signature)
    with pytest.raises(Forged, match=match):
        provider.verify_webhook(PUBLISHED_BODY, headers, THEN)
    await provider.close()


@pytest.mark.parametrize("secret", ["whsec_!!!", "whsec_c2hvcnQ=", "whsec_é"])
def test_a_secret_that_is_none_is_refused_at_once(secret: str) -> None:
    with pytest.raises(Misconfigured):
        a_provider("http://127.0.0.1:9", secret)


def test_every_decline_of_the_sandbox_has_its_kind() -> None:
    assert DECLINES.keys() <= KINDS.keys()


@pytest.mark.parametrize(
    ("status", "told", "asked"),
    [
        (200, OutcomeUnknown, Retryable),
        (302, Misconfigured, Misconfigured),
        (400, Misconfigured, Misconfigured),
        (401, Misconfigured, Misconfigured),
        (404, Misconfigured, Misconfigured),
        (409, Misconfigured, Misconfigured),
        (429, Retryable, Retryable),
        (500, OutcomeUnknown, Retryable),
        (502, OutcomeUnknown, Retryable),
        (503, OutcomeUnknown, Retryable),
    ],
)
async def test_an_odd_answer_is_trouble_of_the_right_kind(
    odd: tuple[Oddity, SandboxProvider],
    status: int,
    told: type[Exception],
    asked: type[Exception],
) -> None:
    oddity, provider = odd
    oddity.status = status
    for body in (b"<html>", b"{}", b"", b"[]", b'{"id": 7}'):
        oddity.body = body
        with pytest.raises(told):
            await provider.create_payment(an_order(), idempotency_key="k")
        with pytest.raises(told):
            await provider.refund("pay_1", None, RefundReason.REQUESTED, idempotency_key="k")
        with pytest.raises(asked):
            await provider.fetch("pay_1")
        with pytest.raises(asked):
            await provider.find_by_order(uuid4())
        with pytest.raises(asked):
            _ = [one async for one in provider.list_events(THEN)]
    assert "/elsewhere" not in oddity.asked, "a redirect is not followed with our secret"


async def test_a_currency_that_is_not_taken_is_a_decline(
    odd: tuple[Oddity, SandboxProvider],
) -> None:
    oddity, provider = odd
    oddity.status, oddity.body = 422, b'{"error": {"code": "currency_not_supported"}}'
    with pytest.raises(Declined):
        await provider.create_payment(an_order(), idempotency_key="k")


async def test_a_provider_that_is_not_there_did_surely_nothing() -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    provider = a_provider(f"http://127.0.0.1:{listener.getsockname()[1]}")
    with pytest.raises(Retryable):
        await provider.create_payment(an_order(), idempotency_key="k")
    with pytest.raises(Retryable):
        await provider.fetch("pay_1")
    listener.close()
    await provider.close()


@pytest.mark.parametrize("payment_id", ["", "../events", "pay_1/refunds", "pay_1?x=1", "pay 1"])
async def test_an_id_cannot_lead_to_another_address(
    odd: tuple[Oddity, SandboxProvider], payment_id: str
) -> None:
    oddity, provider = odd
    with pytest.raises(Misconfigured):
        await provider.fetch(payment_id)
    assert oddity.asked == []

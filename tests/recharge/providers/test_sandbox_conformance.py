"""The sandbox keeps every promise of a payment provider, over a real connection."""

import json
from base64 import b64encode
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Signer

from coinwell.base.clock import StillClock
from coinwell.recharge.providers import DisputeState, PaymentProvider
from coinwell.recharge.providers.sandbox.adapter import SandboxProvider
from tests.recharge.providers.conformance import Conformance, Webhook
from tests.recharge.providers.running import WEBHOOK_SECRET, Sandbox, running_sandbox

SECRETS = (WEBHOOK_SECRET, "whsec_" + b64encode(bytes(range(100, 132))).decode())
DELAY_S = 120


@dataclass(frozen=True, slots=True)
class SandboxStage:
    """The sandbox's failure studio as the hands of the suite."""

    sandbox: Sandbox
    clock: StillClock
    provider: SandboxProvider
    hasty: SandboxProvider

    def now(self) -> datetime:
        return self.clock.now()

    async def pay(self, payment_id: str) -> None:
        await self.sandbox.pay(payment_id, card="4242 4242 4242 4242")

    async def be_declined(self, payment_id: str) -> None:
        await self.sandbox.pay(payment_id, card="4000000000009995")

    async def pay_with_delay(self, payment_id: str) -> None:
        await self.sandbox.pay(payment_id, transfer="arrives")

    async def pass_delay(self) -> None:
        await self.sandbox.advance(DELAY_S)

    async def be_captured_late(self, payment_id: str) -> None:
        await self.sandbox.mischief(payment_id, capture_after_cancel_s=DELAY_S)

    async def take_wrong_amount(self, payment_id: str) -> None:
        await self.sandbox.pay(payment_id, card="4000005000000050")

    async def lose_next_answer(self, manner: str) -> None:
        await self.sandbox.next_mischief(create_answer=manner, create_delay_s=1)

    async def break_questions(self, payment_id: str) -> None:
        await self.sandbox.mischief(payment_id, fetch_broken_s=DELAY_S)

    async def let_refund_fail_later(self, payment_id: str) -> None:
        await self.sandbox.mischief(payment_id, refund_fails_after_s=DELAY_S)

    async def dispute(self, payment_id: str, state: DisputeState) -> None:
        await self.sandbox.dispute(payment_id, state=state.value)

    def sign(self, payment_id: str, at: datetime, *, secret: int = 0) -> Webhook:
        return signed(payment_id, at, secret=SECRETS[secret])

    def sign_live(self, payment_id: str, at: datetime) -> Webhook:
        return signed(payment_id, at, environment="live")

    def listening_with(self, secrets: Sequence[int]) -> PaymentProvider:
        chosen = ["" if one < 0 else SECRETS[one] for one in secrets]
        return self.sandbox.provider(webhook_secrets=chosen)


def signed(
    payment_id: str, at: datetime, *, secret: str = WEBHOOK_SECRET, environment: str = "test"
) -> Webhook:
    """A webhook, signed by the reference library of Standard Webhooks."""
    body = json.dumps(
        {
            "type": "payment.updated",
            "id": "evt_1",
            "timestamp": at.isoformat(),
            "environment": environment,
            "data": {"payment_id": payment_id},
        }
    )
    headers = {
        "content-type": "application/json",
        "Webhook-Id": "evt_1",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Signer(secret).sign("evt_1", at, body),
    }
    return body.encode(), headers


@pytest.fixture
async def stage(tmp_path: Path, clock: StillClock) -> AsyncGenerator[SandboxStage]:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running_sandbox(tmp_path, clock))
        provider = sandbox.provider()
        stack.push_async_callback(provider.close)
        hasty = sandbox.provider(timeout_s=0.3)
        stack.push_async_callback(hasty.close)
        yield SandboxStage(sandbox, clock, provider, hasty)


class TestSandbox(Conformance):
    """The sandbox passes it first."""

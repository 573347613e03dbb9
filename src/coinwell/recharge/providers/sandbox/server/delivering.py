"""Sends the webhooks that are due: signed, again until they are taken, over any restart.

Source: Standard Webhooks 1.0.0. The message is a hint: whoever gets it asks for the payment.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final

import httpx2
import msgspec
from standardwebhooks import Webhook

from coinwell.recharge.providers.sandbox.server.moving import MovedClock
from coinwell.recharge.providers.sandbox.server.store import Store
from coinwell.recharge.providers.sandbox.server.types import Delivery, SandboxSettings

_LOG: Final = logging.getLogger("coinwell.sandbox")
_URL: Final = "webhook_url"
_TIMEOUT_S: Final = 5.0
_TICK_S: Final = 0.1  # The clock may be moved by hand, so that sleeping until then is no use.
_LANES_MAX: Final = 8
_GONE: Final = 410
_WAITS: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)


class Courier:
    """Carries webhooks to the shop; what it has to carry is in the store, not in here."""

    def __init__(self, settings: SandboxSettings, clock: MovedClock, store: Store) -> None:
        """`clock` says what is due."""
        self._settings = settings
        self._clock = clock
        self._store = store
        self._woken = asyncio.Event()
        self._one_round = asyncio.Lock()
        self._client = httpx2.AsyncClient(
            timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False
        )

    def url(self) -> str:
        """Where webhooks go; empty for nowhere."""
        moved = self._store.note(_URL)
        return self._settings.webhook_url if moved is None else moved

    def move(self, url: str) -> None:
        """Send webhooks elsewhere from now on; kept over a restart."""
        self._store.write_note(_URL, url)

    def wake(self) -> None:
        """There may be something to send."""
        self._woken.set()

    async def run(self, before_each: Callable[[], None]) -> None:
        """Send what is due, for ever."""
        while True:
            try:
                before_each()
                await self.deliver_due()
            except Exception:  # noqa: BLE001 - whatever it was, the next webhook is still to be sent.
                _LOG.exception("The courier stumbled and goes on.")
            try:
                await asyncio.wait_for(self._woken.wait(), _TICK_S)
            except TimeoutError:
                continue
            self._woken.clear()

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def deliver_due(self) -> tuple[int, int]:
        """Send what is due now; how many were taken and how many were not.

        Payments do not wait for each other. The webhooks of one payment go out in order, and
        copies of the same one at once.
        """
        async with self._one_round:
            lanes: defaultdict[str, list[Delivery]] = defaultdict(list)
            for one in self._store.due_deliveries(self._clock.now()):
                lanes[one.event.payment_id].append(one)
            limit = asyncio.Semaphore(_LANES_MAX)

            async def bounded(lane: Sequence[Delivery]) -> list[bool]:
                async with limit:
                    return await self._lane(lane)

            results = await asyncio.gather(*(bounded(lane) for lane in lanes.values()))
        taken = [one for lane in results for one in lane]
        return sum(taken), len(taken) - sum(taken)

    async def _lane(self, lane: Sequence[Delivery]) -> list[bool]:
        taken: list[bool] = []
        for _, copies in groupby(lane, key=lambda one: one.event.number):
            taken += await asyncio.gather(*(self._deliver(one) for one in copies))
        return taken

    async def _deliver(self, delivery: Delivery) -> bool:
        error, for_good = await self._send(delivery)
        now = self._clock.now()
        last = delivery.attempts >= len(_WAITS)
        if not error:
            state, due_at = "delivered", now
        elif for_good or last:
            state, due_at = "given_up", now
        else:
            state, due_at = "pending", now + _WAITS[delivery.attempts]
        self._store.after_attempt(delivery, state=state, due_at=due_at, error=error)
        return not error

    async def _send(self, delivery: Delivery) -> tuple[str, bool]:
        event = delivery.event
        body = msgspec.json.encode(
            {
                "type": event.kind,
                "id": event.id,
                "timestamp": event.created_at,
                "environment": self._settings.environment,
                "data": {"payment_id": event.payment_id},
            }
        )
        # The signer takes any datetime for UTC, so it must be one; the stamp is the real time
        # of sending, however far the sandbox's own time was moved ahead.
        sent_at = self._clock.outside()
        signature = Webhook(self._settings.webhook_secret).sign(event.id, sent_at, body.decode())
        headers = {
            "content-type": "application/json",
            "webhook-id": event.id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": signature,
        }
        url = self.url()
        if not url:
            return "no address", False
        try:
            answer = await self._client.post(url, content=body, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return type(error).__name__, False
        if answer.is_success:
            return "", False
        return f"status {answer.status_code}", answer.status_code == _GONE

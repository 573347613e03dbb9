"""One installation, opened: the pool, the ledger, the providers and the clock together.

The web process, the worker and the commands all open the same thing and differ only in what
they do with it.
"""

from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Final

import httpx2

from coinwell.base import tracing
from coinwell.base.clock import Clock, SystemClock
from coinwell.base.db import Pool, open_pool
from coinwell.ledger import Ledger, Recorder, open_ledger, sweep
from coinwell.limits import RECORDERS as LIMITS_RECORDERS
from coinwell.limits import LimitsDeps
from coinwell.live import LiveDeps
from coinwell.notify import NotifyDeps, settings_of
from coinwell.recharge import RECORDERS as RECHARGE_RECORDERS
from coinwell.recharge import Deps, RechargeSettings
from coinwell.recharge.providers import PaymentProvider
from coinwell.recharge.providers.sandbox.adapter import SandboxProvider
from coinwell.recharge.providers.sandbox.server import SandboxSettings
from coinwell.settings import Settings
from coinwell.wallet import RECORDERS as WALLET_RECORDERS

RECORDERS: Mapping[str, Recorder] = {
    **WALLET_RECORDERS,
    **LIMITS_RECORDERS,
    **RECHARGE_RECORDERS,
}
"""Who records what became of an intent, by the room that froze it; live's gifts have none."""
# A request that is being answered right now finishes its intent itself.
_INTENT_IS_LEFT_AFTER: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Installation:
    """What every process of one installation has open."""

    settings: Settings
    clock: Clock
    pool: Pool
    ledger: Ledger
    providers: Mapping[str, PaymentProvider]
    live: LiveDeps

    @property
    def limits(self) -> LimitsDeps:
        """What the jobs of the limits room need."""
        return LimitsDeps(self.pool, self.ledger, self.clock)

    @property
    def recharge(self) -> Deps:
        """What the verbs of the recharge room need."""
        settings = self.settings
        return Deps(
            pool=self.pool,
            ledger=self.ledger,
            providers=self.providers,
            clock=self.clock,
            settings=RechargeSettings(
                public_url=settings.public_url,
                environment=settings.environment,
                quote_holds=timedelta(minutes=settings.quote_minutes),
            ),
        )

    @property
    def notify(self) -> NotifyDeps:
        """What the verbs of the notify room need."""
        return NotifyDeps(self.pool, self.clock, settings_of(self.settings))


@asynccontextmanager
async def open_installation(
    settings: Settings,
    *,
    clock: Clock | None = None,
    pool_size: int = 10,
    sandbox_transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncGenerator[Installation]:
    """Open everything that `settings` name; closed in reverse order when the block ends.

    `sandbox_transport` leads to a sandbox that is not on the network.
    """
    now = clock or SystemClock()
    async with AsyncExitStack() as stack:
        if settings.otlp_endpoint and not tracing.is_on():
            # Seldom wanted, and slow to import.
            from coinwell.base.exporting import exporting_provider  # noqa: PLC0415

            made = exporting_provider(
                settings.otlp_endpoint, service=settings.installation, version=version("coinwell")
            )
            tracing.start_tracing(made)
            stack.callback(tracing.stop_tracing)
        pool = await stack.enter_async_context(open_pool(settings.database, max_size=pool_size))
        ledger = await stack.enter_async_context(open_ledger(settings.database, now_ns=now.now_ns))
        providers: dict[str, PaymentProvider] = {}
        if settings.sandbox:
            sandbox = SandboxProvider(
                base_url=settings.sandbox_url,
                secret=settings.derived_secret("sandbox api"),
                webhook_secrets=[webhook_secret(settings)],
                transport=sandbox_transport,
            )
            stack.push_async_callback(sandbox.close)
            providers[sandbox.name] = sandbox
        live = LiveDeps(pool=pool, ledger=ledger, clock=now)
        yield Installation(settings, now, pool, ledger, providers, live)


async def finish_intents(pool: Pool, ledger: Ledger, *, now: datetime) -> None:
    """Post and record what any room froze some seconds ago and did not record."""
    older_than = now - _INTENT_IS_LEFT_AFTER
    await sweep(pool, ledger, RECORDERS, older_than=older_than, now=now)


def webhook_secret(settings: Settings) -> str:
    """The Standard Webhooks secret that the sandbox signs with and we verify with."""
    raw = bytes.fromhex(settings.derived_secret("sandbox webhook"))
    return "whsec_" + b64encode(raw).decode()


def sandbox_settings(settings: Settings) -> SandboxSettings:
    """What this installation's own sandbox provider is told; its store is kept in our folder."""
    folder = settings.data / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    return SandboxSettings(
        store_path=folder / "sandbox.sqlite",
        secret=settings.derived_secret("sandbox api"),
        control_token=settings.derived_secret("sandbox control"),
        webhook_url=f"http://{settings.host}:{settings.port}/v1/webhooks/sandbox",
        webhook_secret=webhook_secret(settings),
        public_url=settings.sandbox_url,
        merchant=settings.seller,
    )

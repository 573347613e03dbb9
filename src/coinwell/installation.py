"""One installation, opened: the pool, the ledger, the providers and the clock together.

The web process, the worker and the commands all open the same thing and differ only in what
they do with it.
"""

from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from coinwell.base.clock import Clock, SystemClock
from coinwell.base.db import Pool, open_pool
from coinwell.ledger import Ledger, open_ledger
from coinwell.recharge import Deps, RechargeSettings
from coinwell.recharge.providers import PaymentProvider
from coinwell.recharge.providers.sandbox.adapter import SandboxProvider
from coinwell.settings import Settings


@dataclass(frozen=True, slots=True)
class Installation:
    """What every process of one installation has open."""

    settings: Settings
    clock: Clock
    pool: Pool
    ledger: Ledger
    providers: Mapping[str, PaymentProvider]

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


@asynccontextmanager
async def open_installation(
    settings: Settings, *, clock: Clock | None = None, pool_size: int = 10
) -> AsyncGenerator[Installation]:
    """Open everything that `settings` name; closed in reverse order when the block ends."""
    now = clock or SystemClock()
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings.database, max_size=pool_size))
        ledger = await stack.enter_async_context(open_ledger(settings.database, now_ns=now.now_ns))
        providers: dict[str, PaymentProvider] = {}
        if settings.sandbox:
            sandbox = SandboxProvider(
                base_url=settings.sandbox_url,
                secret=settings.derived_secret("sandbox api"),
                webhook_secrets=[webhook_secret(settings)],
            )
            stack.push_async_callback(sandbox.close)
            providers[sandbox.name] = sandbox
        yield Installation(settings, now, pool, ledger, providers)


def webhook_secret(settings: Settings) -> str:
    """The Standard Webhooks secret that the sandbox signs with and we verify with."""
    raw = bytes.fromhex(settings.derived_secret("sandbox webhook"))
    return "whsec_" + b64encode(raw).decode()

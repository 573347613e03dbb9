"""What the verbs of this room need from outside, handed in by the app, the worker or a test."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from coinwell.base.clock import Clock
from coinwell.base.db import Pool
from coinwell.ledger import Ledger
from coinwell.recharge.providers.types import Misconfigured, OrderView, PaymentProvider
from coinwell.recharge.types import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class RechargeSettings:
    """What an installation decides about recharges."""

    public_url: str
    environment: str = "test"  # test | live
    provider: str = "sandbox"  # The one that a buyer gets who does not choose.
    quote_holds: timedelta = timedelta(minutes=30)
    review_within: timedelta = timedelta(hours=72)  # Then the money goes back by itself.
    claim_holds: timedelta = timedelta(seconds=30)  # How long one request may ask a provider.
    repeat_waits_s: int = 20  # How long a concurrent repeat waits for the first one's answer.


@dataclass(frozen=True, slots=True)
class Deps:
    """The outside of this room."""

    pool: Pool
    ledger: Ledger
    providers: Mapping[str, PaymentProvider]
    clock: Clock
    settings: RechargeSettings

    def provider_of(self, order: Order) -> PaymentProvider:
        """The provider that an order was given to.

        Refuses: `Misconfigured` when it is not there any more.
        """
        provider = self.providers.get(order.provider)
        if provider is None:
            raise Misconfigured(f"no provider named {order.provider}")
        return provider

    def view_of(self, order: Order) -> OrderView:
        """What the provider is told about an order."""
        return OrderView(
            order_id=order.id,
            account_ref=account_ref(order.user_id),
            amount=order.price,
            description=f"{order.all_coins:,} coins",
            return_url=f"{self.settings.public_url}/me/recharges/{order.id}/return",
        )


def account_ref(user_id: UUID) -> str:
    """Our user as providers know them: a random id that says nothing about the person."""
    return str(user_id)

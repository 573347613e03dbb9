"""Writes an order's changes into its story and into the outbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from coinwell.base import outbox
from coinwell.base.db import Tx
from coinwell.recharge import store_events
from coinwell.recharge.providers.types import Snapshot
from coinwell.recharge.rules import Decision
from coinwell.recharge.types import Order, OrderState

# What the host app and the buyer hear about; the others are steps on the way.
_NEWS: Final = frozenset(
    {
        OrderState.PROCESSING,
        OrderState.FAILED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.NEEDS_REVIEW,
        OrderState.DISPUTED,
    }
)


async def note_change(
    tx: Tx, before: Order, decision: Decision, snapshot: Snapshot | None, now: datetime
) -> None:
    """Note what a look at the provider came to; a look that changed nothing leaves no line."""
    doubt = decision.doubt
    token = None if doubt is None else doubt.token
    declined_anew = decision.failure is not None and decision.failure.code != before.failure_code
    same = decision.state is before.state and token == before.review_token
    if same and not declined_anew:
        return
    body: dict[str, Any] = {"from": before.state.value, "to": decision.state.value}
    if doubt is not None:
        body |= {"review": doubt.reason.value, "token": doubt.token}
    if decision.target_coins is not None:
        body["target_coins"] = decision.target_coins
    if decision.failure is not None:
        body |= {"failure": decision.failure.kind.value, "code": decision.failure.code}
    refs: list[str] = []
    if snapshot is not None:
        body |= {"provider_says": snapshot.state.value, "digest": snapshot.raw_digest}
        refs = [snapshot.payment_id, *(refund.id for refund in snapshot.refunds)]
    await store_events.add(
        tx, before.id, at=now, source="provider", kind="state", body=body, refs=refs
    )
    if decision.state in _NEWS:
        await tell(tx, before, decision.state, now=now, more=_money_free(body))


async def tell(
    tx: Tx,
    order: Order,
    state: OrderState,
    *,
    now: datetime,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Put news about an order into the outbox."""
    body = {
        "recharge_id": str(order.id),
        "state": state.value,
        "coins": order.coins,
        "bonus_coins": order.bonus_coins,
        "price_minor": order.price_minor,
        "currency": order.currency,
        **(more or {}),
    }
    await outbox.record(
        tx, kind=f"recharge.{state.value}", subject=order.user_id, body=body, at=now
    )


def _money_free(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the outside may know of the reasons: never a provider's code that hints at theft."""
    return {name: body[name] for name in ("review",) if name in body}

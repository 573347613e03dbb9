"""Cancels a recharge: we stop wanting the money, and the provider says whether it still comes."""

from typing import Final
from uuid import UUID

from coinwell.base.db import transaction
from coinwell.recharge import store, store_events
from coinwell.recharge.deps import Deps
from coinwell.recharge.refusals import CannotCancel, RechargeUnknown
from coinwell.recharge.syncing import sync_order
from coinwell.recharge.types import Order, OrderState

CANCELABLE: Final = frozenset(
    {
        OrderState.CREATED,
        OrderState.NEEDS_GUARDIAN,
        OrderState.AWAITING_USER,
        OrderState.ACTION_REQUIRED,
        OrderState.UNKNOWN,
        OrderState.FAILED,
    }
)


async def cancel(deps: Deps, order_id: UUID) -> Order:
    """Cancel an order that is not paid, asking the provider to take no more money for it.

    Returns the order as it then is: money that arrived meanwhile is credited, not refused.
    Canceling again changes nothing.

    Refuses: `RechargeUnknown`; `CannotCancel` once money is in or on its way.
    """
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order = await store.locked(tx, order_id)
        if order is None:
            raise RechargeUnknown(str(order_id))
        if order.state is OrderState.CANCELED:
            return order
        if order.state not in CANCELABLE:
            raise CannotCancel(str(order_id), order.state.value)
        if order.cancel_asked_at is None:
            await store.ask_cancel(tx, order_id, now=now)
            await store_events.add(tx, order_id, at=now, source="user", kind="cancel_asked")
    return await sync_order(deps, order_id)

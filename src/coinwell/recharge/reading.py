"""Reads orders: one, a user's, and any by any id."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.recharge import store, store_events
from coinwell.recharge.refusals import RechargeUnknown
from coinwell.recharge.types import Order, OrderState

_HEX = "0x"


async def order_of(tx: Tx, order_id: UUID) -> Order:
    """One order. Refuses: `RechargeUnknown`."""
    order = await store.order(tx, order_id)
    if order is None:
        raise RechargeUnknown(str(order_id))
    return order


async def orders_of(
    tx: Tx,
    user_id: UUID,
    *,
    states: Sequence[OrderState] | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 20,
) -> list[Order]:
    """A user's orders, newest first; `before` is the last one already seen."""
    return await store.of_user(tx, user_id, states=states, before=before, limit=limit)


async def find(tx: Tx, text: str) -> list[Order]:
    """Orders by any id they were ever called: order, payment, refund, transfer, intent, message.

    A transfer's number may be given in decimal, as the ledger shows it, in hex with `0x`, or in
    the shape of a UUID, as the database shows it.
    """
    wanted = text.strip()
    found: list[UUID] = []
    named = [_decimal(wanted)]
    with suppress(ValueError):
        found.append(UUID(wanted))
        named += [str(found[0]), str(found[0].int)]
    for ref in dict.fromkeys(named):
        found += await store_events.orders_of_ref(tx, ref)
    orders = [await store.order(tx, one) for one in dict.fromkeys(found)]
    return [order for order in orders if order is not None]


def _decimal(text: str) -> str:
    if text.lower().startswith(_HEX):
        try:
            return str(int(text, 16))
        except ValueError:
            return text
    return text

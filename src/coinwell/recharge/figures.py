"""Figures of recharges that are looked up when the metrics are read."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from coinwell.base.db import Tx, row, rows
from coinwell.base.metrics import Figure, looked_up

ORDERS: Final = looked_up(
    "recharge_orders_watched", "Recharges that are still looked at, by state.", ("state",)
)
PAID_AGE: Final = looked_up(
    "recharge_oldest_paid_seconds", "Age of the oldest recharge that is paid and not credited."
)
LATE: Final = looked_up(
    "recharge_look_late_seconds", "How long the most overdue look at a provider is overdue."
)
INBOX: Final = looked_up(
    "recharge_inbox_messages", "Provider messages not worked on: pending or parked.", ("state",)
)
INBOX_AGE: Final = looked_up(
    "recharge_inbox_oldest_seconds", "Age of the oldest pending provider message."
)

# Along the partial indexes of what is due: never a look at all orders or all messages.
_ORDERS = """
    SELECT state, count(*) AS orders,
        greatest(extract(epoch FROM now() - min(next_check_at)), 0) AS late_s,
        greatest(extract(epoch FROM now() - min(paid_at)), 0) AS paid_s
    FROM recharge."order" WHERE next_check_at IS NOT NULL GROUP BY state
"""
_INBOX = """
    SELECT count(*) FILTER (WHERE state = 'pending') AS pending,
        count(*) FILTER (WHERE state = 'parked') AS parked,
        coalesce(greatest(extract(epoch FROM now()
            - min(received_at) FILTER (WHERE state = 'pending')), 0), 0) AS age_s
    FROM recharge.inbox WHERE state IN ('pending', 'parked')
"""


@dataclass(frozen=True, slots=True)
class _Orders:
    state: str
    orders: int
    late_s: Decimal | None
    paid_s: Decimal | None


@dataclass(frozen=True, slots=True)
class _Inbox:
    pending: int
    parked: int
    age_s: Decimal


async def orders(tx: Tx) -> None:
    """Orders that are still looked at, and how late the looks are."""
    found = await rows(tx, _Orders, _ORDERS)
    ORDERS.clear()
    for one in found:
        ORDERS.labels(one.state).set(one.orders)
    LATE.set(max((int(one.late_s or 0) for one in found), default=0))
    waiting = (int(one.paid_s or 0) for one in found if one.state == "paid")
    PAID_AGE.set(max(waiting, default=0))


async def inbox(tx: Tx) -> None:
    """Messages that nobody has worked on."""
    found = await row(tx, _Inbox, _INBOX)
    assert found is not None
    INBOX.labels("pending").set(found.pending)
    INBOX.labels("parked").set(found.parked)
    INBOX_AGE.set(int(found.age_s))


FIGURES: Final[tuple[Figure, ...]] = (orders, inbox)

"""The only SQL over refunds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from coinwell.base import db
from coinwell.base.db import Tx
from coinwell.recharge.types import Refund, RefundState

_INSERT = """
    INSERT INTO recharge.refund (
        id, order_id, number, state, amount_minor, currency, coins, operator, reason,
        reserve_transfer_id, next_check_at, created_at
    ) VALUES (
        %(id)s, %(order_id)s, %(number)s, %(state)s, %(amount_minor)s, %(currency)s, %(coins)s,
        %(operator)s, %(reason)s, %(reserve_transfer_id)s, %(next_check_at)s, %(now)s
    )
"""
_OF_ORDER = """
    SELECT id, order_id, number, state, amount_minor, currency, coins, operator, reason,
        provider_refund_id, reserve_transfer_id, next_check_at, created_at, finished_at
    FROM recharge.refund
    WHERE order_id = %(order_id)s
    ORDER BY number
"""
_ONE = """
    SELECT id, order_id, number, state, amount_minor, currency, coins, operator, reason,
        provider_refund_id, reserve_transfer_id, next_check_at, created_at, finished_at
    FROM recharge.refund
    WHERE id = %(id)s
"""
_MOVE = """
    UPDATE recharge.refund
    SET state = %(state)s,
        next_check_at = %(next_check_at)s,
        provider_refund_id = coalesce(%(provider_refund_id)s, provider_refund_id),
        finished_at = coalesce(%(finished_at)s, finished_at)
    WHERE id = %(id)s
"""
_DUE = """
    SELECT id FROM recharge.refund
    WHERE next_check_at <= %(now)s
    ORDER BY next_check_at
    LIMIT %(limit)s
"""


async def insert(tx: Tx, refund: Mapping[str, Any]) -> None:
    """Write a new refund; the database holds that an order has one open refund at a time."""
    await tx.execute(_INSERT, refund)


async def of_order(tx: Tx, order_id: UUID) -> list[Refund]:
    """An order's refunds, first to last."""
    return await db.rows(tx, Refund, _OF_ORDER, {"order_id": order_id})


async def refund(tx: Tx, refund_id: UUID) -> Refund | None:
    """A refund as it stands. Locks: none; whoever changes it holds the order's row."""
    return await db.row(tx, Refund, _ONE, {"id": refund_id})


async def move(
    tx: Tx,
    refund_id: UUID,
    state: RefundState,
    *,
    next_check_at: datetime | None,
    provider_refund_id: str | None = None,
    finished_at: datetime | None = None,
) -> None:
    """Write how far a refund is. Locks: the caller holds the order's row."""
    named = {
        "id": refund_id,
        "state": state.value,
        "next_check_at": next_check_at,
        "provider_refund_id": provider_refund_id,
        "finished_at": finished_at,
    }
    await tx.execute(_MOVE, named)


async def due(tx: Tx, *, now: datetime, limit: int) -> list[UUID]:
    """Refunds with something left to do, most overdue first."""
    cursor = await tx.execute(_DUE, {"now": now, "limit": limit})
    return [row[0] for row in await cursor.fetchall()]

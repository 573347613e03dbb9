"""The only SQL over the inbox of provider messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from coinwell.base import db
from coinwell.base.db import Tx
from coinwell.recharge.types import InboxItem

_PUT = """
    INSERT INTO recharge.inbox (
        source, environment, external_id, kind, payment_id, order_id, body, headers,
        received_at, occurred_at, state, next_attempt_at, via
    ) VALUES (
        %(source)s, %(environment)s, %(external_id)s, %(kind)s, %(payment_id)s, %(order_id)s,
        %(body)s, %(headers)s, %(now)s, %(occurred_at)s, %(state)s, %(next_attempt_at)s, %(via)s
    )
    ON CONFLICT ON CONSTRAINT a_message_is_kept_once DO NOTHING
    RETURNING id
"""
_ITEM = """
    SELECT id, source, environment, external_id, kind, payment_id, order_id, state, attempts,
        received_at, next_attempt_at
    FROM recharge.inbox
    WHERE id = %(id)s
"""
_DUE = """
    SELECT id FROM recharge.inbox
    WHERE state IN ('pending', 'parked') AND next_attempt_at <= %(now)s
    ORDER BY next_attempt_at
    LIMIT %(limit)s
"""
_WAITING = """
    SELECT id FROM recharge.inbox
    WHERE order_id = %(order_id)s AND state IN ('pending', 'parked')
"""
_DONE = """
    UPDATE recharge.inbox SET state = 'done', attempts = attempts + 1
    WHERE id = ANY(%(ids)s) AND state IN ('pending', 'parked')
"""
_MOVE = """
    UPDATE recharge.inbox
    SET state = %(state)s, order_id = coalesce(%(order_id)s, order_id), attempts = attempts + 1,
        next_attempt_at = %(next_attempt_at)s
    WHERE id = %(id)s AND state IN ('pending', 'parked')
"""


async def put(tx: Tx, message: Mapping[str, Any], headers: Mapping[str, str]) -> int | None:
    """Keep a message and return its number, or None if it was here before."""
    return await db.value(tx, _PUT, {**message, "headers": Jsonb(dict(headers))})


async def item(tx: Tx, item_id: int) -> InboxItem | None:
    """A message, without its body."""
    return await db.row(tx, InboxItem, _ITEM, {"id": item_id})


async def due(tx: Tx, *, now: datetime, limit: int) -> list[int]:
    """Messages with work left, most overdue first."""
    cursor = await tx.execute(_DUE, {"now": now, "limit": limit})
    return [row[0] for row in await cursor.fetchall()]


async def waiting(tx: Tx, order_id: UUID) -> list[int]:
    """Messages about an order that nobody has acted on."""
    cursor = await tx.execute(_WAITING, {"order_id": order_id})
    return [row[0] for row in await cursor.fetchall()]


async def mark_done(tx: Tx, ids: list[int]) -> None:
    """A look at the provider that began after these came has covered them."""
    await tx.execute(_DONE, {"ids": ids})


async def move(
    tx: Tx, item_id: int, state: str, *, order_id: UUID | None, next_attempt_at: datetime
) -> None:
    """Write what became of a message and when to try it again."""
    named = {
        "id": item_id,
        "state": state,
        "order_id": order_id,
        "next_attempt_at": next_attempt_at,
    }
    await tx.execute(_MOVE, named)

"""The only SQL over an order's story: lines are added, read and searched, never changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from coinwell.base import db
from coinwell.base.db import Tx
from coinwell.recharge.types import Event

_ADD = """
    INSERT INTO recharge.event (order_id, at, source, kind, body, refs)
    VALUES (%(order_id)s, %(at)s, %(source)s, %(kind)s, %(body)s, %(refs)s)
"""
_OF_ORDER = """
    SELECT id, order_id, at, source, kind, body, refs
    FROM recharge.event
    WHERE order_id = %(order_id)s
    ORDER BY id
"""
_BY_REF = """
    SELECT DISTINCT order_id FROM recharge.event WHERE refs @> ARRAY[%(ref)s::text] LIMIT 20
"""


async def add(  # noqa: PLR0913 - one line of the story.
    tx: Tx,
    order_id: UUID,
    *,
    at: datetime,
    source: str,
    kind: str,
    body: Mapping[str, Any] | None = None,
    refs: Sequence[str | None] = (),
) -> None:
    """Add a line to an order's story; every outside id in it goes into `refs` as well."""
    named = {
        "order_id": order_id,
        "at": at,
        "source": source,
        "kind": kind,
        "body": Jsonb(dict(body or {})),
        "refs": [ref for ref in refs if ref],
    }
    await tx.execute(_ADD, named)


async def of_order(tx: Tx, order_id: UUID) -> list[Event]:
    """An order's story from the beginning."""
    return await db.rows(tx, Event, _OF_ORDER, {"order_id": order_id})


async def orders_of_ref(tx: Tx, ref: str) -> list[UUID]:
    """The orders whose story names an outside id."""
    cursor = await tx.execute(_BY_REF, {"ref": ref})
    return [row[0] for row in await cursor.fetchall()]

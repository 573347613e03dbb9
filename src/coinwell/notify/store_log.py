"""SQL over the log: what was sent, how it went, and what is old enough to go."""

from datetime import datetime
from typing import Any
from uuid import UUID

from coinwell.base.db import Tx, row, rows, run, value
from coinwell.notify.types import Attempt, Delivery, DeliveryState, Outcome

_DELIVERIES = """
    SELECT delivery.id, endpoint_id, delivery.position, delivery.user_id, delivery.kind, cause,
        state, attempts, created_at, first_at, due_at, finished_at, event.id AS event_id,
        event.sequence, last.status, last.trouble, last.duration_ms
    FROM notify.delivery
    LEFT JOIN notify.event ON event.position = delivery.position
    LEFT JOIN LATERAL (
        SELECT status, trouble, duration_ms FROM notify.attempt
        WHERE delivery_id = delivery.id ORDER BY at DESC, number DESC LIMIT 1
    ) AS last ON true
    WHERE delivery.endpoint_id = %(endpoint)s
        AND (%(before)s::bigint IS NULL OR delivery.id < %(before)s)
        AND (%(state)s::text IS NULL OR state = %(state)s)
    ORDER BY delivery.id DESC LIMIT %(limit)s
"""
_DELIVERY = """
    SELECT delivery.id, endpoint_id, delivery.position, delivery.user_id, delivery.kind, cause,
        state, attempts, created_at, first_at, due_at, finished_at, event.id AS event_id,
        event.sequence, last.status, last.trouble, last.duration_ms
    FROM notify.delivery
    LEFT JOIN notify.event ON event.position = delivery.position
    LEFT JOIN LATERAL (
        SELECT status, trouble, duration_ms FROM notify.attempt
        WHERE delivery_id = delivery.id ORDER BY at DESC, number DESC LIMIT 1
    ) AS last ON true
    WHERE delivery.id = %(id)s
"""
_ATTEMPTS = """
    SELECT number, at, duration_ms, status, trouble, answer FROM notify.attempt
    WHERE delivery_id = %(id)s ORDER BY at, number
"""
_ADD_TEST = """
    INSERT INTO notify.delivery (
        endpoint_id, kind, cause, state, attempts, created_at, first_at, finished_at
    ) VALUES (%(endpoint)s, %(kind)s, 'test', %(state)s, 1, %(at)s, %(at)s, %(at)s)
    RETURNING id
"""
_ADD_ATTEMPT = """
    INSERT INTO notify.attempt (delivery_id, number, at, duration_ms, status, trouble, answer)
    VALUES (%(id)s, 1, %(at)s, %(duration)s, %(status)s, %(trouble)s, %(answer)s)
"""
_PRUNE = """
    DELETE FROM notify.delivery WHERE id IN (
        SELECT id FROM notify.delivery WHERE finished_at < %(before)s
        ORDER BY finished_at LIMIT %(limit)s
    )
"""


async def deliveries(
    tx: Tx, endpoint_id: UUID, *, before: int | None, state: DeliveryState | None, limit: int
) -> list[Delivery]:
    """The log of an endpoint, newest first."""
    named = {
        "endpoint": endpoint_id,
        "before": before,
        "state": None if state is None else state.value,
        "limit": limit,
    }
    return await rows(tx, Delivery, _DELIVERIES, named)


async def delivery(tx: Tx, delivery_id: int) -> Delivery | None:
    """One line of the log."""
    return await row(tx, Delivery, _DELIVERY, {"id": delivery_id})


async def attempts(tx: Tx, delivery_id: int) -> list[Attempt]:
    """Every sending of a delivery, oldest first."""
    return await rows(tx, Attempt, _ATTEMPTS, {"id": delivery_id})


async def add_test(tx: Tx, endpoint_id: UUID, kind: str, outcome: Outcome) -> int:
    """Note a test that was sent; its place in the log."""
    state = DeliveryState.DELIVERED if outcome.taken else DeliveryState.GIVEN_UP
    named: dict[str, Any] = {
        "endpoint": endpoint_id,
        "kind": kind,
        "state": state.value,
        "at": outcome.at,
    }
    delivery_id: int = await value(tx, _ADD_TEST, named)
    attempt = {
        "id": delivery_id,
        "at": outcome.at,
        "duration": outcome.duration_ms,
        "status": outcome.status,
        "trouble": outcome.trouble,
        "answer": outcome.answer,
    }
    await run(tx, _ADD_ATTEMPT, attempt)
    return delivery_id


async def prune(tx: Tx, *, before: datetime, limit: int) -> int:
    """Remove what was over before then, with its attempts; how many."""
    return await run(tx, _PRUNE, {"before": before, "limit": limit})

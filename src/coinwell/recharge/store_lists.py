"""The only SQL over lists of recharges: by state, provider, country and day, page by page."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coinwell.base import db
from coinwell.base.db import Tx
from coinwell.recharge.types import Order, OrderState, Refund

_LISTED = """
    SELECT id, user_id, state, coins, bonus_coins, price_minor, currency, price_list_id, pack_id,
        channel, provider, environment, payment_id, pay_url, created_at, expires_at, changed_at,
        next_check_at, last_ticket, cancel_asked_at, paid_at, captured_minor, captured_currency,
        credit_intent, credited_at, taken_coins, target_coins, review_reason, review_token,
        review_deadline, approved_token, failure_kind, failure_code, answer
    FROM recharge."order"
    WHERE (%(state)s::text IS NULL OR state = %(state)s)
        AND (%(provider)s::text IS NULL OR provider = %(provider)s)
        AND (%(country)s::text IS NULL OR country = %(country)s)
        AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
        AND (
            %(before_at)s::timestamptz IS NULL
            OR (created_at, id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
        )
    ORDER BY created_at DESC, id DESC
    LIMIT %(limit)s
"""
_IN_STATE = """
    SELECT id, user_id, state, coins, bonus_coins, price_minor, currency, price_list_id, pack_id,
        channel, provider, environment, payment_id, pay_url, created_at, expires_at, changed_at,
        next_check_at, last_ticket, cancel_asked_at, paid_at, captured_minor, captured_currency,
        credit_intent, credited_at, taken_coins, target_coins, review_reason, review_token,
        review_deadline, approved_token, failure_kind, failure_code, answer
    FROM recharge."order"
    WHERE state = %(state)s AND changed_at <= %(until)s
        AND (
            %(after_at)s::timestamptz IS NULL
            OR (changed_at, id) > (%(after_at)s::timestamptz, %(after_id)s::uuid)
        )
    ORDER BY changed_at, id
    LIMIT %(limit)s
"""
_COUNT_IN_STATE = """
    SELECT count(*) FROM recharge."order" WHERE state = %(state)s AND changed_at <= %(until)s
"""
_OPEN_REFUNDS = """
    SELECT id, order_id, number, state, amount_minor, currency, coins, operator, reason,
        provider_refund_id, reserve_transfer_id, next_check_at, created_at, finished_at
    FROM recharge.refund
    WHERE state IN ('reserving', 'reserved', 'posting', 'voiding') AND created_at <= %(until)s
        AND (
            %(after_at)s::timestamptz IS NULL
            OR (created_at, id) > (%(after_at)s::timestamptz, %(after_id)s::uuid)
        )
    ORDER BY created_at, id
    LIMIT %(limit)s
"""
_COUNT_OPEN_REFUNDS = """
    SELECT count(*) FROM recharge.refund
    WHERE state IN ('reserving', 'reserved', 'posting', 'voiding') AND created_at <= %(until)s
"""

Place = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which recharges are wanted; None takes all. `country` is the buyer's when they bought."""

    state: OrderState | None = None
    provider: str | None = None
    country: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def listed(
    tx: Tx, wanted: OrderFilter, *, before: Place | None = None, limit: int
) -> list[Order]:
    """Orders, newest first, older than `before`."""
    before_at, before_id = before or (None, None)
    asked = {
        "state": None if wanted.state is None else wanted.state.value,
        "provider": wanted.provider,
        "country": wanted.country,
        "since": wanted.since,
        "until": wanted.until,
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit,
    }
    return await db.rows(tx, Order, _LISTED, asked)


async def in_state(
    tx: Tx, state: OrderState, *, until: datetime, after: Place | None = None, limit: int
) -> list[Order]:
    """Orders that are in a state since `until` or before, the longest waiting first."""
    after_at, after_id = after or (None, None)
    asked = {
        "state": state.value,
        "until": until,
        "after_at": after_at,
        "after_id": after_id,
        "limit": limit,
    }
    return await db.rows(tx, Order, _IN_STATE, asked)


async def count_in_state(tx: Tx, state: OrderState, *, until: datetime) -> int:
    """How many there are."""
    return int(await db.value(tx, _COUNT_IN_STATE, {"state": state.value, "until": until}))


async def open_refunds(
    tx: Tx, *, until: datetime, after: Place | None = None, limit: int
) -> list[Refund]:
    """Refunds that were begun at `until` or before and have not ended, the oldest first."""
    after_at, after_id = after or (None, None)
    asked = {"until": until, "after_at": after_at, "after_id": after_id, "limit": limit}
    return await db.rows(tx, Refund, _OPEN_REFUNDS, asked)


async def count_open_refunds(tx: Tx, *, until: datetime) -> int:
    """How many there are."""
    return int(await db.value(tx, _COUNT_OPEN_REFUNDS, {"until": until}))

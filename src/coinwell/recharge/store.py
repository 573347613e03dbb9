"""The only SQL over orders and attempts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from coinwell.base import db
from coinwell.base.db import Tx
from coinwell.recharge.types import Attempt, Order, OrderState

_TICKET = "SELECT nextval('recharge.ticket')"

_INSERT = """
    INSERT INTO recharge."order" (
        id, user_id, state, coins, bonus_coins, price_minor, currency, price_list_id, pack_id,
        channel, provider, environment, created_at, expires_at, changed_at, next_check_at, country
    ) VALUES (
        %(id)s, %(user_id)s, 'created', %(coins)s, %(bonus_coins)s, %(price_minor)s, %(currency)s,
        %(price_list_id)s, %(pack_id)s, %(channel)s, %(provider)s, %(environment)s, %(now)s,
        %(expires_at)s, %(now)s, %(next_check_at)s, %(country)s
    )
"""

_LOCK = 'SELECT id FROM recharge."order" WHERE id = %(id)s FOR UPDATE'
_ORDER = """
    SELECT id, user_id, state, coins, bonus_coins, price_minor, currency, price_list_id, pack_id,
        channel, provider, environment, payment_id, pay_url, created_at, expires_at, changed_at,
        next_check_at, last_ticket, cancel_asked_at, paid_at, captured_minor, captured_currency,
        credit_intent, credited_at, taken_coins, target_coins, review_reason, review_token,
        review_deadline, approved_token, failure_kind, failure_code, answer
    FROM recharge."order"
    WHERE id = %(id)s
"""
_OF_USER = """
    SELECT id, user_id, state, coins, bonus_coins, price_minor, currency, price_list_id, pack_id,
        channel, provider, environment, payment_id, pay_url, created_at, expires_at, changed_at,
        next_check_at, last_ticket, cancel_asked_at, paid_at, captured_minor, captured_currency,
        credit_intent, credited_at, taken_coins, target_coins, review_reason, review_token,
        review_deadline, approved_token, failure_kind, failure_code, answer
    FROM recharge."order"
    WHERE user_id = %(user_id)s
        AND (%(states)s::text[] IS NULL OR state = ANY(%(states)s))
        AND (
            %(before_at)s::timestamptz IS NULL
            OR (created_at, id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
        )
    ORDER BY created_at DESC, id DESC
    LIMIT %(limit)s
"""
_DUE = """
    SELECT id FROM recharge."order"
    WHERE next_check_at <= %(now)s
    ORDER BY next_check_at
    LIMIT %(limit)s
"""
_OVERDUE_REVIEWS = """
    SELECT id FROM recharge."order"
    WHERE state = 'needs_review' AND review_deadline <= %(now)s AND credit_intent IS NULL
        AND captured_minor IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM recharge.refund
            WHERE order_id = "order".id AND created_at > %(now)s - interval '1 day'
        )
    ORDER BY review_deadline
    LIMIT %(limit)s
"""
_POSTPONE = """
    UPDATE recharge."order" SET next_check_at = %(next_check_at)s WHERE id = %(id)s
"""

# Everything that a look at the provider may change, in one statement.
_APPLY = """
    UPDATE recharge."order" SET
        state = %(state)s,
        changed_at = CASE WHEN state = %(state)s THEN changed_at ELSE %(now)s END,
        last_ticket = greatest(last_ticket, %(ticket)s),
        next_check_at = %(next_check_at)s,
        payment_id = coalesce(%(payment_id)s, payment_id),
        pay_url = coalesce(%(pay_url)s, pay_url),
        paid_at = coalesce(paid_at, %(paid_at)s),
        captured_minor = coalesce(%(captured_minor)s, captured_minor),
        captured_currency = coalesce(%(captured_currency)s, captured_currency),
        credit_ticket = CASE
            WHEN %(credit_intent)s::uuid IS NULL THEN credit_ticket ELSE %(ticket)s
        END,
        credit_intent = coalesce(%(credit_intent)s, credit_intent),
        target_coins = %(target_coins)s,
        review_reason = %(review_reason)s,
        review_token = %(review_token)s,
        review_deadline = CASE
            WHEN %(review_token)s::text IS NULL THEN NULL
            WHEN review_token = %(review_token)s THEN review_deadline
            ELSE %(review_deadline)s
        END,
        failure_kind = %(failure_kind)s,
        failure_code = %(failure_code)s
    WHERE id = %(id)s
"""
# A look that was applied between freezing and recording could not say what it saw, and one that
# froze did not say that several payments took money: look again.
_CREDITED = """
    UPDATE recharge."order"
    SET credited_at = %(now)s, state = 'credited', changed_at = %(now)s,
        next_check_at = CASE WHEN last_ticket > credit_ticket OR 1 < (
            SELECT count(payment_id) FROM recharge.attempt WHERE order_id = %(id)s
        ) THEN %(now)s END
    WHERE id = %(id)s AND credited_at IS NULL AND credit_intent = %(intent_id)s
"""
_CREDIT_REFUSED = """
    UPDATE recharge."order"
    SET credit_intent = NULL, next_check_at = %(again_at)s
    WHERE id = %(id)s AND credited_at IS NULL AND credit_intent = %(intent_id)s
"""
_TAKE = """
    UPDATE recharge."order"
    SET taken_coins = taken_coins + %(coins)s, state = %(state)s, changed_at = %(now)s,
        next_check_at = NULL
    WHERE id = %(id)s
"""
_SET_STATE = """
    UPDATE recharge."order"
    SET state = %(state)s, changed_at = %(now)s, next_check_at = %(next_check_at)s
    WHERE id = %(id)s
"""
_ASK_CANCEL = """
    UPDATE recharge."order" SET cancel_asked_at = coalesce(cancel_asked_at, %(now)s)
    WHERE id = %(id)s
"""
_APPROVE = """
    UPDATE recharge."order" SET approved_token = %(token)s WHERE id = %(id)s
"""
_ANSWER = """
    UPDATE recharge."order" SET answer = %(answer)s WHERE id = %(id)s AND answer IS NULL
"""

_INSERT_ATTEMPT = """
    INSERT INTO recharge.attempt (
        order_id, number, state, provider, environment, idempotency_key, created_at
    ) VALUES (
        %(order_id)s, %(number)s, 'new', %(provider)s, %(environment)s, %(key)s, %(now)s
    )
"""
_ATTEMPTS = """
    SELECT order_id, number, state, idempotency_key, payment_id, pay_url, claimed_until, created_at
    FROM recharge.attempt
    WHERE order_id = %(order_id)s
    ORDER BY number
"""
# One request at a time asks the provider; a claim whose holder died lapses.
_CLAIM = """
    UPDATE recharge.attempt SET claimed_until = %(until)s
    WHERE order_id = %(order_id)s AND number = %(number)s AND payment_id IS NULL
        AND state <> 'refused' AND (claimed_until IS NULL OR claimed_until <= %(now)s)
"""
_UNCLAIM = """
    UPDATE recharge.attempt SET claimed_until = NULL
    WHERE order_id = %(order_id)s AND number = %(number)s
"""
_KNOWN = """
    UPDATE recharge.attempt
    SET state = 'known', payment_id = %(payment_id)s, pay_url = coalesce(%(pay_url)s, pay_url),
        claimed_until = NULL
    WHERE order_id = %(order_id)s AND number = %(number)s
        AND (payment_id IS NULL OR payment_id = %(payment_id)s)
        AND NOT EXISTS (
            SELECT 1 FROM recharge.attempt AS other
            WHERE other.provider = attempt.provider
                AND other.environment = attempt.environment
                AND other.payment_id = %(payment_id)s
                AND (other.order_id, other.number) <> (attempt.order_id, attempt.number)
        )
"""
_MARK_ATTEMPT = """
    UPDATE recharge.attempt SET state = %(state)s, claimed_until = NULL
    WHERE order_id = %(order_id)s AND number = %(number)s AND payment_id IS NULL
"""
_ORDER_OF_PAYMENT = """
    SELECT order_id FROM recharge.attempt
    WHERE provider = %(provider)s AND environment = %(environment)s
        AND payment_id = %(payment_id)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a look at the provider may change; None leaves what was known before.

    `target_coins`, the review and the failure are not kept: they are as of the last look.
    """

    state: OrderState
    now: datetime
    next_check_at: datetime | None
    ticket: int = 0
    payment_id: str | None = None
    pay_url: str | None = None
    paid_at: datetime | None = None
    captured_minor: int | None = None
    captured_currency: str | None = None
    credit_intent: UUID | None = None
    target_coins: int | None = None
    review_reason: str | None = None
    review_token: str | None = None
    review_deadline: datetime | None = None
    failure_kind: str | None = None
    failure_code: str | None = None


async def take_ticket(tx: Tx) -> int:
    """A number that is higher than every one taken before, over all connections."""
    return int(await db.value(tx, _TICKET))


async def insert(tx: Tx, order: Mapping[str, Any]) -> None:
    """Write a new order."""
    await tx.execute(_INSERT, order)


async def order(tx: Tx, order_id: UUID) -> Order | None:
    """An order as it stands."""
    return await db.row(tx, Order, _ORDER, {"id": order_id})


async def locked(tx: Tx, order_id: UUID) -> Order | None:
    """An order, its row locked until `tx` ends."""
    # Two statements: the second sees what was committed while the first one waited.
    await tx.execute(_LOCK, {"id": order_id})
    return await order(tx, order_id)


async def of_user(
    tx: Tx,
    user_id: UUID,
    *,
    states: Sequence[OrderState] | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Order]:
    """A user's orders, newest first, older than `before`, in any of `states`."""
    before_at, before_id = before or (None, None)
    named = {
        "user_id": user_id,
        "states": None if states is None else [state.value for state in states],
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit,
    }
    return await db.rows(tx, Order, _OF_USER, named)


async def due(tx: Tx, *, now: datetime, limit: int) -> list[UUID]:
    """Orders that the provider is to be asked about, most overdue first."""
    cursor = await tx.execute(_DUE, {"now": now, "limit": limit})
    return [row[0] for row in await cursor.fetchall()]


async def overdue_reviews(tx: Tx, *, now: datetime, limit: int) -> list[UUID]:
    """Paid orders without coins whose review nobody decided in time, each at most daily."""
    cursor = await tx.execute(_OVERDUE_REVIEWS, {"now": now, "limit": limit})
    return [row[0] for row in await cursor.fetchall()]


async def postpone(tx: Tx, order_id: UUID, next_check_at: datetime | None) -> None:
    """Set when to look again, and nothing else."""
    await tx.execute(_POSTPONE, {"id": order_id, "next_check_at": next_check_at})


async def apply(tx: Tx, order_id: UUID, change: Change) -> None:
    """Write what a look at the provider came to. Locks: the caller holds the order's row."""
    await tx.execute(_APPLY, {**asdict(change), "state": change.state.value, "id": order_id})


async def mark_credited(tx: Tx, order_id: UUID, intent_id: UUID, *, now: datetime) -> bool:
    """Record that the coins are in the wallet; False if that was recorded before."""
    named = {"id": order_id, "intent_id": intent_id, "now": now}
    return await db.run(tx, _CREDITED, named) == 1


async def mark_credit_refused(
    tx: Tx, order_id: UUID, intent_id: UUID, *, again_at: datetime
) -> bool:
    """The ledger refused the credit: the next look freezes another attempt."""
    named = {"id": order_id, "intent_id": intent_id, "again_at": again_at}
    return await db.run(tx, _CREDIT_REFUSED, named) == 1


async def take(tx: Tx, order_id: UUID, *, coins: int, state: OrderState, now: datetime) -> None:
    """Record that coins of the order were taken back."""
    await tx.execute(_TAKE, {"id": order_id, "coins": coins, "state": state.value, "now": now})


async def set_state(
    tx: Tx, order_id: UUID, state: OrderState, *, now: datetime, next_check_at: datetime | None
) -> None:
    """Move the order for a reason of our own. Locks: the caller holds the order's row."""
    named = {"id": order_id, "state": state.value, "now": now, "next_check_at": next_check_at}
    await tx.execute(_SET_STATE, named)


async def ask_cancel(tx: Tx, order_id: UUID, *, now: datetime) -> None:
    """Note that the buyer wants no more of this order."""
    await tx.execute(_ASK_CANCEL, {"id": order_id, "now": now})


async def approve(tx: Tx, order_id: UUID, token: str) -> None:
    """Note which doubt a person has settled."""
    await tx.execute(_APPROVE, {"id": order_id, "token": token})


async def keep_answer(tx: Tx, order_id: UUID, answer: Mapping[str, Any]) -> None:
    """Keep what the first request was told, so that repeats are told the same."""
    await tx.execute(_ANSWER, {"id": order_id, "answer": Jsonb(dict(answer))})


async def insert_attempt(tx: Tx, order: Order, number: int, *, now: datetime) -> None:
    """Write an attempt before the provider is asked, with the key that the request will carry."""
    await tx.execute(
        _INSERT_ATTEMPT,
        {
            "order_id": order.id,
            "number": number,
            "provider": order.provider,
            "environment": order.environment,
            "key": f"order:{order.id}:create:{number}",
            "now": now,
        },
    )


async def attempts(tx: Tx, order_id: UUID) -> list[Attempt]:
    """An order's attempts, first to last."""
    return await db.rows(tx, Attempt, _ATTEMPTS, {"order_id": order_id})


async def claim(tx: Tx, attempt: Attempt, *, now: datetime, until: datetime) -> bool:
    """Become the one who asks the provider; False if another one is asking or it is answered."""
    named = {"order_id": attempt.order_id, "number": attempt.number, "now": now, "until": until}
    return await db.run(tx, _CLAIM, named) == 1


async def unclaim(tx: Tx, attempt: Attempt) -> None:
    """Let the next one ask."""
    await tx.execute(_UNCLAIM, {"order_id": attempt.order_id, "number": attempt.number})


async def know(tx: Tx, attempt: Attempt, payment_id: str, pay_url: str | None) -> bool:
    """Bind a payment to an attempt; False if it is bound elsewhere, or the attempt to another."""
    named = {
        "order_id": attempt.order_id,
        "number": attempt.number,
        "payment_id": payment_id,
        "pay_url": pay_url,
    }
    return await db.run(tx, _KNOWN, named) == 1


async def mark_attempt(tx: Tx, attempt: Attempt, state: str) -> None:
    """Note what is known of an attempt that has no payment."""
    named = {"order_id": attempt.order_id, "number": attempt.number, "state": state}
    await tx.execute(_MARK_ATTEMPT, named)


async def order_of_payment(
    tx: Tx, *, provider: str, environment: str, payment_id: str
) -> UUID | None:
    """The order that a payment belongs to."""
    named = {"provider": provider, "environment": environment, "payment_id": payment_id}
    return await db.value(tx, _ORDER_OF_PAYMENT, named)

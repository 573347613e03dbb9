"""Asks a provider to begin a payment: once per attempt, whoever asks and however often."""

from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx, transaction
from coinwell.limits import LimitReached, hold_recharge
from coinwell.recharge import store, store_events
from coinwell.recharge.deps import Deps
from coinwell.recharge.noting import tell
from coinwell.recharge.polling import next_check
from coinwell.recharge.providers.types import (
    Declined,
    Failure,
    Misconfigured,
    OutcomeUnknown,
    Retryable,
    Started,
)
from coinwell.recharge.refusals import ProviderSilent, RechargeUnknown
from coinwell.recharge.showing import plain, shown
from coinwell.recharge.types import Attempt, AttemptState, Order, OrderState

# Nobody has said anything better about the order yet.
_BLANK = frozenset({OrderState.CREATED, OrderState.UNKNOWN})


async def ask(deps: Deps, order_id: UUID) -> bool:
    """Have the provider begin the payment of the latest attempt; False if another one is asking.

    The same key is sent however often this runs, so the provider begins one payment. An answer
    that is lost leaves the order `unknown`: it is looked for, never charged again. Room in the
    buyer's own limits is held first; without it the order ends and nobody is asked.

    Nobody is asked for an order that has ended, or is about to: what it held of the limits may
    be free again.

    Refuses: `ProviderSilent` when the provider surely did nothing; `LimitReached`.
    """
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order, _ = await _latest(tx, order_id)
    if _over(order, now):
        return True
    try:
        await hold_recharge(deps.pool, deps.ledger, order_id, now=now)
    except LimitReached:
        await _over_limit(deps, order_id)
        raise
    async with transaction(deps.pool) as tx:
        # Under the order's lock: either the order's end is first, or this asking.
        order = await _locked(tx, order_id)
        _, attempt = await _latest(tx, order_id)
        if attempt.payment_id is not None or attempt.state is AttemptState.REFUSED:
            return True
        if _over(order, now):
            return True
        until = now + deps.settings.claim_holds
        if not await store.claim(tx, attempt, now=now, until=until):
            return False
    try:
        provider = deps.provider_of(order)
        started = await provider.create_payment(
            deps.view_of(order), idempotency_key=attempt.idempotency_key
        )
    except Declined as no:
        await _refused(deps, order_id, attempt, no.failure)
    except OutcomeUnknown as lost:
        await _lost(deps, order_id, attempt, str(lost))
    except (Retryable, Misconfigured) as trouble:
        await _silent(deps, order_id, attempt, trouble)
        raise ProviderSilent(str(order_id)) from trouble
    else:
        await _begun(deps, order_id, attempt, started)
    return True


def _over(order: Order, now: datetime) -> bool:
    """Whether the order has ended or is to end: then no payment may begin for it any more."""
    ended = order.state not in _BLANK and order.state is not OrderState.FAILED
    return ended or order.cancel_asked_at is not None or now >= order.expires_at


async def _latest(tx: Tx, order_id: UUID) -> tuple[Order, Attempt]:
    order = await store.order(tx, order_id)
    attempts = await store.attempts(tx, order_id)
    if order is None:
        raise RechargeUnknown(str(order_id))
    assert attempts, "an order is written with its first attempt"
    return order, attempts[-1]


async def _over_limit(deps: Deps, order_id: UUID) -> None:
    """Another purchase took the room a moment before: this order ends before anybody is asked."""
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order = await _locked(tx, order_id)
        _, attempt = await _latest(tx, order_id)
        if order.state not in _BLANK:
            return
        await store.mark_attempt(tx, attempt, AttemptState.REFUSED)
        await store.ask_cancel(tx, order_id, now=now)
        await store_events.add(tx, order_id, at=now, source="us", kind="limit_reached")
        change = store.Change(state=OrderState.CANCELED, now=now, next_check_at=None)
        await store.apply(tx, order_id, change)
        await tell(tx, order, OrderState.CANCELED, now=now)


async def _begun(deps: Deps, order_id: UUID, attempt: Attempt, started: Started) -> None:
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order = await _locked(tx, order_id)
        bound = await store.know(tx, attempt, started.payment_id, started.redirect_url)
        await store_events.add(
            tx,
            order_id,
            at=now,
            source="provider",
            kind="payment_begun" if bound else "payment_of_another_order",
            body={"attempt": attempt.number, "payment_id": started.payment_id},
            refs=[started.payment_id],
        )
        # A look that ran meanwhile may know more than this answer, which only says "begun".
        fresh = order.state in _BLANK or (
            order.state is OrderState.FAILED and order.payment_id != started.payment_id
        )
        if bound and fresh:
            change = store.Change(
                state=OrderState.AWAITING_USER,
                now=now,
                next_check_at=_next(order, OrderState.AWAITING_USER, now),
                payment_id=started.payment_id,
                pay_url=started.redirect_url,
            )
            await store.apply(tx, order_id, change)
        await keep_first_answer(tx, order_id)


async def _lost(deps: Deps, order_id: UUID, attempt: Attempt, said: str) -> None:
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order = await _locked(tx, order_id)
        await store.mark_attempt(tx, attempt, AttemptState.UNKNOWN)
        await store_events.add(
            tx, order_id, at=now, source="us", kind="answer_lost", body={"said": said}
        )
        if order.state in _BLANK or order.state is OrderState.FAILED:
            check_at = _next(order, OrderState.UNKNOWN, now)
            change = store.Change(state=OrderState.UNKNOWN, now=now, next_check_at=check_at)
            await store.apply(tx, order_id, change)
        await keep_first_answer(tx, order_id)


async def _refused(deps: Deps, order_id: UUID, attempt: Attempt, failure: Failure) -> None:
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order = await _locked(tx, order_id)
        await store.mark_attempt(tx, attempt, AttemptState.REFUSED)
        body = {"kind": failure.kind.value, "code": failure.code}
        await store_events.add(tx, order_id, at=now, source="provider", kind="declined", body=body)
        if order.state in _BLANK or order.state is OrderState.FAILED:
            change = store.Change(
                state=OrderState.FAILED,
                now=now,
                next_check_at=_next(order, OrderState.FAILED, now),
                failure_kind=failure.kind.value,
                failure_code=failure.code,
            )
            await store.apply(tx, order_id, change)
        await keep_first_answer(tx, order_id)


async def _silent(deps: Deps, order_id: UUID, attempt: Attempt, trouble: Exception) -> None:
    body = {"trouble": type(trouble).__name__, "said": str(trouble)}
    async with transaction(deps.pool) as tx:
        await store.unclaim(tx, attempt)
        at = deps.clock.now()
        await store_events.add(tx, order_id, at=at, source="us", kind="no_answer", body=body)


async def keep_first_answer(tx: Tx, order_id: UUID) -> Order:
    """Keep what the first request is told, unless it was told before; returns the order."""
    order = await _locked(tx, order_id)
    if order.answer is None:
        await store.keep_answer(tx, order_id, plain(shown(order)))
    return await _locked(tx, order_id)


async def _locked(tx: Tx, order_id: UUID) -> Order:
    order = await store.locked(tx, order_id)
    if order is None:
        raise RechargeUnknown(str(order_id))
    return order


def _next(order: Order, state: OrderState, now: datetime) -> datetime | None:
    return next_check(state, changed_at=now, expires_at=order.expires_at, asked=True, now=now)

"""Starts a recharge: check, quote, write the order down, and only then ask the provider."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx, transaction
from coinwell.base.idempotency import Answer, fingerprint, once
from coinwell.base.ids import hashed_id
from coinwell.catalog import Quote, price_list, quote
from coinwell.limits import Room, RoomUnknown, recharge_room, reserve_recharge
from coinwell.recharge import store, store_events
from coinwell.recharge.asking import ask, keep_first_answer
from coinwell.recharge.deps import Deps
from coinwell.recharge.polling import next_check
from coinwell.recharge.refusals import (
    CannotPayAgain,
    PriceChanged,
    ProviderSilent,
    ProviderUnknown,
    RechargeUnknown,
)
from coinwell.recharge.types import AttemptState, Order, OrderState, Wish
from coinwell.users import Scope, User, demand

_ATTEMPTS_MAX = 5
# A window of a limit may begin, or a limit be set, between looking and writing.
_LOOKS_MAX = 10
_PAUSE_FIRST_MS, _PAUSE_MAX_MS = 10, 400


async def start(deps: Deps, user: User, wish: Wish, *, key: str) -> Answer:
    """Begin a recharge and say where to pay it; a repeat of `key` is told the same.

    Nothing is asked of a provider before the account may recharge and the order is written. A
    concurrent repeat waits for the first one's answer.

    Refuses: `AccountRestricted`, `AgeUnknown`, `UnderAge` before any provider is asked; what
        `quote` refuses; `PriceChanged`; `ProviderUnknown`; `LimitReached`, `LimitOtherCurrency`
        by the buyer's own limits; `KeyReused` for other content; `ProviderSilent` when the
        provider did nothing: repeat with the same key.
    """
    content = fingerprint(
        wish.pack_id, wish.coins, wish.currency, wish.channel, wish.provider, wish.seen_minor
    )
    kept = await _kept(deps, user, wish, key, content)
    order_id = UUID(kept.body["order_id"])
    order = await _answered(deps, order_id)
    return Answer(kept.status, order.answer, replayed=kept.replayed)


async def _kept(deps: Deps, user: User, wish: Wish, key: str, content: bytes) -> Answer:
    """The order under this key, written now or before."""
    # A function of the key: sent again to a restored database that never saw it, the request
    # meets the payment that the provider began for it, and is not charged twice.
    order_id = UUID(int=hashed_id("recharge", user.id, key))
    for look in range(_LOOKS_MAX):
        now = deps.clock.now()
        room = await recharge_room(deps.pool, deps.ledger, user.id, now=now)
        try:
            async with transaction(deps.pool) as tx:

                async def write(tx: Tx = tx, room: Room = room, now: datetime = now) -> Answer:
                    await _write(tx, deps, (order_id, user, wish, room), now)
                    return Answer(201, {"order_id": str(order_id)})

                scope = f"recharge:{user.id}"
                return await once(tx, scope=scope, key=key, content=content, now=now, do=write)
        except RoomUnknown:
            if look == _LOOKS_MAX - 1:
                raise
    raise AssertionError("either written or raised")


async def pay_again(deps: Deps, order_id: UUID) -> Order:
    """Another attempt at an order whose payment was declined, at the same price.

    Refuses: `CannotPayAgain` unless it is declined, in time, and was not tried too often; what
        `demand` refuses; `ProviderSilent`.
    """
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order = await store.locked(tx, order_id)
        if order is None:
            raise RechargeUnknown(str(order_id))
        attempts = await store.attempts(tx, order_id)
        asked = attempts[-1].state is AttemptState.NEW and len(attempts) > 1
        late = now >= order.expires_at or len(attempts) >= _ATTEMPTS_MAX
        if order.state is not OrderState.FAILED or late:
            raise CannotPayAgain(str(order_id), order.state.value)
        await demand(tx, order.user_id, Scope.RECHARGE, now=now)
        if not asked:
            await store.insert_attempt(tx, order, len(attempts) + 1, now=now)
            await store.postpone(tx, order_id, now)
            body = {"attempt": len(attempts) + 1}
            await store_events.add(
                tx, order_id, at=now, source="user", kind="pays_again", body=body
            )
    await _until(deps, order_id, lambda _: False)
    async with transaction(deps.pool) as tx:
        return await keep_first_answer(tx, order_id)


async def _write(tx: Tx, deps: Deps, asked: tuple[UUID, User, Wish, Room], now: datetime) -> None:
    order_id, user, wish, room = asked
    await demand(tx, user.id, Scope.RECHARGE, now=now)
    provider = wish.provider or deps.settings.provider
    if provider not in deps.providers:
        raise ProviderUnknown(provider)
    offer = await price_list(
        tx, country=user.country, currency=wish.currency, channel=wish.channel, now=now
    )
    made = quote(offer, pack_id=wish.pack_id, coins=wish.coins)
    if wish.seen_minor is not None and wish.seen_minor != made.price.minor:
        raise PriceChanged(wish.seen_minor, made.price.minor, made.price.currency)
    await reserve_recharge(
        tx, user_id=user.id, recharge_id=order_id, price=made.price, room=room, now=now
    )
    await _insert(tx, deps, (order_id, user), (made, wish, provider), now)


async def _insert(
    tx: Tx, deps: Deps, of: tuple[UUID, User], agreed: tuple[Quote, Wish, str], now: datetime
) -> None:
    order_id, user = of
    made, wish, provider = agreed
    expires_at = now + deps.settings.quote_holds
    await store.insert(
        tx,
        {
            "id": order_id,
            "user_id": user.id,
            "country": user.country,
            "coins": made.coins,
            "bonus_coins": made.bonus_coins,
            "price_minor": made.price.minor,
            "currency": made.price.currency,
            "price_list_id": made.price_list_id,
            "pack_id": made.pack_id,
            "channel": wish.channel.value,
            "provider": provider,
            "environment": deps.settings.environment,
            "now": now,
            "expires_at": expires_at,
            # Should this process die now, the sweep takes over.
            "next_check_at": next_check(
                OrderState.CREATED, changed_at=now, expires_at=expires_at, asked=True, now=now
            ),
        },
    )
    order = await store.order(tx, order_id)
    assert order is not None
    await store.insert_attempt(tx, order, 1, now=now)
    body = {
        "coins": made.coins,
        "bonus_coins": made.bonus_coins,
        "price_minor": made.price.minor,
        "currency": made.price.currency,
        "unit_price": made.unit_price_text(),
    }
    await store_events.add(tx, order_id, at=now, source="user", kind="started", body=body)


async def _answered(deps: Deps, order_id: UUID) -> Order:
    """The order with the answer that the first request got; asks the provider if nobody did."""
    await _until(deps, order_id, lambda order: order.answer is not None)
    async with transaction(deps.pool) as tx:
        return await keep_first_answer(tx, order_id)


async def _until(deps: Deps, order_id: UUID, done: Callable[[Order], bool]) -> None:
    """Ask the provider, or wait for the one who is asking.

    Refuses: `ProviderSilent` when the provider did nothing, or does not answer for too long.
    """
    waited_ms, pause_ms = 0, _PAUSE_FIRST_MS
    while waited_ms < deps.settings.repeat_waits_s * 1000:
        async with transaction(deps.pool) as tx:
            order = await store.order(tx, order_id)
        assert order is not None
        if done(order) or await ask(deps, order_id):
            return
        await asyncio.sleep(pause_ms / 1000)
        waited_ms, pause_ms = waited_ms + pause_ms, min(pause_ms * 2, _PAUSE_MAX_MS)
    raise ProviderSilent(str(order_id))

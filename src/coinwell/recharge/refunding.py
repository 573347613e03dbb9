"""Sends money back: hold the coins, ask the provider, then let the coins go or keep them.

Never the money first: the coins could be spent in between.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from coinwell.base import audit
from coinwell.base.db import Tx, transaction
from coinwell.base.idempotency import Answer, once
from coinwell.base.ids import new_uuid
from coinwell.base.money import Money
from coinwell.recharge import postings, store, store_events, store_refunds
from coinwell.recharge.deps import Deps
from coinwell.recharge.ending import end, freeze_step, settle_step, wait
from coinwell.recharge.polling import rung
from coinwell.recharge.providers.types import (
    Declined,
    ProviderTrouble,
    RefundObj,
    RefundObjState,
    RefundReason,
)
from coinwell.recharge.refusals import CannotRefund, LotSpent, ReasonMissing, RechargeUnknown
from coinwell.recharge.rules import delta
from coinwell.recharge.syncing import sync_order
from coinwell.recharge.types import Order, OrderState, Refund, RefundState, Stage
from coinwell.wallet import whole_fold_of

# Providers forget keys after a day or so; from then on we search before we send again.
_KEY_IS_KNOWN_FOR: Final = timedelta(hours=20)


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """What a refund would move: coins out of the wallet, money back to the buyer."""

    coins: int
    money: Money


@dataclass(frozen=True, slots=True)
class RefundKey:
    """The request that asked for a refund, so that its repeat finds the refund it began."""

    scope: str
    key: str
    content: bytes
    plan: RefundPlan | None = None  # What was agreed to; anything else is refused.


async def refund_order(
    deps: Deps,
    order_id: UUID,
    *,
    operator: str,
    reason: str,
    key: RefundKey | None = None,
    if_in_review: bool = False,
) -> Refund:
    """Send back all that was paid for an order whose coins are not spent.

    Returns the refund as far as it came: `done`, `failed`, or `reserved` while the provider has
    not decided; then the sweep goes on. An order that was never credited has no coins to hold.
    With a `key`, a repeat returns the refund that the first one began. With `if_in_review`, an
    order that was credited meanwhile is left alone.

    Refuses: `RechargeUnknown`; `CannotRefund` for an order without money or with a refund under
        way; `LotSpent` when any of its coins were spent; `ReasonMissing`; `KeyReused`.
    """
    if not reason.strip():
        raise ReasonMissing
    await sync_order(deps, order_id)
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:

        async def begin() -> Answer:
            order = await store.locked(tx, order_id)
            if if_in_review and order is not None and order.state is not OrderState.NEEDS_REVIEW:
                raise CannotRefund(str(order_id), order.state.value)
            if key is not None and key.plan is not None:
                _demand_plan(order, key.plan)
            begun = await _begin(tx, order_id, operator=operator, reason=reason, now=now)
            return Answer(201, {"refund_id": str(begun.id)})

        if key is None:
            answer = await begin()
        else:
            answer = await once(
                tx, scope=key.scope, key=key.key, content=key.content, now=now, do=begin
            )
    refund = await continue_refund(deps, UUID(answer.body["refund_id"]))
    if refund.state is RefundState.REFUSED:
        raise LotSpent(str(order_id))
    return refund


async def continue_refund(deps: Deps, refund_id: UUID) -> Refund:
    """Take the next steps of a refund, whatever step it stopped at; safe to run twice."""
    refund, order = await _read(deps, refund_id)
    if refund.state is RefundState.RESERVING:
        await settle_step(deps, refund)
        refund, order = await _read(deps, refund_id)
    if refund.state is RefundState.RESERVED:
        if await _own_coins_held(deps, order, refund):
            await _ask_provider(deps, order, refund)
        else:
            await end(deps, refund, RefundState.VOIDING, part="spent")
        refund, order = await _read(deps, refund_id)
    if refund.state in {RefundState.POSTING, RefundState.VOIDING}:
        await settle_step(deps, refund)
        refund, order = await _read(deps, refund_id)
    if not refund.open:
        await sync_order(deps, order.id)
    return refund


async def refunds_of(tx: Tx, order_id: UUID) -> list[Refund]:
    """An order's refunds, first to last."""
    return await store_refunds.of_order(tx, order_id)


async def _begin(tx: Tx, order_id: UUID, *, operator: str, reason: str, now: datetime) -> Refund:
    """Write the refund down and freeze the hold on the coins. Locks: the order's row."""
    order = await store.locked(tx, order_id)
    if order is None:
        raise RechargeUnknown(str(order_id))
    earlier = await store_refunds.of_order(tx, order_id)
    if not refundable(order) or any(one.open for one in earlier):
        raise CannotRefund(str(order_id), order.state.value)
    plan = refund_plan(order)
    assert plan is not None
    coins = plan.coins
    number, refund_id = len(earlier) + 1, new_uuid()
    hold: UUID | None = None
    if coins:
        chain = postings.reserve(order, coins)
        intent = await freeze_step(tx, order, number, part="reserve", chain=chain, now=now)
        hold = postings.transfer_uuid(intent.transfers[0].id)
    row = {
        "id": refund_id,
        "order_id": order_id,
        "number": number,
        "state": (RefundState.RESERVING if coins else RefundState.RESERVED).value,
        "amount_minor": plan.money.minor,
        "currency": plan.money.currency,
        "coins": coins,
        "operator": operator,
        "reason": reason,
        "reserve_transfer_id": hold,
        "next_check_at": now,
        "now": now,
    }
    await store_refunds.insert(tx, row)
    await _show_pending(tx, order_id, refund_id, operator, reason, now)
    refund = await store_refunds.refund(tx, refund_id)
    assert refund is not None
    begun = audit.Act(
        who=operator,
        act="refund.begun",
        object=f"recharge:{order_id}",
        facts={
            "refund_id": str(refund_id),
            "coins": coins,
            "amount_minor": refund.amount_minor,
            "currency": refund.currency,
        },
        note=reason,
    )
    await audit.write(tx, begun, at=now)
    return refund


async def _show_pending(
    tx: Tx, order_id: UUID, refund_id: UUID, operator: str, reason: str, now: datetime
) -> None:
    pending = OrderState.REFUND_PENDING
    await store.set_state(tx, order_id, pending, now=now, next_check_at=rung(now, now))
    body = {"operator": operator, "reason": reason, "refund_id": str(refund_id)}
    refs = [str(refund_id)]
    await store_events.add(
        tx, order_id, at=now, source="operator", kind="refund_asked", body=body, refs=refs
    )


def refundable(order: Order) -> bool:
    """Whether an order has money that an operator may send back in full."""
    if order.captured is None or order.payment_id is None:
        return False
    if order.credit is Stage.RECORDED:
        return order.state is OrderState.CREDITED and order.taken_coins == 0
    return order.credit is Stage.NONE and order.state is OrderState.NEEDS_REVIEW


def refund_plan(order: Order) -> RefundPlan | None:
    """What a refund of an order would move; None when there is none to be made."""
    if not refundable(order) or order.captured is None:
        return None
    planned = order.all_coins - order.taken_coins if order.credit is Stage.RECORDED else 0
    return RefundPlan(-delta(target_coins=0, planned_coins=planned), order.captured)


def _demand_plan(order: Order | None, agreed: RefundPlan) -> None:
    if order is not None and refund_plan(order) != agreed:
        raise CannotRefund(str(order.id), order.state.value)


async def _own_coins_held(deps: Deps, order: Order, refund: Refund) -> bool:
    """Whether the hold took coins of this order only.

    Looked at when the hold stands already, so nothing can be spent between look and hold.
    """
    if refund.coins == 0:
        return True
    assert refund.reserve_transfer_id is not None
    fold = await whole_fold_of(deps.pool, deps.ledger, order.user_id, now=deps.clock.now())
    shares = fold.held.get(refund.reserve_transfer_id.int, ())
    return bool(shares) and all(share.lot_id == order.id for share in shares)


async def _ask_provider(deps: Deps, order: Order, refund: Refund) -> None:
    """Ask for the money to go back, with one key for ever; a lost answer decides nothing."""
    try:
        made = await _made(deps, order, refund)
    except Declined as no:
        await end(deps, refund, RefundState.VOIDING, part="void", said=no.failure.code)
    except ProviderTrouble as trouble:
        await wait(deps, refund, said=f"{type(trouble).__name__}: {trouble}")
    else:
        if made.state is not RefundObjState.FAILED and made.amount != refund.amount:
            # Neither back nor not back: the coins stay held, and a person has to look.
            await wait(deps, refund, said=f"{made.amount.text()} instead", named=made.id)
        elif made.state is RefundObjState.SUCCEEDED:
            await end(deps, refund, RefundState.POSTING, part="post", named=made.id)
        elif made.state is RefundObjState.FAILED:
            await end(deps, refund, RefundState.VOIDING, part="void", named=made.id)
        else:
            await wait(deps, refund, said="pending", named=made.id)


async def _made(deps: Deps, order: Order, refund: Refund) -> RefundObj:
    """The refund as the provider has it, made by this request if it is not there yet."""
    assert order.payment_id is not None
    provider = deps.provider_of(order)
    old = deps.clock.now() - refund.created_at > _KEY_IS_KNOWN_FOR
    if refund.provider_refund_id is not None or old:
        snapshot = await provider.fetch(order.payment_id)
        async with transaction(deps.pool) as tx:
            earlier = await store_refunds.of_order(tx, order.id)
        others = {one.provider_refund_id for one in earlier if one.id != refund.id}
        for made in snapshot.refunds:
            named = made.id == refund.provider_refund_id
            lost = refund.provider_refund_id is None and made.amount == refund.amount
            if named or (lost and made.id not in others):
                return made
    return await provider.refund(
        order.payment_id,
        refund.amount,
        RefundReason.REQUESTED,
        idempotency_key=f"refund:{refund.id}",
    )


async def _read(deps: Deps, refund_id: UUID) -> tuple[Refund, Order]:
    async with transaction(deps.pool) as tx:
        refund = await store_refunds.refund(tx, refund_id)
        order = None if refund is None else await store.order(tx, refund.order_id)
    assert refund is not None
    assert order is not None
    return refund, order

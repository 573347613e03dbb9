"""The steps of a refund in the ledger: frozen with what we know, then posted and recorded."""

from datetime import datetime, timedelta
from typing import Final

from coinwell.base.db import Tx, transaction
from coinwell.ledger import Intent, IntentState, freeze, intents, refreeze
from coinwell.recharge import postings, store, store_events, store_refunds
from coinwell.recharge.deps import Deps
from coinwell.recharge.noting import tell
from coinwell.recharge.polling import rung
from coinwell.recharge.syncing import settle_intent
from coinwell.recharge.types import Order, OrderState, Refund, RefundState

_DAILY: Final = timedelta(days=1)
_PARTS: Final = {
    RefundState.RESERVING: ("reserve",),
    RefundState.POSTING: ("post",),
    RefundState.VOIDING: ("void", "spent"),
}


async def freeze_step(
    tx: Tx, order: Order, number: int, *, part: str, chain: postings.Chain, now: datetime
) -> Intent:
    """Fix what one step of an order's n-th refund will post. Locks: the caller has the order's."""
    return await freeze(
        tx,
        room=postings.ROOM,
        subject=str(order.id),
        step=postings.refund_step(number, part),
        accounts=chain.accounts,
        transfers=chain.legs,
        now=now,
    )


async def settle_step(deps: Deps, refund: Refund) -> None:
    """Post and record the step that the refund has frozen last."""
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order = await store.locked(tx, refund.order_id)
        assert order is not None, "an order is never deleted"
        frozen = await intents(tx, room=postings.ROOM, subject=str(order.id))
        steps = {postings.refund_step(refund.number, part) for part in _PARTS[refund.state]}
        mine = [one for one in frozen if one.step in steps]
        intent = max(mine, key=lambda one: one.attempt)
        if intent.state is IntentState.REFUSED and refund.state is RefundState.POSTING:
            # The money is gone, so the coins must follow: try once more, under another number.
            chain = postings.give_back(order, refund)
            intent = await refreeze(
                tx, intent, accounts=chain.accounts, transfers=chain.legs, now=now
            )
    await settle_intent(deps, intent)


async def wait(deps: Deps, refund: Refund, *, said: str, named: str | None = None) -> None:
    """The provider has not decided: keep the coins held, note its name for it, ask again."""
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        await store.locked(tx, refund.order_id)
        current = await store_refunds.refund(tx, refund.id)
        if current is None or current.state is not RefundState.RESERVED:
            return
        # Money on its way back is asked after for as long as it takes: past the ladder, daily.
        again_at = rung(refund.created_at, now) or now + _DAILY
        await store_refunds.move(
            tx,
            refund.id,
            RefundState.RESERVED,
            next_check_at=again_at,
            provider_refund_id=named,
        )
        await _note(tx, refund, "refund_waits", said, named, now)


async def end(
    deps: Deps,
    refund: Refund,
    state: RefundState,
    *,
    part: str,
    said: str = "",
    named: str | None = None,
) -> None:
    """Fix how the refund ends, in the transaction that says so: `post`, `void` or `spent`.

    Locks: the order's row.
    """
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order = await store.locked(tx, refund.order_id)
        current = await store_refunds.refund(tx, refund.id)
        assert order is not None, "an order is never deleted"
        if current is None or current.state is not RefundState.RESERVED:
            return
        await _note(tx, refund, f"refund_{part}", said, named, now)
        if refund.coins == 0:
            await _end_without_coins(tx, order, refund, state, named, now)
            return
        post = state is RefundState.POSTING
        chain = (postings.give_back if post else postings.release)(order, refund)
        await freeze_step(tx, order, refund.number, part=part, chain=chain, now=now)
        await store_refunds.move(tx, refund.id, state, next_check_at=now, provider_refund_id=named)


async def _end_without_coins(
    tx: Tx, order: Order, refund: Refund, state: RefundState, named: str | None, now: datetime
) -> None:
    """Money that never became coins went back, or did not: the books know nothing of it."""
    done = state is RefundState.POSTING
    await store_refunds.move(
        tx,
        refund.id,
        RefundState.DONE if done else RefundState.FAILED,
        next_check_at=None,
        provider_refund_id=named,
        finished_at=now,
    )
    if done:
        gone = OrderState.REVERSED
        await store.set_state(tx, order.id, gone, now=now, next_check_at=None)
        await tell(tx, order, gone, now=now, more={"refund_id": str(refund.id)})
    else:
        # The next look says what it is now.
        await store.postpone(tx, order.id, now)


async def _note(
    tx: Tx, refund: Refund, kind: str, said: str, named: str | None, now: datetime
) -> None:
    body = {"refund_id": str(refund.id), "said": said, "provider_refund_id": named}
    refs = [str(refund.id), named]
    await store_events.add(
        tx, refund.order_id, at=now, source="provider", kind=kind, body=body, refs=refs
    )

"""A person decides about a recharge in doubt; what nobody decides in time goes back by itself."""

from uuid import UUID

from coinwell.base import audit
from coinwell.base.db import transaction
from coinwell.recharge import store, store_events
from coinwell.recharge.deps import Deps
from coinwell.recharge.refusals import NothingToReview, ReasonMissing, RechargeUnknown
from coinwell.recharge.rules import NEVER_APPROVED
from coinwell.recharge.syncing import sync_order
from coinwell.recharge.types import Order, OrderState


async def approve_review(
    deps: Deps, order_id: UUID, *, operator: str, reason: str, token: str | None = None
) -> Order:
    """Settle exactly the doubt that is there now: paid coins are credited, others stay.

    A new doubt needs a new decision: `token` is the review's that the operator was shown. The
    other way out of a review is `refund_order`.

    Refuses: `RechargeUnknown`; `NothingToReview` when the order is not in review, or not in this
        one, or for what nobody may wave through (another order's money, test money in a live
        house, money without an amount); `ReasonMissing`.
    """
    if not reason.strip():
        raise ReasonMissing
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order = await store.locked(tx, order_id)
        if order is None:
            raise RechargeUnknown(str(order_id))
        final = order.review_reason in NEVER_APPROVED or order.captured is None
        final = final or token not in {None, order.review_token}
        if order.state is not OrderState.NEEDS_REVIEW or order.review_token is None or final:
            raise NothingToReview(str(order_id), order.state.value)
        await store.approve(tx, order_id, order.review_token)
        body = {"operator": operator, "reason": reason, "token": order.review_token}
        await store_events.add(
            tx, order_id, at=now, source="operator", kind="review_approved", body=body
        )
        facts = {"token": order.review_token}
        approved = audit.Act(
            who=operator,
            act="review.approved",
            object=f"recharge:{order_id}",
            facts=facts,
            note=reason,
        )
        await audit.write(tx, approved, at=now)
    return await sync_order(deps, order_id)


async def ask_provider_now(deps: Deps, order_id: UUID, *, operator: str) -> Order:
    """The same look as every other one, on the record with the operator's name."""
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        if await store.order(tx, order_id) is None:
            raise RechargeUnknown(str(order_id))
        body = {"operator": operator}
        await store_events.add(
            tx, order_id, at=now, source="operator", kind="provider_asked", body=body
        )
        asked = audit.Act(who=operator, act="provider.asked", object=f"recharge:{order_id}")
        await audit.write(tx, asked, at=now)
    return await sync_order(deps, order_id)

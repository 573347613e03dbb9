"""What the pages of a recharge show: where it stands on its way, and what can be done now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.recharge import store
from coinwell.recharge.showing import PAYABLE
from coinwell.recharge.types import Order, OrderState
from coinwell.recharge.words import Answers, answers
from coinwell.users import Scope, Standing, User, restrictions, standing
from coinwell.wallet import Arrival

LABELS = ("Chosen", "Payment started", "Paid", "Coins added")

_STEP = {
    OrderState.CREATED: 1,
    OrderState.NEEDS_GUARDIAN: 1,
    OrderState.AWAITING_USER: 1,
    OrderState.ACTION_REQUIRED: 1,
    OrderState.UNKNOWN: 1,
    OrderState.FAILED: 1,
    OrderState.CANCELED: 1,
    OrderState.EXPIRED: 1,
    OrderState.PROCESSING: 2,
    OrderState.PAID: 3,
    OrderState.NEEDS_REVIEW: 3,
    OrderState.CREDITED: 4,
    OrderState.REFUND_PENDING: 4,
    OrderState.PARTIALLY_REVERSED: 4,
    OrderState.REVERSED: 4,
    OrderState.DISPUTED: 4,
}
assert _STEP.keys() == set(OrderState), "every state is somewhere on the way"

_STOPPED = frozenset({OrderState.FAILED, OrderState.CANCELED, OrderState.EXPIRED})
_OVER = frozenset(
    {
        OrderState.CREDITED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REVERSED,
        OrderState.PARTIALLY_REVERSED,
    }
)
_CANCELABLE = frozenset(
    {OrderState.CREATED, OrderState.AWAITING_USER, OrderState.ACTION_REQUIRED, OrderState.FAILED}
)
ON_THE_WAY = frozenset(
    {OrderState.PROCESSING, OrderState.UNKNOWN, OrderState.PAID, OrderState.NEEDS_REVIEW}
)


@dataclass(frozen=True, slots=True)
class View:
    """One recharge as its page shows it.

    Shape: `labels` are the steps in order; `done` of them are behind us and `now` is the one at
    hand, or past the last.
    """

    order: Order
    answers: Answers
    zone: str
    labels: Sequence[str]
    done: int
    now: int
    stopped: bool
    final: bool
    pay_url: str | None
    receipt: bool
    again: bool
    pay_again: bool
    check: bool
    cancel: bool


def view(order: Order, user: User) -> View:
    """What the status page of an order shows to its buyer."""
    state = order.state
    done = _STEP[state]
    declined = state is OrderState.FAILED
    return View(
        order=order,
        answers=answers(order, language=user.language, time_zone=user.time_zone),
        zone=user.time_zone,
        labels=LABELS,
        done=done,
        now=done + 1,
        stopped=state in _STOPPED,
        final=state in _OVER,
        pay_url=order.pay_url if state in PAYABLE else None,
        receipt=order.credited_at is not None,
        again=state in {OrderState.CANCELED, OrderState.EXPIRED},
        pay_again=declined,
        check=state not in _OVER and not declined,
        cancel=state in _CANCELABLE,
    )


async def arrivals(tx: Tx, user_id: UUID) -> list[Arrival]:
    """The recharges of a user that are paid or being paid, for the balance page."""
    coming = await store.of_user(tx, user_id, states=sorted(ON_THE_WAY), limit=20)
    return [
        Arrival(
            order_id=order.id,
            coins=order.all_coins,
            price=order.price,
            words=answers(order).title,
            href=f"/me/recharges/{order.id}",
        )
        for order in coming
    ]


async def recharge_standing(tx: Tx, user: User, now: datetime) -> Standing:
    """Whether this account may recharge now; if not: why, until when, what next."""
    placed = await restrictions(tx, user.id, now=now, in_force=True)
    return standing(user, placed, Scope.RECHARGE, now)

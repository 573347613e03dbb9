"""What state an order is in: a pure function of the provider's truth and of our own facts.

Nothing here knows in which order the news came, nor what state the order was in before. So
duplicated, late, lost and reordered messages are no special cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from coinwell.base.money import Money
from coinwell.recharge.providers.types import (
    DisputeState,
    Failure,
    PaymentState,
    RefundObjState,
    Snapshot,
)
from coinwell.recharge.types import (
    AttemptState,
    OrderState,
    RefundState,
    ReviewReason,
    Stage,
)

# How long after the quote ran out we still wait for the provider to confirm that it is closed.
CLOSE_GRACE: Final = timedelta(hours=1)

# No person may wave these through: the money is another order's, or none at all.
NEVER_APPROVED: Final = frozenset(
    {ReviewReason.WRONG_ORDER, ReviewReason.PAYMENT_TAKEN, ReviewReason.WRONG_ENVIRONMENT}
)


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What we ourselves know about an order, whatever the provider says.

    Units: `all_coins` and `taken_coins` of coins and bonus together.
    """

    order_id: UUID
    account_ref: str
    environment: str
    price: Money
    all_coins: int
    expires_at: datetime
    asked: AttemptState | None  # Of the latest attempt; None before the first.
    cancel_asked: bool = False
    waits_for_guardian: bool = False
    restricted: bool = False
    payment_taken: bool = False  # The payment is bound to another order.
    charged_count: int = 1  # How many attempts of this order took money.
    credit: Stage = Stage.NONE
    taken_coins: int = 0
    refund: RefundState | None = None  # Of the latest refund of ours.
    refund_ids: frozenset[str] = frozenset()  # The provider's names of refunds we asked for.
    approved_token: str | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that a person must decide; an approval names the token, so it covers no more."""

    reason: ReviewReason
    token: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from a snapshot."""

    state: OrderState
    credit: bool = False  # Freeze the credit of the coins now.
    close: bool = False  # Ask the provider to take no more money.
    ask_again: bool = False  # Send the same request again, with the same key.
    doubt: Doubt | None = None
    target_coins: int | None = None  # What the order should have contributed, when in doubt.
    failure: Failure | None = None


def strongest(snapshots: Sequence[Snapshot]) -> Snapshot | None:
    """Of several attempts, the one that decides: money in beats money maybe, beats no money.

    Shape: `snapshots` in the order of the attempts; of equals the latest counts.
    """
    known = [one for one in snapshots if one.state is not PaymentState.NONE]
    return max(reversed(known), key=lambda one: _STRENGTH[one.state], default=None)


_STRENGTH: Final = {
    PaymentState.NONE: 0,
    PaymentState.CANCELED: 1,
    PaymentState.FAILED: 2,
    PaymentState.AWAITING_USER: 3,
    PaymentState.ACTION_REQUIRED: 4,
    PaymentState.PROCESSING: 5,
    PaymentState.CAPTURED: 6,
}
assert _STRENGTH.keys() == set(PaymentState), "every state of a payment has its strength"


def bind(facts: OrderFacts, snapshot: Snapshot) -> Doubt | None:
    """Whether this payment is really the one for this order; asked before any coin moves.

    Only captured money counts: an authorised amount is a promise of the bank.
    """
    captured = snapshot.captured
    said = "0" if captured is None else f"{captured.minor}:{captured.currency}"
    bare = captured is None and snapshot.state is PaymentState.CAPTURED
    other = captured is not None and captured.currency != facts.price.currency
    less_or_more = captured is not None and captured.minor != facts.price.minor
    checks = (
        (snapshot.order_ref != facts.order_id, ReviewReason.WRONG_ORDER, snapshot.order_ref),
        (facts.payment_taken, ReviewReason.PAYMENT_TAKEN, snapshot.payment_id),
        (
            snapshot.environment != facts.environment,
            ReviewReason.WRONG_ENVIRONMENT,
            snapshot.environment,
        ),
        (
            snapshot.account_ref != facts.account_ref,
            ReviewReason.WRONG_ACCOUNT,
            snapshot.account_ref,
        ),
        (other, ReviewReason.WRONG_CURRENCY, said),
        (bare or less_or_more, ReviewReason.WRONG_AMOUNT, said),
    )
    for wrong, reason, what in checks:
        if wrong:
            return Doubt(reason, f"{reason.value}:{what}")
    return None


def decide(
    facts: OrderFacts, snapshot: Snapshot | None, doubt: Doubt | None, now: datetime
) -> Decision:
    """The state of an order, and what is to be done for it.

    `snapshot` is None when the provider was never asked or knows no such payment; `doubt` is
    the answer of `bind`. Money that was captured is never ignored, however late it comes.
    """
    if facts.credit is Stage.FROZEN:
        return Decision(OrderState.PAID)
    if facts.credit is Stage.RECORDED:
        return _after_credit(facts, snapshot, doubt)
    if snapshot is None or snapshot.state is PaymentState.NONE:
        return _without_payment(facts, now)
    if snapshot.state is PaymentState.CAPTURED:
        return _before_credit(facts, snapshot, doubt)
    return _without_money(facts, snapshot, now)


def gone_minor(snapshot: Snapshot) -> int:
    """How much of the captured money is back with the buyer or held by their bank.

    Units: minor units of the captured currency.
    """
    back = sum(
        refund.amount.minor
        for refund in snapshot.refunds
        if refund.state is RefundObjState.SUCCEEDED
    )
    disputed = sum(
        dispute.amount.minor for dispute in snapshot.disputes if dispute.state in _MONEY_HELD
    )
    captured = 0 if snapshot.captured is None else snapshot.captured.minor
    return min(back + disputed, captured)


def target_of(facts: OrderFacts, snapshot: Snapshot) -> int:
    """How many coins the order should have contributed, given the money that stayed.

    Rounded so that half a coin goes with the money that went.
    """
    captured = 0 if snapshot.captured is None else snapshot.captured.minor
    if captured == 0:
        return 0
    lost = (2 * facts.all_coins * gone_minor(snapshot) + captured) // (2 * captured)
    return facts.all_coins - lost


def delta(*, target_coins: int, planned_coins: int) -> int:
    """What an adjustment has to move, so that what is planned meets the target.

    Units: coins; positive gives, negative takes.
    """
    assert target_coins >= 0
    assert planned_coins >= 0
    return target_coins - planned_coins


_MONEY_HELD: Final = frozenset(
    {DisputeState.NEEDS_RESPONSE, DisputeState.UNDER_REVIEW, DisputeState.LOST}
)
_UNDECIDED: Final = frozenset({DisputeState.NEEDS_RESPONSE, DisputeState.UNDER_REVIEW})
_BEING_REFUNDED: Final = frozenset(
    {RefundState.RESERVING, RefundState.RESERVED, RefundState.POSTING, RefundState.VOIDING}
)


def _without_payment(facts: OrderFacts, now: datetime) -> Decision:
    """The provider has no payment of this order: nothing was charged, as far as it knows."""
    closed = _closed(facts, now)
    vanished = facts.asked is AttemptState.KNOWN and now < facts.expires_at + CLOSE_GRACE
    if vanished or _lost(facts, now):
        # It may still turn up: a request can be slower than the question about it.
        again = facts.asked is AttemptState.UNKNOWN and closed is None
        return Decision(OrderState.UNKNOWN, ask_again=again)
    if closed is not None:
        return Decision(closed)
    if facts.asked is AttemptState.REFUSED:
        return Decision(OrderState.FAILED)
    if facts.asked is None and facts.waits_for_guardian:
        return Decision(OrderState.NEEDS_GUARDIAN)
    return Decision(OrderState.CREATED, ask_again=facts.asked is AttemptState.NEW)


def _without_money(facts: OrderFacts, snapshot: Snapshot, now: datetime) -> Decision:
    closed = _closed(facts, now)
    match snapshot.state:
        case PaymentState.PROCESSING:
            return Decision(OrderState.PROCESSING)
        case PaymentState.FAILED | PaymentState.CANCELED if _lost(facts, now):
            # An earlier attempt is over, but a later one may be taking money right now.
            return Decision(OrderState.UNKNOWN, ask_again=closed is None)
        case PaymentState.FAILED:
            return Decision(closed or OrderState.FAILED, failure=snapshot.failure)
        case PaymentState.CANCELED:
            return Decision(closed or OrderState.CANCELED)
        case _:
            if now >= facts.expires_at + CLOSE_GRACE:
                return Decision(OrderState.EXPIRED, close=True)
            waiting = snapshot.state is PaymentState.AWAITING_USER
            state = OrderState.AWAITING_USER if waiting else OrderState.ACTION_REQUIRED
            # A card was declined, and the payment page still takes another.
            return Decision(state, close=closed is not None, failure=snapshot.failure)


def _lost(facts: OrderFacts, now: datetime) -> bool:
    """Whether a request was sent whose answer never came, and may still have worked."""
    return facts.asked is AttemptState.UNKNOWN and now < facts.expires_at + CLOSE_GRACE


def _closed(facts: OrderFacts, now: datetime) -> OrderState | None:
    if facts.cancel_asked:
        return OrderState.CANCELED
    return OrderState.EXPIRED if now >= facts.expires_at else None


def _before_credit(facts: OrderFacts, snapshot: Snapshot, doubt: Doubt | None) -> Decision:
    if facts.refund in _BEING_REFUNDED:
        return Decision(OrderState.REFUND_PENDING)
    if facts.refund is RefundState.DONE or _all_gone(snapshot):
        return Decision(OrderState.REVERSED)
    target = target_of(facts, snapshot)
    if _undecided(snapshot):
        return Decision(OrderState.DISPUTED, target_coins=target)
    doubts = [doubt, _foreign(facts, snapshot)]
    if facts.restricted:
        doubts.append(Doubt(ReviewReason.ACCOUNT_RESTRICTED, "account_restricted"))
    # What was taken must be known before it can be booked, whoever approves of it.
    approved = facts if snapshot.captured is not None else replace(facts, approved_token=None)
    return _unless(approved, doubts, target) or Decision(OrderState.PAID, credit=True)


def _after_credit(facts: OrderFacts, snapshot: Snapshot | None, doubt: Doubt | None) -> Decision:
    if facts.refund in _BEING_REFUNDED:
        return Decision(OrderState.REFUND_PENDING)
    if facts.taken_coins == facts.all_coins:
        return Decision(OrderState.REVERSED)
    if snapshot is None or snapshot.state is not PaymentState.CAPTURED:
        said = "none" if snapshot is None else snapshot.state.value
        vanished = Doubt(ReviewReason.CAPTURE_VANISHED, f"capture_vanished:{said}")
        return _unless(facts, [vanished], 0) or _settled(facts)
    target = target_of(facts, snapshot)
    if _undecided(snapshot):
        return Decision(OrderState.DISPUTED, target_coins=target)
    doubts = [doubt, _foreign(facts, snapshot)]
    if facts.charged_count > 1:
        token = f"charged_twice:{facts.charged_count}"
        doubts.append(Doubt(ReviewReason.CHARGED_TWICE, token))
    return _unless(facts, doubts, target) or _settled(facts)


def _settled(facts: OrderFacts) -> Decision:
    part = facts.taken_coins > 0
    # Another attempt whose page is still open would take money a second time.
    return Decision(OrderState.PARTIALLY_REVERSED if part else OrderState.CREDITED, close=True)


def _unless(facts: OrderFacts, doubts: Sequence[Doubt | None], target: int) -> Decision | None:
    """A review, unless there is no doubt or a person approved exactly these."""
    real = [doubt for doubt in doubts if doubt is not None]
    token = "+".join(doubt.token for doubt in real)
    settled = token == facts.approved_token and not any(
        doubt.reason in NEVER_APPROVED for doubt in real
    )
    if not real or settled:
        return None
    shown = Doubt(real[0].reason, token)
    return Decision(OrderState.NEEDS_REVIEW, doubt=shown, target_coins=target)


def _all_gone(snapshot: Snapshot) -> bool:
    """Whether the whole capture went back for good, so that nothing is left to be credited."""
    captured = 0 if snapshot.captured is None else snapshot.captured.minor
    return 0 < captured == gone_minor(snapshot) and not _undecided(snapshot)


def _undecided(snapshot: Snapshot) -> bool:
    return any(dispute.state in _UNDECIDED for dispute in snapshot.disputes)


def _foreign(facts: OrderFacts, snapshot: Snapshot) -> Doubt | None:
    """Money that went back without our asking."""
    foreign = [
        refund
        for refund in snapshot.refunds
        if refund.state is RefundObjState.SUCCEEDED and refund.id not in facts.refund_ids
    ]
    lost = [dispute for dispute in snapshot.disputes if dispute.state is DisputeState.LOST]
    minor = sum(one.amount.minor for one in (*foreign, *lost))
    if minor == 0:
        return None
    return Doubt(ReviewReason.REFUND_UNKNOWN_TO_US, f"refund_unknown_to_us:{minor}")

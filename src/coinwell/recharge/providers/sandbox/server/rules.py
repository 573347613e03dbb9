"""What may become of a payment: pure functions from one payment to the next.

A payment is captured at most once and never refunded beyond what was captured.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from coinwell.recharge.providers.sandbox.server.cards import Card
from coinwell.recharge.providers.sandbox.server.types import (
    Dispute,
    DisputeState,
    Method,
    Mischief,
    Movement,
    Payment,
    Refund,
    RefundState,
    Refused,
    State,
)

# The payer may still choose how to pay.
OPEN: Final = frozenset({State.AWAITING_USER, State.ACTION_REQUIRED})
_NO_MONEY: Final = frozenset({DisputeState.WON})
_CONFLICT: Final = 409
_WRONG: Final = 422


def pay_by_card(payment: Payment, card: Card, now: datetime) -> Payment:
    """The payer sent a card. A payment that is not open stays as it is: one capture at most."""
    if payment.state not in OPEN:
        return payment
    # What an earlier card would have done is over and done with.
    payment = replace(payment, mischief=card.mischief.over(payment.planned), method=Method.CARD)
    payment = replace(_broken(payment, card.mischief, now), updated_at=now)
    if card.failure_code is not None:
        return replace(payment, state=State.AWAITING_USER, failure_code=card.failure_code)
    payment = replace(payment, failure_code=None)
    if card.challenge:
        return replace(payment, state=State.ACTION_REQUIRED)
    return _take(payment, now)


def answer_challenge(payment: Payment, now: datetime, *, confirmed: bool) -> Payment:
    """The payer confirmed or refused at the bank."""
    if payment.state is not State.ACTION_REQUIRED:
        return payment
    if confirmed:
        return _take(replace(payment, updated_at=now), now)
    return replace(
        payment, state=State.AWAITING_USER, failure_code="authentication_failed", updated_at=now
    )


def pay_by_transfer(payment: Payment, now: datetime, *, takes_s: int, arrives: bool) -> Payment:
    """The payer ordered a bank transfer; the money arrives, or does not, later."""
    if payment.state not in OPEN:
        return payment
    own_s = payment.planned.settle_s
    return replace(
        payment,
        state=State.PROCESSING,
        mischief=payment.planned,
        method=Method.BANK_TRANSFER,
        failure_code=None,
        settles_at=now + timedelta(seconds=takes_s if own_s is None else own_s),
        settles_to=State.CAPTURED if arrives else State.FAILED,
        updated_at=now,
    )


def cancel(payment: Payment, now: datetime) -> Payment:
    """Take no more money for it; refused once money is in or on its way."""
    if payment.state in {State.CANCELED, State.FAILED}:
        return payment
    if payment.state not in OPEN:
        sentence = f"The payment is {payment.state} and can no longer be canceled."
        raise Refused(_CONFLICT, "not_cancelable", sentence)
    late_s = payment.mischief.capture_after_cancel_s
    if late_s is not None:
        late_at = now + timedelta(seconds=late_s)
        payment = replace(payment, settles_at=late_at, settles_to=State.CAPTURED)
    return replace(payment, state=State.CANCELED, updated_at=now)


def refundable(payment: Payment) -> int:
    """What is left to give back, in minor units."""
    back = sum(one.amount for one in payment.refunds if one.state is not RefundState.FAILED)
    held = sum(one.amount for one in payment.disputes if one.state not in _NO_MONEY)
    return max(0, payment.captured_amount - back - held)


def refund(
    payment: Payment, refund_id: str, amount: int | None, reason: str, now: datetime
) -> Payment:
    """Send money back, all that is left when `amount` is None."""
    left = refundable(payment)
    if payment.state is not State.CAPTURED:
        raise Refused(_CONFLICT, "not_captured", "Nothing was captured, so nothing can go back.")
    wanted = left if amount is None else amount
    if not 0 < wanted <= left:
        sentence = f"At most {left} can go back, in minor units; {wanted} was asked for."
        raise Refused(_WRONG, "refund_exceeds_captured", sentence)
    mischief = payment.mischief
    done = Refund(
        id=refund_id,
        amount=wanted,
        state=RefundState.SUCCEEDED,
        reason=reason,
        created_at=now,
    )
    if mischief.refund_pending_s is not None:
        turns_at = now + timedelta(seconds=mischief.refund_pending_s)
        done = replace(
            done, state=RefundState.PENDING, turns_at=turns_at, turns_to=RefundState.SUCCEEDED
        )
    elif mischief.refund_fails_after_s is not None:
        turns_at = now + timedelta(seconds=mischief.refund_fails_after_s)
        done = replace(done, turns_at=turns_at, turns_to=RefundState.FAILED)
    payment = replace(payment, refunds=(*payment.refunds, done), updated_at=now)
    return payment if done.state is RefundState.PENDING else _move(payment, "refund", -wanted, now)


def open_dispute(
    payment: Payment, dispute_id: str, amount: int | None, reason: str, now: datetime
) -> Payment:
    """The payer's bank takes the money back until the dispute is decided."""
    left = refundable(payment)
    wanted = left if amount is None else amount
    if not 0 < wanted <= left:
        raise Refused(_WRONG, "dispute_exceeds_captured", f"At most {left} can be disputed.")
    opened = Dispute(
        id=dispute_id,
        amount=wanted,
        state=DisputeState.NEEDS_RESPONSE,
        reason=reason,
        created_at=now,
    )
    payment = replace(payment, disputes=(*payment.disputes, opened), updated_at=now)
    return _move(payment, "dispute", -wanted, now)


def decide_dispute(payment: Payment, state: DisputeState, now: datetime) -> Payment:
    """Move the latest dispute on; a dispute that is won brings the money back."""
    if not payment.disputes or payment.disputes[-1].state in {DisputeState.WON, DisputeState.LOST}:
        raise Refused(_CONFLICT, "no_open_dispute", "The payment has no open dispute.")
    latest = payment.disputes[-1]
    disputes = (*payment.disputes[:-1], replace(latest, state=state))
    payment = replace(payment, disputes=disputes, updated_at=now)
    return (
        _move(payment, "dispute_won", latest.amount, now) if state is DisputeState.WON else payment
    )


def with_mischief(payment: Payment, mischief: Mischief, now: datetime) -> Payment:
    """Put more mischief on a payment, whatever its payer does."""
    payment = replace(
        payment,
        planned=mischief.over(payment.planned),
        mischief=mischief.over(payment.mischief),
    )
    return _broken(payment, mischief, now)


def wakes_at(payment: Payment) -> datetime | None:
    """When something happens next by itself."""
    times = [payment.settles_at, payment.disputed_at, *(one.turns_at for one in payment.refunds)]
    return min((at for at in times if at is not None), default=None)


def turn(payment: Payment, dispute_id: str, now: datetime) -> Payment:
    """One thing that is due by now; asked again until nothing is."""
    if payment.settles_at is not None and payment.settles_at <= now:
        return _settle(payment, now)
    if payment.disputed_at is not None and payment.disputed_at <= now:
        payment = replace(payment, disputed_at=None)
        left = refundable(payment)
        return open_dispute(payment, dispute_id, None, "fraudulent", now) if left else payment
    for number, one in enumerate(payment.refunds):
        if one.turns_at is not None and one.turns_at <= now:
            assert one.turns_to is not None, "a refund that turns has where to"
            turned = replace(one, state=one.turns_to, turns_at=None, turns_to=None)
            refunds = (*payment.refunds[:number], turned, *payment.refunds[number + 1 :])
            failed = turned.state is RefundState.FAILED
            kind, amount = ("refund_failed", one.amount) if failed else ("refund", -one.amount)
            payment = replace(payment, refunds=refunds, updated_at=now)
            return _move(payment, kind, amount, now)
    return payment


def _broken(payment: Payment, mischief: Mischief, now: datetime) -> Payment:
    if not mischief.fetch_broken_s:
        return payment
    return replace(payment, broken_until=now + timedelta(seconds=mischief.fetch_broken_s))


def _settle(payment: Payment, now: datetime) -> Payment:
    to = payment.settles_to
    payment = replace(payment, settles_at=None, settles_to=None)
    if to is State.CAPTURED:
        return _capture(payment, now)
    return replace(payment, state=State.FAILED, failure_code="transfer_failed", updated_at=now)


def _take(payment: Payment, now: datetime) -> Payment:
    """The bank said yes: captured now, or as the mischief has it."""
    mischief = payment.mischief
    if mischief.late_s is not None:
        # For everybody who asks, nothing has happened yet.
        late_at = now + timedelta(seconds=mischief.late_s)
        return replace(
            payment, state=State.AWAITING_USER, settles_at=late_at, settles_to=State.CAPTURED
        )
    if mischief.webhook_reversed:
        # Two events in one instant, so that there is an order to get wrong.
        return replace(payment, state=State.PROCESSING, settles_at=now, settles_to=State.CAPTURED)
    return _capture(payment, now)


def _capture(payment: Payment, now: datetime) -> Payment:
    assert payment.captured_amount == 0, "a payment is captured once"
    mischief = payment.mischief
    taken = max(1, payment.amount + mischief.capture_off_by)
    disputed_at = None
    if mischief.dispute_after_s is not None:
        disputed_at = now + timedelta(seconds=mischief.dispute_after_s)
    payment = replace(
        payment,
        state=State.CAPTURED,
        captured_amount=taken,
        failure_code=None,
        disputed_at=disputed_at,
        settles_at=None,
        settles_to=None,
        updated_at=now,
    )
    return _move(payment, "capture", taken, now)


def _move(payment: Payment, kind: str, amount: int, now: datetime) -> Payment:
    moved = Movement(kind=kind, amount=amount, at=now)
    return replace(payment, movements=(*payment.movements, moved))

"""The sandbox at work: its clock, its memory, and the verbs that its three doors share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Final

import msgspec

from coinwell.recharge.providers.sandbox.server import rules
from coinwell.recharge.providers.sandbox.server.delivering import Courier
from coinwell.recharge.providers.sandbox.server.moving import MovedClock
from coinwell.recharge.providers.sandbox.server.store import Store
from coinwell.recharge.providers.sandbox.server.types import (
    CreateAnswer,
    Method,
    Payment,
    Refund,
    Refused,
    SandboxSettings,
)

_TURNS_MAX: Final = 100
_REVERSED_AFTER: Final = timedelta(seconds=1)
Rule = Callable[[Payment, datetime], Payment]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWish:
    """What a shop sends to have a payment made. Units: `amount` in minor units."""

    amount: int
    currency: str
    order_ref: str
    account_ref: str
    description: str
    return_url: str
    methods: tuple[Method, ...] = ()  # What the payer may choose from; empty for everything.


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is given again whenever the same question comes with the same key."""

    status: int
    body: bytes
    payment_id: str = ""
    repeated: bool = False
    manner: CreateAnswer = CreateAnswer.PLAIN


@dataclass(frozen=True, slots=True)
class World:
    """All that a running sandbox has."""

    settings: SandboxSettings
    clock: MovedClock
    store: Store
    courier: Courier

    def now(self) -> datetime:
        """The sandbox's own time."""
        return self.clock.now()

    def payment(self, payment_id: str) -> Payment:
        """The payment as it is now, with all done that is due."""
        self.turn_due()
        payment = self.store.payment(payment_id)
        if payment is None:
            raise Refused(404, "payment_unknown", "There is no such payment.")
        return payment

    def create(self, wish: PaymentWish, key: str) -> Answer:
        """Make a payment, once per key."""
        question = b"create " + msgspec.json.encode(wish)
        before = self._before(key, question)
        if before is not None:
            return before
        now = self.now()
        with self.store.writing():
            mischief = self.store.take_mischief()
            payment = Payment(
                id=new_id("pay"),
                order_ref=wish.order_ref,
                account_ref=wish.account_ref,
                description=wish.description,
                return_url=wish.return_url,
                methods=wish.methods or tuple(Method),
                amount=wish.amount,
                currency=wish.currency,
                created_at=now,
                updated_at=now,
            )
            payment = rules.with_mischief(payment, mischief, now)
            self.store.save(payment)
            if mischief.webhook_first:
                self._tell(payment, now)
            body = msgspec.json.encode(self.shown(payment))
            self.store.keep_answer(key, question, 201, body)
        return Answer(201, body, payment.id, manner=mischief.create_answer)

    def refund(self, payment_id: str, amount: int | None, reason: str, key: str) -> Answer:
        """Send money back, once per key."""
        question = b"refund " + msgspec.json.encode((payment_id, amount, reason))
        before = self._before(key, question)
        if before is not None:
            return before
        payment = self.payment(payment_id)
        now = self.now()
        with self.store.writing():
            refund_id = new_id("re")
            after = rules.refund(payment, refund_id, amount, reason, now)
            self._keep(payment, after, now)
            body = msgspec.json.encode(shown_refund(after.refunds[-1], after.currency))
            self.store.keep_answer(key, question, 201, body)
        return Answer(201, body, payment_id)

    def cancel(self, payment_id: str, key: str) -> Answer:
        """Take no more money for a payment; the same answer however often."""
        question = b"cancel " + payment_id.encode()
        before = self._before(key, question)
        if before is not None:
            return before
        with self.store.writing():
            body = msgspec.json.encode(self.shown(self.change(payment_id, rules.cancel)))
            self.store.keep_answer(key, question, 200, body)
        return Answer(200, body, payment_id)

    def change(self, payment_id: str, rule: Rule) -> Payment:
        """Let a rule change a payment, tell the shop, and do what is due at once."""
        payment = self.payment(payment_id)
        now = self.now()
        self._keep(payment, rule(payment, now), now)
        return self.payment(payment_id)

    def turn_due(self) -> None:
        """Do everything that was to happen by itself until now."""
        now = self.now()
        for payment_id in self.store.waking(now):
            for _ in range(_TURNS_MAX):
                payment = self.store.payment(payment_id)
                wakes = None if payment is None else rules.wakes_at(payment)
                if payment is None or wakes is None or wakes > now:
                    break
                # What was due at noon happened at noon, even if somebody looks only at one.
                at = max(wakes, payment.created_at)
                self._keep(payment, rules.turn(payment, new_id("dp"), at), at)

    def shown(self, payment: Payment) -> dict[str, object]:
        """A payment as the shop is told of it."""
        code = payment.failure_code
        return {
            "id": payment.id,
            "environment": self.settings.environment,
            "state": payment.state.value,
            "amount": payment.amount,
            "currency": payment.currency,
            "captured_amount": payment.captured_amount,
            "order_ref": payment.order_ref,
            "account_ref": payment.account_ref,
            "pay_url": self.pay_url(payment.id),
            "failure": None if code is None else {"code": code},
            "refunds": [shown_refund(one, payment.currency) for one in payment.refunds],
            "disputes": [
                {
                    "id": one.id,
                    "amount": one.amount,
                    "currency": payment.currency,
                    "state": one.state.value,
                    "reason": one.reason,
                }
                for one in payment.disputes
            ],
            "method": payment.method,
            "created_at": payment.created_at,
            "updated_at": payment.updated_at,
        }

    def pay_url(self, payment_id: str) -> str:
        """Where the payer pays."""
        return f"{self.settings.public_url.rstrip('/')}/pay/{payment_id}"

    def _before(self, key: str, question: bytes) -> Answer | None:
        found = self.store.answered(key)
        if found is None:
            return None
        asked, status, body = found
        if asked != question:
            sentence = "This key was used for another question."
            raise Refused(409, "idempotency_conflict", sentence)
        return Answer(status, body, repeated=True)

    def _keep(self, before: Payment, after: Payment, now: datetime) -> None:
        if after == before:
            return
        with self.store.writing():
            self.store.save(after)
            if self.shown(after) != self.shown(before):
                self._tell(after, now)

    def _tell(self, payment: Payment, now: datetime) -> None:
        mischief = payment.mischief
        event = self.store.record(
            event_id=new_id("evt"),
            kind="payment.updated",
            payment_id=payment.id,
            now=now,
        )
        if not self.courier.url():
            return
        due_at = now + timedelta(seconds=mischief.webhook_delay_s)
        if mischief.webhook_reversed:
            due_at += _REVERSED_AFTER
        self.store.plan_deliveries(
            event,
            copies=mischief.webhook_copies,
            due_at=due_at,
            put_first=mischief.webhook_reversed,
        )
        self.courier.wake()


def new_id(kind: str) -> str:
    """A name that nobody can guess."""
    return f"{kind}_{token_urlsafe(18)}"


def shown_refund(refund: Refund, currency: str) -> dict[str, object]:
    """A refund as the shop is told of it."""
    return {
        "id": refund.id,
        "amount": refund.amount,
        "currency": currency,
        "state": refund.state.value,
    }

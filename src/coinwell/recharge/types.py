"""The words of a recharge: orders and their states, attempts, refunds, decisions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from coinwell.base.money import Money
from coinwell.catalog import Channel


class OrderState(StrEnum):
    """Where a recharge stands; `words.py` has what a person reads for each.

    Source: payments, order state machine.
    """

    CREATED = "created"  # A frozen quote; nobody was asked for money yet.
    NEEDS_GUARDIAN = "needs_guardian"  # Waits for a guardian's yes; nobody asked for money yet.
    AWAITING_USER = "awaiting_user"  # The provider's page is open.
    ACTION_REQUIRED = "action_required"  # The buyer's bank wants a confirmation.
    PROCESSING = "processing"  # The provider accepted it and waits for the bank.
    UNKNOWN = "unknown"  # Nobody knows whether the provider took it; never shown as failed.
    FAILED = "failed"  # The bank said no; another attempt may follow until the quote expires.
    CANCELED = "canceled"
    EXPIRED = "expired"
    PAID = "paid"  # Money is in, coins are being posted.
    NEEDS_REVIEW = "needs_review"  # A check failed or the account may not recharge: a person looks.
    CREDITED = "credited"
    REFUND_PENDING = "refund_pending"
    PARTIALLY_REVERSED = "partially_reversed"
    REVERSED = "reversed"
    DISPUTED = "disputed"


class ReviewReason(StrEnum):
    """Why a person has to look at a recharge."""

    WRONG_ORDER = "wrong_order"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    WRONG_ENVIRONMENT = "wrong_environment"
    WRONG_ACCOUNT = "wrong_account"
    PAYMENT_TAKEN = "payment_taken"  # The payment belongs to another order already.
    ACCOUNT_RESTRICTED = "account_restricted"
    CHARGED_TWICE = "charged_twice"  # Two attempts of one order both took money.
    REFUND_UNKNOWN_TO_US = "refund_unknown_to_us"  # Money went back and not by our doing.
    CAPTURE_VANISHED = "capture_vanished"  # Credited, and the provider no longer says captured.


class Stage(StrEnum):
    """How far an effect in the ledger is: planned in an intent, or recorded as done."""

    NONE = "none"
    FROZEN = "frozen"
    RECORDED = "recorded"


class AttemptState(StrEnum):
    """What is known about one attempt to have an order paid."""

    NEW = "new"  # Written down; the provider may or may not have been asked.
    KNOWN = "known"  # The provider named a payment.
    UNKNOWN = "unknown"  # Asked, and the answer was lost.
    REFUSED = "refused"  # The provider would not even begin.


class RefundState(StrEnum):
    """How far a refund is. Coins are held before the provider is asked for the money."""

    RESERVING = "reserving"  # The hold on the lot's coins is frozen.
    RESERVED = "reserved"  # Coins held; the provider is being asked until it answers.
    POSTING = "posting"  # Money is back with the buyer; the coins leave the wallet.
    VOIDING = "voiding"  # The provider refused; the hold is being given up.
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"  # The coins were spent; nothing was held and nobody asked.


OPEN_REFUNDS = frozenset(
    {RefundState.RESERVING, RefundState.RESERVED, RefundState.POSTING, RefundState.VOIDING}
)


@dataclass(frozen=True, slots=True)
class Order:
    """One wish to buy coins: the frozen quote, and all we know about its payment.

    Units: `price_minor` and `captured_minor` in minor units; `taken_coins` of coins and bonus
    together, taken back and recorded.
    """

    id: UUID
    user_id: UUID
    state: OrderState
    coins: int
    bonus_coins: int
    price_minor: int
    currency: str
    price_list_id: UUID
    pack_id: str | None
    channel: Channel
    provider: str
    environment: str
    payment_id: str | None
    pay_url: str | None
    created_at: datetime
    expires_at: datetime
    changed_at: datetime  # Of the state; the polling ladder counts from here.
    next_check_at: datetime | None  # When the sweep asks the provider again; None for never.
    last_ticket: int
    cancel_asked_at: datetime | None  # The buyer changed their mind.
    paid_at: datetime | None
    captured_minor: int | None
    captured_currency: str | None
    credit_intent: UUID | None
    credited_at: datetime | None
    taken_coins: int
    target_coins: int | None  # What this order should have contributed, when that is in doubt.
    review_reason: ReviewReason | None
    review_token: str | None  # Names exactly what is in doubt; an approval is for one token.
    review_deadline: datetime | None
    approved_token: str | None
    failure_kind: str | None
    failure_code: str | None
    answer: dict[str, Any] | None  # What the first request was told; repeats are told the same.

    def __post_init__(self) -> None:
        """A row brings text where we have words; a word that is unknown stops here."""
        object.__setattr__(self, "state", OrderState(self.state))
        object.__setattr__(self, "channel", Channel(self.channel))
        if self.review_reason is not None:
            object.__setattr__(self, "review_reason", ReviewReason(self.review_reason))
        assert self.coins > 0
        assert self.bonus_coins >= 0

    @property
    def price(self) -> Money:
        """What the buyer agreed to pay."""
        return Money(self.price_minor, self.currency)

    @property
    def captured(self) -> Money | None:
        """What the provider says it took, once it did."""
        if self.captured_minor is None or self.captured_currency is None:
            return None
        return Money(self.captured_minor, self.captured_currency)

    @property
    def all_coins(self) -> int:
        """Bought and bonus coins together."""
        return self.coins + self.bonus_coins

    @property
    def credit(self) -> Stage:
        """How far the crediting of the coins is."""
        if self.credited_at is not None:
            return Stage.RECORDED
        return Stage.NONE if self.credit_intent is None else Stage.FROZEN


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to have an order paid: one payment at the provider, at most."""

    order_id: UUID
    number: int
    state: AttemptState
    idempotency_key: str
    payment_id: str | None
    pay_url: str | None
    claimed_until: datetime | None  # One request at a time asks the provider.
    created_at: datetime

    def __post_init__(self) -> None:
        """A row brings text where we have words."""
        object.__setattr__(self, "state", AttemptState(self.state))


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to the buyer by an operator's decision.

    Units: `coins` is what is taken out of the wallet; 0 for an order that was never credited.
    """

    id: UUID
    order_id: UUID
    number: int
    state: RefundState
    amount_minor: int
    currency: str
    coins: int
    operator: str
    reason: str
    provider_refund_id: str | None
    reserve_transfer_id: UUID | None  # The hold on the coins; the ledger's number as a UUID.
    next_check_at: datetime | None
    created_at: datetime
    finished_at: datetime | None

    def __post_init__(self) -> None:
        """A row brings text where we have words."""
        object.__setattr__(self, "state", RefundState(self.state))

    @property
    def amount(self) -> Money:
        """What goes back to the buyer."""
        return Money(self.amount_minor, self.currency)

    @property
    def open(self) -> bool:
        """Whether something is still to be done or to be heard."""
        return self.state in OPEN_REFUNDS


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an order's story: what we did, heard or decided. Never changed."""

    id: int
    order_id: UUID
    at: datetime
    source: str  # user | operator | us | provider | ledger
    kind: str
    body: dict[str, Any]
    refs: list[str]  # Every outside id in it, so that `find` needs one index.


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One message from a provider, as it came; a hint to ask, never a fact to book."""

    id: int
    source: str
    environment: str
    external_id: str
    kind: str
    payment_id: str | None
    order_id: UUID | None
    state: str  # pending | done | ignored | parked | failed
    attempts: int
    received_at: datetime
    next_attempt_at: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """What a buyer asks for: a pack or an exact number of coins, and how to pay for it.

    Units: `seen_minor` is the price that the buyer agreed to, in minor units of `currency`.
    """

    pack_id: str | None = None
    coins: int | None = None
    currency: str | None = None
    channel: Channel = Channel.WEB
    provider: str | None = None
    seen_minor: int | None = None

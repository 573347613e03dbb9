"""What every payment provider is asked and answers, in our words and in whole minor units."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from coinwell.base.money import Money


class Capability(StrEnum):
    """What a provider can do besides being asked; the room asks only for what is listed."""

    CHECKOUT = "checkout"  # A hosted payment page that we send the buyer to.
    CANCEL = "cancel"
    REFUND = "refund"
    PARTIAL_REFUND = "partial_refund"
    DISPUTES = "disputes"
    LIST_EVENTS = "list_events"  # Lost webhooks can be caught up with.


class PaymentState(StrEnum):
    """Where one payment stands at the provider, as of one moment."""

    NONE = "none"  # The provider knows no such payment.
    AWAITING_USER = "awaiting_user"
    ACTION_REQUIRED = "action_required"  # The bank wants the buyer to confirm.
    PROCESSING = "processing"
    FAILED = "failed"
    CANCELED = "canceled"
    CAPTURED = "captured"


class RefundObjState(StrEnum):
    """Where one refund stands at the provider; a success may still turn into a failure."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DisputeState(StrEnum):
    """Where a dispute stands; the bank holds the money in every state but `WON`."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class FailureKind(StrEnum):
    """Why no money came, as far as it changes what the buyer can do; see `recharge/words.py`."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    BANK_DECLINED = "bank_declined"
    CARD_DETAILS = "card_details"
    CARD_EXPIRED = "card_expired"
    AUTHENTICATION_REQUIRED = "authentication_required"
    METHOD_NOT_SUPPORTED = "method_not_supported"
    TRY_AGAIN = "try_again"
    BLOCKED = "blocked"  # Fraud or theft; the buyer reads the same as for BANK_DECLINED.


class RefundReason(StrEnum):
    """Why money goes back, in the words that providers know."""

    REQUESTED = "requested_by_customer"
    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why no money came: our kind drives text and behaviour, their code is kept for people."""

    kind: FailureKind
    code: str


@dataclass(frozen=True, slots=True)
class NextAction:
    """Where the buyer has to go on: the payment page, or the bank's question."""

    redirect_url: str


@dataclass(frozen=True, slots=True)
class RefundObj:
    """One refund as the provider has it."""

    id: str
    amount: Money
    state: RefundObjState


@dataclass(frozen=True, slots=True)
class DisputeObj:
    """One dispute as the provider has it."""

    id: str
    amount: Money
    state: DisputeState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The truth about one payment at one moment, in no provider's own words.

    Units: `captured` is money really taken, never an authorised amount. `raw_digest` is the
    SHA-256 of the answer, so that the same news is recognised.
    """

    provider: str
    environment: str  # test | live
    payment_id: str
    order_ref: UUID | None
    account_ref: str | None
    state: PaymentState
    occurred_at: datetime
    captured: Money | None = None
    refunds: tuple[RefundObj, ...] = ()
    disputes: tuple[DisputeObj, ...] = ()
    failure: Failure | None = None
    next_action: NextAction | None = None
    raw_digest: str = ""


@dataclass(frozen=True, slots=True)
class OrderView:
    """What a provider is told about an order; nothing else of ours leaves the house."""

    order_id: UUID
    account_ref: str
    amount: Money
    description: str
    return_url: str


@dataclass(frozen=True, slots=True)
class Started:
    """A payment that the provider has begun, and where the buyer pays it."""

    payment_id: str
    redirect_url: str


@dataclass(frozen=True, slots=True)
class InboundEvent:
    """News from a provider: a hint to ask again. It carries no amount that could be trusted."""

    external_id: str
    kind: str
    payment_id: str | None
    environment: str
    occurred_at: datetime


class ProviderTrouble(Exception):
    """The only ways in which a provider may fail us."""


class Declined(ProviderTrouble):
    """The provider understood and said no; asking the same again is no use."""

    def __init__(self, failure: Failure) -> None:
        """`failure.code` is the provider's own word."""
        super().__init__(failure.code)
        self.failure = failure


class Retryable(ProviderTrouble):
    """Nothing was changed by this request; ask again later."""


class OutcomeUnknown(ProviderTrouble):
    """The answer was lost: it may have happened. Ask again only with the same key."""


class Misconfigured(ProviderTrouble):
    """Keys, addresses or the adapter are wrong; a person has to act."""


class Forged(ProviderTrouble):
    """A message that the provider did not sign, or not now, or that nobody may send us."""


class PaymentProvider(Protocol):
    """One payment provider. Every call is bounded in time and raises only `ProviderTrouble`."""

    @property
    def name(self) -> str:
        """The short name that orders keep."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What may be asked of it."""
        ...

    async def create_payment(self, order: OrderView, *, idempotency_key: str) -> Started:
        """Begin a payment; the same key and order give the same payment.

        Refuses: `Declined`, `Retryable` (surely not begun), `OutcomeUnknown`, `Misconfigured`.
        """
        ...

    async def cancel_payment(self, payment_id: str, *, idempotency_key: str) -> None:
        """Take no more money for it; returns when it is canceled or was before.

        Refuses: `Declined` when money is in or on its way: then the snapshot decides.
        """
        ...

    async def refund(
        self,
        payment_id: str,
        amount: Money | None,
        reason: RefundReason,
        *,
        idempotency_key: str,
    ) -> RefundObj:
        """Send money back, all that is left when `amount` is None; once per key.

        Refuses: `Declined` for more than is left, `OutcomeUnknown` when the answer was lost.
        """
        ...

    async def fetch(self, payment_id: str) -> Snapshot:
        """The truth now; state `NONE` when there is no such payment. Refuses: `Retryable`."""
        ...

    async def find_by_order(self, order_ref: UUID) -> Snapshot | None:
        """The payment of an order whose answer was lost; of several the one with money in."""
        ...

    def verify_webhook(
        self, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> tuple[InboundEvent, ...]:
        """What a signed message says; pure, on the raw bytes. Refuses: `Forged`."""
        ...

    def list_events(self, since: datetime) -> AsyncIterator[InboundEvent]:
        """Every event since then, oldest first, with the ids that its webhooks carry."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...

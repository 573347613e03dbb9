"""How this room says no."""

from dataclasses import dataclass
from typing import ClassVar

from coinwell.base.refusal import Kind, Refusal


@dataclass(eq=False)
class RechargeUnknown(Refusal):
    """There is no recharge of that id, or it is somebody else's."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "No such recharge"
    recharge_id: str


@dataclass(eq=False)
class ProviderUnknown(Refusal):
    """That way to pay is not offered here."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "No such way to pay"
    provider: str


@dataclass(eq=False)
class PriceChanged(Refusal):
    """The price is not the one that was agreed to; nothing was charged.

    Show the buyer the price in force and ask again.
    """

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "The price has changed"
    seen_minor: int
    price_minor: int
    currency: str


@dataclass(eq=False)
class ProviderSilent(Refusal):
    """The payment service does not answer at the moment. You were not charged.

    Repeat the request with the same Idempotency-Key: it goes on where it stopped.
    """

    kind: ClassVar[Kind] = Kind.LATER
    title: ClassVar[str] = "Payment service not available"
    recharge_id: str


@dataclass(eq=False)
class CannotCancel(Refusal):
    """Money is in or on its way, or it is over: too late to cancel."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Too late to cancel"
    recharge_id: str
    state: str

    def sentence(self) -> str:
        """Say why: money is in, or on its way, or it is over."""
        return f"This recharge is {self.state.replace('_', ' ')}, so it cannot be canceled."


@dataclass(eq=False)
class CannotPayAgain(Refusal):
    """Another attempt can only follow a declined one, before the price expires."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "No further attempt"
    recharge_id: str
    state: str


@dataclass(eq=False)
class CannotRefund(Refusal):
    """There is nothing to refund: not paid, refunded already, or a refund is on its way."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Cannot be refunded"
    recharge_id: str
    state: str


@dataclass(eq=False)
class LotSpent(Refusal):
    """Coins of this recharge were spent, so it cannot be refunded in full."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Coins already spent"
    recharge_id: str


@dataclass(eq=False)
class NothingToReview(Refusal):
    """The recharge does not wait for a person's decision, or waits for another one now."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Nothing to review"
    recharge_id: str
    state: str


@dataclass(eq=False)
class WebhookForged(Refusal):
    """The message is not signed by the provider, or its signature is too old."""

    kind: ClassVar[Kind] = Kind.STRANGER
    title: ClassVar[str] = "Signature not accepted"
    provider: str


@dataclass(eq=False)
class WebhookTooLarge(Refusal):
    """No provider's message is that large."""

    kind: ClassVar[Kind] = Kind.TOO_LARGE
    title: ClassVar[str] = "Message too large"
    bytes_max: int


@dataclass(eq=False)
class ReasonMissing(Refusal):
    """What a person decides about money needs a reason, which stays on the record."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Reason missing"

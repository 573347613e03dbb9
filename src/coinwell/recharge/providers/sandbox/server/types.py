"""What the sandbox keeps: payments with their refunds and disputes, its events, its mischief."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Self


class State(StrEnum):
    """Where a payment stands."""

    AWAITING_USER = "awaiting_user"
    ACTION_REQUIRED = "action_required"
    PROCESSING = "processing"
    FAILED = "failed"
    CANCELED = "canceled"
    CAPTURED = "captured"


class Method(StrEnum):
    """How a payer can pay."""

    CARD = "card"
    BANK_TRANSFER = "bank_transfer"


class RefundState(StrEnum):
    """Where a refund stands."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DisputeState(StrEnum):
    """Where a dispute stands."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class CreateAnswer(StrEnum):
    """How the answer to a create call comes out; the payment is made in every case."""

    PLAIN = "plain"
    ERROR = "error"  # 500 with a page of nonsense.
    CUT = "cut"  # The connection ends in the middle of the answer.
    SLOW = "slow"  # It comes after `create_delay_s` real seconds.


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """What one sandbox is told from outside.

    `secret` is what the shop calls with; `control_token` opens `/_control`, and an empty one
    keeps it shut. `webhook_secret` is in the form of Standard Webhooks, `whsec_…`.
    """

    store_path: Path
    secret: str
    control_token: str
    webhook_url: str
    webhook_secret: str
    public_url: str
    environment: str = "test"
    merchant: str = "Coinwell"
    transfer_s: int = 120  # How long a bank transfer takes on the sandbox's clock.


@dataclass(frozen=True, slots=True, kw_only=True)
class Mischief:
    """What goes wrong with one payment. Seconds are the sandbox's own, unless they say real."""

    webhook_copies: int = 1  # 0 loses every webhook of the payment; it stays in the list.
    webhook_delay_s: int = 0
    webhook_reversed: bool = False  # Of two events the later one is sent first.
    webhook_first: bool = False  # Sent before a create call or a payer's form is answered.
    capture_off_by: int = 0  # In minor units.
    late_s: int | None = None  # Captured so much later, whatever happened in between.
    capture_after_cancel_s: int | None = None
    settle_s: int | None = None  # Instead of the usual time of a bank transfer.
    create_answer: CreateAnswer = CreateAnswer.PLAIN
    create_delay_s: int = 30  # Real seconds, for a slow answer.
    dispute_after_s: int | None = None
    refund_pending_s: int | None = None
    refund_fails_after_s: int | None = None
    fetch_broken_s: int = 0  # Every question about the payment is answered with nonsense.

    def over(self, other: Self) -> Self:
        """All that goes wrong in either; where both say something, this one counts."""
        usual = type(self)()
        names = [one.name for one in fields(self)]
        mine = {
            name: getattr(self, name)
            for name in names
            if getattr(self, name) != getattr(usual, name)
        }
        return replace(other, **mine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money going back; `turns_at` is when it becomes `turns_to`."""

    id: str
    amount: int
    state: RefundState
    reason: str
    created_at: datetime
    turns_at: datetime | None = None
    turns_to: RefundState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A payment that the payer's bank asks back."""

    id: str
    amount: int
    state: DisputeState
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A line of the settlement: positive to the shop, negative from it."""

    kind: str
    amount: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment with all that ever happened to it. Units: amounts in minor units."""

    id: str
    order_ref: str
    account_ref: str
    description: str
    return_url: str
    amount: int
    currency: str
    created_at: datetime
    updated_at: datetime
    state: State = State.AWAITING_USER
    captured_amount: int = 0
    methods: tuple[Method, ...] = tuple(Method)
    method: Method | None = None
    failure_code: str | None = None
    planned: Mischief = field(default_factory=Mischief)  # Whatever the payer does.
    mischief: Mischief = field(default_factory=Mischief)  # With that of the card sent last.
    settles_at: datetime | None = None
    settles_to: State | None = None
    broken_until: datetime | None = None
    disputed_at: datetime | None = None  # When the dispute that is planned will open.
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    movements: tuple[Movement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a payment; its id is the id of its webhooks."""

    number: int
    id: str
    kind: str
    payment_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook to be sent; several for one event when the sandbox repeats itself."""

    id: int
    event: Event
    attempts: int
    state: str  # pending | delivered | given_up
    due_at: datetime
    last_error: str


class Refused(Exception):
    """The sandbox says no: an HTTP status, a code for programs and a sentence for people."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        """The three are what the caller gets."""
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence

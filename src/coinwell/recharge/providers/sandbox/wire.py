"""What the sandbox sends, as it sends it. Money in minor units; unknown members are ignored."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Instant = Annotated[datetime, Meta(tz=True)]


class Refund(Struct, frozen=True):
    """A refund."""

    id: str
    amount: int
    currency: str
    state: str


class Dispute(Struct, frozen=True):
    """A dispute."""

    id: str
    amount: int
    currency: str
    state: str
    reason: str


class LastFailure(Struct, frozen=True):
    """Why the last try did not work."""

    code: str


class Payment(Struct, frozen=True):
    """A payment."""

    id: str
    environment: str
    state: str
    amount: int
    currency: str
    captured_amount: int
    order_ref: str
    account_ref: str
    pay_url: str
    failure: LastFailure | None
    refunds: tuple[Refund, ...]
    disputes: tuple[Dispute, ...]
    created_at: Instant
    updated_at: Instant


class PaymentList(Struct, frozen=True):
    """The payments of one order."""

    payments: tuple[Payment, ...]


class Subject(Struct, frozen=True):
    """Which payment an event is about."""

    payment_id: str


class Event(Struct, frozen=True):
    """Something that happened; the list and the webhook have the same shape."""

    id: str
    type: str
    timestamp: Instant
    environment: str
    data: Subject


class EventPage(Struct, frozen=True):
    """A page of events."""

    events: tuple[Event, ...]
    has_more: bool


class Problem(Struct, frozen=True):
    """What was wrong with a request."""

    code: str
    message: str = ""


class Trouble(Struct, frozen=True):
    """The body of a refusal."""

    error: Problem

"""The words of this room: events, endpoints, deliveries, attempts, messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID


class Switch(StrEnum):
    """Whether an endpoint is told anything."""

    ON = "on"
    OFF = "off"


class Cause(StrEnum):
    """Why something is sent."""

    EVENT = "event"  # It happened.
    REPLAY = "replay"  # Somebody asked for a range again.
    RESEND = "resend"  # Somebody asked for this one again.
    TEST = "test"


class DeliveryState(StrEnum):
    """Where a delivery is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a user: `position` counts all events, `sequence` the user's."""

    position: int
    id: UUID
    user_id: UUID
    sequence: int
    kind: str
    body: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class EndpointWanted:
    """Where to tell what: kinds are exact (`gift.sent`), a family (`gift.*`), or all (`*`)."""

    url: str
    kinds: Sequence[str] = ("*",)
    description: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of the host app that is told of events.

    `failures` counts attempts since the last success; while `resting_until` is ahead, nothing is
    sent, and then one delivery tries first.
    """

    id: UUID
    url: str
    description: str
    kinds: Sequence[str]
    salt: bytes = field(repr=False)
    previous_salt: bytes | None = field(repr=False)
    previous_until: datetime | None
    state: Switch
    off_since: datetime | None
    off_reason: str | None
    failures: int
    failing_since: datetime | None
    resting_until: datetime | None
    created_by: str
    created_at: datetime
    waiting: int = 0  # Filled in where endpoints are listed.

    def __post_init__(self) -> None:
        """Rows come with plain text."""
        object.__setattr__(self, "state", Switch(self.state))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint, as the log shows it."""

    id: int
    endpoint_id: UUID
    position: int | None
    user_id: UUID | None
    kind: str
    cause: Cause
    state: DeliveryState
    attempts: int
    created_at: datetime
    first_at: datetime | None
    due_at: datetime | None
    finished_at: datetime | None
    event_id: UUID | None
    sequence: int | None
    status: int | None  # Of the last attempt, like the next two.
    trouble: str | None
    duration_ms: int | None

    def __post_init__(self) -> None:
        """Rows come with plain text."""
        object.__setattr__(self, "cause", Cause(self.cause))
        object.__setattr__(self, "state", DeliveryState(self.state))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a delivery: `trouble` is empty when the receiver took it."""

    number: int
    at: datetime
    duration_ms: int
    status: int | None
    trouble: str
    answer: str  # The first characters of the response.


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one sending. Without a status the receiver was not reached or not heard."""

    status: int | None
    trouble: str
    answer: str
    at: datetime
    duration_ms: int
    retry_after: timedelta | None = None

    @property
    def taken(self) -> bool:
        """The receiver said that it has it."""
        return not self.trouble

    @property
    def gone(self) -> bool:
        """The receiver said that it wants no more."""
        return self.status == 410  # noqa: PLR2004 - the status is the word.


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be sent now, with its event."""

    delivery_id: int
    attempts: int
    first_at: datetime | None
    event: Event


@dataclass(frozen=True, slots=True)
class Lane:
    """What waits for one endpoint about one user, in order, held under `claim`."""

    endpoint_id: UUID
    user_id: UUID
    claim: UUID
    due: Sequence[Due]


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt at a delivery and what follows: done, again at `due_at`, or given up."""

    delivery_id: int
    number: int
    outcome: Outcome
    state: DeliveryState
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ran:
    """What a lane came to: what was sent, and when to go on if anything still waits."""

    lane: Lane
    sent: Sequence[Sent]
    go_on_at: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint does: failures since the last success, since when, resting until when."""

    failures: int
    failing_since: datetime | None
    resting_until: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a user's inbox; its words are made when it is shown."""

    id: int
    kind: str
    facts: Mapping[str, Any]
    at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Span:
    """A range of events, by time or by position; both ends belong to it."""

    since: datetime | None = None
    until: datetime | None = None
    first: int | None = None
    last: int | None = None

"""The JSON that the notify API takes and gives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from coinwell.notify.types import (
    Attempt,
    Cause,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointWanted,
    Event,
    Message,
    Span,
    Switch,
)
from coinwell.notify.words import says

_INTEGER_MAX = 2**53 - 1
_Url = Annotated[str, Meta(max_length=500, pattern="^https?://[!-~]+$")]
_Kind = Annotated[
    str, Meta(max_length=100, pattern=r"^([*]|[a-z][a-z0-9_]*([.][a-z0-9_]+)*([.][*])?)$")
]
_Kinds = Annotated[list[_Kind], Meta(min_length=1, max_length=50)]
_Description = Annotated[str, Meta(max_length=200)]
_Position = Annotated[int, Meta(ge=1, le=_INTEGER_MAX)]
_Instant = Annotated[datetime, Meta(tz=True)]


class EndpointWantedShape(Struct, forbid_unknown_fields=True):
    """Where to tell what. Kinds are exact (`gift.sent`), a family (`gift.*`) or all (`*`)."""

    url: _Url
    kinds: _Kinds = msgspec.field(default_factory=lambda: ["*"])
    description: _Description = ""

    def read(self) -> EndpointWanted:
        """The same as the room's own word."""
        return EndpointWanted(self.url, tuple(self.kinds), self.description)


class EndpointChange(Struct, forbid_unknown_fields=True):
    """What is to be different; switched on again, an endpoint hears all that it missed."""

    url: _Url | UnsetType = UNSET
    kinds: _Kinds | UnsetType = UNSET
    description: _Description | UnsetType = UNSET
    state: Switch | UnsetType = UNSET

    def over(self, before: Endpoint) -> EndpointWanted:
        """The endpoint with the changes."""
        return EndpointWanted(
            before.url if self.url is UNSET else self.url,
            before.kinds if self.kinds is UNSET else tuple(self.kinds),
            before.description if self.description is UNSET else self.description,
        )


class EndpointShown(Struct):
    """A webhook endpoint. `secret` is there when it was just made or rotated, and never again."""

    id: UUID
    url: str
    kinds: Sequence[str]
    description: str
    state: Switch
    off_since: datetime | None
    off_reason: str | None
    failures: int
    failing_since: datetime | None
    resting_until: datetime | None
    previous_secret_until: datetime | None
    created_by: str
    created_at: datetime
    secret: str | None = None

    @classmethod
    def of(cls, one: Endpoint, secret: str | None = None) -> Self:
        """An endpoint as it is shown."""
        return cls(
            one.id,
            one.url,
            list(one.kinds),
            one.description,
            one.state,
            one.off_since,
            one.off_reason,
            one.failures,
            one.failing_since,
            one.resting_until,
            one.previous_until,
            one.created_by,
            one.created_at,
            secret,
        )


class EndpointsShown(Struct):
    """All endpoints, oldest first."""

    endpoints: list[EndpointShown]


class SpanWanted(Struct, forbid_unknown_fields=True):
    """A range of events by time or by position; both ends belong to it."""

    since: _Instant | None = None
    until: _Instant | None = None
    first: _Position | None = None
    last: _Position | None = None

    def read(self) -> Span:
        """The same as the room's own word."""
        return Span(self.since, self.until, self.first, self.last)


class Replayed(Struct):
    """How many events will be sent again."""

    events: int


class AttemptShown(Struct):
    """One sending. `trouble` is empty when the receiver took it; `answer` is its first words."""

    number: int
    at: datetime
    duration_ms: int
    status: int | None
    trouble: str
    answer: str

    @classmethod
    def of(cls, one: Attempt) -> Self:
        """An attempt as it is shown."""
        return cls(one.number, one.at, one.duration_ms, one.status, one.trouble, one.answer)


class DeliveryShown(Struct):
    """One event on its way to one endpoint; `due_at` is when it is tried next."""

    id: int
    endpoint_id: UUID
    event_id: UUID | None
    user_id: UUID | None
    sequence: int | None
    position: int | None
    kind: str
    cause: Cause
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime | None
    finished_at: datetime | None
    status: int | None
    trouble: str | None
    duration_ms: int | None
    log: list[AttemptShown] | None = None

    @classmethod
    def of(cls, one: Delivery, log: Sequence[Attempt] | None = None) -> Self:
        """A delivery as it is shown."""
        return cls(
            id=one.id,
            endpoint_id=one.endpoint_id,
            event_id=one.event_id,
            user_id=one.user_id,
            sequence=one.sequence,
            position=one.position,
            kind=one.kind,
            cause=one.cause,
            state=one.state,
            attempts=one.attempts,
            created_at=one.created_at,
            due_at=one.due_at,
            finished_at=one.finished_at,
            status=one.status,
            trouble=one.trouble,
            duration_ms=one.duration_ms,
            log=None if log is None else [AttemptShown.of(attempt) for attempt in log],
        )


class DeliveriesShown(Struct):
    """The log, newest first; `cursor` leads to older ones."""

    deliveries: list[DeliveryShown]
    cursor: str | None


class EventShown(Struct):
    """What happened: `position` counts all events, `sequence` those of the user."""

    id: UUID
    position: int
    user_id: UUID
    sequence: int
    type: str
    timestamp: datetime
    data: dict[str, Any]

    @classmethod
    def of(cls, one: Event) -> Self:
        """An event as it is shown."""
        return cls(
            one.id, one.position, one.user_id, one.sequence, one.kind, one.at, dict(one.body)
        )


class EventsShown(Struct):
    """Events, oldest first. Ask on with `after` = the last position."""

    events: list[EventShown]


class MessageShown(Struct):
    """A message to a user, in plain words; `link` is a page of ours."""

    id: int
    kind: str
    text: str
    link: str
    at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, one: Message, language: str) -> Self:
        """A message as it is shown."""
        said = says(one.kind, one.facts, language)
        # Its kind made a message when it came; without words now it is shown by its name.
        text, link = (one.kind, "/me") if said is None else (said.text, said.link)
        return cls(one.id, one.kind, text, link, one.at, one.read_at)


class MessagesShown(Struct):
    """A user's messages, newest first; `cursor` leads to older ones."""

    messages: list[MessageShown]
    unread: int
    cursor: str | None

"""The JSON that the users API takes and gives."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from coinwell.users.callers import Landing
from coinwell.users.rules import age_state, today_of
from coinwell.users.types import (
    AgeEvidence,
    AgeMethod,
    AgeState,
    NewUser,
    ReasonCode,
    Restriction,
    Scope,
    Standing,
    User,
)

_INTEGER_MAX = 2**31 - 1

Instant = Annotated[datetime, Meta(tz=True)]


class Evidence(Struct, forbid_unknown_fields=True):
    """That an age was checked: how, under which number, when, and which age was proved."""

    method: AgeMethod
    reference: str
    at: Instant
    age_min: Annotated[int, Meta(ge=1, le=_INTEGER_MAX)]

    def read(self) -> AgeEvidence:
        """The same as the room's own word."""
        return AgeEvidence(self.method, self.reference, self.at, self.age_min)

    @classmethod
    def of(cls, evidence: AgeEvidence) -> Self:
        """Evidence as it is shown: its number, never a document."""
        return cls(evidence.method, evidence.reference, evidence.at, evidence.age_min)


class UserWanted(Struct, forbid_unknown_fields=True):
    """A user of the host app, to be known here."""

    external_id: str
    display_name: str
    country: str
    language: str = "en"
    time_zone: str = "UTC"
    birth_on: date | None = None
    age_evidence: Evidence | None = None

    def read(self) -> NewUser:
        """The same as the room's own word."""
        return NewUser(
            external_id=self.external_id,
            display_name=self.display_name,
            country=self.country,
            language=self.language,
            time_zone=self.time_zone,
            birth_on=self.birth_on,
            age_evidence=None if self.age_evidence is None else self.age_evidence.read(),
        )


class UserChanges(Struct, forbid_unknown_fields=True):
    """What changes about a user; what is left out stays, null takes away."""

    display_name: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    birth_on: date | UnsetType | None = UNSET
    age_evidence: Evidence | UnsetType | None = UNSET


class UserShown(Struct):
    """A user as they are known; `age_state` is today's, where they are."""

    id: UUID
    external_id: str
    display_name: str
    country: str
    language: str
    time_zone: str
    birth_on: date | None
    age_evidence: Evidence | None
    age_state: AgeState
    created_at: datetime

    @classmethod
    def of(cls, user: User, now: datetime) -> Self:
        """A user as known at `now`."""
        evidence = user.age_evidence
        return cls(
            id=user.id,
            external_id=user.external_id,
            display_name=user.display_name,
            country=user.country,
            language=user.language,
            time_zone=user.time_zone,
            birth_on=user.birth_on,
            age_evidence=None if evidence is None else Evidence.of(evidence),
            age_state=age_state(user, today_of(user, now)),
            created_at=user.created_at,
        )


class HandOffWanted(Struct, forbid_unknown_fields=True):
    """Where a hand-off link should lead."""

    landing: Landing = Landing.PROFILE


class HandOffShown(Struct):
    """A link that lets one browser in as this user, once, until it ends."""

    url: str
    expires_at: datetime


class RestrictionWanted(Struct, forbid_unknown_fields=True):
    """A restriction to place; without words of its own it takes those of its reason."""

    scope: Scope
    reason_code: ReasonCode
    sentence: str | None = None
    next_step: str | None = None
    expires_at: Instant | None = None


class LiftWanted(Struct, forbid_unknown_fields=True):
    """Why a restriction is lifted."""

    reason: str


class RestrictionShown(Struct):
    """A restriction with its history."""

    id: UUID
    user_id: UUID
    scope: Scope
    reason_code: ReasonCode
    sentence: str
    next_step: str
    expires_at: datetime | None
    placed_by: str
    placed_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None
    in_force: bool

    @classmethod
    def of(cls, placed: Restriction, now: datetime) -> Self:
        """A restriction as it stands at `now`."""
        return cls(
            id=placed.id,
            user_id=placed.user_id,
            scope=placed.scope,
            reason_code=placed.reason_code,
            sentence=placed.sentence,
            next_step=placed.next_step,
            expires_at=placed.expires_at,
            placed_by=placed.placed_by,
            placed_at=placed.placed_at,
            lifted_at=placed.lifted_at,
            lifted_by=placed.lifted_by,
            lift_reason=placed.lift_reason,
            in_force=placed.in_force(now),
        )


class RestrictionsShown(Struct):
    """All restrictions of a user, newest first."""

    restrictions: list[RestrictionShown]


class StandingShown(Struct):
    """Whether one thing is allowed; if not: why, until when (null: open), and what next."""

    scope: Scope
    allowed: bool
    sentence: str
    reason_code: str | None
    until: datetime | None
    next_step: str | None

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """One scope's standing."""
        return cls(
            scope=standing.scope,
            allowed=standing.allowed,
            sentence=standing.sentence,
            reason_code=standing.reason_code,
            until=standing.until,
            next_step=standing.next_step,
        )


class StandingsShown(Struct):
    """What a user may do now."""

    age_state: AgeState
    standing: list[StandingShown]

"""The words of the users room: people, ages, restrictions, and what one may do."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from coinwell.base.refusal import Kind, Refusal


class Scope(StrEnum):
    """What a restriction can stop, and what real money's worth moves through."""

    RECHARGE = "recharge"
    GIFT = "gift"
    PROMOTE = "promote"
    CASH_OUT = "cash_out"


class AgeState(StrEnum):
    """What is known about a user's age, by the minimum of their country."""

    UNKNOWN = "unknown"
    MINOR = "minor"
    ADULT = "adult"


class AgeMethod(StrEnum):
    """How an age is known. `declared` stands for a birth date without evidence."""

    DECLARED = "declared"
    HOST_APP = "host_app"  # The host app checked, in a way of its own.
    DOCUMENT = "document"
    PAYMENT_CARD = "payment_card"
    BANK = "bank"
    MOBILE_OPERATOR = "mobile_operator"
    FACE_ESTIMATE = "face_estimate"
    GOVERNMENT_WALLET = "government_wallet"


@dataclass(frozen=True, slots=True)
class AgeEvidence:
    """That somebody checked an age; the document itself never comes here.

    Units: `age_min` is the age in whole years that was proved to be reached at `at`.
    """

    method: AgeMethod
    reference: str  # The checker's own number for the check.
    at: datetime
    age_min: int


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a host app says about one of its people."""

    external_id: str
    display_name: str
    country: str
    language: str = "en"
    time_zone: str = "UTC"
    birth_on: date | None = None
    age_evidence: AgeEvidence | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person of the host app. `country` is ISO 3166-1 alpha-2, `language` BCP 47."""

    id: UUID
    external_id: str
    display_name: str
    birth_on: date | None
    age_evidence: AgeEvidence | None
    country: str
    language: str
    time_zone: str
    created_at: datetime


class ReasonCode(StrEnum):
    """Why an operator restricts an account; the closed list, with words in `reasons.py`."""

    PAYMENT_DISPUTED = "payment_disputed"
    PAYMENT_NOT_YOURS = "payment_not_yours"
    COINS_OWED = "coins_owed"
    UNUSUAL_ACTIVITY = "unusual_activity"
    ACCOUNT_TAKEN_OVER = "account_taken_over"
    IDENTITY_CHECK = "identity_check"
    RULES_BROKEN = "rules_broken"
    OWN_REQUEST = "own_request"
    GUARDIAN_REQUEST = "guardian_request"
    LEGAL_ORDER = "legal_order"


@dataclass(frozen=True, slots=True)
class NewRestriction:
    """A restriction to place. Without words of its own it takes those of its reason."""

    user_id: UUID
    scope: Scope
    reason_code: ReasonCode
    sentence: str | None = None
    next_step: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Restriction:
    """One thing an account may not do, why, until when, and what the person can do about it."""

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

    def in_force(self, now: datetime) -> bool:
        """Whether it holds at `now`: placed, not lifted, and not run out to the instant."""
        if self.lifted_at is not None and self.lifted_at <= now:
            return False
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether one thing is allowed; if not: why, until when (None: open), and what next."""

    scope: Scope
    allowed: bool
    sentence: str
    reason_code: str | None = None
    until: datetime | None = None
    next_step: str | None = None


class _WithErrors(Refusal):
    """What the refusals of faulty content have in common: one line per fault."""

    errors: list[dict[str, str]]

    def sentence(self) -> str:
        """All faults in one breath."""
        return " ".join(error["detail"] for error in self.errors)


@dataclass(eq=False)
class WrongUser(_WithErrors):
    """What was said about the user cannot be accepted; `errors` says where and why."""

    title: ClassVar[str] = "Wrong user"
    errors: list[dict[str, str]]


@dataclass(eq=False)
class WrongRestriction(_WithErrors):
    """The restriction cannot be placed or lifted as asked; `errors` says where and why."""

    title: ClassVar[str] = "Wrong restriction"
    errors: list[dict[str, str]]


@dataclass(eq=False)
class UserUnknown(Refusal):
    """There is no such user here."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "No such user"
    user: str


@dataclass(eq=False)
class ExternalIdTaken(Refusal):
    """The external id already belongs to a user about whom other things were said.

    Sending the same content again answers with the user that is there; to change a user, use
    PATCH.
    """

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "External id taken"
    external_id: str
    user_id: UUID


@dataclass(eq=False)
class RestrictionUnknown(Refusal):
    """There is no such restriction on this account."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "No such restriction"
    restriction_id: UUID


@dataclass(eq=False)
class RestrictionLifted(Refusal):
    """The restriction was lifted before."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Already lifted"
    restriction_id: UUID
    lifted_at: datetime
    lifted_by: str


@dataclass(eq=False)
class MayNot(Refusal):
    """The account may not do this now."""

    kind: ClassVar[Kind] = Kind.DENIED
    title: ClassVar[str] = "Not allowed for this account"
    standing: Standing

    def sentence(self) -> str:
        """The reason, as the account's owner reads it."""
        return self.standing.sentence

    def facts(self) -> dict[str, Any]:
        """What a program needs to explain it: the reason, until when, what next."""
        return {
            "scope": self.standing.scope,
            "reason_code": self.standing.reason_code,
            "until": self.standing.until,
            "next_step": self.standing.next_step,
        }


@dataclass(eq=False)
class AccountRestricted(MayNot):
    """A restriction was placed on this account, and it covers what was asked.

    `reason_code`, `until` (null: until it is lifted) and `next_step` say why, how long, and what
    the account's owner can do. Coins that are there stay there.
    """

    title: ClassVar[str] = "This account is restricted"


@dataclass(eq=False)
class AgeUnknown(MayNot):
    """Nobody has said how old this person is, so no real money may move.

    Send a birth date or age evidence for the user, then repeat the request.
    """

    title: ClassVar[str] = "Age not known"


@dataclass(eq=False)
class UnderAge(MayNot):
    """The person is younger than their country's minimum age for real money.

    `until` is the day on which they reach it.
    """

    title: ClassVar[str] = "Under age"

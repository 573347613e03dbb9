"""The words of the console: proposals that two people decide, cases, drafts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Final
from uuid import UUID

from coinwell.base.refusal import Kind, Refusal
from coinwell.users import Permission


class ProposalKind(StrEnum):
    """What one person may propose and another decides."""

    REFUND = "refund"  # All the money of a recharge goes back.
    CREDIT = "credit"  # A paid recharge in review is credited all the same.
    ADJUST = "adjust"  # Coins are given or taken.
    PUBLISH = "publish"  # A catalogue goes on sale.


class ProposalState(StrEnum):
    """How far a proposal came."""

    WAITING = "waiting"
    APPROVED = "approved"  # Agreed to; being carried out.
    DONE = "done"
    FAILED = "failed"  # Agreed to and refused: what it relied on had changed.
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class Reason(StrEnum):
    """Why something is proposed; the closed list, with words in `wording.py`."""

    ASKED = "asked"
    DUPLICATE = "duplicate"
    NOT_RECEIVED = "not_received"
    FRAUD = "fraud"
    CONFIRMED = "confirmed"
    GOODWILL = "goodwill"
    COMPENSATION = "compensation"
    CORRECTION = "correction"
    CAMPAIGN = "campaign"
    PRICES_CHANGE = "prices_change"
    NEW_MARKET = "new_market"


NEEDS: Final[Mapping[ProposalKind, Permission]] = MappingProxyType(
    {
        ProposalKind.REFUND: Permission.REFUND,
        ProposalKind.CREDIT: Permission.APPROVE,
        ProposalKind.ADJUST: Permission.ADJUST,
        ProposalKind.PUBLISH: Permission.PUBLISH,
    }
)
assert NEEDS.keys() == set(ProposalKind), "every kind needs a permission"

REASONS: Final[Mapping[ProposalKind, tuple[Reason, ...]]] = MappingProxyType(
    {
        ProposalKind.REFUND: (
            Reason.ASKED,
            Reason.DUPLICATE,
            Reason.NOT_RECEIVED,
            Reason.FRAUD,
            Reason.CORRECTION,
        ),
        ProposalKind.CREDIT: (Reason.CONFIRMED, Reason.CORRECTION),
        ProposalKind.ADJUST: (
            Reason.GOODWILL,
            Reason.COMPENSATION,
            Reason.CORRECTION,
            Reason.CAMPAIGN,
            Reason.FRAUD,
        ),
        ProposalKind.PUBLISH: (Reason.PRICES_CHANGE, Reason.NEW_MARKET, Reason.CORRECTION),
    }
)
assert REASONS.keys() == set(ProposalKind), "every kind has its reasons"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to propose. `payload` says exactly what will be done; ids and numbers."""

    kind: ProposalKind
    subject: str  # What it is about: `recharge:…`, `user:…`, `prices`.
    payload: Mapping[str, Any]
    reason_code: str
    note: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that happens only when a second person agrees. Its content never changes."""

    id: UUID
    kind: ProposalKind
    subject: str
    payload: dict[str, Any]
    payload_hash: str
    reason_code: Reason
    note: str
    proposed_by: UUID
    proposer: str
    proposed_at: datetime
    lapses_at: datetime
    state: ProposalState
    decided_by: UUID | None
    decider: str | None
    decided_at: datetime | None
    decision_note: str | None
    break_glass: bool
    tries: int
    next_try_at: datetime | None
    finished_at: datetime | None
    outcome: str | None

    def __post_init__(self) -> None:
        """A row brings text where we have words."""
        object.__setattr__(self, "kind", ProposalKind(self.kind))
        object.__setattr__(self, "state", ProposalState(self.state))
        object.__setattr__(self, "reason_code", Reason(self.reason_code))


class CaseKind(StrEnum):
    """Why something needs a person; in the order in which the lists stand."""

    REVIEW = "review"
    UNKNOWN = "unknown"
    DISPUTE = "dispute"
    REFUND = "refund"
    PROPOSAL = "proposal"
    STUCK = "stuck"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Case:
    """Something that waits for a person. It is there while its cause is, and kept nowhere."""

    kind: CaseKind
    subject: str
    title: str
    since: datetime
    due_at: datetime
    href: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who looks after a case, since which opening of it."""

    kind: CaseKind
    subject: str
    since: datetime
    taken_by: UUID
    taker: str
    taken_at: datetime

    def __post_init__(self) -> None:
        """A row brings text where we have words."""
        object.__setattr__(self, "kind", CaseKind(self.kind))


@dataclass(frozen=True, slots=True)
class KeptDraft:
    """The newest revision of a draft. `base_version` is the publication it was begun from."""

    id: UUID
    kind: str
    title: str
    base_version: int
    begun_by: str
    begun_at: datetime
    dropped_at: datetime | None
    revision: int
    body: dict[str, Any]
    hash: str
    changed_by: str
    changed_at: datetime


class _WithErrors(Refusal):
    """One line per fault of a form."""

    errors: list[dict[str, str]]

    def sentence(self) -> str:
        """All faults in one breath."""
        return " ".join(error["detail"] for error in self.errors)


@dataclass(eq=False)
class WrongProposal(_WithErrors):
    """The proposal cannot be made as asked; `errors` says where and why."""

    title: ClassVar[str] = "Wrong proposal"
    errors: list[dict[str, str]]


@dataclass(eq=False)
class WrongDraft(_WithErrors):
    """The draft cannot be changed as asked; `errors` says where and why."""

    title: ClassVar[str] = "Wrong draft"
    errors: list[dict[str, str]]


@dataclass(eq=False)
class ProposalUnknown(Refusal):
    """There is no such proposal."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "No such proposal"
    proposal_id: UUID


@dataclass(eq=False)
class ProposalWaits(Refusal):
    """The same is proposed already and waits for a decision, or is being carried out."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Proposed already"
    subject: str


@dataclass(eq=False)
class ProposalDecided(Refusal):
    """The proposal is decided already."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Decided already"
    state: str

    def sentence(self) -> str:
        """Say how."""
        return f"This proposal is {self.state} already."


@dataclass(eq=False)
class ProposalLapsed(Refusal):
    """Nobody decided in time. Propose it again if it is still wanted."""

    kind: ClassVar[Kind] = Kind.GONE
    title: ClassVar[str] = "The proposal has lapsed"
    lapsed_at: datetime


@dataclass(eq=False)
class OwnProposal(Refusal):
    """Nobody approves what they proposed themselves; ask a colleague, or withdraw it."""

    kind: ClassVar[Kind] = Kind.DENIED
    title: ClassVar[str] = "Your own proposal"


@dataclass(eq=False)
class NotYourProposal(Refusal):
    """Only who proposed it withdraws it; others decline."""

    kind: ClassVar[Kind] = Kind.DENIED
    title: ClassVar[str] = "Not your proposal"


@dataclass(eq=False)
class ProposalAltered(Refusal):
    """What would be carried out is not what was shown. Nothing was done; look at it again."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Not what was shown"


@dataclass(eq=False)
class GlassStays(Refusal):
    """Nobody acts alone in this installation (setting `break_glass`); ask a colleague."""

    kind: ClassVar[Kind] = Kind.DENIED
    title: ClassVar[str] = "Nobody acts alone here"


@dataclass(eq=False)
class CaseClosed(Refusal):
    """There is no such case any more: its cause is gone."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "The case is closed"


@dataclass(eq=False)
class CaseTaken(Refusal):
    """A colleague has taken this case."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Taken by a colleague"
    taker: str


@dataclass(eq=False)
class DraftUnknown(Refusal):
    """There is no such draft."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "No such draft"
    draft_id: UUID


@dataclass(eq=False)
class DraftMoved(Refusal):
    """Somebody changed the draft meanwhile. Look at it again, then make your change."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "The draft has changed"
    revision: int

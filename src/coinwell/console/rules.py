"""What follows from the rows: whether a proposal may be decided, which cases are open. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from coinwell.base.audit import digest
from coinwell.console.types import (
    REASONS,
    Case,
    CaseKind,
    OwnProposal,
    Proposal,
    ProposalAltered,
    ProposalDecided,
    ProposalKind,
    ProposalLapsed,
    ProposalState,
    Wanted,
    WrongProposal,
)
from coinwell.console.wording import PROPOSALS
from coinwell.notify import Endpoint, Switch
from coinwell.recharge import Order, OrderState, Refund

LAPSES_AFTER: Final = timedelta(hours=24)
NOTE_LENGTH_MAX: Final = 1_000
# The page of an unknown payment says that we keep asking; after an hour a person asks too.
UNKNOWN_PROMISE: Final = timedelta(hours=1)
# Most refunds are confirmed at once; one that is not after an hour is somebody's business.
REFUND_PROMISE: Final = timedelta(hours=1)
STUCK_AFTER_TRIES: Final = 3
# Shorter trouble ends by itself more often than not.
ENDPOINT_FAILS_FOR: Final = timedelta(minutes=30)

_ORDER_KINDS: Final[Mapping[OrderState, CaseKind]] = MappingProxyType(
    {
        OrderState.NEEDS_REVIEW: CaseKind.REVIEW,
        OrderState.UNKNOWN: CaseKind.UNKNOWN,
        OrderState.DISPUTED: CaseKind.DISPUTE,
    }
)
# Within which time a person should have looked, where the room itself names no deadline.
_DUE_AFTER: Final[Mapping[CaseKind, timedelta]] = MappingProxyType(
    {
        CaseKind.REVIEW: timedelta(hours=72),
        CaseKind.UNKNOWN: timedelta(hours=24),
        CaseKind.DISPUTE: timedelta(days=7),
        CaseKind.REFUND: timedelta(days=5),
        CaseKind.PROPOSAL: LAPSES_AFTER,
        CaseKind.STUCK: timedelta(hours=1),
        CaseKind.ENDPOINT: timedelta(hours=24),
    }
)
assert _DUE_AFTER.keys() == set(CaseKind), "every case has a time by which it is due"


@dataclass(frozen=True, slots=True)
class EndpointTrouble:
    """A webhook address of the host app that does not take its news."""

    id: str
    name: str
    since: datetime


def endpoint_troubles(endpoints: Sequence[Endpoint], now: datetime) -> list[EndpointTrouble]:
    """The addresses that need a person: failing for long, or switched off because they failed.

    Whoever switched one off that did well knows about it.
    """
    found: list[EndpointTrouble] = []
    for one in endpoints:
        since = one.failing_since
        if since is None:
            continue
        if one.state is Switch.OFF or now - since >= ENDPOINT_FAILS_FOR:
            found.append(EndpointTrouble(str(one.id), one.url, since))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What the rooms have that may need a person."""

    orders: Sequence[Order] = ()
    refunds: Sequence[Refund] = ()
    proposals: Sequence[Proposal] = ()
    endpoints: Sequence[EndpointTrouble] = field(default_factory=tuple[EndpointTrouble, ...])


def cases_of(rows: Rows, now: datetime) -> list[Case]:
    """The cases that are open now, the most urgent first.

    A case is there because of a row's state and of nothing else, so it closes by itself.
    """
    found = [
        *(_of_order(order) for order in rows.orders if _needs_person(order, now)),
        *(_of_refund(one) for one in rows.refunds if now - one.created_at >= REFUND_PROMISE),
        *(case for one in rows.proposals if (case := _of_proposal(one, now))),
        *(_of_endpoint(one) for one in rows.endpoints),
    ]
    return sorted(found, key=lambda case: (case.due_at, case.since, case.subject))


def due_words(due_at: datetime, now: datetime) -> str:
    """How urgent it is, in words: "due in 3 hours", "overdue by 2 days"."""
    span = _span(abs(due_at - now))
    if abs(due_at - now) < timedelta(minutes=1):
        return "due now"
    return f"due in {span}" if due_at > now else f"overdue by {span}"


def age_words(since: datetime, now: datetime) -> str:
    """How long ago, in words: "5 minutes", "3 days"."""
    return _span(now - since)


def payload_hash(kind: ProposalKind, subject: str, payload: Mapping[str, Any]) -> str:
    """What approver and executor compare: the digest of exactly what will be done."""
    return digest(kind.value, subject, dict(payload))


def lapses_at(wanted: Wanted, now: datetime) -> datetime:
    """When nobody may approve it any more: in a day, or when it should have begun."""
    begins = wanted.payload.get("valid_from")
    latest = now + LAPSES_AFTER
    return latest if begins is None else min(latest, datetime.fromisoformat(begins))


def faults_of(wanted: Wanted) -> list[dict[str, str]]:
    """What is wrong with the words of a proposal."""
    faults: list[dict[str, str]] = []
    if wanted.reason_code not in {reason.value for reason in REASONS[wanted.kind]}:
        faults.append({"pointer": "/reason_code", "detail": "Choose a reason."})
    fault = fault_of_note(wanted.note)
    if fault:
        faults.append({"pointer": "/note", "detail": fault})
    return faults


def fault_of_note(note: str) -> str:
    """What is wrong with a note; empty when nothing is."""
    text = note.strip()
    if not text:
        return "Write why, for the colleague who reads it."
    if len(text) > NOTE_LENGTH_MAX:
        return f"A note has at most {NOTE_LENGTH_MAX:,} characters."
    plain = all(char.isprintable() or char in "\r\n\t" for char in text)
    return "" if plain else "A note is plain text."


def demand_open(proposal: Proposal, now: datetime) -> None:
    """Go on only if the proposal waits for a decision.

    Refuses: `ProposalDecided`, `ProposalLapsed`.
    """
    if proposal.state is not ProposalState.WAITING:
        raise ProposalDecided(proposal.state.value)
    if now >= proposal.lapses_at:
        raise ProposalLapsed(proposal.lapses_at)


def demand_second_person(proposal: Proposal, operator_id: UUID) -> None:
    """Go on only if this is somebody else. Refuses: `OwnProposal`."""
    if operator_id == proposal.proposed_by:
        raise OwnProposal


def demand_unaltered(proposal: Proposal, seen_hash: str) -> None:
    """Go on only if what was seen is what is there, and is what was proposed.

    Refuses: `ProposalAltered`.
    """
    there = payload_hash(proposal.kind, proposal.subject, proposal.payload)
    if not there == proposal.payload_hash == seen_hash:
        raise ProposalAltered


def demand_words(wanted: Wanted) -> None:
    """Go on only if reason and note are given. Refuses: `WrongProposal`."""
    faults = faults_of(wanted)
    if faults:
        raise WrongProposal(faults)


def _needs_person(order: Order, now: datetime) -> bool:
    if order.state is OrderState.UNKNOWN:
        return now - order.changed_at >= UNKNOWN_PROMISE
    return order.state in _ORDER_KINDS


def _of_order(order: Order) -> Case:
    kind = _ORDER_KINDS[order.state]
    due = order.changed_at + _DUE_AFTER[kind]
    if kind is CaseKind.REVIEW and order.review_deadline is not None:
        due = order.review_deadline
    why = "" if order.review_reason is None else order.review_reason.value.replace("_", " ")
    href = f"/console/recharges/{order.id}"
    return Case(kind, str(order.id), order.price.text(), order.changed_at, due, href, why)


def _of_refund(one: Refund) -> Case:
    title, due = one.amount.text(), one.created_at + _DUE_AFTER[CaseKind.REFUND]
    href = f"/console/recharges/{one.order_id}"
    return Case(CaseKind.REFUND, str(one.id), title, one.created_at, due, href, one.state.value)


def _of_proposal(one: Proposal, now: datetime) -> Case | None:
    href, title = f"/console/proposals/{one.id}", PROPOSALS[one.kind]
    if one.state is ProposalState.WAITING and now < one.lapses_at:
        who = f"by {one.proposer.removeprefix('operator:')}"
        since, due = one.proposed_at, one.lapses_at
        return Case(CaseKind.PROPOSAL, str(one.id), title, since, due, href, who)
    if one.state is ProposalState.APPROVED and one.tries >= STUCK_AFTER_TRIES:
        since = one.decided_at or one.proposed_at
        due, tried = since + _DUE_AFTER[CaseKind.STUCK], f"tried {one.tries} times"
        return Case(CaseKind.STUCK, str(one.id), title, since, due, href, tried)
    return None


def _of_endpoint(one: EndpointTrouble) -> Case:
    due = one.since + _DUE_AFTER[CaseKind.ENDPOINT]
    return Case(CaseKind.ENDPOINT, one.id, one.name, one.since, due, f"/console/webhooks/{one.id}")


def _span(span: timedelta) -> str:
    minutes = max(span // timedelta(minutes=1), 0)
    if minutes == 0:
        return "less than a minute"
    for size, name in ((1_440, "day"), (60, "hour")):
        if minutes >= size * 2 or (name == "hour" and minutes >= size):
            count = minutes // size
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return "1 minute" if minutes == 1 else f"{minutes} minutes"

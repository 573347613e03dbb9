"""Proposes what two people have to agree on; nothing is moved by proposing it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from coinwell.base import audit
from coinwell.base.db import Tx
from coinwell.base.ids import new_uuid
from coinwell.console import store
from coinwell.console.lapsing import lapse_overdue
from coinwell.console.rules import demand_words, lapses_at, payload_hash
from coinwell.console.types import (
    NEEDS,
    KeptDraft,
    Proposal,
    ProposalKind,
    ProposalState,
    ProposalUnknown,
    ProposalWaits,
    Reason,
    Wanted,
)
from coinwell.recharge import CannotRefund, NothingToReview, Order, OrderState, refund_plan
from coinwell.users import OperatorCaller
from coinwell.wallet import Adjustment

PRICES = "prices"


async def propose(tx: Tx, wanted: Wanted, *, by: OperatorCaller, now: datetime) -> Proposal:
    """Write a proposal down. It waits for a second person, a day at most.

    Refuses: `NotPermitted`; `WrongProposal` without reason and note; `ProposalWaits` when the
        same is proposed already (several adjustments of one person may wait).
    """
    by.demand(NEEDS[wanted.kind])
    demand_words(wanted)
    await lapse_overdue(tx, now=now, subject=wanted.subject)
    made = Proposal(
        id=new_uuid(),
        kind=wanted.kind,
        subject=wanted.subject,
        payload=dict(wanted.payload),
        payload_hash=payload_hash(wanted.kind, wanted.subject, wanted.payload),
        reason_code=Reason(wanted.reason_code),
        note=wanted.note.strip(),
        proposed_by=by.operator_id,
        proposer=by.name,
        proposed_at=now,
        lapses_at=lapses_at(wanted, now),
        state=ProposalState.WAITING,
        decided_by=None,
        decider=None,
        decided_at=None,
        decision_note=None,
        break_glass=False,
        tries=0,
        next_try_at=None,
        finished_at=None,
        outcome=None,
    )
    if not await store.add(tx, made):
        raise ProposalWaits(wanted.subject)
    await note(tx, made, "proposal.made", by=by.name, now=now, said=made.note)
    return made


async def proposal_of(tx: Tx, proposal_id: UUID) -> Proposal:
    """One proposal. Refuses: `ProposalUnknown`."""
    found = await store.proposal(tx, proposal_id)
    if found is None:
        raise ProposalUnknown(proposal_id)
    return found


async def note(
    tx: Tx, about: Proposal, act: str, *, by: str, now: datetime, said: str | None = None
) -> None:
    """Write an act about a proposal into the audit log."""
    done = audit.Act(
        who=by,
        act=act,
        object=f"proposal:{about.id}",
        after=about.payload_hash,
        facts={
            "kind": about.kind.value,
            "subject": about.subject,
            "proposer": about.proposer,
            "break_glass": about.break_glass or act == "proposal.broken_glass",
        },
        reason_code=about.reason_code.value,
        note=said,
    )
    await audit.write(tx, done, at=now)


def refund_wanted(order: Order, *, reason_code: str, note: str) -> Wanted:
    """All that was paid goes back, with exactly these coins. Refuses: `CannotRefund`."""
    plan = refund_plan(order)
    if plan is None:
        raise CannotRefund(str(order.id), order.state.value)
    payload = {
        "order_id": str(order.id),
        "coins": plan.coins,
        "amount_minor": plan.money.minor,
        "currency": plan.money.currency,
    }
    return Wanted(ProposalKind.REFUND, f"recharge:{order.id}", payload, reason_code, note)


def credit_wanted(order: Order, *, reason_code: str, note: str) -> Wanted:
    """A recharge in review is credited: exactly this doubt. Refuses: `NothingToReview`."""
    if order.state is not OrderState.NEEDS_REVIEW or order.review_token is None:
        raise NothingToReview(str(order.id), order.state.value)
    payload = {
        "order_id": str(order.id),
        "token": order.review_token,
        "coins": order.all_coins,
    }
    return Wanted(ProposalKind.CREDIT, f"recharge:{order.id}", payload, reason_code, note)


def adjust_wanted(user_id: UUID, coins: int, *, reason_code: str, note: str) -> Wanted:
    """Coins for a person (positive) or from them (negative). Refuses: `AdjustmentWrong`."""
    checked = Adjustment(new_uuid(), user_id, coins)
    payload = {"user_id": str(checked.user_id), "coins": checked.coins}
    return Wanted(ProposalKind.ADJUST, f"user:{user_id}", payload, reason_code, note)


def publish_wanted(
    draft: KeptDraft, valid_from: datetime | None, *, reason_code: str, note: str
) -> Wanted:
    """A draft goes on sale, at once or at a time; the whole content is agreed to."""
    payload: Mapping[str, Any] = {
        "draft_id": str(draft.id),
        "revision": draft.revision,
        "base_version": draft.base_version,
        "valid_from": None if valid_from is None else valid_from.isoformat(),
        "draft": draft.body,
    }
    return Wanted(ProposalKind.PUBLISH, PRICES, payload, reason_code, note)

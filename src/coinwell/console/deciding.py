"""A second person decides: approve, decline; the first may withdraw.

A decision is one transaction under the proposal's lock. What was approved is carried out
afterwards, by this process or by the sweep.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from coinwell.base.db import Tx, transaction
from coinwell.console import store
from coinwell.console.carrying import carry_out
from coinwell.console.proposing import note as write_down
from coinwell.console.proposing import proposal_of
from coinwell.console.rules import (
    demand_open,
    demand_second_person,
    demand_unaltered,
    fault_of_note,
)
from coinwell.console.types import (
    NEEDS,
    GlassStays,
    NotYourProposal,
    Proposal,
    ProposalState,
    ProposalUnknown,
    WrongProposal,
)
from coinwell.recharge import Deps
from coinwell.users import OperatorCaller, Permission

# The process that approves carries out; the sweep comes when it did not live to do so.
_LEFT_TO_THE_SWEEP_AFTER: Final = timedelta(seconds=30)


async def approve(deps: Deps, proposal_id: UUID, *, by: OperatorCaller, seen_hash: str) -> Proposal:
    """Agree to exactly what was shown, and carry it out.

    Of any number of approvals at once, one counts and the others are refused.

    Refuses: `NotPermitted`; `ProposalUnknown`, `ProposalDecided`, `ProposalLapsed`;
        `OwnProposal`; `ProposalAltered` when `seen_hash` is not of what is there.
    """
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        there = await _open(tx, proposal_id, now)
        _demand(by, there)
        demand_second_person(there, by.operator_id)
        demand_unaltered(there, seen_hash)
        await _approved(tx, there, by=by, now=now)
        await write_down(tx, there, "proposal.approved", by=by.name, now=now)
    return await carry_out(deps, proposal_id)


async def break_glass(
    deps: Deps,
    proposal_id: UUID,
    *,
    by: OperatorCaller,
    seen_hash: str,
    note: str,
    allowed: bool,
) -> Proposal:
    """Carry out alone what should have two people; for an emergency, and never silently.

    Refuses: what `approve` refuses but `OwnProposal`; `GlassStays` unless the installation allows
        it; `WrongProposal` without a note.
    """
    by.demand(Permission.BREAK_GLASS)
    if not allowed:
        raise GlassStays
    _demand_note(note)
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        there = await _open(tx, proposal_id, now)
        _demand(by, there)
        demand_unaltered(there, seen_hash)
        await _approved(tx, there, by=by, now=now, note=note, break_glass=True)
        await write_down(tx, there, "proposal.broken_glass", by=by.name, now=now, said=note)
    structlog.get_logger().error("glass broken", who=by.name, proposal=str(proposal_id))
    return await carry_out(deps, proposal_id)


async def decline(
    tx: Tx, proposal_id: UUID, *, by: OperatorCaller, note: str, now: datetime
) -> Proposal:
    """Say no, with the reason.

    Refuses: what `approve` refuses; `WrongProposal` without a note.
    """
    _demand_note(note)
    there = await _open(tx, proposal_id, now)
    _demand(by, there)
    demand_second_person(there, by.operator_id)
    await _ended(tx, there, ProposalState.DECLINED, by=by, note=note, now=now)
    await write_down(tx, there, "proposal.declined", by=by.name, now=now, said=note)
    return await proposal_of(tx, proposal_id)


async def withdraw(
    tx: Tx, proposal_id: UUID, *, by: OperatorCaller, note: str, now: datetime
) -> Proposal:
    """Take one's own proposal back, with the reason.

    Refuses: `ProposalUnknown`, `ProposalDecided`, `ProposalLapsed`, `NotYourProposal`;
        `WrongProposal` without a note.
    """
    _demand_note(note)
    there = await _open(tx, proposal_id, now)
    if there.proposed_by != by.operator_id:
        raise NotYourProposal
    await _ended(tx, there, ProposalState.WITHDRAWN, by=by, note=note, now=now)
    await write_down(tx, there, "proposal.withdrawn", by=by.name, now=now, said=note)
    return await proposal_of(tx, proposal_id)


async def _open(tx: Tx, proposal_id: UUID, now: datetime) -> Proposal:
    """The proposal, locked, if it still waits. Locks: its row, until `tx` ends."""
    there = await store.locked(tx, proposal_id)
    if there is None:
        raise ProposalUnknown(proposal_id)
    demand_open(there, now)
    return there


def _demand(by: OperatorCaller, there: Proposal) -> None:
    by.demand(Permission.DECIDE)
    by.demand(NEEDS[there.kind])


def _demand_note(note: str) -> None:
    fault = fault_of_note(note)
    if fault:
        raise WrongProposal([{"pointer": "/note", "detail": fault}])


async def _approved(
    tx: Tx,
    there: Proposal,
    *,
    by: OperatorCaller,
    now: datetime,
    note: str = "",
    break_glass: bool = False,
) -> None:
    await store.decide(
        tx,
        there.id,
        ProposalState.APPROVED,
        by=(by.operator_id, by.name),
        note=note.strip(),
        now=now,
        next_try_at=now + _LEFT_TO_THE_SWEEP_AFTER,
        break_glass=break_glass,
    )


async def _ended(
    tx: Tx, there: Proposal, state: ProposalState, *, by: OperatorCaller, note: str, now: datetime
) -> None:
    await store.decide(
        tx, there.id, state, by=(by.operator_id, by.name), note=note.strip(), now=now
    )

"""Carries out what was approved: exactly that, once, whatever fails on the way.

Each kind is safe to repeat: a refund and an adjustment are found by the proposal's id, a credit by
its review's token, a publication is written in the transaction that ends the proposal.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

from coinwell.base import audit
from coinwell.base.db import transaction
from coinwell.base.money import Money
from coinwell.base.refusal import Kind, Refusal
from coinwell.catalog import draft_of_plain, publish
from coinwell.console import store
from coinwell.console.proposing import proposal_of
from coinwell.console.rules import demand_unaltered
from coinwell.console.types import Proposal, ProposalKind, ProposalState
from coinwell.recharge import (
    Deps,
    RefundKey,
    RefundPlan,
    RefundState,
    approve_review,
    order_of,
    refund_order,
)
from coinwell.wallet import Adjustment, adjust

_AGAIN_AFTER: Final = timedelta(minutes=1)
_AGAIN_AFTER_MAX: Final = timedelta(hours=1)


class _No(Exception):
    """It was tried and did not come about; the words say why."""


async def carry_out(deps: Deps, proposal_id: UUID) -> Proposal:
    """Do what an approved proposal says and write down how it ended; safe to run twice, at once.

    What refuses for good ends it as failed. What may pass leaves it approved, for the sweep.
    """
    async with transaction(deps.pool) as tx:
        approved = await proposal_of(tx, proposal_id)
    if approved.state is not ProposalState.APPROVED:
        return approved
    try:
        demand_unaltered(approved, approved.payload_hash)
        outcome = await _DO[approved.kind](deps, approved)
    except _No as no:
        await _end(deps, approved, ProposalState.FAILED, str(no))
    except Refusal as no:
        if no.kind is Kind.LATER:
            await _again(deps, approved, no.sentence())
        else:
            await _end(deps, approved, ProposalState.FAILED, no.sentence())
    except Exception as error:
        await _again(deps, approved, f"Not carried out yet ({type(error).__name__}).")
        raise
    else:
        if outcome is not None:
            await _end(deps, approved, ProposalState.DONE, outcome)
    async with transaction(deps.pool) as tx:
        return await proposal_of(tx, proposal_id)


async def _refund(deps: Deps, approved: Proposal) -> str:
    said = approved.payload
    plan = RefundPlan(said["coins"], Money(said["amount_minor"], said["currency"]))
    key = RefundKey(
        "console.proposal", str(approved.id), bytes.fromhex(approved.payload_hash), plan
    )
    refund = await refund_order(
        deps, UUID(said["order_id"]), operator=_name(approved), reason=approved.note, key=key
    )
    if refund.state is RefundState.FAILED:
        raise _No("The provider refused to send the money back; the coins are where they were.")
    if refund.state is RefundState.DONE:
        return f"{plan.money.text()} went back, and {plan.coins:,} coins with it."
    return f"{plan.coins:,} coins are held, and the provider is sending {plan.money.text()} back."


async def _credit(deps: Deps, approved: Proposal) -> str:
    order_id, token = UUID(approved.payload["order_id"]), approved.payload["token"]
    async with transaction(deps.pool) as tx:
        order = await order_of(tx, order_id)
    if order.approved_token != token:
        order = await approve_review(
            deps, order_id, operator=_name(approved), reason=approved.note, token=token
        )
    return f"The review is settled; the recharge is {order.state.value.replace('_', ' ')}."


async def _adjust(deps: Deps, approved: Proposal) -> str:
    user_id, coins = UUID(approved.payload["user_id"]), approved.payload["coins"]
    wanted = Adjustment(approved.id, user_id, coins)
    await adjust(deps.pool, deps.ledger, wanted, now=deps.clock.now())
    return f"{abs(coins):,} coins {'given' if coins > 0 else 'taken'}."


async def _publish(deps: Deps, approved: Proposal) -> None:
    """Publish and end the proposal in one transaction: there is one of both, or neither."""
    now, said = deps.clock.now(), approved.payload
    begins = said["valid_from"]
    async with transaction(deps.pool) as tx:
        there = await store.locked(tx, approved.id)
        if there is None or there.state is not ProposalState.APPROVED:
            return
        published = await publish(
            tx,
            draft_of_plain(said["draft"]),
            now=now,
            by=_name(approved),
            # A moment that passed while nobody could carry it out is now.
            valid_from=None if begins is None else max(datetime.fromisoformat(begins), now),
            after_version=said["base_version"],
        )
        outcome = f"Version {published.version} is on sale from {published.valid_from:%F %T} UTC."
        assert await store.finish(tx, approved.id, ProposalState.DONE, outcome=outcome, now=now)
        await audit.write(tx, _act(approved, ProposalState.DONE), at=now)


_DO: Final[Mapping[ProposalKind, Callable[[Deps, Proposal], Awaitable[str | None]]]] = (
    MappingProxyType(
        {
            ProposalKind.REFUND: _refund,
            ProposalKind.CREDIT: _credit,
            ProposalKind.ADJUST: _adjust,
            ProposalKind.PUBLISH: _publish,
        }
    )
)
assert _DO.keys() == set(ProposalKind), "whatever may be proposed can be carried out"


async def _end(deps: Deps, approved: Proposal, state: ProposalState, outcome: str) -> None:
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        if await store.finish(tx, approved.id, state, outcome=outcome, now=now):
            await audit.write(tx, _act(approved, state), at=now)


async def _again(deps: Deps, approved: Proposal, said: str) -> None:
    after = min(_AGAIN_AFTER * 2 ** min(approved.tries, 10), _AGAIN_AFTER_MAX)
    async with transaction(deps.pool) as tx:
        next_try_at = deps.clock.now() + after
        await store.try_again(tx, approved.id, said=said, next_try_at=next_try_at)


def _act(approved: Proposal, state: ProposalState) -> audit.Act:
    return audit.Act(
        who=_name(approved),
        act=f"proposal.{state.value}",
        object=f"proposal:{approved.id}",
        after=approved.payload_hash,
        facts={
            "kind": approved.kind.value,
            "subject": approved.subject,
            "proposer": approved.proposer,
            "break_glass": approved.break_glass,
        },
        reason_code=approved.reason_code.value,
    )


def _name(approved: Proposal) -> str:
    assert approved.decider is not None
    return approved.decider

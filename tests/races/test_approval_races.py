"""Many approvals at once: a proposal is carried out once, whoever approves and whatever sweeps."""

import asyncio
from collections.abc import Awaitable

import pytest

from coinwell.base import audit
from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction, value
from coinwell.catalog import PackDraft, publications
from coinwell.console import jobs
from coinwell.console.carrying import carry_out
from coinwell.console.deciding import approve, decline, withdraw
from coinwell.console.drafting import begin_draft, change_list, content_of
from coinwell.console.proposing import proposal_of, propose, publish_wanted
from coinwell.console.types import DraftMoved, Proposal, ProposalDecided, ProposalState
from coinwell.ledger import Kind, Ledger
from coinwell.recharge import refunds_of
from tests.console.making import NOTE, Desk, open_desk, operator
from tests.profile import scale
from tests.recharge.making import open_house


@pytest.fixture
async def desk(pool: Pool, ledger: Ledger, clock: StillClock) -> Desk:
    return await open_desk(await open_house(pool, ledger, clock))


async def approved_by_many(desk: Desk, made: Proposal, *others: Awaitable[object]) -> int:
    """Four people approve at once, twice each; how many were told that they did."""
    deps, seen = desk.house.deps, made.payload_hash
    number = await desk.acts("operator.created")
    people = [await operator(deps.pool, f"p{number}-{n}") for n in range(4)]
    answers = await asyncio.gather(
        *(approve(deps, made.id, by=one, seen_hash=seen) for one in people * 2),
        *others,
        return_exceptions=True,
    )
    told = answers[: len(people) * 2]
    assert all(isinstance(one, Proposal | ProposalDecided) for one in told), told
    return sum(isinstance(one, Proposal) for one in told)


async def test_simultaneous_approvals_give_the_coins_once(desk: Desk) -> None:
    rounds = scale(4, 40)
    for _ in range(rounds):
        made = await desk.adjustment(100)
        sweeps = [carry_out(desk.house.deps, made.id) for _ in range(3)]
        assert await approved_by_many(desk, made, *sweeps) == 1
    assert await desk.house.coins() == 100 * rounds
    assert await desk.acts("proposal.approved") == rounds
    assert await desk.acts("proposal.done") == rounds
    async with transaction(desk.house.deps.pool) as tx:
        given = "SELECT count(*) FROM ledger.transfer WHERE code = %s"
        assert await value(tx, given, (int(Kind.ADJUST_GIVE),)) == rounds
        told = "SELECT count(*) FROM base.outbox WHERE kind = 'wallet.adjusted'"
        assert await value(tx, told) == rounds
    await desk.house.books_balance()
    assert (await audit.verify(desk.house.deps.pool)).sound


async def test_simultaneous_approvals_refund_once(desk: Desk, clock: StillClock) -> None:
    for number in range(scale(2, 20)):
        order = await desk.credited(f"key-{number}")
        made = await desk.refund(order)
        assert await approved_by_many(desk, made, jobs.proposals(desk.house.deps)) == 1
        clock.advance(seconds=60)
        await jobs.proposals(desk.house.deps)
        async with transaction(desk.house.deps.pool) as tx:
            assert len(await refunds_of(tx, order.id)) == 1
            assert (await proposal_of(tx, made.id)).state is ProposalState.DONE
        assert order.payment_id is not None
        assert len(desk.house.provider.payments[order.payment_id].refunds) == 1
    assert await desk.house.coins() == 0
    await desk.house.books_balance()


async def test_of_yes_no_and_back_one_counts(desk: Desk) -> None:
    ends: set[ProposalState] = set()
    for number in range(scale(6, 60)):
        made = await desk.adjustment(10)

        async def say(what: str, about: Proposal = made) -> Proposal:
            if what == "yes":
                seen = about.payload_hash
                return await approve(desk.house.deps, about.id, by=desk.ben, seen_hash=seen)
            now = about.proposed_at
            async with transaction(desk.house.deps.pool) as tx:
                if what == "no":
                    return await decline(tx, about.id, by=desk.ben, note=NOTE, now=now)
                return await withdraw(tx, about.id, by=desk.ana, note=NOTE, now=now)

        said = ["yes", "no", "back"]
        turned = said[number % 3 :] + said[: number % 3]
        answers = await asyncio.gather(*(say(one) for one in turned), return_exceptions=True)
        assert sum(isinstance(one, Proposal) for one in answers) == 1
        async with transaction(desk.house.deps.pool) as tx:
            ends.add((await proposal_of(tx, made.id)).state)
    given = await desk.acts("proposal.done")
    assert await desk.house.coins() == 10 * given
    assert len(ends) > 1, "the race was a race"


async def test_prices_are_published_once_and_a_draft_moves_by_one_hand(
    desk: Desk, clock: StillClock
) -> None:
    deps, now = desk.house.deps, clock.now()
    async with transaction(deps.pool) as tx:
        draft = await begin_draft(tx, "Spring", by=desk.ana, now=now)
    there = content_of(draft).lists[0]
    last = there.packs[-1]

    async def edit(bonus: int) -> object:
        changed = PackDraft(last.id, last.coins, bonus, last.price)
        wanted = type(there)(
            there.region, there.currency, there.channel, there.unit_price,
            there.coins_min, there.coins_max, (*there.packs[:-1], changed),
        )  # fmt: skip
        async with transaction(deps.pool) as tx:
            return await change_list(tx, draft.id, 0, wanted, seen_revision=1, by=(desk.ana, now))

    edits = await asyncio.gather(*(edit(400 + n) for n in range(6)), return_exceptions=True)
    assert sum(isinstance(one, DraftMoved) for one in edits) == 5
    (kept,) = [one for one in edits if not isinstance(one, BaseException)]
    async with transaction(deps.pool) as tx:
        wanted = publish_wanted(kept, None, reason_code="prices_change", note=NOTE)  # type: ignore[arg-type]
        made = await propose(tx, wanted, by=desk.ana, now=now)
    sweeps = [carry_out(deps, made.id) for _ in range(3)]
    assert await approved_by_many(desk, made, *sweeps) == 1
    async with transaction(deps.pool) as tx:
        assert [one.version for one in await publications(tx)] == [2, 1]
    assert await desk.acts("proposal.done") == 1

"""Two people decide about coins: who may, for how long, and exactly what was agreed happens."""

from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from coinwell.base import audit
from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction, value
from coinwell.console import jobs
from coinwell.console.deciding import approve, break_glass, decline, withdraw
from coinwell.console.proposing import adjust_wanted, proposal_of, propose
from coinwell.console.types import (
    GlassStays,
    NotYourProposal,
    OwnProposal,
    Proposal,
    ProposalAltered,
    ProposalDecided,
    ProposalLapsed,
    ProposalState,
    ProposalUnknown,
    ProposalWaits,
    WrongProposal,
)
from coinwell.ledger import Ledger
from coinwell.recharge import CannotRefund, OrderState, refunds_of
from coinwell.users import NotPermitted, Role
from coinwell.wallet import AdjustmentWrong
from tests.console.making import NOTE, Desk, open_desk, operator
from tests.recharge.making import Killed, open_house


@pytest.fixture
async def desk(pool: Pool, ledger: Ledger, clock: StillClock) -> Desk:
    return await open_desk(await open_house(pool, ledger, clock))


async def agreed(desk: Desk, made: Proposal) -> Proposal:
    return await approve(desk.house.deps, made.id, by=desk.ben, seen_hash=made.payload_hash)


async def test_coins_are_given_when_a_second_person_agrees(desk: Desk) -> None:
    made = await desk.adjustment(500)
    assert await desk.house.coins() == 0
    done = await agreed(desk, made)
    assert (done.state, done.outcome) == (ProposalState.DONE, "500 coins given.")
    assert await desk.house.coins() == 500
    for act in ("made", "approved", "done"):
        assert await desk.acts(f"proposal.{act}") == 1
    async with transaction(desk.house.deps.pool) as tx:
        told = "SELECT body->>'coins' FROM base.outbox WHERE kind = 'wallet.adjusted'"
        assert await value(tx, told) == "500"
    await desk.house.books_balance()
    assert (await audit.verify(desk.house.deps.pool)).sound


async def test_coins_are_taken_and_never_below_nothing(desk: Desk) -> None:
    await agreed(desk, await desk.adjustment(500))
    assert (await agreed(desk, await desk.adjustment(-200))).state is ProposalState.DONE
    assert await desk.house.coins() == 300
    refused = await agreed(desk, await desk.adjustment(-301))
    assert refused.state is ProposalState.FAILED
    assert refused.outcome is not None
    assert "fewer free coins" in refused.outcome
    assert await desk.house.coins() == 300
    await desk.house.books_balance()


async def test_nobody_approves_or_declines_their_own(desk: Desk) -> None:
    made = await desk.adjustment(500)
    with pytest.raises(OwnProposal):
        await approve(desk.house.deps, made.id, by=desk.ana, seen_hash=made.payload_hash)
    async with transaction(desk.house.deps.pool) as tx:
        with pytest.raises(OwnProposal):
            await decline(tx, made.id, by=desk.ana, note=NOTE, now=made.proposed_at)
    assert await desk.house.coins() == 0
    assert (await agreed(desk, made)).state is ProposalState.DONE


async def test_the_database_knows_the_rule_of_two_as_well(desk: Desk) -> None:
    made = await desk.adjustment(500)
    alone = "UPDATE console.proposal SET state = 'approved', decided_by = proposed_by, decider = ''"
    with pytest.raises(psycopg.errors.CheckViolation):
        async with transaction(desk.house.deps.pool) as tx:
            await tx.execute(alone)
    with pytest.raises(psycopg.errors.RestrictViolation):
        async with transaction(desk.house.deps.pool) as tx:
            await tx.execute("UPDATE console.proposal SET payload = '{}'")
    assert (await agreed(desk, made)).state is ProposalState.DONE


async def test_support_neither_proposes_nor_decides(desk: Desk) -> None:
    with pytest.raises(NotPermitted):
        await desk.adjustment(1, by=desk.sue)
    made = await desk.adjustment(1)
    with pytest.raises(NotPermitted):
        await approve(desk.house.deps, made.id, by=desk.sue, seen_hash=made.payload_hash)
    async with transaction(desk.house.deps.pool) as tx:
        with pytest.raises(NotPermitted):
            await decline(tx, made.id, by=desk.sue, note=NOTE, now=made.proposed_at)


async def test_only_what_was_shown_is_done(desk: Desk) -> None:
    made, other = await desk.adjustment(500), await desk.adjustment(9_000)
    for seen in ("", other.payload_hash, made.payload_hash.upper()):
        with pytest.raises(ProposalAltered):
            await approve(desk.house.deps, made.id, by=desk.ben, seen_hash=seen)
    async with transaction(desk.house.deps.pool) as tx:
        await tx.execute("SET LOCAL session_replication_role = replica")
        sql = "UPDATE console.proposal SET payload = payload || '{\"coins\": 5000}'"
        await tx.execute(sql)
    with pytest.raises(ProposalAltered):
        await agreed(desk, made)
    assert await desk.house.coins() == 0


async def test_what_was_altered_after_approval_is_not_done(desk: Desk, clock: StillClock) -> None:
    made = await desk.adjustment(500)
    dying = desk.house.dying(before=1)
    with pytest.raises(Killed):
        await approve(dying, made.id, by=desk.ben, seen_hash=made.payload_hash)
    async with transaction(desk.house.deps.pool) as tx:
        await tx.execute("SET LOCAL session_replication_role = replica")
        sql = "UPDATE console.proposal SET payload = payload || '{\"coins\": 5000}'"
        await tx.execute(sql)
    clock.advance(seconds=120)
    await jobs.proposals(desk.house.deps)
    async with transaction(desk.house.deps.pool) as tx:
        assert (await proposal_of(tx, made.id)).state is ProposalState.FAILED
    assert await desk.house.coins() == 0


async def test_a_proposal_lapses_after_a_day_to_the_instant(desk: Desk, clock: StillClock) -> None:
    first, second = await desk.adjustment(500), await desk.adjustment(600)
    clock.advance(seconds=24 * 3600 - 1)
    assert (await agreed(desk, first)).state is ProposalState.DONE
    clock.advance(seconds=1)
    with pytest.raises(ProposalLapsed):
        await agreed(desk, second)
    await jobs.proposals(desk.house.deps)
    async with transaction(desk.house.deps.pool) as tx:
        assert (await proposal_of(tx, second.id)).state is ProposalState.LAPSED
    assert await desk.acts("proposal.lapsed") == 1
    assert await desk.house.coins() == 500


async def test_what_lapsed_may_be_proposed_again_at_once(desk: Desk, clock: StillClock) -> None:
    order = await desk.credited()
    await desk.refund(order)
    clock.advance(seconds=24 * 3600)
    again = await desk.refund(order)
    assert again.state is ProposalState.WAITING


async def test_a_decision_stands(desk: Desk) -> None:
    made = await desk.adjustment(500)
    async with transaction(desk.house.deps.pool) as tx:
        said = await decline(tx, made.id, by=desk.ben, note="No.", now=made.proposed_at)
    assert (said.state, said.decision_note, said.decider) == (
        ProposalState.DECLINED,
        "No.",
        desk.ben.name,
    )
    with pytest.raises(ProposalDecided):
        await agreed(desk, made)
    with pytest.raises(ProposalUnknown):
        await approve(desk.house.deps, uuid4(), by=desk.ben, seen_hash="")
    assert await desk.house.coins() == 0


async def test_only_its_author_withdraws_a_proposal_and_says_why(desk: Desk) -> None:
    made = await desk.adjustment(500)
    now = made.proposed_at
    async with transaction(desk.house.deps.pool) as tx:
        with pytest.raises(NotYourProposal):
            await withdraw(tx, made.id, by=desk.ben, note=NOTE, now=now)
        with pytest.raises(WrongProposal):
            await withdraw(tx, made.id, by=desk.ana, note=" ", now=now)
        said = await withdraw(tx, made.id, by=desk.ana, note="A slip.", now=now)
    assert said.state is ProposalState.WITHDRAWN
    with pytest.raises(ProposalDecided):
        await agreed(desk, made)


@pytest.mark.parametrize(("reason", "note"), [("", NOTE), ("asked", NOTE), ("goodwill", " ")])
async def test_a_proposal_has_a_reason_of_its_kind_and_a_note(
    desk: Desk, reason: str, note: str
) -> None:
    wanted = adjust_wanted(desk.house.viewer.id, 5, reason_code=reason, note=note)
    async with transaction(desk.house.deps.pool) as tx:
        with pytest.raises(WrongProposal):
            await propose(tx, wanted, by=desk.ana, now=desk.house.deps.clock.now())


@pytest.mark.parametrize("coins", [0, 10_000_001, -10_000_001])
async def test_an_adjustment_has_bounds(desk: Desk, coins: int) -> None:
    with pytest.raises(AdjustmentWrong):
        await desk.adjustment(coins)


async def test_a_refund_needs_two_people_and_takes_the_coins_back(desk: Desk) -> None:
    order = await desk.credited()
    made = await desk.refund(order)
    assert (await desk.house.order(order.id)).state is OrderState.CREDITED
    with pytest.raises(ProposalWaits):
        await desk.refund(order)
    done = await agreed(desk, made)
    assert done.state is ProposalState.DONE
    assert (await desk.house.order(order.id)).state is OrderState.REVERSED
    assert len(desk.house.provider.only.refunds) == 1
    assert await desk.house.coins() == 0
    await desk.house.books_balance()


async def test_a_refund_that_is_not_what_was_agreed_is_not_made(desk: Desk) -> None:
    order = await desk.credited()
    made = await desk.refund(order)
    async with transaction(desk.house.deps.pool) as tx:
        await tx.execute('UPDATE recharge."order" SET bonus_coins = 7')
    assert (await agreed(desk, made)).state is ProposalState.FAILED
    assert "refund" not in desk.house.provider.asked


async def test_a_refund_of_spent_coins_fails_with_its_reason(desk: Desk) -> None:
    order = await desk.credited()
    made = await desk.refund(order)
    assert await desk.house.spend(1, 77)
    done = await agreed(desk, made)
    assert done.state is ProposalState.FAILED
    assert done.outcome is not None
    assert "spent" in done.outcome
    assert await desk.house.coins() == 349
    with pytest.raises(CannotRefund):
        await desk.refund(await desk.house.order((await desk.house.begin("key-2")).id))


async def test_an_emergency_breaks_the_glass_only_where_it_may(
    desk: Desk, clock: StillClock
) -> None:
    admin = await operator(desk.house.deps.pool, "zoe", Role.ADMIN)
    made = await desk.adjustment(500, by=admin)
    deps, seen = desk.house.deps, made.payload_hash
    with pytest.raises(GlassStays):
        await break_glass(deps, made.id, by=admin, seen_hash=seen, note=NOTE, allowed=False)
    with pytest.raises(NotPermitted):
        await break_glass(deps, made.id, by=desk.ben, seen_hash=seen, note=NOTE, allowed=True)
    with pytest.raises(WrongProposal):
        await break_glass(deps, made.id, by=admin, seen_hash=seen, note=" ", allowed=True)
    assert await desk.house.coins() == 0
    done = await break_glass(deps, made.id, by=admin, seen_hash=seen, note=NOTE, allowed=True)
    assert (done.state, done.break_glass) == (ProposalState.DONE, True)
    assert await desk.house.coins() == 500
    async with transaction(deps.pool) as tx:
        (act,) = await audit.find(tx, audit.Filter(act="proposal.broken_glass"))
    assert (act.facts["break_glass"], act.note) == (True, NOTE)


@pytest.mark.parametrize(("before", "after"), [(1, 0), (0, 1)])
async def test_a_crash_between_approval_and_execution_is_finished_by_the_sweep(
    desk: Desk, clock: StillClock, before: int, after: int
) -> None:
    made = await desk.adjustment(500)
    dying = desk.house.dying(before=before, after=after)
    with pytest.raises(Killed):
        await approve(dying, made.id, by=desk.ben, seen_hash=made.payload_hash)
    await jobs.proposals(desk.house.deps)
    clock.advance(seconds=120)
    for _ in range(2):
        await jobs.proposals(desk.house.deps)
    async with transaction(desk.house.deps.pool) as tx:
        assert (await proposal_of(tx, made.id)).state is ProposalState.DONE
    assert await desk.house.coins() == 500
    assert await desk.acts("proposal.done") == 1
    await desk.house.books_balance()


@pytest.mark.parametrize("step", range(3))
@pytest.mark.parametrize("after", [False, True])
async def test_a_refund_that_died_anywhere_is_finished_once(
    desk: Desk, clock: StillClock, step: int, *, after: bool
) -> None:
    order = await desk.credited()
    made = await desk.refund(order)
    for _ in range(step + 1):
        dying = desk.house.dying(**({"after": 1} if after else {"before": 1}))
        try:
            await approve(dying, made.id, by=desk.ben, seen_hash=made.payload_hash)
        except Killed:
            pass
        except ProposalDecided:
            clock.advance(hours=2)
            with pytest.raises(ExceptionGroup):
                await jobs.proposals(dying)
            break
    clock.advance(hours=2)
    await jobs.proposals(desk.house.deps)
    async with transaction(desk.house.deps.pool) as tx:
        assert (await proposal_of(tx, made.id)).state is ProposalState.DONE
        assert len(await refunds_of(tx, order.id)) == 1
    assert len(desk.house.provider.only.refunds) == 1
    assert await desk.house.coins() == 0
    await desk.house.books_balance()


async def test_an_adjustment_is_a_lot_of_its_own_and_reads_like_one(desk: Desk) -> None:
    made = await desk.adjustment(500)
    await agreed(desk, made)
    async with transaction(desk.house.deps.pool) as tx:
        lot = "SELECT kind || ' ' || coins FROM wallet.lot WHERE id = %(id)s"
        assert await value(tx, lot, {"id": UUID(str(made.id))}) == "promotional 500"
    assert made.lapses_at - made.proposed_at == timedelta(hours=24)

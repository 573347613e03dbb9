"""Prices by draft: what changes, what is wrong, what a buyer sees, and when it begins."""

from datetime import timedelta
from uuid import UUID

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.catalog import (
    Channel,
    PackDraft,
    differences,
    draft_of_plain,
    lint,
    newest_draft,
    plain_draft,
    preview,
    price_list,
    publish,
    seed_draft,
)
from coinwell.console import jobs
from coinwell.console.deciding import approve
from coinwell.console.drafting import begin_draft, change_list, content_of, draft_of, drop_draft
from coinwell.console.proposing import proposal_of, propose, publish_wanted
from coinwell.console.types import DraftMoved, DraftUnknown, KeptDraft, ProposalState, WrongDraft
from coinwell.ledger import Ledger
from coinwell.users import NotPermitted
from tests.console.desks import NOTE, press, two_desks, words
from tests.console.making import Desk, open_desk
from tests.house import House
from tests.recharge.making import open_house

SPRING = timedelta(days=3)


@pytest.fixture
async def desk(pool: Pool, ledger: Ledger, clock: StillClock) -> Desk:
    return await open_desk(await open_house(pool, ledger, clock))


def place_of(draft: KeptDraft, currency: str) -> int:
    lists = content_of(draft).lists
    return next(
        n for n, one in enumerate(lists) if (one.currency, one.channel) == (currency, "web")
    )


async def dearer_bonus(desk: Desk, bonus: int = 400, currency: str = "USD") -> KeptDraft:
    """A draft in which the largest pack brings other bonus coins."""
    now = desk.house.deps.clock.now()
    async with transaction(desk.house.deps.pool) as tx:
        draft = await begin_draft(tx, "Spring", by=desk.ana, now=now)
        place = place_of(draft, currency)
        there = content_of(draft).lists[place]
        last = there.packs[-1]
        changed = PackDraft(last.id, last.coins, bonus, last.price)
        wanted = type(there)(
            there.region, there.currency, there.channel, there.unit_price,
            there.coins_min, there.coins_max, (*there.packs[:-1], changed),
        )  # fmt: skip
        return await change_list(tx, draft.id, place, wanted, seen_revision=1, by=(desk.ana, now))


async def bonus_on_sale(desk: Desk) -> int:
    async with transaction(desk.house.deps.pool) as tx:
        now = desk.house.deps.clock.now()
        found = await price_list(tx, country="US", currency=None, channel=Channel.WEB, now=now)
    return found.packs[-1].bonus_coins


async def test_a_draft_begins_as_what_is_published_and_says_the_same(desk: Desk) -> None:
    async with transaction(desk.house.deps.pool) as tx:
        _, newest = await newest_draft(tx)
    assert differences(seed_draft(), newest) == []
    assert lint(newest) == []
    assert differences(newest, draft_of_plain(plain_draft(newest))) == []


async def test_a_difference_says_money_and_price_per_coin(desk: Desk) -> None:
    draft = await dearer_bonus(desk)
    (change,) = differences(seed_draft(), content_of(draft))
    assert (change.where, change.name) == ("world USD web", "coins-17500")
    assert change.before == "17,500 coins + 350 bonus for $180.00 ($1.03 per 100 coins)"
    assert change.after == "17,500 coins + 400 bonus for $180.00 ($1.03 per 100 coins)"


async def test_a_preview_is_what_that_country_would_be_offered(desk: Desk) -> None:
    draft = content_of(await dearer_bonus(desk))
    assert preview(draft, country="US", channel=Channel.WEB).packs[-1].bonus_coins == 400
    assert preview(draft, country="CH", channel=Channel.WEB).currency == "USD"
    assert preview(draft, country="DE", channel=Channel.WEB).packs[-1].bonus_coins == 350
    assert preview(draft, country="JP", channel=Channel.APP).currency == "JPY"


async def test_prices_begin_at_their_time_and_the_past_keeps_its_own(
    desk: Desk, clock: StillClock
) -> None:
    draft = await dearer_bonus(desk)
    before = await desk.house.begin("before", pack_id="coins-17500")
    begins = clock.now() + SPRING
    async with transaction(desk.house.deps.pool) as tx:
        wanted = publish_wanted(draft, begins, reason_code="prices_change", note=NOTE)
        made = await propose(tx, wanted, by=desk.ana, now=clock.now())
    done = await approve(desk.house.deps, made.id, by=desk.ben, seen_hash=made.payload_hash)
    assert done.state is ProposalState.DONE
    clock.advance(seconds=SPRING // timedelta(seconds=1) - 1)
    assert await bonus_on_sale(desk) == 350
    clock.advance(seconds=1)
    assert await bonus_on_sale(desk) == 400
    after = await desk.house.begin("after", pack_id="coins-17500")
    kept = await desk.house.order(before.id)
    assert (kept.bonus_coins, after.bonus_coins) == (350, 400)
    assert kept.price_list_id != after.price_list_id


async def test_a_draft_does_not_undo_what_was_published_meanwhile(
    desk: Desk, clock: StillClock
) -> None:
    draft = await dearer_bonus(desk)
    async with transaction(desk.house.deps.pool) as tx:
        wanted = publish_wanted(draft, None, reason_code="prices_change", note=NOTE)
        made = await propose(tx, wanted, by=desk.ana, now=clock.now())
        await publish(tx, seed_draft(), now=clock.now(), by="test")
    done = await approve(desk.house.deps, made.id, by=desk.ben, seen_hash=made.payload_hash)
    assert done.state is ProposalState.FAILED
    assert await bonus_on_sale(desk) == 350


async def test_what_comes_later_is_not_undone_by_what_begins_before(
    desk: Desk, clock: StillClock
) -> None:
    async with transaction(desk.house.deps.pool) as tx:
        later = clock.now() + SPRING
        await publish(tx, seed_draft(), now=clock.now(), by="test", valid_from=later)
    draft = await dearer_bonus(desk)
    async with transaction(desk.house.deps.pool) as tx:
        wanted = publish_wanted(draft, None, reason_code="prices_change", note=NOTE)
        made = await propose(tx, wanted, by=desk.ana, now=clock.now())
    done = await approve(desk.house.deps, made.id, by=desk.ben, seen_hash=made.payload_hash)
    assert done.state is ProposalState.FAILED
    assert done.outcome is not None
    assert "would undo this one" in done.outcome


async def test_a_start_that_passed_while_the_database_was_away_is_now(
    desk: Desk, clock: StillClock
) -> None:
    draft = await dearer_bonus(desk)
    async with transaction(desk.house.deps.pool) as tx:
        begins = clock.now() + timedelta(hours=1)
        wanted = publish_wanted(draft, begins, reason_code="prices_change", note=NOTE)
        made = await propose(tx, wanted, by=desk.ana, now=clock.now())
        approved = (
            "UPDATE console.proposal SET state = 'approved', decided_by = %(ben)s,"
            " decider = 'operator:ben', decided_at = %(now)s, next_try_at = %(now)s"
        )
        await tx.execute(approved, {"ben": desk.ben.operator_id, "now": clock.now()})
    clock.advance(hours=30)
    await jobs.proposals(desk.house.deps)
    async with transaction(desk.house.deps.pool) as tx:
        assert (await proposal_of(tx, made.id)).state is ProposalState.DONE
    assert await bonus_on_sale(desk) == 400


async def test_drafts_are_for_those_who_may_publish(desk: Desk) -> None:
    now = desk.house.deps.clock.now()
    async with transaction(desk.house.deps.pool) as tx:
        with pytest.raises(NotPermitted):
            await begin_draft(tx, "Mine", by=desk.sue, now=now)
        for title in ("", " ", "x" * 81, "a\nb"):
            with pytest.raises(WrongDraft):
                await begin_draft(tx, title, by=desk.ana, now=now)
        draft = await begin_draft(tx, "Ours", by=desk.ana, now=now)
        there = content_of(draft).lists[0]
        with pytest.raises(DraftMoved):
            await change_list(tx, draft.id, 0, there, seen_revision=0, by=(desk.ana, now))
        with pytest.raises(DraftUnknown):
            await change_list(tx, draft.id, 99, there, seen_revision=1, by=(desk.ana, now))
        await drop_draft(tx, draft.id, by=desk.ben, now=now)
        with pytest.raises(DraftUnknown):
            await draft_of(tx, draft.id)


async def test_a_form_adds_changes_and_removes_packs(house: House) -> None:
    async with two_desks(house) as (one, other):
        begun = await press(one, "/console/prices", "/console/prices/drafts", title="Spring")
        page = begun.headers["location"]
        draft_id = UUID(page.rpartition("/")[2])
        async with transaction(house.installation.pool) as tx:
            place = place_of(await draft_of(tx, draft_id), "USD")
        edit = f"{page}/lists/{place}"
        wrong = await press(one, edit, edit, **{"pack-0-coins": "many"})
        assert wrong.status_code == 422
        assert "The coins of coins-70 is a whole number" in words(wrong.text)
        added = {"pack-7-id": "coins-35000", "pack-7-coins": "35,000", "pack-7-price": "359.00"}
        added |= {"pack-7-bonus": "720"}
        changed = {"pack-6-price": "179.90", "pack-1-remove": "yes"}
        saved = await press(one, edit, edit, **added, **changed)
        assert saved.status_code == 303, words(saved.text)
        shown = words((await one.get(f"{page}?country=US")).text)
        assert "coins-35000 world USD web new 35,000 coins + 720 bonus for $359.00" in shown
        assert "coins-350 world USD web goes 350 coins for $3.70" in shown
        assert "then: 17,500 coins + 350 bonus for $179.90" in shown
        assert "35,000 coins + 720 coins $359.00 $1.03 per 100 coins" in shown
        twice = await one.post(edit, data={"_csrf": "x"})
        assert twice.status_code == 403
        broken = await press(one, edit, edit, **{"pack-0-price": "1,000"})
        assert broken.status_code == 303
        faulty = words((await one.get(page)).text)
        assert "'1,000' is not a price in USD" in faulty
        assert "Propose to publish" not in faulty
        await press(one, edit, edit, **{"pack-0-price": "0.74"})
        past = await press(
            one, page, f"{page}/propose",
            begins="2020-01-01T00:00", reason_code="prices_change", note=NOTE,
        )  # fmt: skip
        assert past.status_code == 422
        asked = {"begins": "2026-11-24T09:00", "reason_code": "prices_change", "note": NOTE}
        sent = await press(one, page, f"{page}/propose", **asked)
        proposal = sent.headers["location"]
        seen = words((await other.get(proposal)).text)
        assert "coins-35000" in seen
        assert "24 Nov 2026, 09:00 UTC" in seen
        await press(other, proposal, f"{proposal}/approve")
        assert "Version 2" in words((await one.get("/console/prices")).text)
        assert "was published since" in words((await one.get(page)).text)

"""Gifts on offer: judged before they are published, and never changed afterwards."""

from dataclasses import replace
from datetime import timedelta
from typing import LiteralString

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinwell.base import audit
from coinwell.base.clock import StillClock
from coinwell.base.db import Tx, run
from coinwell.catalog import (
    CatalogUnreadable,
    GiftDraft,
    GiftsDraft,
    GiftsFaulty,
    StartsInThePast,
    drawings,
    gift_of,
    gift_offer,
    gift_publications,
    gifts,
    gifts_of,
    lint_gifts,
    price_lists_of,
    publications,
    publish_gifts,
    read_gifts,
    seed,
    seed_gifts,
    seed_gifts_draft,
)
from coinwell.catalog.gift_drafts import gift_number
from tests.catalog.drafts import price_list

ROSE = GiftDraft("rose", "Rose", 1, "rose.svg")
KITE = GiftDraft("kite", "Red Kite", 199, "kite.svg")
ART = frozenset({"rose.svg", "kite.svg"})
FILE = b'gifts = [{ id = "rose", name = "Rose", coins = 1, art = "rose.svg" }]'


def draft(*drafts: GiftDraft) -> GiftsDraft:
    return GiftsDraft(drafts, f"test {drafts}")


def codes(*drafts: GiftDraft) -> list[str]:
    return [one.code for one in lint_gifts(draft(*drafts), lists=[], art=ART)]


def test_what_ships_may_be_offered() -> None:
    shipped = seed_gifts_draft()
    assert lint_gifts(shipped, lists=[], art=drawings()) == []
    assert len(shipped.gifts) >= 12
    assert (shipped.gifts[0].coins, shipped.gifts[-1].coins) == (1, 44_999)


async def test_every_shipped_gift_is_reached_by_every_shipped_price_list(
    tx: Tx, clock: StillClock
) -> None:
    await seed(tx, clock.now())
    lists = await price_lists_of(tx, (await publications(tx))[0])
    assert len(lists) >= 10
    assert lint_gifts(seed_gifts_draft(), lists=lists, art=drawings()) == []


@pytest.mark.parametrize(
    ("faulty", "code"),
    [
        (replace(ROSE, id="Rose"), "gift_id_bad"),
        (replace(ROSE, id="rose\n"), "gift_id_bad"),
        (replace(ROSE, name=""), "gift_name_bad"),
        (replace(ROSE, name="two\nlines"), "gift_name_bad"),
        (replace(ROSE, name=" Rose"), "gift_name_bad"),
        (replace(ROSE, coins=0), "gift_coins_bad"),
        (replace(ROSE, coins=-5), "gift_coins_bad"),
        (replace(ROSE, coins=1_000_001), "gift_coins_bad"),
        (replace(ROSE, art="missing.svg"), "art_missing"),
        (replace(ROSE, art="../rose.svg"), "art_missing"),
    ],
)
def test_a_faulty_gift_is_found(faulty: GiftDraft, code: str) -> None:
    assert codes(faulty) == [code]


def test_gifts_are_judged_together_too() -> None:
    assert codes() == ["gifts_missing"]
    assert codes(ROSE, replace(KITE, id="rose")) == ["gift_twice"]
    assert codes(ROSE, replace(KITE, name="ROSE")) == ["gift_name_twice"]
    assert codes(KITE, ROSE) == ["gifts_out_of_order"]
    assert codes(ROSE, KITE) == []


def test_a_gift_that_leaves_coins_over_is_found() -> None:
    narrow = replace(price_list((100, 100), (250, 240)), coins_min=100, coins_max=250)
    reached = [GiftDraft("a", "A", coins, "rose.svg") for coins in (1, 50, 83, 125, 250)]
    assert lint_gifts(draft(*reached), lists=[narrow], art=ART)[:0] == []
    for coins, found in ((1, []), (83, []), (250, []), (251, ["gift_out_of_reach"])):
        gift = GiftDraft("a", "A", coins, "rose.svg")
        said = lint_gifts(draft(gift), lists=[narrow], art=ART)
        assert [one.code for one in said] == found, coins
    dear = replace(narrow, coins_min=5_000, coins_max=6_000, packs=())
    said = lint_gifts(draft(ROSE), lists=[dear], art=ART)
    assert [one.code for one in said] == ["gift_out_of_reach"], "999 roses are too few coins"


@given(st.integers(1, 2_000), st.integers(1, 400), st.integers(0, 1_500))
def test_reach_agrees_with_trying_every_number(coins: int, least: int, more: int) -> None:
    found = replace(price_list((70, 74)), coins_min=least, coins_max=least + more, packs=())
    gift = GiftDraft("a", "A", coins, "rose.svg")
    said = lint_gifts(draft(gift), lists=[found], art=ART)
    reached = any(least <= coins * many <= least + more for many in range(1, 1_000))
    assert (said == []) == reached


@pytest.mark.parametrize(
    "content", [b"\xff", b"gifts = 1", b"", FILE.replace(b"= 1,", b'= "1",'), FILE + b"\nmore = 1"]
)
def test_what_is_no_file_of_gifts_is_refused(content: bytes) -> None:
    with pytest.raises(CatalogUnreadable):
        read_gifts(content)


def test_a_number_is_a_hash_of_all_that_a_gift_is() -> None:
    changed = [
        replace(ROSE, id="r"),
        replace(ROSE, name="R"),
        replace(ROSE, coins=2),
        replace(ROSE, art="kite.svg"),
    ]
    numbers = {gift_number(one) for one in (ROSE, *changed)}
    assert len(numbers) == 5
    assert all(0 < number < 2**47 for number in numbers)
    assert gift_number(ROSE) == gift_number(replace(ROSE))


async def test_a_changed_gift_is_a_new_version_and_the_old_one_stays(
    tx: Tx, clock: StillClock
) -> None:
    assert await gifts(tx, now=clock.now()) == ()
    first = await publish_gifts(tx, draft(ROSE, KITE), now=clock.now(), by="ana")
    old = await gifts(tx, now=clock.now())
    dearer = replace(KITE, coins=299)
    second = await publish_gifts(tx, draft(ROSE, dearer), now=clock.now(), by="ana")
    new = await gifts(tx, now=clock.now())
    assert (first.version, second.version) == (1, 2)
    assert [gift.coins for gift in new] == [1, 299]
    assert new[0] == old[0], "what did not change keeps its number"
    assert await gift_of(tx, old[1].number) == old[1]
    assert await gifts_of(tx, {old[1].number, new[1].number, 5}) == {
        gift.number: gift for gift in (old[1], new[1])
    }
    assert await gift_of(tx, 5) is None
    assert [one.version for one in await gift_publications(tx)] == [2, 1]


async def test_gifts_may_begin_later_but_not_earlier(tx: Tx, clock: StillClock) -> None:
    await publish_gifts(tx, draft(ROSE), now=clock.now(), by="ana")
    begins_at = clock.now() + timedelta(days=1)
    await publish_gifts(tx, draft(KITE), now=clock.now(), by="ana", valid_from=begins_at)
    assert [gift.id for gift in await gifts(tx, now=clock.now())] == ["rose"]
    assert [gift.id for gift in await gifts(tx, now=begins_at)] == ["kite"]
    with pytest.raises(StartsInThePast):
        await publish_gifts(
            tx,
            draft(ROSE),
            now=clock.now(),
            by="ana",
            valid_from=clock.now() - timedelta(seconds=1),
        )


async def test_a_faulty_draft_is_not_published(tx: Tx, clock: StillClock) -> None:
    with pytest.raises(GiftsFaulty) as refused:
        await publish_gifts(tx, draft(KITE, ROSE), now=clock.now(), by="ana")
    assert [one.code for one in refused.value.findings] == ["gifts_out_of_order"]
    assert await gift_publications(tx) == []


async def test_a_publication_of_gifts_is_written_down_and_a_refused_one_is_not(
    tx: Tx, clock: StillClock
) -> None:
    wanted, begins_at = draft(ROSE, KITE), clock.now() + timedelta(days=1)
    made = await publish_gifts(tx, wanted, now=clock.now(), by="operator:ana", valid_from=begins_at)
    with pytest.raises(GiftsFaulty):
        await publish_gifts(tx, draft(KITE, ROSE), now=clock.now(), by="operator:ben")
    with pytest.raises(StartsInThePast):
        await publish_gifts(
            tx,
            wanted,
            now=begins_at,
            by="operator:ben",
            valid_from=begins_at - timedelta(seconds=1),
        )
    (row,) = await audit.find(tx, audit.Filter(act="gifts.published"))
    assert (row.who, row.at, row.object) == (
        "operator:ana",
        clock.now(),
        f"gift_publication:{made.id}",
    )
    assert row.after_hash == wanted.digest
    assert row.facts == {"version": 1, "valid_from": begins_at.isoformat()}


async def test_who_knows_a_publication_is_not_told_it_again(tx: Tx, clock: StillClock) -> None:
    assert await gift_offer(tx, now=clock.now()) is None
    await publish_gifts(tx, draft(ROSE), now=clock.now(), by="ana")
    told = await gift_offer(tx, now=clock.now())
    assert told is not None
    assert told.gifts is not None
    again = await gift_offer(tx, now=clock.now(), known=[told.publication_id])
    assert again is not None
    assert (again.publication_id, again.gifts) == (told.publication_id, None)


async def test_the_seed_is_published_once_and_leaves_other_gifts_alone(
    tx: Tx, clock: StillClock
) -> None:
    assert await seed_gifts(tx, clock.now()) is not None
    assert await seed_gifts(tx, clock.now()) is None
    await run(tx, "ALTER TABLE catalog.gift_publication DISABLE TRIGGER USER")
    await run(tx, "UPDATE catalog.gift_publication SET digest = 'older'")
    assert await seed_gifts(tx, clock.now()) is not None
    await publish_gifts(tx, draft(ROSE), now=clock.now(), by="ana")
    assert await seed_gifts(tx, clock.now()) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE catalog.gift SET coins = coins + 1",
        "DELETE FROM catalog.gift_offer",
        "TRUNCATE catalog.gift_publication CASCADE",
    ],
)
async def test_what_was_published_cannot_be_changed(
    tx: Tx, clock: StillClock, change: LiteralString
) -> None:
    await publish_gifts(tx, draft(ROSE), now=clock.now(), by="ana")
    with pytest.raises(psycopg.errors.RestrictViolation):
        await run(tx, change)

"""The demo's history, lived through on the real product: once, whole, and in the order of time."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from coinwell.base.clock import SystemClock, from_ns
from coinwell.base.db import transaction
from coinwell.demo import (
    Size,
    World,
    history_begins,
    make_history,
    operator_password,
    plan_world,
    populate,
)
from coinwell.demo.filling import Closing, acts, breaths
from coinwell.demo.types import Broadcast
from coinwell.ledger import Kind, QueryFilter, verify
from coinwell.live import room_of, rooms
from coinwell.settings import Settings
from coinwell.users import Scope, demo_users, restrictions, user_by_external_id
from coinwell.wallet import statement
from tests.conftest import NOON
from tests.demo.living import (
    SMALL,
    Held,
    counts,
    holdings,
    installed,
    order_states,
    prepare,
    settings_for,
)
from tests.profile import scale


def small_world() -> World:
    return plan_world(history_begins(NOON, SMALL).date(), SMALL)


def names(world: World) -> list[str]:
    return [one.name for one in (*world.people, *world.creators)]


def planned(world: World) -> dict[str, Held]:
    """What everybody has at noon, if nothing was refused: coins, without those of a bonus."""
    coins: Counter[str] = Counter()
    earned: Counter[str] = Counter()
    creators = {one.name: one.creator for one in world.broadcasts}
    for bought in world.purchases:
        coins[bought.person] += bought.coins if bought.at < NOON else 0
    for gift in world.gifts:
        if gift.at < NOON:
            coins[gift.person] -= gift.coins
            earned[creators[gift.room]] += gift.coins
    return {name: Held(coins[name], earned[name]) for name in names(world)}


@pytest.fixture
async def demo(database_url: str, tmp_path: Path) -> Settings:
    """A demo without a history yet."""
    settings = settings_for(database_url, tmp_path)
    await prepare(settings)
    return settings


async def test_the_history_is_what_was_planned(demo: Settings) -> None:
    world = small_world()
    days: list[int] = []

    made = await make_history(
        demo, now=NOON, size=SMALL, progress=lambda done, _of: days.append(done)
    )

    assert made is not None
    assert days == list(range(1, SMALL.days + 1))
    assert made.refusals == {}
    assert made.gifts == sum(one.at < NOON for one in world.gifts) > 100
    await assert_whole(demo)
    states = await order_states(demo)
    assert set(states) <= {"credited", "canceled"}
    assert sum(states.values()) == made.purchases
    async with installed(demo) as opened:
        feed = await opened.ledger.query_transfers(QueryFilter(limit=8_000))
        async with transaction(opened.pool) as tx:
            shown, _ = await rooms(tx, limit=100)
    stamps = [one.timestamp for one in feed]
    assert stamps == sorted(set(stamps))
    assert history_begins(NOON, SMALL) <= from_ns(stamps[0])
    assert from_ns(stamps[-1]) < NOON
    gifts = sum(one.code == Kind.GIFT for one in feed)
    assert gifts == made.gifts == (await counts(demo)).events
    opened_at = {one.title: one.opened_at for one in shown}
    assert min(opened_at.values()) < NOON - timedelta(days=SMALL.days - 2)


async def test_it_is_made_once(demo: Settings) -> None:
    assert await make_history(demo, now=NOON, size=SMALL) is not None
    before = await counts(demo)

    assert await make_history(demo, now=NOON + timedelta(days=1), size=SMALL) is None

    assert await counts(demo) == before


async def test_a_slow_machine_lives_through_the_same_history(demo: Settings) -> None:
    late_from_the_start = -60.0
    await make_history(demo, now=NOON, size=SMALL, budget_s=late_from_the_start)

    await assert_whole(demo)


class Killed(Exception):
    """The test ends the fill here."""


@pytest.mark.parametrize("after_days", [1, *range(3, scale(4, 8))])
async def test_a_history_that_was_cut_off_is_continued(demo: Settings, after_days: int) -> None:
    def cut(done: int, _of: int) -> None:
        if done == after_days:
            raise Killed

    with pytest.raises(Killed):
        await make_history(demo, now=NOON, size=SMALL, progress=cut)
    # On another day, for it is the first start that says where history ends.
    made = await make_history(demo, now=NOON + timedelta(days=2), size=Size(4, 2))

    assert made is not None
    await assert_whole(demo)


async def test_days_that_are_lived_through_again_change_nothing(demo: Settings) -> None:
    """As if each day had been cut off just before it was written down as done."""
    await make_history(demo, now=NOON, size=SMALL)
    before = await counts(demo)
    async with installed(demo) as opened, transaction(opened.pool) as tx:
        forgotten = await tx.execute(
            "DELETE FROM base.answer WHERE scope = 'demo' AND (key = 'made' OR key LIKE 'day %')"
        )
    assert forgotten.rowcount == SMALL.days + 1

    again = await make_history(demo, now=NOON, size=SMALL)

    assert again is not None
    assert again.refusals == {}
    assert await counts(demo) == before
    await assert_whole(demo)


async def test_a_history_whose_process_was_killed_is_continued(
    demo: Settings, database_url: str, tmp_path: Path
) -> None:
    """`kill -9` somewhere in the middle of a day, more than once."""
    for _ in range(scale(2, 5)):
        filling = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.demo.living", database_url, str(tmp_path), stdout=PIPE
        )
        assert filling.stdout is not None
        for _ in range(2):
            assert await filling.stdout.readline()  # A day is done, and the next is under way.
        filling.kill()
        await filling.wait()
    await make_history(demo, now=NOON, size=SMALL)

    await assert_whole(demo)


async def assert_whole(settings: Settings) -> None:
    """What is there is what one fill in one go makes of this world, to the coin."""
    world = small_world()
    wanted, found = planned(world), await holdings(settings, names(world))
    bonus = {name: found[name].coins - wanted[name].coins for name in wanted}
    # Nothing of this small world is refused, so everybody earned exactly what was planned,
    # and holds the rest, but for what large packs bring as a bonus.
    assert {name: one.earned for name, one in found.items()} == {
        name: one.earned for name, one in wanted.items()
    }
    big = {one.person for one in world.purchases if one.pack_coins >= 3_500}
    assert all(extra == 0 for name, extra in bonus.items() if name not in big)
    rows = await counts(settings)
    assert rows.users == len(names(world))
    assert rows.rooms == sum(one.opens_at < NOON for one in world.broadcasts)
    assert rows.orders == sum(one.at < NOON for one in world.purchases)
    assert rows.events == sum(one.at < NOON for one in world.gifts)
    async with installed(settings) as opened:
        verdict = await verify(opened.pool)
    assert verdict.balanced, verdict.sentence


async def test_books_that_are_in_use_get_no_history(demo: Settings) -> None:
    await make_history(demo, now=NOON, size=Size(days=3, viewers=5))
    async with installed(demo) as opened, transaction(opened.pool) as tx:
        await tx.execute("DELETE FROM base.answer WHERE scope = 'demo'")
    before = await counts(demo)
    assert before.transfers > 0

    assert await make_history(demo, now=NOON, size=SMALL) is None

    assert await counts(demo) == before


async def test_ana_has_a_statement_to_read(demo: Settings) -> None:
    await make_history(demo, now=NOON, size=Size(days=scale(12, 40), viewers=2))
    async with installed(demo) as opened:
        async with transaction(opened.pool) as tx:
            ana = await user_by_external_id(tx, "demo-ana")
        page = await statement(opened.pool, opened.ledger, ana.id)
    assert page.lines


async def test_a_demo_starts_with_its_people_and_two_open_rooms_and_again_without_change(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, size = settings_for(database_url, tmp_path), Size(days=3, viewers=10)
    await prepare(settings, SystemClock().now())

    await populate(settings, size=size)
    said, before = capsys.readouterr().out, await counts(settings)
    await populate(settings, size=size)

    assert operator_password(settings) in said
    assert "3 days" in said
    assert "days," not in capsys.readouterr().out
    assert await counts(settings) == before
    async with installed(settings) as opened, transaction(opened.pool) as tx:
        people = {one.external_id: one for one in await demo_users(tx)}
        for star in ("demo-luz", "demo-kofi"):
            assert await room_of(tx, people[star].id) is not None
        igor = await restrictions(tx, people["demo-igor"].id, now=SystemClock().now())
    assert len(people) == 8  # The sign-in page has no room for a crowd.
    assert [one.scope for one in igor] == [Scope.RECHARGE]


def test_a_breath_never_opens_a_room_before_it_closed_the_last_one() -> None:
    world = plan_world(history_begins(NOON).date())
    day = acts(world, NOON)
    assert len(day) > len(world.gifts)
    for breath in breaths(day, timedelta(days=3)):
        closed: set[str] = set()
        for _, act in breath:
            if isinstance(act, Closing):
                closed.add(act.room.creator)
            assert not (isinstance(act, Broadcast) and act.creator in closed)

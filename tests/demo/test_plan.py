"""The plan of the demo world: fixed, alike each time, with the seasons that it says it has.

Forecasts are judged against this world. Whoever changes a number of its generator changes the
question that they are asked, so a change must be meant: the digest below is to be changed by hand.
"""

import subprocess
import sys
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from coinwell.catalog import seed_draft, seed_gifts_draft
from coinwell.demo import World, digest, plan_world, posts, rhythm
from coinwell.demo.drawing import Draws, key_of
from coinwell.demo.spending import GIFTS, PACKS
from coinwell.demo.types import Ending, Kind
from coinwell.live.rules import key_time_ms
from coinwell.users.rules import faults_of_user
from tests.conftest import NOON

FIRST_DAY = date(2026, 7, 20)  # A Monday.
DIGEST = "573a39447a79296cdd6256b00918aa0ea2b351e27fbe4d8dcaa0ed37941f1e98"
_CALM = slice(14, 80)  # Days after everybody's first, before the festival.


@pytest.fixture(scope="module")
def world() -> World:
    """The whole world, from a Monday on."""
    return plan_world(FIRST_DAY)


def local(world: World, person: str, at: datetime) -> datetime:
    zones = {one.name: one.user.time_zone for one in world.people}
    return at.astimezone(ZoneInfo(zones[person]))


def test_nobody_has_changed_the_world(world: World) -> None:
    assert digest(world) == DIGEST


def test_another_process_draws_the_same_world(world: World) -> None:
    code = (
        "from datetime import date; from coinwell.demo import plan_world, digest;"
        f"print(digest(plan_world(date.fromisoformat('{FIRST_DAY}'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(world)


def test_another_first_day_is_another_world(world: World) -> None:
    assert digest(plan_world(FIRST_DAY + timedelta(days=1))) != digest(world)


def test_the_world_is_as_large_as_it_is_said_to_be(world: World) -> None:
    assert len(world.people) + len(world.creators) >= 200
    assert len(world.creators) == 12
    assert world.size.days >= 122  # Four months.
    assert len({one.user.country for one in world.people}) >= 15
    assert 4_000 < len(world.gifts) < 8_000
    assert 150 < len(world.purchases) < 260


def test_everybody_can_be_made_known(world: World) -> None:
    begins = datetime.combine(world.begins_on, NOON.timetz())
    for person in (*world.people, *world.creators):
        assert faults_of_user(person.user, now=begins) == []
    names = [one.name for one in (*world.people, *world.creators)]
    assert len(set(names)) == len(names)


def test_what_is_given_and_bought_is_in_the_catalogue() -> None:
    sold = {gift.id: gift.coins for gift in seed_gifts_draft().gifts}
    assert {name: sold[name] for name, _ in GIFTS} == dict(GIFTS)
    for a_list in seed_draft().lists:
        packs = {pack.id: pack.coins for pack in a_list.packs}
        assert {f"coins-{coins}": coins for coins in PACKS}.items() <= packs.items()


def test_nobody_gives_what_they_have_not_got(world: World) -> None:
    held: Counter[str] = Counter()
    acts = [(one.at, 0, one) for one in world.purchases] + [(one.at, 1, one) for one in world.gifts]
    for _, sort, act in sorted(acts, key=lambda one: one[:2]):
        held[act.person] += act.coins if sort == 0 else -act.coins
        assert held[act.person] >= 0, act


def test_gifts_are_given_where_somebody_is_live(world: World) -> None:
    rooms = {one.name: one for one in world.broadcasts}
    for gift in world.gifts:
        room = rooms[gift.room]
        assert room.opens_at < gift.at < room.closes_at
        assert gift.person != room.creator


def test_a_creator_is_live_in_one_room_at_a_time(world: World) -> None:
    for star in world.creators:
        own = [one for one in world.broadcasts if one.creator == star.name]
        assert all(one.closes_at < later.opens_at for one, later in pairwise(own))


def test_who_is_too_young_or_of_unknown_age_only_watches(world: World) -> None:
    adults_born = date(FIRST_DAY.year - 20, 1, 1)
    others = {
        one.name
        for one in world.people
        if one.user.birth_on is None or one.user.birth_on >= adults_born
    }
    assert others
    assert not others & {one.person for one in (*world.gifts, *world.purchases)}
    assert sum(one.kind is Kind.WATCHING for one in world.people) > len(world.people) // 4


def test_no_key_is_used_twice_and_each_holds_its_time(world: World) -> None:
    acts = (*world.gifts, *world.purchases)
    assert len({(type(one), one.person, one.key) for one in acts}) == len(acts)
    for one in acts:
        assert key_time_ms(one.key) == int(one.at.timestamp()) * 1_000


def test_saturday_is_the_fullest_day(world: World) -> None:
    days: Counter[int] = Counter()
    for gift in world.gifts:
        at = local(world, gift.person, gift.at)
        if _CALM.start <= (at.date() - FIRST_DAY).days < _CALM.stop:
            days[at.weekday()] += 1
    assert days.most_common(1)[0][0] == 5
    weekend, week = days[5] + days[6], sum(days[one] for one in range(4))
    assert weekend / 2 > 1.2 * week / 4


def test_evenings_are_full_and_nights_are_empty(world: World) -> None:
    hours: Counter[int] = Counter(local(world, one.person, one.at).hour for one in world.gifts)
    evening = sum(hours[one] for one in range(18, 24))
    night = sum(hours[one] for one in range(1, 6))
    assert evening > 0.5 * len(world.gifts)
    assert night < 0.08 * len(world.gifts)


def test_people_recharge_when_they_were_paid(world: World) -> None:
    people = {one.name: one for one in world.people}
    paid: Counter[bool] = Counter()
    chances: Counter[bool] = Counter()
    for one in world.purchases:
        on = local(world, one.person, one.at).date()
        paid[rhythm.payday(people[one.person].paydays, on) > 1] += 1
    for one in world.people:
        if one.habit:
            for day in range(world.size.days):
                on = FIRST_DAY + timedelta(days=day)
                chances[rhythm.payday(one.paydays, on) > 1] += 1
    assert paid[True] / chances[True] > 1.5 * paid[False] / chances[False]


def test_the_festival_fills_a_weekend(world: World) -> None:
    first = rhythm.festival_begins(FIRST_DAY)
    assert (FIRST_DAY + timedelta(days=first)).weekday() == 4
    by_day: Counter[int] = Counter()
    for gift in world.gifts:
        by_day[(local(world, gift.person, gift.at).date() - FIRST_DAY).days] += 1
    feast = sum(by_day[first + day] for day in range(3))
    around = [sum(by_day[first + day + week] for day in range(3)) for week in (-14, -7, 7, 14)]
    assert feast > 1.5 * sum(around) / len(around)


def test_the_rooms_grow_fuller_over_the_months(world: World) -> None:
    third = world.size.days // 3
    early: Counter[bool] = Counter()
    late: Counter[bool] = Counter()
    for gift in world.gifts:
        day = (gift.at.date() - FIRST_DAY).days
        early[day < third] += 1
        late[day >= 2 * third] += 1
    assert late[True] > 1.4 * early[True]


def test_a_few_creators_get_most_and_a_few_givers_give_most(world: World) -> None:
    rooms = {one.name: one.creator for one in world.broadcasts}
    to: Counter[str] = Counter(rooms[one.room] for one in world.gifts)
    top, rest = to.most_common(6), sum(to.values())
    assert sum(count for _, count in top) > 0.55 * rest
    by: Counter[str] = Counter()
    for one in world.gifts:
        by[one.person] += one.coins
    fifth = [coins for _, coins in by.most_common(len(by) // 5)]
    assert sum(fifth) > 0.6 * sum(by.values())


def test_most_recharges_are_paid_and_every_ending_occurs(world: World) -> None:
    endings = Counter(one.ending for one in world.purchases)
    assert set(endings) == set(Ending)
    assert endings[Ending.PAID] > 0.8 * len(world.purchases)


def test_ana_has_a_life_to_look_at(world: World) -> None:
    months = {one.at.strftime("%Y-%m") for one in world.gifts if one.person == "demo-ana"}
    assert len(months) >= 4
    assert sum(one.coins > 0 for one in world.purchases if one.person == "demo-ana") >= 4
    assert {one.mode for one in world.limits if one.person == "demo-ana"} == {"tell"}


def test_posts_come_without_the_world_and_are_its_own(world: World) -> None:
    alone = posts(FIRST_DAY)
    assert alone == world.posts
    assert len(alone) > 300
    assert len({one.id for one in alone}) == len(alone)
    assert {one.creator for one in alone} == {one.name for one in world.creators}


def test_chance_does_not_depend_on_the_machine() -> None:
    draws = Draws("a stream", 7)
    assert [draws.below(1_000) for _ in range(6)] == [643, 855, 32, 822, 106, 530]
    assert Draws("a", 1).unit() != Draws("a", 2).unit()
    many = Draws("many")
    found = [many.poisson(3.0) for _ in range(4_000)]
    assert 2.9 < sum(found) / len(found) < 3.1
    assert key_of("x", at_ms=0).startswith("00000000-0000-7")

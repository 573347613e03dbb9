"""Who lives in the demo world: the people to sign in as, the other viewers, the creators."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

from coinwell.demo.drawing import Draws
from coinwell.demo.types import Creator, Hand, Kind, Person, Size
from coinwell.users import DEMO_PREFIX, NewUser

SEED: Final = "coinwell demo world 1"
# The people to sign in as, made when the demo first starts; each shows one thing.
PEOPLE: Final = (
    NewUser(f"{DEMO_PREFIX}ana", "Ana", "DE", "en", "Europe/Berlin", date(1996, 3, 14)),
    NewUser(f"{DEMO_PREFIX}brad", "Brad", "US", "en", "America/New_York", date(1989, 11, 2)),
    NewUser(f"{DEMO_PREFIX}haruka", "Haruka", "JP", "en", "Asia/Tokyo", date(2000, 7, 21)),
    NewUser(f"{DEMO_PREFIX}igor", "Igor, restricted", "BR", "en", "America/Sao_Paulo",
            date(1992, 1, 30)),
    NewUser(f"{DEMO_PREFIX}mina", "Mina, 15 years old", "KR", "en", "Asia/Seoul",
            date(2011, 9, 9)),
    NewUser(f"{DEMO_PREFIX}kofi", "Kofi", "GB", "en", "Europe/London", date(1994, 8, 19)),
    NewUser(f"{DEMO_PREFIX}luz", "Luz", "ES", "en", "Europe/Madrid", date(1991, 12, 5)),
    NewUser(f"{DEMO_PREFIX}nobody-knows", "Noa, age unknown", "GB", "en", "Europe/London"),
)  # fmt: skip
_LIVES: Final = {
    "demo-ana": (Kind.REGULAR, Hand.OPEN, 0.45),
    "demo-brad": (Kind.OCCASIONAL, Hand.MIDDLE, 0.12),
    "demo-haruka": (Kind.DEVOTED, Hand.OPEN, 0.60),
    "demo-igor": (Kind.OCCASIONAL, Hand.MIDDLE, 0.15),
}
# Of a hundred viewers so many only watch, and so on; then visits a day.
_KINDS: Final = (Kind.WATCHING, Kind.OCCASIONAL, Kind.REGULAR, Kind.DEVOTED)
_KIND_SHARES: Final = (38, 40, 17, 5)
_HABITS: Final = {Kind.OCCASIONAL: 0.06, Kind.REGULAR: 0.28, Kind.DEVOTED: 0.8}
_HAND_SHARES: Final = {
    Kind.OCCASIONAL: (70, 27, 3, 0),
    Kind.REGULAR: (35, 45, 18, 2),
    Kind.DEVOTED: (10, 35, 35, 20),
}
# How long somebody stays, on average, in days.
_STAYS: Final = {Kind.WATCHING: 120, Kind.OCCASIONAL: 90, Kind.REGULAR: 180, Kind.DEVOTED: 320}
_THERE_AT_FIRST: Final = 0.4
_MINORS, _AGE_UNKNOWN = 0.04, 0.03
_AGES: Final = ((20, 24), (25, 29), (30, 39), (40, 59))
_AGE_SHARES: Final = (34, 29, 25, 12)
_FAVOURITES_MAX: Final = 3
_CREATORS_JOIN_WITHIN: Final = 30
_CREATORS_AT_FIRST: Final = 6
_TABLE_LANGUAGE: Final = "en"


@dataclass(frozen=True, slots=True)
class Country:
    """A row of the table: who lives there."""

    code: str
    region: str
    share: int
    zones: tuple[str, ...]
    paydays: tuple[int, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]


def cast(begins_on: date, size: Size) -> tuple[Person, ...]:
    """Everybody who watches: first those to sign in as, then the others."""
    known = [_known(user) for user in PEOPLE if user.external_id not in creator_names()]
    others = [_viewer(number, begins_on, size) for number in range(size.viewers)]
    return (*known, *others)


def creators(size: Size) -> tuple[Creator, ...]:
    """Everybody who is live, the best known first; half of them from the first day on."""
    by_name = {user.external_id: user for user in PEOPLE}
    found: list[Creator] = []
    for place, row in enumerate(table()["creator"]):
        draws = Draws(SEED, "creator", row["external_id"])
        user = by_name.get(row["external_id"]) or NewUser(
            row["external_id"], row["name"], row["country"], _TABLE_LANGUAGE, row["zone"],
            date(draws.between(1984, 2001), draws.between(1, 12), draws.between(1, 28)),
        )  # fmt: skip
        late = draws.below(_CREATORS_JOIN_WITHIN) * size.days // 126
        joined = 0 if place < _CREATORS_AT_FIRST else late
        region = _region_of(user.country)
        found.append(Creator(user, region, row["topic"], row["starts_at"], joined))
    return tuple(found)


def creator_names() -> frozenset[str]:
    """What the host app calls the creators."""
    return frozenset(row["external_id"] for row in table()["creator"])


def topics() -> Mapping[str, Mapping[str, list[str]]]:
    """Titles of rooms and captions of posts, by topic."""
    found: Mapping[str, Mapping[str, list[str]]] = table()["topics"]
    return found


@cache
def table() -> dict[str, Any]:
    """What `cast.toml` says."""
    return tomllib.loads((files("coinwell.demo") / "cast.toml").read_text("utf-8"))


@cache
def countries() -> tuple[Country, ...]:
    """The countries that viewers come from."""
    return tuple(
        Country(
            row["code"], row["region"], row["share"], tuple(row["zones"]),
            tuple(row["paydays"]), tuple(row["given"]), tuple(row["family"]),
        )
        for row in table()["country"]
    )  # fmt: skip


def _region_of(code: str) -> str:
    return next(one.region for one in countries() if one.code == code)


def _known(user: NewUser) -> Person:
    kind, hand, habit = _LIVES.get(user.external_id, (Kind.WATCHING, Hand.SMALL, 0.0))
    country = next(one for one in countries() if one.code == user.country)
    draws = Draws(SEED, "known", user.external_id)
    return Person(
        user, kind, hand, habit, country.region, country.paydays,
        joined_day=0, left_day=10_000, favourites=_favourites(draws),
    )  # fmt: skip


def _viewer(number: int, begins_on: date, size: Size) -> Person:
    draws = Draws(SEED, "viewer", number)
    country = countries()[draws.pick([one.share for one in countries()])]
    kind = _KINDS[draws.pick(_KIND_SHARES)]
    given = country.given[draws.below(len(country.given))]
    family = country.family[draws.below(len(country.family))]
    zone = country.zones[draws.below(len(country.zones))]
    birth_on, adult = _birth(draws, begins_on)
    if not adult:
        kind = Kind.WATCHING
    hand = Hand(draws.pick(_HAND_SHARES[kind])) if kind in _HAND_SHARES else Hand.SMALL
    habit = _HABITS.get(kind, 0.0) * 2 ** (draws.bell() / 2)
    # More come the livelier it is: the square root puts the later days first.
    early, late = draws.chance(_THERE_AT_FIRST), draws.unit() ** 0.5
    joined = 0 if early else int(late * size.days)
    user = NewUser(
        f"viewer-{number:03}", f"{given} {family}", country.code, _TABLE_LANGUAGE, zone, birth_on
    )
    return Person(
        user, kind, hand, habit, country.region, country.paydays,
        joined_day=joined, left_day=joined + _stay(draws, kind), favourites=_favourites(draws),
    )  # fmt: skip


def _birth(draws: Draws, begins_on: date) -> tuple[date | None, bool]:
    sort = draws.unit()
    low, high = _AGES[draws.pick(_AGE_SHARES)]
    if sort < _MINORS:
        low, high = 13, 16
    years = draws.between(low, high)
    born = date(begins_on.year - years - 1, draws.between(1, 12), draws.between(1, 28))
    if sort < _MINORS:
        return born, False
    if sort < _MINORS + _AGE_UNKNOWN:
        return None, False
    return born, True


def _stay(draws: Draws, kind: Kind) -> int:
    # Somebody who leaves with the same chance every day.
    likely = 1 / _STAYS[kind]
    days = 1
    while not draws.chance(likely) and days < 1_000:  # noqa: PLR2004 - longer than any world.
        days += 1
    return days


def _favourites(draws: Draws) -> tuple[int, ...]:
    weights = [1 / (place + 1) for place in range(len(table()["creator"]))]
    wanted = draws.between(1, _FAVOURITES_MAX)
    found: list[int] = []
    for _ in range(wanted):
        place = draws.pick(weights)
        weights[place] = 0
        found.append(place)
    return tuple(found)

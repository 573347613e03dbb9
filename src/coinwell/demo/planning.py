"""What happens in the demo world: `plan_world`, pure, and the same each time it is asked.

Rooms come first: each creator begins around an hour of their own evening on most days. Then each
person's visits, by the rhythm of `rhythm.py`; a visit is to one open room, likelier the better
known the creator is (Zipf: 1/1, 1/2, 1/3, …), three times likelier in one's own part of the
world, six times likelier for a favourite. What is given in a visit, and the recharges that pay
for it, are in `spending.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from coinwell.demo import rhythm
from coinwell.demo.casting import SEED, cast, creators, topics
from coinwell.demo.drawing import Draws, key_of
from coinwell.demo.spending import Visit, spend
from coinwell.demo.types import (
    Broadcast,
    Creator,
    Gift,
    Hand,
    Kind,
    OwnLimit,
    Pause,
    Person,
    Post,
    Purchase,
    Size,
    World,
)

HOME: Final = 3.0
FAVOURITE: Final = 6.0
_LIVE_ON: Final = 0.72  # The part of days on which a creator is live.
_POSTS_ON: Final = 0.4
_LIMITED: Final = 0.12  # The part of regular givers who set a limit for themselves.
_LIMITS: Final = {Hand.SMALL: 200, Hand.MIDDLE: 800, Hand.OPEN: 3_000, Hand.LAVISH: 12_000}
_PAUSES: Final = 2
_PAUSES_FROM_DAYS: Final = 30  # In a shorter world a week's pause would be most of it.
_PAUSE_DAYS: Final = 7
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Show:
    """One room that is open in some hour: which creator's, and from when until when."""

    place: int
    room: Broadcast
    opens_at: datetime
    closes_at: datetime


def plan_world(begins_on: date, size: Size | None = None) -> World:
    """The history of a demo world whose first day is `begins_on`."""
    size = size or Size()
    people, stars = cast(begins_on, size), creators(size)
    rooms = _broadcasts(begins_on, size, stars)
    shows = _by_hour(rooms, stars)
    gifts: list[Gift] = []
    purchases: list[Purchase] = []
    for person in people:
        visits = _visits(person, begins_on, size, shows, stars)
        given, bought = spend(person, begins_on, visits)
        gifts += given
        purchases += bought
    return World(
        begins_on,
        size,
        people,
        stars,
        rooms,
        _posts(begins_on, size, stars),
        tuple(sorted(purchases, key=lambda one: (one.at, one.key))),
        tuple(sorted(gifts, key=lambda one: (one.at, one.key))),
        _limits(begins_on, people),
        _pauses(begins_on, size, gifts),
    )


def posts(begins_on: date, size: Size | None = None) -> tuple[Post, ...]:
    """What the creators have published in the host app, oldest first."""
    size = size or Size()
    return _posts(begins_on, size, creators(size))


def digest(world: World) -> str:
    """A fingerprint of everything that is planned; another world has another one."""
    return sha256(msgspec.json.encode(world, order="deterministic")).hexdigest()


def at_local(on: date, hour: int, zone: str) -> datetime:
    """The instant at which it is `hour` o'clock somewhere, or was to be."""
    local = datetime(on.year, on.month, on.day, hour, tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)


def _broadcasts(begins_on: date, size: Size, stars: Sequence[Creator]) -> tuple[Broadcast, ...]:
    found: list[Broadcast] = []
    for star in stars:
        titles = topics()[star.topic]["rooms"]
        for day in range(star.joined_day, size.days):
            on = begins_on + timedelta(days=day)
            draws = Draws(SEED, "room", star.name, day)
            feast = rhythm.festival(begins_on, on) > 1
            if not draws.chance(_LIVE_ON) and not feast:
                continue
            opens_at = at_local(on, star.starts_at, star.user.time_zone)
            opens_at += timedelta(minutes=5 * draws.between(-6, 6))
            lasts = timedelta(minutes=5 * draws.between(15, 38) + (60 if feast else 0))
            title = titles[draws.below(len(titles))]
            name = key_of(f"{SEED}/room/{star.name}/{on}", at_ms=_ms(opens_at))
            found.append(Broadcast(name, star.name, title, opens_at, opens_at + lasts))
    return tuple(sorted(found, key=lambda one: (one.opens_at, one.creator)))


def _by_hour(
    rooms: Sequence[Broadcast], stars: Sequence[Creator]
) -> Mapping[datetime, Sequence[_Show]]:
    # A room counts for an hour in which it is open for ten minutes or more.
    places = {star.name: place for place, star in enumerate(stars)}
    found: dict[datetime, list[_Show]] = {}
    for room in rooms:
        hour = room.opens_at.replace(minute=0, second=0, microsecond=0)
        while hour < room.closes_at:
            begin, end = max(hour, room.opens_at), min(hour + _HOUR, room.closes_at)
            if end - begin >= timedelta(minutes=10):
                show = _Show(places[room.creator], room, begin, end)
                found.setdefault(hour, []).append(show)
            hour += _HOUR
    return found


def _visits(
    person: Person,
    begins_on: date,
    size: Size,
    shows: Mapping[datetime, Sequence[_Show]],
    stars: Sequence[Creator],
) -> list[Visit]:
    if person.kind is Kind.WATCHING:
        return []
    drawn_to = [
        (1 / (place + 1))
        * (HOME if star.region == person.region else 1.0)
        * (FAVOURITE if place in person.favourites else 1.0)
        for place, star in enumerate(stars)
    ]
    found: list[Visit] = []
    for day in range(person.joined_day + 1, min(person.left_day, size.days)):
        on = begins_on + timedelta(days=day)
        begins = at_local(on, 0, person.user.time_zone)
        # Half hours of India do not matter here: an hour is a place to be in, not a time.
        begins = begins.replace(minute=0)
        open_in = [shows.get(begins + hour * _HOUR, ()) for hour in range(24)]
        presence = [
            share if seen else 0.0 for share, seen in zip(rhythm.hours(on), open_in, strict=True)
        ]
        draws = Draws(SEED, "visits", person.name, day)
        for number in range(draws.poisson(_mean(person, begins_on, on) * sum(presence))):
            seen = open_in[draws.pick(presence)]
            show = seen[draws.pick([drawn_to[one.place] for one in seen])]
            open_s = (show.closes_at - show.opens_at).seconds
            at = show.opens_at + timedelta(seconds=60 + draws.below(open_s - 120))
            found.append(Visit(f"{person.name}/{on}/{number}", at, on, show.room))
    return sorted(found, key=lambda one: (one.at, one.name))


def _mean(person: Person, begins_on: date, on: date) -> float:
    return (
        person.habit
        * rhythm.WEEKDAY[on.weekday()]
        * rhythm.payday_of_gifts(person.paydays, on)
        * rhythm.festival(begins_on, on)
        * rhythm.growth(begins_on, on)
    )


def _posts(begins_on: date, size: Size, stars: Sequence[Creator]) -> tuple[Post, ...]:
    found: list[Post] = []
    for star in stars:
        captions = topics()[star.topic]["posts"]
        for day in range(star.joined_day, size.days):
            draws = Draws(SEED, "post", star.name, day)
            if not draws.chance(_POSTS_ON):
                continue
            on = begins_on + timedelta(days=day)
            at = at_local(on, draws.between(9, 17), star.user.time_zone)
            at += timedelta(minutes=draws.below(60))
            name = key_of(f"{SEED}/post/{star.name}/{on}", at_ms=_ms(at))
            caption = captions[draws.below(len(captions))]
            found.append(Post(str(UUID(name)), star.name, caption, star.topic, at))
    return tuple(sorted(found, key=lambda one: (one.published_at, one.id)))


def _limits(begins_on: date, people: Sequence[Person]) -> tuple[OwnLimit, ...]:
    found: list[OwnLimit] = []
    for person in people:
        draws = Draws(SEED, "limit", person.name)
        regular = person.kind in {Kind.REGULAR, Kind.DEVOTED}
        of_ana = person.name == "demo-ana"  # She is told; whoever signs in is not stopped.
        if not of_ana and not (regular and draws.chance(_LIMITED)):
            continue
        period, factor = (("week", 1), ("month", 3))[0 if of_ana else draws.below(2)]
        mode = "tell" if of_ana else ("stop", "stop", "tell")[draws.below(3)]
        on = begins_on + timedelta(days=person.joined_day)
        at = datetime(on.year, on.month, on.day, tzinfo=UTC) + timedelta(minutes=1)
        found.append(OwnLimit(at, person.name, period, mode, _LIMITS[person.hand] * factor))
    return tuple(sorted(found, key=lambda one: (one.at, one.person)))


def _pauses(begins_on: date, size: Size, gifts: Sequence[Gift]) -> tuple[Pause, ...]:
    # Of those who give, other than the people to sign in as.
    if size.days < _PAUSES_FROM_DAYS:
        return ()
    givers = sorted({one.person for one in gifts if one.person.startswith("viewer-")})
    found: list[Pause] = []
    for number in range(min(_PAUSES, len(givers))):
        draws = Draws(SEED, "pause", number)
        person = givers.pop(draws.below(len(givers)))
        on = begins_on + timedelta(days=draws.between(size.days // 2, size.days - 2))
        at = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
        found.append(Pause(at, person, at + timedelta(days=_PAUSE_DAYS)))
    return tuple(sorted(found, key=lambda one: (one.at, one.person)))


def _ms(at: datetime) -> int:
    return int(at.timestamp()) * 1_000

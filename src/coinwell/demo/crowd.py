"""The crowd: the demo's viewers and creators, who keep giving, recharging and going live.

It comes in from outside, as the host app and its people do: over HTTP, with an API key, each act
under a key of its own; a recharge is paid on the provider's own page. Nobody is told apart from
a real user, so whatever works under a crowd works.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import httpx2

from coinwell.base.db import Pool, transaction
from coinwell.base.refusal import code_of
from coinwell.demo.asking import Asker, Report, Unanswered, code_in
from coinwell.demo.casting import cast, creators, topics
from coinwell.demo.drawing import Draws
from coinwell.demo.planning import FAVOURITE, HOME
from coinwell.demo.spending import CEILINGS, PACK_WEIGHTS, PACKS, wished
from coinwell.demo.types import Creator, Person, Size
from coinwell.live import NotEnoughCoins
from coinwell.settings import Settings
from coinwell.users import (
    DEMO_PREFIX,
    ApiScope,
    NewKey,
    NewUser,
    api_keys,
    create_api_key,
    revoke_api_key,
    seal_of,
)

CROWD_KEY: Final = "The demo's crowd"
_SCOPES: Final = (
    ApiScope.USERS_READ,
    ApiScope.USERS_WRITE,
    ApiScope.RECHARGE_WRITE,
    ApiScope.LIVE_READ,
    ApiScope.LIVE_WRITE,
    ApiScope.GIFTS_WRITE,
)
_AT_ONCE: Final = 64
_ROOMS_MIN, _ROOMS_MAX = 3, 4
_ROOMS_EVERY_S: Final = 10.0
_CHANGES: Final = 0.15  # How often a look at the rooms ends one of them, for another creator.
_LASTS_MIN: Final = timedelta(minutes=8)
_CARD, _DECLINED, _DECLINES = "4242 4242 4242 4242", "4000 0000 0000 9995", 0.06
_PAYS_FOR_S: Final = 8.0  # So long a buyer waits for the coins before trying again.
_CREATED: Final = 201
_SHORT: Final = code_of(NotEnoughCoins)
_READY_EVERY_S: Final = 0.5


@dataclass(slots=True)
class Crowd:
    """Who is about, what they know of each other, and the rooms that are open."""

    asker: Asker
    outside: httpx2.AsyncClient  # What a payer's browser is.
    people: tuple[Person, ...]
    stars: tuple[Creator, ...]
    rooms: dict[str, int] = field(default_factory=dict[str, int])  # Id, and the creator's place.
    _ids: dict[str, str] = field(default_factory=dict[str, str])
    _buying_until: dict[str, float] = field(default_factory=dict[str, float])

    async def keep_rooms(self) -> None:
        """See which rooms are open, and open or close one where it is time."""
        shown = (await self.asker.get("/v1/rooms", open_only="true", limit="100")).json()["rooms"]
        by_id = {await self._id_of(star.user): place for place, star in enumerate(self.stars)}
        known = [one for one in shown if one["creator_id"] in by_id]
        draws = Draws(uuid4().hex)
        # Of those to sign in as, nobody is shut down: somebody may be looking on.
        old = [one for one in known if self._may_end(by_id[one["creator_id"]], one["opened_at"])]
        if old and (len(known) > _ROOMS_MAX or draws.chance(_CHANGES)):
            ended = min(old, key=lambda one: one["opened_at"])
            await self.asker.post(f"/v1/rooms/{ended['id']}/close", {})
            self.asker.report.acts["rooms closed"] += 1
            known.remove(ended)
        live = {by_id[one["creator_id"]] for one in known}
        while len(live) < _ROOMS_MIN:
            live.add(await self._go_live(draws, live))
        if len(live) == len(known):
            self.rooms = {one["id"]: by_id[one["creator_id"]] for one in known}
        else:
            await self._look_again(by_id)

    async def act(self) -> None:
        """One act of one person: a gift, or the recharge that the last one lacked."""
        draws = Draws(uuid4().hex)
        person = self.people[draws.pick([one.habit for one in self.people])]
        until = self._buying_until.get(person.name, 0.0)
        if monotonic() < until or not self.rooms:
            return
        with suppress(Unanswered):  # It is in the report.
            sender = await self._id_of(person.user)
            room = self._room_for(person, draws)
            gift_id, count, _ = wished(draws, CEILINGS[person.hand])
            answer = await self.asker.post(
                "/v1/gifts",
                {"sender_id": sender, "room_id": room, "gift_id": gift_id, "count": count},
            )
            if answer.status_code == _CREATED:
                self.asker.report.acts["gifts"] += 1
            elif code_in(answer) == _SHORT:
                self._buying_until[person.name] = monotonic() + _PAYS_FOR_S
                await self._recharge(person, sender, draws)

    async def _recharge(self, person: Person, user_id: str, draws: Draws) -> None:
        pack = f"coins-{PACKS[draws.pick(PACK_WEIGHTS[person.hand])]}"
        answer = await self.asker.post(f"/v1/users/{user_id}/recharges", {"pack_id": pack})
        if answer.status_code != _CREATED:
            return
        page = answer.json()["pay_url"]
        if draws.chance(_DECLINES):
            await self._pay(page, _DECLINED)
        await self._pay(page, _CARD)
        self.asker.report.acts["recharges"] += 1

    async def _pay(self, page: str, number: str) -> None:
        """Fill in the form of the payment page, as a person would."""
        soon = datetime.now(UTC) + timedelta(days=700)
        card = {"number": number, "expiry": f"{soon:%m / %y}", "cvc": "123"}
        payer = Asker(self.outside, self.asker.report)
        await payer.get(page)
        await payer.fill_in(f"{page}/card", card)

    def _room_for(self, person: Person, draws: Draws) -> str:
        ids = sorted(self.rooms)
        drawn_to = [
            (1 / (place + 1))
            * (HOME if self.stars[place].region == person.region else 1.0)
            * (FAVOURITE if place in person.favourites else 1.0)
            for place in (self.rooms[one] for one in ids)
        ]
        return ids[draws.pick(drawn_to)]

    def _may_end(self, place: int, opened_at: str) -> bool:
        lasted = datetime.now(UTC) - datetime.fromisoformat(opened_at)
        return not self.stars[place].name.startswith(DEMO_PREFIX) and lasted >= _LASTS_MIN

    async def _go_live(self, draws: Draws, live: set[int]) -> int:
        weights = [0.0 if place in live else 1 / (place + 1) for place in range(len(self.stars))]
        place = draws.pick(weights)
        star = self.stars[place]
        titles = topics()[star.topic]["rooms"]
        body = {
            "creator_id": await self._id_of(star.user),
            "title": titles[draws.below(len(titles))],
        }
        await self.asker.post("/v1/rooms", body)
        self.asker.report.acts["rooms opened"] += 1
        return place

    async def _look_again(self, by_id: dict[str, int]) -> None:
        shown = (await self.asker.get("/v1/rooms", open_only="true", limit="100")).json()["rooms"]
        known = [one for one in shown if one["creator_id"] in by_id]
        self.rooms = {one["id"]: by_id[one["creator_id"]] for one in known}

    async def _id_of(self, user: NewUser) -> str:
        """Our id of a person; they are made known where the history has not done it."""
        name = user.external_id
        if name not in self._ids:
            found = await self.asker.find("/v1/users", external_id=name)
            if found is None:
                found = await self.asker.post("/v1/users", _said(user))
            self._ids[name] = found.json()["id"]
        return self._ids[name]


async def run_crowd(
    settings: Settings, key: str, *, rate: int, seconds: float | None = None
) -> Report:
    """Act `rate` times a second, for so long or until cancelled.

    What goes wrong is in the report, and does not end it.
    """
    report = Report()
    size = Size()
    begun = monotonic()
    headers = {"authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(base_url=settings.public_url, headers=headers, timeout=10) as web,
        httpx2.AsyncClient(timeout=10) as outside,
    ):
        everybody = cast(datetime.now(UTC).date(), size)
        givers = tuple(one for one in everybody if one.habit and one.user.birth_on)
        others = tuple(one for one in givers if not one.name.startswith(DEMO_PREFIX))
        crowd = Crowd(Asker(web, report), outside, others, creators(size))
        await _ready(web)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                group.create_task(_rooms(crowd))
                await _pulse(crowd, group, rate)
    report.seconds = monotonic() - begun
    return report


@asynccontextmanager
async def crowd_key(pool: Pool, settings: Settings, name: str = CROWD_KEY) -> AsyncGenerator[str]:
    """An API key for as long as the block lasts; one that a killed crowd left is revoked."""
    now = datetime.now(UTC)
    async with transaction(pool) as tx:
        for old in await api_keys(tx):
            if old.name == name and old.revoked_at is None:
                await revoke_api_key(tx, old.id, now=now)
        made, plain = await create_api_key(
            tx, NewKey(name, _SCOPES), seal=seal_of(settings), by="demo", now=now
        )
    try:
        yield plain
    finally:
        async with transaction(pool) as tx:
            await revoke_api_key(tx, made.id, now=datetime.now(UTC))


async def _pulse(crowd: Crowd, group: asyncio.TaskGroup, rate: int) -> None:
    room = asyncio.Semaphore(_AT_ONCE)

    async def act() -> None:
        try:
            await crowd.act()
        finally:
            room.release()

    due = monotonic()
    while True:
        await room.acquire()
        group.create_task(act())
        due = max(due + 1 / rate, monotonic() - 1)
        await asyncio.sleep(max(0.0, due - monotonic()))


async def _rooms(crowd: Crowd) -> None:
    while True:
        with suppress(Unanswered):
            await crowd.keep_rooms()
        await asyncio.sleep(_ROOMS_EVERY_S)


async def _ready(web: httpx2.AsyncClient) -> None:
    while True:
        with suppress(httpx2.HTTPError):
            if (await web.get("/readyz")).is_success:
                return
        await asyncio.sleep(_READY_EVERY_S)


def _said(user: NewUser) -> dict[str, Any]:
    return {
        "external_id": user.external_id,
        "display_name": user.display_name,
        "birth_on": None if user.birth_on is None else user.birth_on.isoformat(),
        "country": user.country,
        "language": user.language,
        "time_zone": user.time_zone,
    }

"""Lives through the planned history: each act through the product's own door, in the order of time.

The clock stands still within a *breath*, an hour at most, and then moves on; what
happens within one is done together, recharges before the gifts that they pay for. Every act has a
key, so that whatever was done before a crash is done once, however often its day is begun.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Final
from uuid import UUID

import httpx2

from coinwell.base.clock import StillClock
from coinwell.base.db import Tx, transaction
from coinwell.base.idempotency import Answer, fingerprint, once
from coinwell.base.refusal import Refusal, code_of
from coinwell.demo.types import (
    Broadcast,
    Ending,
    Gift,
    OwnLimit,
    Pause,
    Purchase,
    World,
)
from coinwell.installation import Installation
from coinwell.limits import LimitKind, LimitName, Mode, Period, set_limit
from coinwell.live import GiftWish, close_room, open_room, send_gifts
from coinwell.recharge import OrderState, Wish, cancel, start, sync_order
from coinwell.users import (
    NewRestriction,
    NewUser,
    ReasonCode,
    Scope,
    User,
    create_user,
    restrict,
    user_by_external_id,
)

SCOPE: Final = "demo"
BREATH: Final = timedelta(hours=1)
LONG_BREATH: Final = timedelta(hours=6)  # For a machine that cannot keep up; the acts are the same.
_GIFTS_AT_ONCE: Final = 500
_PURCHASES_AT_ONCE: Final = 6
_CARD, _DECLINED = "4242424242424242", "4000000000009995"
_OPEN: Final = frozenset(
    {OrderState.CREATED, OrderState.AWAITING_USER, OrderState.FAILED, OrderState.UNKNOWN}
)


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of a broadcast."""

    room: Broadcast


Act = NewUser | OwnLimit | Pause | Broadcast | Purchase | Gift | Closing
_ORDER: Final = (NewUser, OwnLimit, Broadcast, Purchase, Gift, Pause, Closing)


def acts(world: World, ends_at: datetime) -> list[tuple[datetime, Act]]:
    """Everything that is to be done before `ends_at`, in the order of time."""
    found: list[tuple[datetime, Act]] = []
    for person in (*world.people, *world.creators):
        joined_on = world.begins_on + timedelta(days=person.joined_day)
        found.append((datetime.combine(joined_on, time(), UTC), person.user))
    found += [(one.at, one) for one in (*world.limits, *world.pauses)]
    found += [(one.opens_at, one) for one in world.broadcasts]
    found += [(one.closes_at, Closing(one)) for one in world.broadcasts]
    found += [(one.at, one) for one in (*world.purchases, *world.gifts)]
    in_time = [one for one in found if one[0] < ends_at]
    return sorted(in_time, key=lambda one: (one[0], _ORDER.index(type(one[1]))))


def breaths(
    day: Sequence[tuple[datetime, Act]], span: timedelta
) -> list[list[tuple[datetime, Act]]]:
    """A day's acts, cut where `span` has passed, or where a creator who closed opens again."""
    found: list[list[tuple[datetime, Act]]] = []
    closed: set[str] = set()
    for at, act in day:
        again = isinstance(act, Broadcast) and act.creator in closed
        if not found or at - found[-1][0][0] >= span or again:
            found.append([])
            closed = set()
        found[-1].append((at, act))
        if isinstance(act, Closing):
            closed.add(act.room.creator)
    return found


@dataclass(slots=True)
class Life:
    """What the acts are done with: the product, its clock, and what a payer does."""

    world: World
    installation: Installation
    clock: StillClock
    pay: httpx2.AsyncClient
    refusals: Counter[str] = field(default_factory=Counter[str])
    gift_count: int = 0
    purchase_count: int = 0
    _users: dict[str, User] = field(default_factory=dict[str, User])
    _rooms: dict[str, UUID] = field(default_factory=dict[str, UUID])
    _of_room: dict[str, Broadcast] = field(init=False)

    def __post_init__(self) -> None:
        """Know every broadcast by its name."""
        self._of_room = {one.name: one for one in self.world.broadcasts}

    async def live(self, breath: Sequence[tuple[datetime, Act]]) -> None:
        """Do one breath's acts: those of one sort together, the sorts in an order that works."""
        self.clock.set(max(self.clock.now(), breath[-1][0]))
        of = _sorted_out([act for _, act in breath])
        await self._join(of.joining)
        for limit in of.limits:
            await self._limit(limit)
        await self._open(of.rooms)
        limit_at_once = asyncio.Semaphore(_PURCHASES_AT_ONCE)

        async def bounded(one: Purchase) -> None:
            async with limit_at_once:
                await self._buy(one)

        await asyncio.gather(*(bounded(one) for one in of.purchases))
        for first in range(0, len(of.gifts), _GIFTS_AT_ONCE):
            await self._give(of.gifts[first : first + _GIFTS_AT_ONCE])
        for pause in of.pauses:
            await self._pause(pause)
        await self._close([closing.room.name for closing in of.closings])

    async def _join(self, users: Sequence[NewUser]) -> None:
        if not users:
            return
        async with transaction(self.installation.pool) as tx:
            for new in users:
                made = await create_user(tx, new, now=self.clock.now())
                self._users[made.external_id] = made

    async def _user(self, name: str) -> User:
        if name not in self._users:
            async with transaction(self.installation.pool) as tx:
                self._users[name] = await user_by_external_id(tx, name)
        return self._users[name]

    async def _limit(self, limit: OwnLimit) -> None:
        name = LimitName((await self._user(limit.person)).id, LimitKind.COINS, Period(limit.period))
        pool, ledger = self.installation.pool, self.installation.ledger
        now = self.clock.now()
        await set_limit(pool, ledger, name, Mode(limit.mode), limit.coins, now=now)

    async def _open(self, planned: Sequence[Broadcast]) -> None:
        if not planned:
            return
        async with transaction(self.installation.pool) as tx:
            for one in planned:
                creator_id = (await self._user(one.creator)).id

                async def opened(creator_id: UUID = creator_id, one: Broadcast = one) -> UUID:
                    room = await open_room(
                        tx, creator_id=creator_id, title=one.title, now=self.clock.now()
                    )
                    return room.id

                self._rooms[one.name] = await self._once(tx, f"room {one.name}", opened)

    async def _room(self, name: str) -> UUID:
        """The room of a broadcast; one that was opened before a crash is known by its key."""
        if name not in self._rooms:
            await self._open([self._of_room[name]])
        return self._rooms[name]

    async def _close(self, names: Sequence[str]) -> None:
        rooms = [await self._room(name) for name in names]
        if rooms:
            async with transaction(self.installation.pool) as tx:
                for room_id in rooms:
                    await close_room(tx, room_id, now=self.clock.now())

    async def _pause(self, pause: Pause) -> None:
        person = await self._user(pause.person)
        new = NewRestriction(
            person.id, Scope.GIFT, ReasonCode.UNUSUAL_ACTIVITY, expires_at=pause.until
        )
        async with transaction(self.installation.pool) as tx:

            async def placed() -> UUID:
                return (await restrict(tx, new, by="demo", now=self.clock.now())).id

            await self._once(tx, f"pause {pause.person} {pause.at}", placed)

    async def _once(self, tx: Tx, key: str, do: Callable[[], Awaitable[UUID]]) -> UUID:
        async def write() -> Answer:
            return Answer(201, {"id": str(await do())})

        now, content = self.clock.now(), fingerprint(key)
        kept = await once(tx, scope=SCOPE, key=key, content=content, now=now, do=write)
        return UUID(kept.body["id"])

    async def _give(self, gifts: Sequence[Gift]) -> None:
        wishes = [
            GiftWish(
                one.key,
                (await self._user(one.person)).id,
                await self._room(one.room),
                one.gift_id,
                one.count,
            )
            for one in gifts
        ]
        for said in await send_gifts(self.installation.live, wishes):
            if isinstance(said, Refusal):
                self.refusals[code_of(type(said))] += 1
            else:
                self.gift_count += 1

    async def _buy(self, purchase: Purchase) -> None:
        deps = self.installation.recharge
        buyer = await self._user(purchase.person)
        wish = Wish(pack_id=purchase.pack_id)
        try:
            answer = await start(deps, buyer, wish, key=purchase.key)
        except Refusal as no:
            self.refusals[code_of(type(no))] += 1
            return
        order_id = UUID(answer.body["id"])
        payment_id = answer.body["payment_id"]
        order = await sync_order(deps, order_id) if answer.replayed else None
        if order is not None and order.state not in _OPEN:
            self.purchase_count += 1
            return  # It was done before a crash.
        if purchase.ending in {Ending.PAID_LATER, Ending.DECLINED}:
            await self._card(payment_id, _DECLINED)
            await sync_order(deps, order_id)
        if purchase.coins:
            await self._card(payment_id, _CARD)
            order = await sync_order(deps, order_id)
            assert order.state is OrderState.CREDITED, order.state
        else:
            await cancel(deps, order_id)
        self.purchase_count += 1

    async def _card(self, payment_id: str, number: str) -> None:
        answer = await self.pay.post(f"/_control/pay/{payment_id}", json={"card": number})
        answer.raise_for_status()


@dataclass(slots=True)
class _Sorts:
    joining: list[NewUser] = field(default_factory=list[NewUser])
    limits: list[OwnLimit] = field(default_factory=list[OwnLimit])
    rooms: list[Broadcast] = field(default_factory=list[Broadcast])
    purchases: list[Purchase] = field(default_factory=list[Purchase])
    gifts: list[Gift] = field(default_factory=list[Gift])
    pauses: list[Pause] = field(default_factory=list[Pause])
    closings: list[Closing] = field(default_factory=list[Closing])


def _sorted_out(acts_of_breath: Sequence[Act]) -> _Sorts:
    of = _Sorts()
    for act in acts_of_breath:
        match act:
            case NewUser():
                of.joining.append(act)
            case OwnLimit():
                of.limits.append(act)
            case Broadcast():
                of.rooms.append(act)
            case Purchase():
                of.purchases.append(act)
            case Gift():
                of.gifts.append(act)
            case Pause():
                of.pauses.append(act)
            case Closing():
                of.closings.append(act)
    return of

"""A process that dies at any call of the ledger: what is due is finished by whoever comes next."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.ledger import Ledger, verify
from coinwell.limits import (
    LimitKind,
    Period,
    release_recharge,
    remove_limit,
    spend_guards,
    take_recharge,
)
from tests.limits.worlds import World


class Killed(Exception):
    """The process is gone."""


@dataclass(eq=False)
class Dying:
    """A ledger whose process dies right before, or right after, its n-th write."""

    ledger: Ledger
    writes: int
    after: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    async def create_accounts(self, accounts: Any) -> Any:
        return await self._write(self.ledger.create_accounts, accounts)

    async def create_transfers(self, transfers: Any) -> Any:
        return await self._write(self.ledger.create_transfers, transfers)

    async def _write(self, write: Callable[[Any], Awaitable[Any]], batch: Any) -> Any:
        self.writes -= 1
        if self.writes == 0 and not self.after:
            raise Killed
        done = await write(batch)
        if self.writes == 0:
            raise Killed
        return done


async def open_anew(world: World) -> None:
    await world.set(100)


async def lower(world: World) -> None:
    await world.set(40)


async def confirm(world: World) -> None:
    await world.confirm(Period.MONTH)


async def begin_a_day(world: World) -> None:
    await world.guard()


# What is done, on what, and what the limit must say once everything is finished.
STEPS: dict[str, tuple[Callable[[World], Awaitable[None]], tuple[int, int]]] = {
    "open": (open_anew, (30, 70)),
    "lower": (lower, (30, 10)),
    "raise": (confirm, (30, 170)),
    "day": (begin_a_day, (0, 100)),
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", [1, 2])
@pytest.mark.parametrize("step", STEPS)
async def test_a_change_that_died_half_way_is_finished_and_counts_nothing_twice(
    pool: Pool, ledger: Ledger, clock: StillClock, step: str, writes: int, *, after: bool
) -> None:
    world = await World(pool, ledger, clock).begin()
    do, (spent, left) = STEPS[step]
    if step == "open":
        await world.spend(30)
    elif step == "day":
        await world.set(100)
        await world.spend(60)
        clock.advance(days=1)
    else:
        await world.set(100, Period.MONTH if step == "raise" else Period.DAY)
        await world.spend(30)
    if step == "raise":
        await world.set(200, Period.MONTH)
        clock.advance(hours=24)

    dying = World(
        pool, Dying(ledger, writes, after), clock, user_id=world.user_id,  # type: ignore[arg-type]
        creator_id=world.creator_id,
    )  # fmt: skip
    with pytest.raises(Killed):
        await do(dying)

    clock.advance(seconds=11)
    await world.sweep()
    await world.count()
    async with transaction(pool) as tx:
        cursor = await tx.execute(
            'SELECT count(*) FROM limits."window" WHERE adjusting IS NOT NULL'
        )
        assert await cursor.fetchone() == (0,)
    # Spends first: to list the limits would bring them up to date, too.
    assert not await world.spend(left + 1)
    assert await world.spend(left)
    found = await world.only()
    assert (found.spent, found.left) == (spent + left, 0)
    assert (await verify(pool)).balanced


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", [1, 2])
async def test_a_hold_that_died_half_way_is_there_once(
    pool: Pool, ledger: Ledger, clock: StillClock, writes: int, *, after: bool
) -> None:
    world = await World(pool, ledger, clock).begin()
    await world.set(1000, kind=LimitKind.MONEY)
    dying = World(pool, Dying(ledger, writes, after), clock, user_id=world.user_id)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        await dying.recharge(300)

    clock.advance(seconds=11)
    for _ in range(2):
        await world.sweep()
        await world.count()

    found = await world.only()
    assert (found.spent, found.left) == (300, 700)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", [1, 2])
@pytest.mark.parametrize("taken", [False, True])
async def test_an_end_that_died_half_way_is_finished_by_the_job(
    pool: Pool, ledger: Ledger, clock: StillClock, writes: int, *, taken: bool, after: bool
) -> None:
    world = await World(pool, ledger, clock).begin()
    await world.set(1000, kind=LimitKind.MONEY)
    order = await world.recharge(600)
    await world.set(500, kind=LimitKind.MONEY)
    async with transaction(pool) as tx:
        await (take_recharge if taken else release_recharge)(tx, order, now=clock.now())
    dying = World(pool, Dying(ledger, writes, after), clock, user_id=world.user_id)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        await dying.finish(order)

    await world.count()

    found = await world.only()
    assert (found.spent, found.left) == ((600, 0) if taken else (0, 500))


async def test_an_end_of_which_only_the_row_was_written_is_finished_by_the_job(
    pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    world = await World(pool, ledger, clock).begin()
    await world.set(1000, kind=LimitKind.MONEY)
    order = await world.recharge(600)
    async with transaction(pool) as tx:
        await release_recharge(tx, order, now=clock.now())
    await world.count()

    assert (await world.only()).left == 1000
    async with transaction(pool) as tx:
        await release_recharge(tx, uuid4(), now=clock.now())  # One from before there were limits.


async def test_a_limit_set_anew_lets_nothing_through_before_its_window_is_counted(
    pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    world = await World(pool, ledger, clock).begin()
    await world.set(100, Period.MONTH)
    await world.spend(60)
    await remove_limit(pool, world.name(Period.MONTH), now=clock.now())
    clock.advance(hours=24)
    await world.confirm(Period.MONTH)
    await world.spend(30)
    dying = World(pool, Dying(ledger, 1, after=False), clock, user_id=world.user_id)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        await dying.set(100, Period.MONTH)

    async with transaction(pool) as tx:
        guards = await spend_guards(tx, [world.user_id], now=clock.now())
    assert not guards[world.user_id].opened, "the room of the limit before is not this one's"
    assert not await world.spend(11)
    assert await world.spend(10)


@dataclass
class Blind(Dying):
    """A ledger whose process dies when it first looks at an account."""

    async def lookup_accounts(self, ids: Any) -> Any:
        raise Killed(ids)


async def test_a_change_of_which_only_the_words_were_written_is_finished_by_the_job(
    pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    world = await World(pool, ledger, clock).begin()
    await world.set(100)
    await world.spend(30)
    await world.count()
    blind = World(pool, Blind(ledger, 0, after=False), clock, user_id=world.user_id)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        await blind.set(40)

    await world.count()

    assert not await world.spend(11)
    assert await world.spend(10)

"""The demo's history: made once, before anything is served, continued where it was cut off.

Which world it is (its first day, its size and where it ends) is written down first, then each day
when it has been lived through. The ledger's time only rises, so history cannot be added later:
books that are in use already get none. It is lived through as fast as the machine can; one that
is slower than `budget_s` allows for takes longer breaths, in which more happens at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from time import monotonic
from typing import Any, Final

import httpx2
from psycopg.conninfo import make_conninfo

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, open_pool, transaction
from coinwell.base.idempotency import Answer, fingerprint, once
from coinwell.demo.filling import BREATH, LONG_BREATH, SCOPE, Life, acts, breaths
from coinwell.demo.inside import alive
from coinwell.demo.planning import plan_world
from coinwell.demo.types import DAYS, Size
from coinwell.installation import open_installation, sandbox_settings
from coinwell.ledger import Ledger, QueryFilter, advance, open_ledger
from coinwell.recharge.providers.sandbox.server import create_sandbox
from coinwell.settings import Settings
from coinwell.worker import READERS

_WORLD, _MADE = "world", "made"
_LATE_S: Final = 1.0
# What the ledger commits is on the disk, and with it everything that was written before; only
# what nobody has been told of can be lost with the server, and is then done again.
_RELAXED: Final = "-c synchronous_commit=off"
Progress = Callable[[int, int], None]
"""Told how many days of how many are done."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a history came to."""

    days: int
    gifts: int
    purchases: int
    refusals: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Begun:
    """Which world it is; kept for as long as the books."""

    begins_on: date
    ends_at: datetime
    size: Size


def history_begins(now: datetime, size: Size | None = None) -> datetime:
    """The first moment of a history whose last day is today."""
    days = (size or Size()).days
    return datetime.combine(now.astimezone(UTC).date() - timedelta(days=days - 1), time(), UTC)


async def make_history(
    settings: Settings,
    *,
    now: datetime,
    size: Size | None = None,
    progress: Progress | None = None,
    budget_s: float | None = None,
) -> Made | None:
    """Live through the history that is not lived through yet; None if there was nothing to do.

    Nothing else may write to the books meanwhile.
    """
    begun = await _begun(settings, now, size or Size())
    if begun is None:
        return None
    world = plan_world(begun.begins_on, begun.size)
    clock = StillClock(datetime.combine(begun.begins_on, time(), UTC))
    relaxed = replace(settings, database=make_conninfo(settings.database, options=_RELAXED))
    sandbox = create_sandbox(replace(sandbox_settings(settings), webhook_url=""), clock)
    token = settings.derived_secret("sandbox control")
    async with (
        alive(sandbox) as transport,
        open_installation(
            relaxed, clock=clock, pool_size=8, sandbox_transport=transport
        ) as installation,
        httpx2.AsyncClient(
            base_url=settings.sandbox_url,
            headers={"authorization": f"Bearer {token}"},
            transport=transport,
        ) as pay,
    ):
        life = Life(world, installation, clock, pay)
        await _live_through(life, begun, progress or (lambda _done, _of: None), budget_s)
        for reader in READERS:
            await advance(installation.pool, installation.ledger, reader)
        made = Made(begun.size.days, life.gift_count, life.purchase_count, dict(life.refusals))
        await _keep(installation.pool, _MADE, {}, clock.now())
    return made


async def _live_through(
    life: Life, begun: _Begun, progress: Progress, budget_s: float | None
) -> None:
    begins = datetime.combine(begun.begins_on, time(), UTC)
    days = {
        day: list(of_day)
        for day, of_day in groupby(
            acts(life.world, begun.ends_at), key=lambda one: (one[0] - begins).days
        )
    }
    pool, started = life.installation.pool, monotonic()
    for day in range(begun.size.days):
        if await _kept(pool, f"day {day}") is None:
            late_s = monotonic() - started - (budget_s or 0) * day / begun.size.days
            late = budget_s is not None and late_s > _LATE_S
            for breath in breaths(days.get(day, []), LONG_BREATH if late else BREATH):
                await life.live(breath)
            await _keep(pool, f"day {day}", {}, life.clock.now())
        progress(day + 1, begun.size.days)


async def _begun(settings: Settings, now: datetime, size: Size) -> _Begun | None:
    """The world that was begun here, or begins now; None where there is nothing to do."""
    async with open_pool(settings.database, max_size=1) as pool:
        if await _kept(pool, _MADE) is not None:
            return None
        body = await _kept(pool, _WORLD)
        if body is None:
            async with open_ledger(settings.database) as ledger:
                if await _in_use(ledger):
                    return None
            body = await _keep(
                pool,
                _WORLD,
                {
                    "begins_on": history_begins(now, size).date().isoformat(),
                    "ends_at": now.isoformat(),
                    "days": size.days,
                    "viewers": size.viewers,
                },
                now,
            )
    return _Begun(
        date.fromisoformat(body["begins_on"]),
        datetime.fromisoformat(body["ends_at"]),
        Size(body["days"], body["viewers"]),
    )


async def _in_use(ledger: Ledger) -> bool:
    return bool(await ledger.query_transfers(QueryFilter(limit=1)))


class _NotThere(Exception):
    """Nothing is kept under this key."""


async def _nothing() -> Answer:
    raise _NotThere


async def _kept(pool: Pool, key: str) -> dict[str, Any] | None:
    try:
        async with transaction(pool) as tx:
            content = fingerprint(key)
            found = await once(
                tx, scope=SCOPE, key=key, content=content, now=datetime.now(UTC), do=_nothing
            )
    except _NotThere:
        return None
    body: dict[str, Any] = found.body
    return body


async def _keep(pool: Pool, key: str, body: dict[str, Any], now: datetime) -> dict[str, Any]:
    async def write() -> Answer:
        return Answer(200, body)

    async with transaction(pool) as tx:
        kept = await once(tx, scope=SCOPE, key=key, content=fingerprint(key), now=now, do=write)
    found: dict[str, Any] = kept.body
    return found


__all__ = ["DAYS", "Made", "Progress", "history_begins", "make_history"]

"""The feed: readers that make something of every transfer, each exactly once, in order.

Transfers are decided one batch after the other and their timestamps rise in commit order, so
whoever reads on from the last timestamp misses nothing. How far a reader has come is a row that
moves in the same transaction as the tables it fills: a crash at any point repeats nothing and
loses nothing. The ledger is asked before that transaction opens, and the position is looked at
again under the row's lock, so any number of processes may try at the same time.

Words: a *reader* is named and applies transfers; its *position* is the timestamp of the last one;
to *rebuild* is to clear its tables and begin at the first transfer. A reader that cannot be
cleared has told the world, and is never rebuilt.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import time_ns
from typing import Any, ClassVar

from coinwell.base.db import Pool, Tx, row, run, transaction
from coinwell.base.refusal import Kind, Refusal
from coinwell.ledger.protocol import Ledger
from coinwell.ledger.types import QueryFilter, QueryFilterFlags, Transfer

BATCH_MAX = 8_189
# So fast while there is work, and so slow when nothing has happened for a while.
BUSY_S = 0.05
IDLE_S = 0.25
_TROUBLE_S_MAX = 5.0
_LAG_COUNT_MAX = 1_000

_POSITION = "SELECT name, position_ns, passed_count FROM ledger.reader WHERE name = %s"
_BEGIN = "INSERT INTO ledger.reader (name) VALUES (%s) ON CONFLICT DO NOTHING"
_TRY = f"{_POSITION} FOR UPDATE SKIP LOCKED"
_HOLD = f"{_POSITION} FOR UPDATE"
_MOVE = """
    UPDATE ledger.reader
    SET position_ns = %(position_ns)s, passed_count = passed_count + %(count)s
    WHERE name = %(name)s
"""
_REWIND = "UPDATE ledger.reader SET position_ns = 0, passed_count = 0 WHERE name = %s"


async def _as_they_are(_: Ledger, transfers: Sequence[Transfer]) -> Sequence[Transfer]:
    return transfers


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads every transfer once: `apply(tx, transfers)` in the order of the feed.

    `apply` runs in the transaction that moves the position, and asks no ledger and no network.
    `clear` empties the reader's tables; None means told once, never rebuilt. Where `apply` needs
    more than the transfers say, `learn` asks the ledger before the transaction opens, and `apply`
    is handed what it returned instead.
    """

    name: str
    apply: Callable[[Tx, Sequence[Any]], Awaitable[None]]
    clear: Callable[[Tx], Awaitable[None]] | None
    batch_max: int = BATCH_MAX
    learn: Callable[[Ledger, Sequence[Transfer]], Awaitable[Sequence[Any]]] = _as_they_are


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader has come: the timestamp of its last transfer, and how many it passed."""

    name: str
    position_ns: int = 0
    passed_count: int = 0


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a reader is behind the books.

    Units: `behind_count` stops counting at a thousand; `behind_ns` is how long the oldest transfer
    that it has not applied has been waiting, 0 when there is none.
    """

    position: Position
    behind_count: int
    behind_ns: int

    @property
    def and_more(self) -> bool:
        """Whether there may be more behind than were counted."""
        return self.behind_count >= _LAG_COUNT_MAX


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild has come, between the first transfer and the newest at its beginning."""

    passed_count: int
    first_ns: int
    position_ns: int
    newest_ns: int

    @property
    def per_mille(self) -> int:
        """The part of the time that is done, 1000 when all is."""
        if self.position_ns >= self.newest_ns:
            return 1_000
        done = max(self.position_ns - self.first_ns, 0)
        return done * 1_000 // max(self.newest_ns - self.first_ns, 1)


@dataclass(eq=False)
class ToldOnce(Refusal):
    """A reader that tells the world outside is never rebuilt: what it told cannot be taken back."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Told once"
    reader: str

    def sentence(self) -> str:
        """Name the reader."""
        return (
            f"{self.reader} has told others what it read, so it is never rebuilt;"
            " it only goes on from where it is."
        )


async def advance(pool: Pool, ledger: Ledger, reader: Reader) -> int:
    """Apply what there is to read, in order, each transfer once; returns how many.

    Where another process is moving the same reader, it is left to it.
    Locks: the reader's row and whatever `apply` locks, one batch at a time.
    """
    applied = 0
    while True:
        found, moved = await _step(pool, ledger, reader)
        applied += found if moved else 0
        if not moved or found < reader.batch_max:
            return applied


async def rebuild(
    pool: Pool,
    ledger: Ledger,
    reader: Reader,
    progress: Callable[[Progress], None] | None = None,
    *,
    go_on: bool = False,
) -> int:
    """Clear a reader's tables and fill them again from the first transfer; returns how many passed.

    May be killed at any point: whoever advances the reader next goes on from there, and so does
    `go_on`, which clears nothing. Workers may go on following the reader meanwhile.

    Refuses: `ToldOnce` for a reader without `clear`.
    """
    if reader.clear is None:
        raise ToldOnce(reader.name)
    first_ns, newest_ns = await _end(ledger), await _end(ledger, QueryFilterFlags.REVERSED)
    if not go_on:
        await _rewind(pool, reader, reader.clear)
    while True:
        found, moved = await _step(pool, ledger, reader)
        at = await position(pool, reader)
        if progress is not None:
            progress(Progress(at.passed_count, first_ns, at.position_ns, newest_ns))
        if at.position_ns >= newest_ns:
            return at.passed_count
        if not moved or not found:
            await asyncio.sleep(BUSY_S)  # Somebody else moves it; we only watch.


async def position(pool: Pool, reader: Reader) -> Position:
    """How far a reader has come; zero for one that never read."""
    async with transaction(pool) as tx:
        return await row(tx, Position, _POSITION, [reader.name]) or Position(reader.name)


async def lags(
    pool: Pool, ledger: Ledger, readers: Sequence[Reader], *, now_ns: int | None = None
) -> list[Lag]:
    """How far each reader is behind, in transfers and in time."""
    now = time_ns() if now_ns is None else now_ns
    found: list[Lag] = []
    for reader in readers:
        at = await position(pool, reader)
        waiting = await _after(ledger, at, _LAG_COUNT_MAX)
        behind_ns = max(now - waiting[0].timestamp, 0) if waiting else 0
        found.append(Lag(at, len(waiting), behind_ns))
    return found


async def follow(
    pool: Pool,
    ledger: Ledger,
    reader: Reader,
    *,
    on_trouble: Callable[[Reader, Exception], None],
) -> None:
    """Advance a reader for ever, until cancelled; whatever goes wrong is told and tried again."""
    wait_s = IDLE_S
    while True:
        try:
            applied = await advance(pool, ledger, reader)
        except Exception as error:  # noqa: BLE001 - told, and tried again a little later.
            on_trouble(reader, error)
            wait_s = min(max(wait_s, IDLE_S) * 2, _TROUBLE_S_MAX)
        else:
            wait_s = BUSY_S if applied else min(wait_s * 1.5, IDLE_S)
        await asyncio.sleep(wait_s)


async def _step(pool: Pool, ledger: Ledger, reader: Reader) -> tuple[int, bool]:
    # How many transfers there were to read, and whether it was we who moved the position.
    async with transaction(pool) as tx:
        seen = await row(tx, Position, _POSITION, [reader.name])
        if seen is None:
            await run(tx, _BEGIN, [reader.name])
            seen = Position(reader.name)
    transfers = await _after(ledger, seen, reader.batch_max)
    if not transfers:
        return 0, False
    learned = await reader.learn(ledger, transfers)
    async with transaction(pool) as tx:
        held = await row(tx, Position, _TRY, [reader.name])
        if held != seen:
            return len(transfers), False
        await reader.apply(tx, learned)
        moved = {
            "name": reader.name,
            "position_ns": transfers[-1].timestamp,
            "count": len(transfers),
        }
        await run(tx, _MOVE, moved)
    return len(transfers), True


async def _rewind(pool: Pool, reader: Reader, clear: Callable[[Tx], Awaitable[None]]) -> None:
    async with transaction(pool) as tx:
        await run(tx, _BEGIN, [reader.name])
        await row(tx, Position, _HOLD, [reader.name])
        await clear(tx)
        await run(tx, _REWIND, [reader.name])


async def _after(ledger: Ledger, at: Position, limit: int) -> list[Transfer]:
    wanted = QueryFilter(timestamp_min=at.position_ns + 1, limit=limit)
    return await ledger.query_transfers(wanted)


async def _end(ledger: Ledger, direction: QueryFilterFlags = QueryFilterFlags.NONE) -> int:
    found = await ledger.query_transfers(QueryFilter(limit=1, flags=direction))
    return found[0].timestamp if found else 0

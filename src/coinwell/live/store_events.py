"""SQL over what the feed's readers keep of the gifts of live rooms, a whole batch at a time.

Ids go in as the ledger's numbers, written as the hexadecimal text of a uuid.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from coinwell.base.db import Tx, row, rows, run

# room, number, transfer, instant, sender, creator, gift's number, count, coins
EventRow = tuple[int, int, int, int, int, int, int, int, int]
# last number, coins, gifts; all but the number are added
TotalRow = tuple[int, int, int]
# coins, gifts, the instant of the last; all but the instant are added
LineRow = tuple[int, int, int]

_LAST_NUMBERS = "SELECT room_id, number FROM live.room_total WHERE room_id = ANY (%s::uuid[])"
_ADD_EVENTS = """
    COPY live.event (room_id, number, transfer_id, at_ns, sender_id, creator_id, gift_number,
        count, coins)
    FROM STDIN
"""
_ADD_TOTALS = """
    INSERT INTO live.room_total AS total (room_id, number, coins, gifts)
    SELECT * FROM unnest(
        %(room_ids)s::uuid[], %(numbers)s::bigint[], %(coins)s::bigint[], %(gifts)s::bigint[]
    )
    ON CONFLICT (room_id) DO UPDATE SET number = excluded.number,
        coins = total.coins + excluded.coins, gifts = total.gifts + excluded.gifts
"""
_ADD_LINES = """
    INSERT INTO live.board AS line (room_id, sender_id, coins, gifts, reached_at_ns)
    SELECT * FROM unnest(
        %(room_ids)s::uuid[], %(sender_ids)s::uuid[], %(coins)s::bigint[], %(gifts)s::bigint[],
        %(reached_at_ns)s::bigint[]
    )
    ON CONFLICT (room_id, sender_id) DO UPDATE SET coins = line.coins + excluded.coins,
        gifts = line.gifts + excluded.gifts, reached_at_ns = excluded.reached_at_ns
"""
# Emptied row by row: to truncate would wait for everybody who looks, and might wait in a circle.
_CLEAR_EVENTS = "DELETE FROM live.event"
_CLEAR_TOTALS = "DELETE FROM live.room_total"
_CLEAR_BOARD = "DELETE FROM live.board"
# One statement is one snapshot: totals, board and state belong together.
_STANDINGS = """
    SELECT room.id AS room_id, room.closed_at IS NOT NULL AS closed,
        coalesce(total.number, 0) AS number, coalesce(total.coins, 0) AS coins,
        coalesce(total.gifts, 0) AS gifts,
        coalesce(top.senders, '{}') AS senders, coalesce(top.sums, '{}') AS sums
    FROM live.room
    LEFT JOIN live.room_total AS total ON total.room_id = room.id
    LEFT JOIN LATERAL (
        SELECT array_agg(line.sender_id ORDER BY line.coins DESC, line.reached_at_ns) AS senders,
            array_agg(line.coins ORDER BY line.coins DESC, line.reached_at_ns) AS sums
        FROM (
            SELECT sender_id, coins, reached_at_ns FROM live.board
            WHERE board.room_id = room.id
            ORDER BY coins DESC, reached_at_ns LIMIT %(lines)s::bigint
        ) AS line
    ) AS top ON true
    WHERE room.id = ANY (%(room_ids)s)
"""
_MOVES = """
    SELECT room.id AS room_id, room.closed_at IS NOT NULL AS closed,
        coalesce(total.number, 0) AS number
    FROM live.room LEFT JOIN live.room_total AS total ON total.room_id = room.id
    WHERE room.id = ANY (%s)
"""
_EVENTS = """
    SELECT wanted.room_id, event.*
    FROM unnest(%(room_ids)s::uuid[], %(afters)s::bigint[], %(up_tos)s::bigint[])
        AS wanted (room_id, after, up_to)
    CROSS JOIN LATERAL (
        SELECT number, transfer_id, at_ns, sender_id, gift_number, count, coins FROM live.event
        WHERE event.room_id = wanted.room_id
            AND number > wanted.after AND number <= wanted.up_to
        ORDER BY number LIMIT %(limit)s::bigint
    ) AS event
    ORDER BY wanted.room_id, event.number
"""


@dataclass(frozen=True, slots=True)
class Move:
    """How far a room has come: its last event's number, and whether it is closed."""

    room_id: UUID
    closed: bool
    number: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A room as it stands after its event `number`.

    Shape: `senders` and `sums` are the board, the highest first, of equal ones the earlier.
    """

    room_id: UUID
    closed: bool
    number: int
    coins: int
    gifts: int
    senders: list[UUID]
    sums: list[int]


@dataclass(frozen=True, slots=True)
class Event:
    """One gift of a room, as it is shown."""

    room_id: UUID
    number: int
    transfer_id: UUID
    at_ns: int
    sender_id: UUID
    gift_number: int
    count: int
    coins: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Events of a room to read: those past `after`, up to and with `up_to`."""

    room_id: UUID
    after: int
    up_to: int


async def last_numbers(tx: Tx, room_ids: Collection[int]) -> Mapping[int, int]:
    """The number of the last event of each of these rooms that has any."""
    cursor = await tx.execute(_LAST_NUMBERS, [_uuids(room_ids)])
    return {room_id.int: number for room_id, number in await cursor.fetchall()}


async def add_events(tx: Tx, events: Sequence[EventRow]) -> None:
    """Write the events of a batch."""
    text = "".join(
        f"{room:032x}\t{number}\t{transfer:032x}\t{at_ns}\t{sender:032x}\t{creator:032x}"
        f"\t{gift}\t{count}\t{coins}\n"
        for room, number, transfer, at_ns, sender, creator, gift, count, coins in events
    )
    async with tx.cursor() as cursor, cursor.copy(_ADD_EVENTS) as copy:
        await copy.write(text)


async def add_totals(tx: Tx, totals: Mapping[int, TotalRow]) -> None:
    """Add to the totals of rooms."""
    numbers, coins, gifts = zip(*totals.values(), strict=True)
    added = {
        "room_ids": _uuids(totals),
        "numbers": list(numbers),
        "coins": list(coins),
        "gifts": list(gifts),
    }
    await run(tx, _ADD_TOTALS, added)


async def add_lines(tx: Tx, lines: Mapping[tuple[int, int], LineRow]) -> None:
    """Add to what senders gave in rooms."""
    # In the order of the key, so that neighbours in the index are written one after the other.
    keys = sorted(lines)
    rooms, senders = zip(*keys, strict=True)
    coins, gifts, reached = zip(*(lines[key] for key in keys), strict=True)
    added = {
        "room_ids": _uuids(rooms),
        "sender_ids": _uuids(senders),
        "coins": list(coins),
        "gifts": list(gifts),
        "reached_at_ns": list(reached),
    }
    await run(tx, _ADD_LINES, added)


async def clear(tx: Tx) -> None:
    """Empty all of it, to be made again."""
    await run(tx, _CLEAR_EVENTS)
    await run(tx, _CLEAR_TOTALS)
    await run(tx, _CLEAR_BOARD)


async def moves(tx: Tx, room_ids: Collection[UUID]) -> list[Move]:
    """How far these rooms have come; unknown ones are left out."""
    return await rows(tx, Move, _MOVES, [list(room_ids)])


async def standings(tx: Tx, room_ids: Collection[UUID], *, lines: int) -> list[Standing]:
    """These rooms as they stand now, with the first `lines` of their boards."""
    return await rows(tx, Standing, _STANDINGS, {"room_ids": list(room_ids), "lines": lines})


async def standing(tx: Tx, room_id: UUID, *, lines: int) -> Standing | None:
    """One room as it stands now, or None where there is no such room."""
    return await row(tx, Standing, _STANDINGS, {"room_ids": [room_id], "lines": lines})


async def events(tx: Tx, wanted: Sequence[Wanted], *, limit: int) -> list[Event]:
    """The wanted events, room by room in order; at most `limit` of each room."""
    asked = {
        "room_ids": [one.room_id for one in wanted],
        "afters": [one.after for one in wanted],
        "up_tos": [one.up_to for one in wanted],
        "limit": limit,
    }
    return await rows(tx, Event, _EVENTS, asked)


def _uuids(ids: Collection[int]) -> list[str]:
    return [f"{one:032x}" for one in ids]

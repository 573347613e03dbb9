"""The room stream: one watcher a process, one frame a tick, shared by everybody in the room.

The watcher looks for new events of the rooms that somebody watches, when it is told that there
are some and a few times a second anyway. What it finds becomes one text for each room, handed to
every *seat*. A seat sends what follows on from the number it has sent last and reads from the
tables whatever is missing in between, so a viewer gets every number once, in order. A seat that
cannot keep up is ended with the number to come back with, and never grows.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

from coinwell.base.bus import Bus
from coinwell.base.db import Pool, transaction
from coinwell.base.ending import end
from coinwell.live import store_events
from coinwell.live.frames import (
    BOARD_LINES,
    Closed,
    Known,
    RoomEvents,
    Words,
    room_shown,
    text_of,
)
from coinwell.live.projecting import NEWS_OF_ROOMS
from coinwell.live.refusals import RoomUnknown
from coinwell.live.store_events import Event, Move, Standing, Wanted

TICK_MS: Final = 75
LOOK_MS: Final = 250  # Without any news.
EVENTS_A_FRAME: Final = 500
SEAT_FRAMES_MAX: Final = 64
SEATS_MAX: Final = 4_000
# Gifts that were on their way when the room closed still arrive for so long.
LAST_GIFTS_S: Final = 1
_TROUBLE_S: Final = 1
# While the tables are made again, a number that was shown may be missing for a while.
_TRIES_MAX: Final = 100
_MS: Final = 1_000
NUMBER_MAX: Final = 2**63 - 1


class Ending(Enum):
    """Why a seat has no more frames."""

    ROOM_CLOSED = "the room is closed"
    TOO_SLOW = "too slow"


@dataclass(frozen=True, slots=True)
class Frame:
    """Events `first` to `last` of a room, as they are sent."""

    first: int
    last: int
    text: str


class Seat:
    """One viewer's place in a room: frames waiting to be sent, never many."""

    def __init__(self) -> None:
        """Nothing waits yet."""
        self._frames: deque[Frame] = deque()
        self._news = asyncio.Event()
        self._ending: Ending | None = None

    def offer(self, frame: Frame) -> None:
        """Hand over a frame; too many of them end the seat."""
        if len(self._frames) >= SEAT_FRAMES_MAX:
            self._frames.clear()
            self.end(Ending.TOO_SLOW)
        elif self._ending is None:
            self._frames.append(frame)
            self._news.set()

    def end(self, ending: Ending) -> None:
        """Say that no frame will follow those that wait."""
        self._ending = self._ending or ending
        self._news.set()

    async def next(self) -> Frame | Ending:
        """The next frame, or why there is none."""
        while not self._frames:
            if self._ending is not None:
                return self._ending
            self._news.clear()
            await self._news.wait()
        return self._frames.popleft()


class _Hall:
    """A room that somebody watches: how far it was shown, and the seats."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seats: set[Seat] = set()
        self.quiet_since: float | None = None  # Closed, and nothing arrived since then.


class Stage:
    """All rooms that are watched through this process."""

    def __init__(self, pool: Pool, bus: Bus, on_trouble: Callable[[Exception], None]) -> None:
        """Shows nothing until `run` runs."""
        self._pool = pool
        self._bus = bus
        self._on_trouble = on_trouble
        self._halls: dict[UUID, _Hall] = {}
        self._words = Words()

    @property
    def seats(self) -> int:
        """How many viewers watch."""
        return sum(len(hall.seats) for hall in self._halls.values())

    @property
    def full(self) -> bool:
        """Whether another viewer should come back later."""
        return self.seats >= SEATS_MAX

    async def watch(
        self, room_id: UUID, after: int | None, send: Callable[[str], Awaitable[None]]
    ) -> tuple[Ending, int]:
        """Send the hello and then every event past `after` (or from now on) until an end.

        Returns why it ended, and the number to come back with.

        Refuses: `RoomUnknown`.
        """
        standing, known = await self._standing(room_id)
        sent = standing.number if after is None else after
        with self._seat(room_id, standing.number) as (seat, shown):
            await send(text_of(known.hello(standing)))
            sent = await self._catch_up(room_id, sent, shown, send)
            found = await seat.next()
            while isinstance(found, Frame):
                if found.first == sent + 1:
                    await send(found.text)
                    sent = found.last
                elif found.last > sent:
                    sent = await self._catch_up(room_id, sent, found.last, send)
                found = await seat.next()
            if found is Ending.ROOM_CLOSED:
                await send(text_of(Closed()))
        return found, sent

    async def page(self, room_id: UUID, *, after: int, limit: int) -> RoomEvents:
        """The same for who cannot hold a connection: events past `after`, and the room now.

        Refuses: `RoomUnknown`.
        """
        async with transaction(self._pool) as tx:
            standing = await store_events.standing(tx, room_id, lines=BOARD_LINES)
            if standing is None:
                raise RoomUnknown(room_id)
            wanted = [Wanted(room_id, after, standing.number)]
            events = await store_events.events(tx, wanted, limit=limit)
            known = await self._words.learn(tx, [standing], events)
        shown = [known.event(one) for one in events]
        return RoomEvents(standing.number, room_shown(standing), known.board(standing), shown)

    async def run(self) -> None:
        """Look for events until cancelled; whatever goes wrong is told and tried again."""
        with self._bus.listening(NEWS_OF_ROOMS) as news:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), LOOK_MS / _MS)
                news.clear()
                try:
                    more = await self._look()
                    while more:
                        more = await self._look()
                except Exception as error:  # noqa: BLE001 - told, and tried again a little later.
                    self._on_trouble(error)
                    await asyncio.sleep(_TROUBLE_S)
                await asyncio.sleep(TICK_MS / _MS)

    @contextmanager
    def _seat(self, room_id: UUID, number: int) -> Generator[tuple[Seat, int]]:
        # The hall's own number counts: whatever comes past it is handed to the seat.
        hall = self._halls.setdefault(room_id, _Hall(number))
        seat = Seat()
        hall.seats.add(seat)
        try:
            yield seat, hall.number
        finally:
            hall.seats.discard(seat)
            if not hall.seats and self._halls.get(room_id) is hall:
                del self._halls[room_id]

    async def _standing(self, room_id: UUID) -> tuple[Standing, Known]:
        async with transaction(self._pool) as tx:
            standing = await store_events.standing(tx, room_id, lines=BOARD_LINES)
            if standing is None:
                raise RoomUnknown(room_id)
            return standing, await self._words.learn(tx, [standing])

    async def _catch_up(
        self, room_id: UUID, sent: int, up_to: int, send: Callable[[str], Awaitable[None]]
    ) -> int:
        tries = 0
        while sent < up_to and tries < _TRIES_MAX:
            async with transaction(self._pool) as tx:
                standing = await store_events.standing(tx, room_id, lines=BOARD_LINES)
                wanted = [Wanted(room_id, sent, up_to)]
                events = await store_events.events(tx, wanted, limit=EVENTS_A_FRAME)
                known = await self._words.learn(tx, [standing] if standing else [], events)
            if standing is not None and _follow(events, sent):
                await send(text_of(known.events(standing, events)))
                sent = events[-1].number
            else:
                tries += 1
                await asyncio.sleep(LOOK_MS / _MS)
        return sent

    async def _look(self) -> bool:
        """Show what is new in the rooms that are watched; whether there is more already."""
        if not self._halls:
            return False
        async with transaction(self._pool) as tx:
            moves = await store_events.moves(tx, list(self._halls))
            ahead = [move for move in moves if self._is_ahead(move)]
            standings: dict[UUID, Standing] = {}
            events: list[Event] = []
            known = Known({}, {})
            if ahead:
                ids = [move.room_id for move in ahead]
                found = await store_events.standings(tx, ids, lines=BOARD_LINES)
                standings = {one.room_id: one for one in found}
                events = await store_events.events(tx, self._wanted(found), limit=EVENTS_A_FRAME)
                known = await self._words.learn(tx, found, events)
        self._end_closed(moves)
        by_room: dict[UUID, list[Event]] = {}
        for one in events:
            by_room.setdefault(one.room_id, []).append(one)
        more = [self._show(standings[key], some, known) for key, some in by_room.items()]
        return any(more)

    def _is_ahead(self, move: Move) -> bool:
        hall = self._halls.get(move.room_id)
        return hall is not None and move.number > hall.number

    def _wanted(self, standings: Sequence[Standing]) -> list[Wanted]:
        return [
            Wanted(one.room_id, hall.number, one.number)
            for one in standings
            if (hall := self._halls.get(one.room_id)) is not None
        ]

    def _show(self, standing: Standing, events: list[Event], known: Known) -> bool:
        hall = self._halls.get(standing.room_id)
        if hall is None or not _follow(events, hall.number):
            return False
        frame = Frame(events[0].number, events[-1].number, text_of(known.events(standing, events)))
        hall.number = frame.last
        hall.quiet_since = None
        for seat in hall.seats:
            seat.offer(frame)
        return hall.number < standing.number

    def _end_closed(self, moves: Sequence[Move]) -> None:
        now = asyncio.get_running_loop().time()
        for move in moves:
            hall = self._halls.get(move.room_id)
            if hall is None or not move.closed:
                continue
            if hall.quiet_since is None or move.number > hall.number:
                hall.quiet_since = now
            elif now - hall.quiet_since >= LAST_GIFTS_S:
                for seat in hall.seats:
                    seat.end(Ending.ROOM_CLOSED)


def _follow(events: Sequence[Event], number: int) -> bool:
    # Whether these are the very next ones; while the tables are made again, they are not.
    return bool(events) and [one.number for one in events] == list(
        range(number + 1, number + 1 + len(events))
    )


@asynccontextmanager
async def open_stage(
    pool: Pool, bus: Bus, on_trouble: Callable[[Exception], None]
) -> AsyncGenerator[Stage]:
    """Show rooms until the block ends."""
    stage = Stage(pool, bus, on_trouble)
    task = asyncio.create_task(stage.run())
    try:
        yield stage
    finally:
        await end([task])

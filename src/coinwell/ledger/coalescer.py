"""Natural batching: one batch in flight, and whatever arrives meanwhile is the next one.

There is no timer: an idle ledger answers a lone caller at once, a busy one fills its batches by
itself. A unit is what one caller handed over; it is never split over two batches.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from time import monotonic, perf_counter
from typing import Generic, TypeVar

from opentelemetry.trace import SpanContext

from coinwell.base import tracing
from coinwell.ledger import counting
from coinwell.ledger.refusals import LedgerBusy

BATCH_MEMBERS_MAX = 8_189
QUEUE_MEMBERS_MAX = 100_000
_PAUSE_S_MIN = 0.02
_PAUSE_S_MAX = 1.0
_CLOSING_S_MAX = 10.0

Unit = TypeVar("Unit")
Answer = TypeVar("Answer")


class OutcomeUnknown(Exception):
    """The connection was lost with a batch in flight: it may have been committed or not."""


class LedgerClosed(Exception):
    """The ledger was closed before this call was answered."""


@dataclass(frozen=True, slots=True)
class Batch(Generic[Unit]):
    """What is posted at once; the same number always means the same units."""

    number: int
    units: Sequence[Unit]
    resent: bool


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Unit, Answer]):
    unit: Unit
    size: int
    answer: "asyncio.Future[Answer]"
    since: float
    caller: SpanContext | None


class Coalescer(Generic[Unit, Answer]):
    """Gathers units into batches and hands each caller the answer to its own."""

    def __init__(
        self,
        post: Callable[[Batch[Unit]], Awaitable[Sequence[Answer]]],
        *,
        batch_members_max: int = BATCH_MEMBERS_MAX,
        queue_members_max: int = QUEUE_MEMBERS_MAX,
    ) -> None:
        """`post` commits a batch and answers each unit, in order."""
        self._post = post
        self._batch_members_max = batch_members_max
        self._queue_members_max = queue_members_max
        self._queue: deque[_Waiting[Unit, Answer]] = deque()
        self._queued_members = 0
        self._numbers = count(1)
        self._arrived = asyncio.Event()
        self._closing = False
        self._busy_since: float | None = None
        self._task = asyncio.create_task(self._run(), name="ledger coalescer")

    async def submit(self, unit: Unit, *, size: int) -> Answer:
        """Wait for the answer to `unit`, which counts as `size` members.

        A caller that gives up while its unit waits was certainly not served; one that gives up
        later does not stop the batch.

        Refuses: `LedgerBusy` when too much is waiting already; nothing was done then.
        """
        assert 0 < size <= self._batch_members_max
        if self._closing:
            raise LedgerClosed
        if self._queued_members + size > self._queue_members_max:
            raise LedgerBusy(waiting=self._queued_members)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        with tracing.span("ledger.submit", coinwell__members=size):
            self._queue.append(_Waiting(unit, size, answer, perf_counter(), tracing.here()))
            self._queued_members += size
            counting.QUEUE_MEMBERS.set(self._queued_members)
            self._arrived.set()
            return await answer

    def busy_s(self) -> float:
        """For how long the batch at work has been at work; 0 when there is none."""
        return 0.0 if self._busy_since is None else monotonic() - self._busy_since

    async def aclose(self) -> None:
        """Take nothing new, answer what is waiting, stop; gives up after a while."""
        self._closing = True
        self._arrived.set()
        _, unfinished = await asyncio.wait([self._task], timeout=_CLOSING_S_MAX)
        for task in unfinished:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        batch: list[_Waiting[Unit, Answer]] = []
        try:
            while self._queue or not self._closing:
                await self._arrived.wait()
                batch = self._take()
                if batch:
                    self._busy_since = monotonic()
                    await self._serve(batch)
                    self._busy_since = None
        finally:
            # Nobody may wait for ever, whatever ended this task.
            self._closing = True
            for waiting in (*batch, *self._queue):
                if not waiting.answer.done():
                    waiting.answer.set_exception(LedgerClosed())

    def _take(self) -> list[_Waiting[Unit, Answer]]:
        batch: list[_Waiting[Unit, Answer]] = []
        size = 0
        while self._queue and size + self._queue[0].size <= self._batch_members_max:
            waiting = self._queue.popleft()
            self._queued_members -= waiting.size
            if not waiting.answer.done():
                size += waiting.size
                batch.append(waiting)
        if not self._queue and not self._closing:
            self._arrived.clear()
        counting.QUEUE_MEMBERS.set(self._queued_members)
        return batch

    async def _serve(self, batch: Sequence[_Waiting[Unit, Answer]]) -> None:
        began = perf_counter()
        members = sum(waiting.size for waiting in batch)
        counting.BATCH_MEMBERS.observe(members)
        for waiting in batch:
            counting.WAIT_SECONDS.observe(began - waiting.since)
        callers = [waiting.caller for waiting in batch if waiting.caller is not None]
        with tracing.span(
            "ledger.batch",
            links=callers,
            coinwell__members=members,
            coinwell__units=len(batch),
        ):
            await self._serve_now(batch)
        counting.BATCH_SECONDS.observe(perf_counter() - began)

    async def _serve_now(self, batch: Sequence[_Waiting[Unit, Answer]]) -> None:
        units = [waiting.unit for waiting in batch]
        number = next(self._numbers)
        pause_s = _PAUSE_S_MIN
        resent = False
        while True:
            try:
                answers = await self._post(Batch(number, units, resent))
                break
            except OutcomeUnknown:
                # Sent again until the ledger says what became of it: never a new batch.
                if all(waiting.answer.done() for waiting in batch):
                    return
                resent = True
                counting.RESENDS.inc()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _PAUSE_S_MAX)
            except Exception as error:  # noqa: BLE001 - one bad unit must not harm the others.
                counting.BATCHES.labels("isolated").inc()
                await self._isolate(batch, error)
                return
        counting.BATCHES.labels("answered").inc()
        for waiting, answer in zip(batch, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    async def _isolate(self, batch: Sequence[_Waiting[Unit, Answer]], error: Exception) -> None:
        # A batch that cannot be written was rolled back whole: halve it until the culprit is alone.
        if len(batch) == 1:
            if not batch[0].answer.done():
                batch[0].answer.set_exception(error)
            return
        middle = len(batch) // 2
        await self._serve(batch[:middle])
        await self._serve(batch[middle:])

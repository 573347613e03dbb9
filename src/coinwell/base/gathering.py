"""Natural batching of reads: one query in flight, and whatever is asked meanwhile is the next one.

There is no timer: a lone question is asked at once, many fill their batches by themselves. What
is answered was read after the question was put, so an answer is never staler than a query of
one's own would have been.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

AT_ONCE_MAX: Final = 1_000


class Gathering(Generic[Question, Answer]):
    """Gathers the questions of many and hands each the answer to its own."""

    def __init__(
        self,
        read: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]],
        *,
        at_once_max: int = AT_ONCE_MAX,
    ) -> None:
        """`read` answers each question, in order; what it raises, everybody in the batch gets."""
        self._read = read
        self._at_once_max = at_once_max
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """Wait for the answer to `question`, read after this call."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._reading is None:
            self._reading = asyncio.create_task(self._run(), name="gathering")
        return await answer

    async def _run(self) -> None:
        batch: list[tuple[Question, asyncio.Future[Answer]]] = []
        try:
            while self._waiting:
                batch = self._waiting[: self._at_once_max]
                del self._waiting[: self._at_once_max]
                # Who gave up in the meantime needs no answer.
                batch = [waiting for waiting in batch if not waiting[1].done()]
                if batch:
                    await self._answer(batch)
        finally:
            self._reading = None
            # Only where this task was cancelled, as at the end of the process.
            for _, answer in (*batch, *self._waiting):
                answer.cancel()

    async def _answer(self, batch: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._read([question for question, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is the askers' to deal with.
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, waiting), found in zip(batch, answers, strict=True):
            if not waiting.done():
                waiting.set_result(found)

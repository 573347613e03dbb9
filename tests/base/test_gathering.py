"""Questions are gathered; each gets its own answer, read after it was asked."""

import asyncio
from collections.abc import Sequence

import pytest

from coinwell.base.gathering import Gathering


class Book:
    """What is read, how often, and a gate that can hold a reading up."""

    def __init__(self) -> None:
        self.page = "old"
        self.reads: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None

    async def read(self, asked: Sequence[int]) -> Sequence[str]:
        self.reads.append(list(asked))
        seen = self.page
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return [f"{one} {seen}" for one in asked]


async def until(condition: Sequence[object], length: int) -> None:
    while len(condition) < length:  # noqa: ASYNC110 - nobody tells.
        await asyncio.sleep(0)


async def test_one_question_is_asked_at_once() -> None:
    book = Book()
    assert await Gathering(book.read).ask(7) == "7 old"
    assert book.reads == [[7]]


async def test_what_is_asked_meanwhile_is_the_next_batch() -> None:
    book = Book()
    gathering = Gathering(book.read)
    book.gate.clear()
    first = asyncio.create_task(gathering.ask(0))
    await until(book.reads, 1)
    others = [asyncio.create_task(gathering.ask(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    book.gate.set()
    assert await first == "0 old"
    assert await asyncio.gather(*others) == [f"{number} old" for number in range(1, 6)]
    assert book.reads == [[0], [1, 2, 3, 4, 5]]


async def test_an_answer_was_read_after_the_question_was_put() -> None:
    book = Book()
    gathering = Gathering(book.read)
    book.gate.clear()
    early = asyncio.create_task(gathering.ask(1))
    await until(book.reads, 1)
    book.page = "new"
    late = asyncio.create_task(gathering.ask(1))
    await asyncio.sleep(0)
    book.gate.set()
    assert (await early, await late) == ("1 old", "1 new")


async def test_a_fault_is_for_those_who_asked_and_nobody_after() -> None:
    book = Book()
    gathering = Gathering(book.read)
    book.fault = ValueError("away")
    said = await asyncio.gather(gathering.ask(1), gathering.ask(2), return_exceptions=True)
    assert [type(one) for one in said] == [ValueError, ValueError]
    book.fault = None
    assert await gathering.ask(3) == "3 old"


async def test_who_gives_up_harms_nobody() -> None:
    book = Book()
    gathering = Gathering(book.read)
    book.gate.clear()
    first = asyncio.create_task(gathering.ask(0))
    await until(book.reads, 1)
    impatient = asyncio.create_task(gathering.ask(1))
    patient = asyncio.create_task(gathering.ask(2))
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    book.gate.set()
    assert await asyncio.gather(first, patient) == ["0 old", "2 old"]
    assert book.reads == [[0], [2]]


async def test_a_batch_has_a_bound() -> None:
    book = Book()
    gathering = Gathering(book.read, at_once_max=2)
    said = await asyncio.gather(*(gathering.ask(number) for number in range(5)))
    assert said == [f"{number} old" for number in range(5)]
    assert [len(read) for read in book.reads] == [2, 2, 1]

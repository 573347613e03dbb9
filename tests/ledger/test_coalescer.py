"""Natural batching, against a connection that can be slow, cut, or choke on a unit."""

import asyncio
from collections.abc import Sequence

import pytest

from coinwell.ledger import LedgerBusy
from coinwell.ledger.coalescer import Batch, Coalescer, LedgerClosed, OutcomeUnknown


class Wire:
    """The outside: takes batches one at a time, when let, and may fail before or after."""

    def __init__(self) -> None:
        self.batches: list[Batch[str]] = []
        self.committed: dict[int, list[str]] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.cuts: list[str] = []
        self.poison = ""
        self.in_flight = 0

    async def post(self, batch: Batch[str]) -> Sequence[str]:
        assert self.in_flight == 0, "one batch in flight"
        self.in_flight += 1
        try:
            self.batches.append(batch)
            await asyncio.sleep(0)
            await self.open.wait()
            cut = self.cuts.pop(0) if self.cuts else ""
            if cut == "before":
                raise OutcomeUnknown
            if self.poison in batch.units:
                raise ValueError(self.poison)
            # The stored reply: a batch sent again is not carried out again.
            self.committed.setdefault(batch.number, list(batch.units))
            if cut == "after":
                raise OutcomeUnknown
            return [f"{unit} in {batch.number}" for unit in batch.units]
        finally:
            self.in_flight -= 1


async def busy(wire: Wire, coalescer: Coalescer[str, str]) -> "asyncio.Task[str]":
    """One batch in flight that waits until the wire opens."""
    wire.open.clear()
    task = asyncio.create_task(coalescer.submit("first", size=1))
    await asyncio.sleep(0.01)
    assert len(wire.batches) == 1
    return task


async def test_a_lone_caller_is_answered_at_once() -> None:
    wire = Wire()
    coalescer = Coalescer(wire.post)
    assert await coalescer.submit("a", size=1) == "a in 1"
    assert await coalescer.submit("b", size=1) == "b in 2"
    await coalescer.aclose()


async def test_whatever_arrives_during_a_batch_is_the_next_batch_in_order() -> None:
    wire = Wire()
    coalescer = Coalescer(wire.post)
    first = await busy(wire, coalescer)
    others = [asyncio.create_task(coalescer.submit(f"u{n}", size=1)) for n in range(50)]
    await asyncio.sleep(0)
    wire.open.set()
    assert await first == "first in 1"
    assert await asyncio.gather(*others) == [f"u{n} in 2" for n in range(50)]
    assert [len(batch.units) for batch in wire.batches] == [1, 50]
    await coalescer.aclose()


async def test_a_unit_is_never_split_and_a_full_batch_leaves_the_rest_in_order() -> None:
    wire = Wire()
    coalescer = Coalescer(wire.post, batch_members_max=10)
    first = await busy(wire, coalescer)
    sizes = [4, 5, 2, 10, 1, 9, 3]
    others = [
        asyncio.create_task(coalescer.submit(f"{n}", size=size)) for n, size in enumerate(sizes)
    ]
    await asyncio.sleep(0)
    wire.open.set()
    await asyncio.gather(first, *others)
    assert [list(batch.units) for batch in wire.batches[1:]] == [
        ["0", "1"], ["2"], ["3"], ["4", "5"], ["6"],
    ]  # fmt: skip
    await coalescer.aclose()


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_lost_connection_sends_the_same_batch_again_until_it_is_answered(cut: str) -> None:
    wire = Wire()
    wire.cuts = [cut, cut, cut]
    coalescer = Coalescer(wire.post)
    assert await coalescer.submit("a", size=1) == "a in 1"
    assert [(batch.number, list(batch.units), batch.resent) for batch in wire.batches] == [
        (1, ["a"], False), (1, ["a"], True), (1, ["a"], True), (1, ["a"], True),
    ]  # fmt: skip
    assert wire.committed == {1: ["a"]}
    await coalescer.aclose()


async def test_a_caller_that_gives_up_does_not_take_the_batch_along() -> None:
    wire = Wire()
    coalescer = Coalescer(wire.post)
    first = await busy(wire, coalescer)
    queued = [asyncio.create_task(coalescer.submit(name, size=1)) for name in ("gone", "stays")]
    await asyncio.sleep(0)
    first.cancel()
    queued[0].cancel()
    await asyncio.sleep(0)
    wire.open.set()
    # Sent already: it is carried out. Not sent yet: it certainly is not.
    assert await queued[1] == "stays in 2"
    assert wire.committed == {1: ["first"], 2: ["stays"]}
    await coalescer.aclose()


async def test_a_batch_that_nobody_waits_for_any_more_is_not_sent_for_ever() -> None:
    wire = Wire()
    wire.cuts = ["before"] * 1_000
    coalescer = Coalescer(wire.post)
    task = asyncio.create_task(coalescer.submit("a", size=1))
    await asyncio.sleep(0.1)
    assert len(wire.batches) > 1
    task.cancel()
    await asyncio.sleep(0.2)
    sent = len(wire.batches)
    await asyncio.sleep(0.2)
    assert len(wire.batches) == sent
    wire.cuts = []
    assert await coalescer.submit("b", size=1) == "b in 2"
    await coalescer.aclose()


async def test_a_unit_that_cannot_be_written_fails_alone() -> None:
    wire = Wire()
    wire.poison = "u7"
    coalescer = Coalescer(wire.post)
    first = await busy(wire, coalescer)
    others = [asyncio.create_task(coalescer.submit(f"u{n}", size=1)) for n in range(20)]
    await asyncio.sleep(0)
    wire.open.set()
    await first
    answers = await asyncio.gather(*others, return_exceptions=True)
    bad = [n for n, answer in enumerate(answers) if isinstance(answer, BaseException)]
    assert bad == [7]
    assert isinstance(answers[7], ValueError)
    done = [unit for units in wire.committed.values() for unit in units]
    assert done == ["first", *(f"u{n}" for n in range(20) if n != 7)]
    assert await coalescer.submit("next", size=1), "batching goes on"
    await coalescer.aclose()


async def test_too_much_waiting_is_refused_before_it_is_accepted() -> None:
    wire = Wire()
    coalescer = Coalescer(wire.post, queue_members_max=5)
    first = await busy(wire, coalescer)
    waiting = asyncio.create_task(coalescer.submit("five", size=5))
    await asyncio.sleep(0)
    with pytest.raises(LedgerBusy):
        await coalescer.submit("one more", size=1)
    wire.open.set()
    await asyncio.gather(first, waiting)
    assert await coalescer.submit("later", size=5), "room again"
    await coalescer.aclose()
    assert "one more" not in [unit for batch in wire.batches for unit in batch.units]


async def test_closing_answers_what_waits_and_takes_nothing_new() -> None:
    wire = Wire()
    coalescer = Coalescer(wire.post)
    first = await busy(wire, coalescer)
    waiting = asyncio.create_task(coalescer.submit("waits", size=1))
    await asyncio.sleep(0)
    closing = asyncio.create_task(coalescer.aclose())
    await asyncio.sleep(0)
    with pytest.raises(LedgerClosed):
        await coalescer.submit("late", size=1)
    wire.open.set()
    await closing
    assert (await first, await waiting) == ("first in 1", "waits in 2")


async def test_nobody_waits_for_ever_when_the_ledger_ends_badly() -> None:
    wire = Wire()
    coalescer = Coalescer(wire.post)
    first = await busy(wire, coalescer)
    waiting = asyncio.create_task(coalescer.submit("waits", size=1))
    await asyncio.sleep(0)
    coalescer._task.cancel()
    for task in (first, waiting):
        with pytest.raises(LedgerClosed):
            await asyncio.wait_for(task, 1)
    with pytest.raises(LedgerClosed):
        await asyncio.wait_for(coalescer.submit("after", size=1), 1)

"""Tasks that would run for ever are ended, also one that swallows a cancellation."""

import asyncio
from contextlib import suppress

from coinwell.base.ending import end


async def test_a_task_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 1:
                    raise

    async def willing() -> None:
        await asyncio.sleep(60)

    async def over() -> None:
        raise ValueError

    tasks = [asyncio.create_task(one()) for one in (stubborn, willing, over)]
    await asyncio.sleep(0)
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(end(tasks)), 20)
    assert [task.done() for task in tasks] == [True, True, True]
    assert swallowed == 2


async def test_nothing_to_end_is_fine() -> None:
    await end([])

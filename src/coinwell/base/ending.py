"""How tasks that would run for ever are ended."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

_AGAIN_AFTER_S: Final = 0.5


async def end(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until all have ended; what they end with is nobody's business any more.

    Once is not enough: a wait with a timeout that is done in the same moment swallows a
    cancellation (`asyncio.wait_for` before Python 3.12).
    """
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_AGAIN_AFTER_S)
    await asyncio.gather(*tasks, return_exceptions=True)

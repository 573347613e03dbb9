"""The crowd as a process of its own, which never gives its parent a reason to give up."""

import asyncio
import logging
import signal
from typing import Final

from coinwell.base.db import open_pool
from coinwell.base.ending import end
from coinwell.demo.crowd import crowd_key, run_crowd
from coinwell.settings import Settings

_LOG: Final = logging.getLogger("coinwell.crowd")
_ROUND_S: Final = 300.0  # After so long it says what went wrong, if anything did.
_PAUSE_S: Final = 5.0


async def live_on(settings: Settings) -> None:
    """Keep the demo lively until the process is told to stop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    living = asyncio.create_task(_live_on(settings))
    await stopping.wait()
    await end([living])


async def _live_on(settings: Settings) -> None:
    while True:
        try:
            async with (
                open_pool(settings.database, max_size=1) as pool,
                crowd_key(pool, settings) as key,
            ):
                while True:
                    rate = settings.crowd_rate
                    report = await run_crowd(settings, key, rate=rate, seconds=_ROUND_S)
                    for what in report.unexplained:
                        _LOG.warning("The crowd was answered strangely: %s", what)
        except Exception as error:  # noqa: BLE001 - the demo goes on, with or without a crowd.
            _LOG.warning("The crowd stumbled and begins again: %s", error)
        await asyncio.sleep(_PAUSE_S)

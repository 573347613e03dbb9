"""Wires the rooms' jobs, and their readers of the ledger's feed, into one worker."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

from procrastinate import App
from procrastinate.worker import Worker

from coinwell.base import figures as base_figures
from coinwell.base.ending import end
from coinwell.base.jobs import Job, job_app
from coinwell.base.logs import start_logs
from coinwell.base.metrics import BUILD, Figure, page
from coinwell.base.watching import serving_metrics
from coinwell.console import jobs as console_jobs
from coinwell.installation import Installation, finish_intents, open_installation
from coinwell.ledger import Reader, follow
from coinwell.ledger import figures as ledger_figures
from coinwell.limits import READER as LIMITS_READER
from coinwell.limits import jobs as limits_jobs
from coinwell.live import READERS as LIVE_READERS
from coinwell.notify import dispatch
from coinwell.notify import figures as notify_figures
from coinwell.notify import jobs as notify_jobs
from coinwell.recharge import figures as recharge_figures
from coinwell.recharge import jobs as recharge_jobs
from coinwell.settings import Settings

_AGAIN_AFTER_S: Final = 0.2
_JOBS_END_WITHIN_S: Final = 7
# Shorter than the parent's patience.
_ENDS_WITHIN_S: Final = 8


async def pulse(installation: Installation) -> None:
    """Give held coins back whose time is up, also where nobody writes to the ledger."""
    await installation.ledger.pulse()


async def intents(installation: Installation) -> None:
    """Finish what any room froze and did not record, because its process died in between."""
    await finish_intents(installation.pool, installation.ledger, now=installation.clock.now())


JOBS: tuple[Job, ...] = (
    *recharge_jobs.JOBS,
    *limits_jobs.JOBS,
    *notify_jobs.JOBS,
    *console_jobs.JOBS,
    Job("ledger.pulse", pulse, cron="* * * * *"),
    Job("ledger.intents", intents, cron="* * * * * */30"),
)
FIGURES: tuple[Figure, ...] = (
    *base_figures.FIGURES,
    *ledger_figures.FIGURES,
    *recharge_figures.FIGURES,
    *notify_figures.FIGURES,
)
READERS: tuple[Reader, ...] = (LIMITS_READER, *LIVE_READERS)


async def work(settings: Settings) -> None:
    """Run jobs until the process is told to stop; what was begun is finished first."""
    log = start_logs(settings.log_level)
    async with open_installation(settings) as installation:
        app = job_app(JOBS, rooms(installation), settings.database)
        BUILD.labels(version("coinwell"), "worker").set(1)

        def counts() -> Awaitable[bytes]:
            return page(installation.pool, FIGURES)

        async with app.open_async(), following(installation, log), AsyncExitStack() as stack:
            if settings.metrics_port:
                await stack.enter_async_context(
                    serving_metrics(settings.metrics_host, settings.metrics_port, counts)
                )
            log.info("worker ready", jobs=len(JOBS), readers=len(READERS))
            stopping = asyncio.Event()
            loop = asyncio.get_running_loop()
            for stop in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(stop, stopping.set)
            await run_until(stopping, dispatch(installation.notify, stopping=stopping), app)


async def run_until(
    stopping: asyncio.Event, dispatching: Coroutine[Any, Any, None], app: App
) -> None:
    """Work on the queue and tell the news until `stopping` is set; what was begun is finished.

    Where it cannot be, as without a database, it is given up after some seconds: an orphan that
    waits for a dead parent's database would stay for ever.
    """
    worker = Worker(
        app,
        queues=["coinwell"],
        concurrency=8,
        install_signal_handlers=False,
        shutdown_graceful_timeout=_JOBS_END_WITHIN_S,
        delete_jobs="successful",
    )
    asked = asyncio.create_task(stopping.wait())
    works = [asyncio.create_task(worker.run()), asyncio.create_task(dispatching)]
    try:
        await asyncio.wait([asked, *works], return_when=asyncio.FIRST_COMPLETED)
        stopping.set()  # One that ended by itself takes the other along.
        given_up_at = asyncio.get_running_loop().time() + _ENDS_WITHIN_S
        while not all(one.done() for one in works):
            if asyncio.get_running_loop().time() > given_up_at:
                break
            # Asked again and again, for what is asked while it begins is forgotten.
            worker.stop()
            await asyncio.wait(works, timeout=_AGAIN_AFTER_S)
    finally:
        await end([asked, *works])
    for one in works:
        if not one.cancelled():
            one.result()  # Raises what ended it.


@asynccontextmanager
async def following(installation: Installation, log: Any) -> AsyncGenerator[None]:
    """Every reader of the feed follows it until the block ends; any number of workers may."""

    def on_trouble(reader: Reader, error: Exception) -> None:
        log.warning("reader held up", reader=reader.name, error=str(error), exc_info=error)

    pool, ledger = installation.pool, installation.ledger
    tasks = [
        asyncio.create_task(follow(pool, ledger, reader, on_trouble=on_trouble), name=reader.name)
        for reader in READERS
    ]
    try:
        yield
    finally:
        await end(tasks)


def rooms(installation: Installation) -> dict[str, object]:
    """What the jobs of each room are handed."""
    return {
        "recharge": installation.recharge,
        "limits": installation.limits,
        "notify": installation.notify,
        "console": installation.recharge,
        "ledger": installation,
    }

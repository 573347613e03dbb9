"""Wires the rooms' jobs into one worker."""

import asyncio
import signal
from contextlib import suppress

from coinwell.base.jobs import Job, job_app
from coinwell.base.logs import start_logs
from coinwell.installation import Installation, open_installation
from coinwell.ledger import Ledger
from coinwell.recharge import jobs as recharge_jobs
from coinwell.settings import Settings


async def pulse(ledger: Ledger) -> None:
    """Give held coins back whose time is up, also where nobody writes to the ledger."""
    await ledger.pulse()


JOBS: tuple[Job, ...] = (*recharge_jobs.JOBS, Job("ledger.pulse", pulse, cron="* * * * *"))


async def work(settings: Settings) -> None:
    """Run jobs until the process is told to stop; what was begun is finished first."""
    log = start_logs(settings.log_level)
    async with open_installation(settings) as installation:
        app = job_app(JOBS, rooms(installation), settings.database)
        async with app.open_async():
            log.info("worker ready", jobs=len(JOBS))
            running = asyncio.create_task(
                app.run_worker_async(
                    queues=["coinwell"],
                    concurrency=8,
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=8,
                    delete_jobs="successful",
                )
            )
            loop = asyncio.get_running_loop()
            for stop in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(stop, running.cancel)
            with suppress(asyncio.CancelledError):
                await running


def rooms(installation: Installation) -> dict[str, object]:
    """What the jobs of each room are handed."""
    return {"recharge": installation.recharge, "ledger": installation.ledger}

"""Background work, enqueued in the transaction that makes it necessary.

The queue is a convenience: every room keeps its own due times in its own rows, so that losing
the whole queue loses no money, only minutes.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import procrastinate
import psycopg
from opentelemetry.trace import SpanKind
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status

from coinwell.base import tracing
from coinwell.base.db import Tx

Run = Callable[..., Awaitable[None]]
STALLED_AFTER_S = 30
# Beside a job's own arguments: the trace that asked for it, where there is one.
_TRACE = "traceparent"


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of background work.

    `run(deps, **arguments)` must be safe to run twice. `cron` (five fields, or six with seconds
    first-last as procrastinate reads them) makes it periodic; such a job takes no arguments.
    """

    name: str
    run: Run
    cron: str | None = None


def job_app(
    jobs: Sequence[Job], deps: Mapping[str, Any], url: str, *, concurrency: int = 8
) -> procrastinate.App:
    """The application that a worker runs: all jobs of all rooms, each handed its room's deps.

    Shape: `deps` maps a room's name (the part of a job's name before the dot) to what its jobs
    take as their first argument.
    """
    connector = procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=concurrency)
    app = procrastinate.App(connector=connector)
    for job in jobs:
        _register(app, job, deps[job.name.partition(".")[0]])
    _rescue_regularly(app)
    return app


def _rescue_regularly(app: procrastinate.App) -> None:
    """A worker killed in the middle leaves its jobs marked as running, and their locks taken."""

    async def rescue(timestamp: int) -> None:
        del timestamp
        for stalled in await app.job_manager.get_stalled_jobs(
            seconds_since_heartbeat=STALLED_AFTER_S
        ):
            try:
                await app.job_manager.retry_job(stalled)
            except UniqueViolation:
                # Its twin waits in the queue and does the same; this one only keeps it waiting.
                await app.job_manager.finish_job(stalled, status=Status.FAILED, delete_job=True)

    name = "jobs.rescue"
    task = app.task(name=name, queue="coinwell", queueing_lock=name, pass_context=False)(rescue)
    app.periodic(cron="* * * * * */10")(task)


def _register(app: procrastinate.App, job: Job, room: Any) -> None:
    if job.cron is None:

        async def run(**arguments: Any) -> None:
            links = tracing.linked(arguments.pop(_TRACE, ""))
            with tracing.span(job.name, kind=SpanKind.CONSUMER, links=links):
                await job.run(room, **arguments)

        retry = _Retries(max_attempts=10, exponential_wait=4)
        app.task(name=job.name, queue="coinwell", retry=retry)(run)
        return

    async def tick(timestamp: int) -> None:
        del timestamp
        with tracing.span(job.name, kind=SpanKind.CONSUMER):
            await job.run(room)

    task = app.task(name=job.name, queue="coinwell", queueing_lock=job.name, lock=job.name)(tick)
    app.periodic(cron=job.cron)(task)


class _Retries(procrastinate.RetryStrategy):
    """Tries again later, but for a job whose twin may have been enqueued meanwhile.

    Of twins one waits at most, so putting the failed one back would fail, and its lock would stay
    taken. The room's own due times bring it back.
    """

    def get_retry_decision(
        self, *, exception: BaseException, job: QueuedJob
    ) -> procrastinate.RetryDecision | None:
        """When to try again, or None."""
        if job.queueing_lock is not None:
            return None
        return super().get_retry_decision(exception=exception, job=job)


# Enqueues by name and never runs anything, so it knows no task's code and opens no connection.
_CLIENT = procrastinate.App(connector=procrastinate.PsycopgConnector())


async def defer(
    tx: Tx,
    name: str,
    *,
    lock: str | None = None,
    at: datetime | None = None,
    **arguments: str | int,
) -> None:
    """Enqueue a job in the caller's transaction; a rollback leaves no job.

    With `lock`, jobs of one lock run one at a time, and a second one that waits in the queue
    already is not added.
    """
    configured = _CLIENT.configure_task(
        name,
        queue="coinwell",
        lock=lock,
        queueing_lock=None if lock is None or at is not None else f"{name}:{lock}",
        schedule_at=at,
        connection=tx,
        allow_unknown=True,
    )
    try:
        async with tx.transaction():
            trace = tracing.carried()
            await configured.defer_async(**arguments, **({_TRACE: trace} if trace else {}))
    except AlreadyEnqueued:
        return


def install_queue(url: str) -> bool:
    """Create the queue's own tables where they are missing; True if they were."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
    if found is not None and found[0] is not None:
        return False
    connector = procrastinate.SyncPsycopgConnector(conninfo=url)
    app = procrastinate.App(connector=connector)
    with app.open():
        app.schema_manager.apply_schema()
    return True

"""Figures of what all rooms share: the queue of jobs, and the outbox."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from coinwell.base.db import Tx, row, rows
from coinwell.base.metrics import Figure, looked_up

JOBS: Final = looked_up("jobs", "Jobs in the queue, by status.", ("status",))
JOBS_AGE: Final = looked_up(
    "jobs_oldest_seconds", "How long the job longest due has been waiting for a worker."
)
OUTBOX: Final = looked_up("outbox_rows", "News in the outbox.")
OUTBOX_AGE: Final = looked_up("outbox_oldest_seconds", "Age of the oldest news in the outbox.")

_JOBS = """
    SELECT status::text AS status, count(*) AS jobs,
        coalesce(greatest(extract(epoch FROM now() - min(scheduled_at)), 0), 0) AS age_s
    FROM procrastinate_jobs GROUP BY status
"""
# Counted to a bound: a figure past it says enough, and costs no more.
_OUTBOX = """
    SELECT count(*) AS news,
        coalesce(greatest(extract(epoch FROM now() - min(at)), 0), 0) AS age_s
    FROM (SELECT at FROM base.outbox LIMIT 100000) AS counted
"""
_NO_JOBS = ("todo", "doing", "failed")


@dataclass(frozen=True, slots=True)
class _Jobs:
    status: str
    jobs: int
    age_s: Decimal


@dataclass(frozen=True, slots=True)
class _Outbox:
    news: int
    age_s: Decimal


async def queue(tx: Tx) -> None:
    """Jobs by status; a finished job is deleted, a failed one stays for a person to see."""
    found = {one.status: one for one in await rows(tx, _Jobs, _JOBS)}
    JOBS.clear()
    for status in {*_NO_JOBS, *found}:
        JOBS.labels(status).set(found[status].jobs if status in found else 0)
    JOBS_AGE.set(int(found["todo"].age_s) if "todo" in found else 0)


async def outbox(tx: Tx) -> None:
    """News that is kept there."""
    found = await row(tx, _Outbox, _OUTBOX)
    assert found is not None
    OUTBOX.set(found.news)
    OUTBOX_AGE.set(int(found.age_s))


FIGURES: Final[tuple[Figure, ...]] = (queue, outbox)

"""What this process counts, for Prometheus to read.

One registry a process, and a page for each process at a port of its own (`serve_metrics`): several
processes share the web port, and a page there would be a different one's each time. What is
counted as it happens is here under its name; what is looked up in the database when somebody
reads is a *figure* of its room, set by the worker alone.

No label ever holds an id, a name or anything a caller chose, so the number of series is bounded.
The names are documented in docs/operate/observing.md, and a test compares.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from coinwell.base.db import Pool, Tx, transaction

Figure = Callable[[Tx], Awaitable[None]]
"""Looks something up and sets gauges; cheap, for it runs whenever somebody reads."""

# When a series began is of no use here, and would double the page.
disable_created_metrics()
REGISTRY: Final = CollectorRegistry()
"""What this process counts itself."""
LOOKED_UP: Final = CollectorRegistry()
"""Figures, which only the process that looks them up may tell: another's zero would be a lie."""
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
MEMBERS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 8_189)
# Prometheus waits for ten seconds, unless it is told otherwise.
_PATIENCE_S: Final = 4
_NOT_LONG: Final = "SET LOCAL statement_timeout = '3s'"


def counter(name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
    """A count that only rises; its name ends in `_total`."""
    assert name.endswith("_total"), name
    return Counter(f"coinwell_{name}", meaning, labels, registry=REGISTRY)


def gauge(name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
    """What rises and falls in this process."""
    return Gauge(f"coinwell_{name}", meaning, labels, registry=REGISTRY)


def looked_up(name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
    """A gauge that a figure sets."""
    return Gauge(f"coinwell_{name}", meaning, labels, registry=LOOKED_UP)


def histogram(
    name: str, meaning: str, labels: Sequence[str] = (), *, buckets: Sequence[float] = SECONDS
) -> Histogram:
    """How many observations were how large."""
    return Histogram(f"coinwell_{name}", meaning, labels, buckets=buckets, registry=REGISTRY)


HTTP_REQUESTS: Final = counter(
    "http_requests_total", "Requests answered, by method, route template and status.",
    ("method", "route", "status"),
)  # fmt: skip
HTTP_SECONDS: Final = histogram(
    "http_request_seconds", "How long answers took, by method and route template.",
    ("method", "route"),
)  # fmt: skip
HTTP_OPEN: Final = gauge("http_requests_open", "Requests being answered now.")
DATABASE_UP: Final = looked_up("database_up", "1 if the database answered this reading, else 0.")
BUILD: Final = gauge("build_info", "Always 1; the version is a label.", ("version", "process"))


async def page(pool: Pool | None, figures: Sequence[Figure]) -> bytes:
    """The metrics of this process as Prometheus reads them; figures are looked up first."""
    if pool is None:
        return generate_latest(REGISTRY)
    try:
        async with asyncio.timeout(_PATIENCE_S), transaction(pool) as tx:
            await tx.execute(_NOT_LONG)
            for figure in figures:
                await figure(tx)
        DATABASE_UP.set(1)
    except (OperationalError, PoolTimeout, TimeoutError):
        # What this process counted is told all the same; the figures stay as they were.
        DATABASE_UP.set(0)
    return generate_latest(REGISTRY) + generate_latest(LOOKED_UP)

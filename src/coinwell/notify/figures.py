"""Figures of webhooks that are looked up when the metrics are read."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from coinwell.base.db import Tx, row
from coinwell.base.metrics import Figure, looked_up

DELIVERIES: Final = looked_up("webhook_deliveries_waiting", "Webhooks that were not taken yet.")
OLDEST: Final = looked_up("webhook_oldest_seconds", "Age of the oldest webhook not taken yet.")
ENDPOINTS: Final = looked_up("webhook_endpoints", "Addresses of the host app.", ("state",))

# Along the partial index of what waits.
_WAITING = """
    SELECT count(*) AS deliveries,
        coalesce(greatest(extract(epoch FROM now() - min(created_at)), 0), 0) AS age_s
    FROM notify.delivery WHERE state = 'waiting'
"""
_ENDPOINTS = """
    SELECT count(*) FILTER (WHERE state = 'on' AND failing_since IS NULL) AS well,
        count(*) FILTER (WHERE state = 'on' AND failing_since IS NOT NULL) AS failing,
        count(*) FILTER (WHERE state = 'off') AS off
    FROM notify.endpoint
"""


@dataclass(frozen=True, slots=True)
class _Waiting:
    deliveries: int
    age_s: Decimal


@dataclass(frozen=True, slots=True)
class _Endpoints:
    well: int
    failing: int
    off: int


async def webhooks(tx: Tx) -> None:
    """What waits to be taken, and how the addresses do."""
    waiting = await row(tx, _Waiting, _WAITING)
    assert waiting is not None
    DELIVERIES.set(waiting.deliveries)
    OLDEST.set(int(waiting.age_s))
    found = await row(tx, _Endpoints, _ENDPOINTS)
    assert found is not None
    ENDPOINTS.labels("well").set(found.well)
    ENDPOINTS.labels("failing").set(found.failing)
    ENDPOINTS.labels("off").set(found.off)


FIGURES: Final[tuple[Figure, ...]] = (webhooks,)

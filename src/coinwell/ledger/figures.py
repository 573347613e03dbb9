"""Figures of the ledger that are looked up when the metrics are read."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from coinwell.base.db import Tx, rows
from coinwell.base.metrics import Figure, looked_up
from coinwell.ledger.counting import EPOCH, INTENT_AGE, INTENTS_OPEN
from coinwell.ledger.restoring import current_epoch

_NS_PER_S: Final = 1_000_000_000
READER_LAG: Final = looked_up(
    "ledger_reader_behind_seconds", "From a reader's position to the newest transfer.", ("reader",)
)

_READERS = """
    SELECT name, coalesce(
        greatest((SELECT max("timestamp") FROM ledger.transfer) - position_ns, 0), 0
    ) AS behind_ns
    FROM ledger.reader
"""
# Along the index of open intents, of which there are few.
_OPEN = """
    SELECT room, count(*) AS intents,
        greatest(extract(epoch FROM now() - min(created_at)), 0) AS age_s
    FROM ledger.intent WHERE state = 'open' GROUP BY room
"""


@dataclass(frozen=True, slots=True)
class _Open:
    room: str
    intents: int
    age_s: Decimal


@dataclass(frozen=True, slots=True)
class _Behind:
    name: str
    behind_ns: int


async def readers(tx: Tx) -> None:
    """How far each reader of the feed is behind the newest transfer."""
    for one in await rows(tx, _Behind, _READERS):
        READER_LAG.labels(one.name).set(one.behind_ns // _NS_PER_S)


async def books(tx: Tx) -> None:
    """Open intents by room, the age of the oldest, and the epoch."""
    found = await rows(tx, _Open, _OPEN)
    INTENTS_OPEN.clear()
    for one in found:
        INTENTS_OPEN.labels(one.room).set(one.intents)
    INTENT_AGE.set(max((int(one.age_s) for one in found), default=0))
    EPOCH.set((await current_epoch(tx)).epoch)


FIGURES: Final[tuple[Figure, ...]] = (books, readers)

"""After a restore: a new epoch of the books, whose time is past all that was ever answered.

A restored ledger is older than what its callers have seen. Ids cannot meet again, for they are
hashes of random intents or of the caller's own keys. Timestamps could: so the head's time is
lifted, and the epoch tells which of two histories a timestamp is from.
"""

from dataclasses import dataclass

from coinwell.base.db import Tx, row

_HEAD = "SELECT epoch, timestamp, transfer_count FROM ledger.head WHERE one"
_BEGIN = """
    UPDATE ledger.head SET epoch = epoch + 1, timestamp = greatest(timestamp, %(floor_ns)s)
    WHERE one
    RETURNING epoch, timestamp, transfer_count
"""


@dataclass(frozen=True, slots=True)
class Epoch:
    """Where the books stand. Units: `timestamp` is nanoseconds since 1970."""

    epoch: int
    timestamp: int
    transfer_count: int


async def current_epoch(tx: Tx) -> Epoch:
    """Where the books stand now."""
    found = await row(tx, Epoch, _HEAD)
    assert found is not None, "the head row is made by the first migration"
    return found


async def begin_epoch(tx: Tx, *, floor_ns: int) -> Epoch:
    """Begin a new epoch: whatever is decided from now on is later than `floor_ns`.

    The seals stay whole: no transfer is touched. The installation's id stays as well, so that a
    request from before the backup, sent again, still finds what it did.

    Locks: the head row, until the transaction ends.
    """
    found = await row(tx, Epoch, _BEGIN, {"floor_ns": floor_ns})
    assert found is not None, "the head row is made by the first migration"
    return found

"""Histories that were read once are kept, so that the next look reads only what is new.

Transfers never change, and their timestamps rise in the order of their commits: a wallet that was
read up to one of them is exact once everything newer has been read as well. Each look does that
before it answers, so it is never behind an acknowledged write. Nothing here is stored: a process
that begins anew reads anew.
"""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID
from weakref import WeakKeyDictionary

from coinwell.base.db import Pool, transaction
from coinwell.ledger import (
    LEDGER_COINS,
    AccountFilter,
    Code,
    Ledger,
    Transfer,
    account_id,
)
from coinwell.wallet import store
from coinwell.wallet.folding import Folding
from coinwell.wallet.moves import moves_of
from coinwell.wallet.tallying import Tally

# Rows that all histories of a process take together, and one of them alone. A row takes about
# two hundred bytes.
ROWS_MAX = 400_000
ROWS_OF_ONE_MAX = 200_000
# Rows read at a time: some ten milliseconds of work, then others have their turn.
CHUNK = 2_000


@dataclass(eq=False)
class History:
    """One wallet's past as far as it was read; to be used before the next `await`."""

    folding: Folding = field(default_factory=lambda: Folding(()))
    tally: Tally = field(default_factory=Tally)
    rows: int = 0
    last: Transfer | None = None
    terms: int = 0  # How many lots' terms are known.
    whole: bool = False  # Whether the last look went to the end.

    @property
    def last_ns(self) -> int:
        """When the last change that was read happened; 0 before the first."""
        return self.last.timestamp if self.last else 0

    @property
    def size(self) -> int:
        """About how many rows of memory it takes."""
        return 1 + self.rows + self.folding.weight


@dataclass(eq=False)
class _Kept:
    history: History = field(default_factory=History)
    # Two looks at one wallet would read the same rows twice, and take them in twice.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    size: int = 0


class Memory:
    """The histories of one ledger's wallets, those looked at last; bounded in rows."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._kept: dict[UUID, _Kept] = {}
        self._size = 0

    @property
    def size(self) -> int:
        """About how many rows of memory all histories take."""
        return self._size

    async def look(
        self, pool: Pool, ledger: Ledger, user_id: UUID, *, rows_max: int | None
    ) -> History:
        """A wallet's history, exact as of the last acknowledged write.

        It is not `whole` if it has more than `rows_max` rows; the oldest are there all the same.
        """
        kept = self._kept.pop(user_id, None) or _Kept()
        self._kept[user_id] = kept  # Now the last to be forgotten.
        try:
            async with kept.lock:
                await _catch_up(kept, pool, ledger, user_id, rows_max)
                return kept.history
        finally:
            self._weigh(user_id, kept)

    def _weigh(self, user_id: UUID, kept: _Kept) -> None:
        if self._kept.get(user_id) is not kept:
            return  # Forgotten meanwhile; whoever still looks at it is the last.
        size = kept.history.size
        self._size += size - kept.size
        kept.size = size
        if size > ROWS_OF_ONE_MAX:
            self._forget(user_id)
        while self._size > ROWS_MAX:
            self._forget(next(iter(self._kept)))

    def _forget(self, user_id: UUID) -> None:
        self._size -= self._kept.pop(user_id).size


_MEMORIES: WeakKeyDictionary[Ledger, Memory] = WeakKeyDictionary()


def memory_of(ledger: Ledger) -> Memory:
    """What this process remembers of a ledger's wallets, as long as it has that ledger open."""
    return _MEMORIES.setdefault(ledger, Memory())


async def _catch_up(
    kept: _Kept, pool: Pool, ledger: Ledger, user_id: UUID, rows_max: int | None
) -> None:
    own_id = account_id(Code.WALLET, user_id, LEDGER_COINS)
    kept.history.whole = False
    while not kept.history.whole:
        known = kept.history
        again = 1 if known.last else 0
        room = CHUNK if rows_max is None else min(CHUNK, max(0, rows_max + 1 - known.rows))
        found = await ledger.get_account_transfers(
            AccountFilter(account_id=own_id, timestamp_min=known.last_ns, limit=room + again)
        )
        # The last row is read once more. Should it be another one, then this is not the book that
        # was read before: an older copy was put in its place.
        if found[:again] != [known.last][:again] or not await _learn(known, pool, user_id):
            kept.history = History()
            continue
        fresh = found[again:]
        moves = list(moves_of(own_id, fresh))
        known.folding.add(moves)
        known.tally.add(moves)
        if fresh:
            known.rows += len(fresh)
            known.last = fresh[-1]
        known.whole = len(fresh) < room
        if not known.whole and rows_max is not None and known.rows > rows_max:
            return


async def _learn(known: History, pool: Pool, user_id: UUID) -> bool:
    """Take in terms that were named since. After the transfers: a lot's terms are older than it.

    Terms are only ever added, so their number says whether there are new ones.
    """
    async with transaction(pool) as tx:
        if await store.count_of_user(tx, user_id) == known.terms:
            return True
        lots = await store.of_user(tx, user_id)
    known.terms = len(lots)
    return known.folding.learn(lots)

"""Follows the ledger's feed: whoever has a limit on coins and spent some is to be counted.

A spend that carries its legs is in its windows already, but its owner may have to be told. A
spend without legs was on its way when the limit was set: it is what the count is for. The reader
only leaves a mark; the count itself reads the ledger, so a mark too many does no harm.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from coinwell.base.clock import from_ns
from coinwell.base.db import Tx
from coinwell.ledger import Reader, Transfer
from coinwell.limits import postings, store


async def apply(tx: Tx, transfers: Sequence[Transfer]) -> None:
    """Mark the owners of the wallets that spent; in one statement, whatever the batch."""
    wallets = {one.debit_account_id for one in transfers if one.code in postings.SPENDS}
    if wallets:
        now: datetime = from_ns(transfers[-1].timestamp)
        await store.mark_wallets(tx, sorted(wallets), now=now)


READER: Final = Reader("limits.spends", apply, clear=None)
"""Told once: what a rebuild would mark again was counted long ago."""

"""What the wallet asks of rooms above it; the app hands the answers in."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.ledger import Transfer
from coinwell.wallet.types import Arrival

# The recharges of a user that are on their way, for the balance page.
Arrivals = Callable[[Tx, UUID], Awaitable[list[Arrival]]]

# Plain words for transfers of one code: all of a page at once, so that a room needs one query.
# Those it leaves out get a neutral line.
Describer = Callable[[Tx, Sequence[Transfer]], Awaitable[Mapping[int, str]]]

"""Opening the books: the URL says which engine keeps them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from time import time_ns

from coinwell.ledger.engines.postgres.engine import open_postgres
from coinwell.ledger.protocol import Ledger


def open_ledger(
    url: str, *, now_ns: Callable[[], int] | None = None, pool_size: int = 4
) -> AbstractAsyncContextManager[Ledger]:
    """The ledger at `url`, open until the block ends; any number of processes may have it open.

    Units: `now_ns` tells nanoseconds since 1970; `pool_size` is connections for reading, beside
    the one for writing.
    """
    return open_postgres(url, now_ns=now_ns or time_ns, pool_size=pool_size)

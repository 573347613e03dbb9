"""Several statements in one round trip, after which the server still counts idle time.

The driver's own pipeline ends with a flush behind the sync. PostgreSQL starts its clock for idle
transactions when it answers the sync and stops it at the next message, so after that flush the
clock stands still, and a process stopped then would keep the head row for ever. The flush is not
needed: a server that answers a sync sends everything it has.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from psycopg import AsyncPipeline
from psycopg.abc import PQGen

from coinwell.ledger.engines.postgres.records import Connection

# The driver offers no switch for this; `tests/races` shows that the clock runs.
# pyright: reportPrivateUsage=false


class _WithoutFlush(AsyncPipeline):
    def _exit_gen(self) -> PQGen[None]:
        try:
            self._enqueue_sync()
            yield from self._communicate_gen()
        finally:
            yield from self._fetch_gen(flush=False)


@asynccontextmanager
async def pipeline(connection: Connection) -> AsyncGenerator[None]:
    """Send the statements of the block together; their answers are there when it ends."""
    connection._pipeline = _WithoutFlush(connection)  # noqa: SLF001 - see above.
    async with connection.pipeline():
        yield

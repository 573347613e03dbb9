"""PostgreSQL: a pool, a transaction, and rows as dataclasses.

Queries are `LiteralString`, so that one assembled from a variable does not type-check.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString, TypeVar

from psycopg import AsyncConnection, IsolationLevel, OperationalError
from psycopg.rows import TupleRow, class_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

Tx = AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Tx]
Params = Mapping[str, Any] | Sequence[Any] | None
T = TypeVar("T")
# A pool waits twice as long after each failed attempt. Giving up early and beginning anew keeps a
# long outage from being followed by as long a wait.
RECONNECT_S = 3.0


async def _configure(connection: Tx) -> None:
    # A stopped process must not hold its locks for ever; a lost one is noticed by keep-alives.
    await connection.set_isolation_level(IsolationLevel.READ_COMMITTED)
    await connection.set_autocommit(True)
    await connection.execute("SET idle_in_transaction_session_timeout = '10s'")
    await connection.execute("SET lock_timeout = '10s'")
    await connection.execute("SET timezone = 'UTC'")
    await connection.set_autocommit(False)


async def begin_anew(pool: AsyncConnectionPool[Any]) -> None:
    """After a pool gave up connecting: try again if somebody waits, for only a new caller would."""
    if pool.get_stats().get("requests_waiting"):
        with suppress(PoolTimeout, OperationalError):
            async with pool.connection(timeout=0.01):
                return


@asynccontextmanager
async def open_pool(url: str, *, min_size: int = 1, max_size: int = 10) -> AsyncGenerator[Pool]:
    """A pool of connections to `url`; closed when the block ends."""
    pool: Pool = AsyncConnectionPool(
        url,
        min_size=min_size,
        max_size=max_size,
        open=False,
        configure=_configure,
        check=AsyncConnectionPool.check_connection,
        timeout=15,
        reconnect_timeout=RECONNECT_S,
        reconnect_failed=begin_anew,
        kwargs={"application_name": "coinwell"},
    )
    async with pool:
        yield pool


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncGenerator[Tx]:
    """One transaction: committed when the block ends, rolled back when it raises.

    No network call and no ledger call belongs inside.
    """
    async with pool.connection() as connection, connection.transaction():
        yield connection


async def rows(tx: Tx, shape: type[T], sql: LiteralString, params: Params = None) -> list[T]:
    """All rows of a query as `shape`, whose fields are the column names."""
    async with tx.cursor(row_factory=class_row(shape)) as cursor:
        await cursor.execute(sql, params)
        return await cursor.fetchall()


async def row(tx: Tx, shape: type[T], sql: LiteralString, params: Params = None) -> T | None:
    """The only row of a query as `shape`, or None; more than one is a programmer's error."""
    found = await rows(tx, shape, sql, params)
    assert len(found) <= 1, "at most one row was expected"
    return found[0] if found else None


async def run(tx: Tx, sql: LiteralString, params: Params = None) -> int:
    """Run a statement and say how many rows it touched."""
    cursor = await tx.execute(sql, params)
    return cursor.rowcount


async def value(tx: Tx, sql: LiteralString, params: Params = None) -> Any:
    """The single value of a one-row, one-column query, or None when there is no row."""
    cursor = await tx.execute(sql, params)
    found = await cursor.fetchone()
    return None if found is None else found[0]

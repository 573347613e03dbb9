"""The ledger on PostgreSQL: the pure machine inside, one serial stream of batches around it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from coinwell.base.db import RECONNECT_S, begin_anew
from coinwell.ledger.coalescer import Coalescer
from coinwell.ledger.engines.postgres import reading
from coinwell.ledger.engines.postgres.connecting import prepare_connection
from coinwell.ledger.engines.postgres.posting import Writer
from coinwell.ledger.engines.postgres.units import (
    AccountsUnit,
    Answer,
    PulseUnit,
    TransfersUnit,
    Unit,
)
from coinwell.ledger.machine import check_batch
from coinwell.ledger.refusals import NotYet
from coinwell.ledger.types import (
    Account,
    AccountBalance,
    AccountFilter,
    CreateAccountResult,
    CreateTransferResult,
    QueryFilter,
    Transfer,
)

ReadingPool = AsyncConnectionPool[AsyncConnection[TupleRow]]


class PostgresLedger:
    """The eight calls of the model, and the pulse; see `coinwell.ledger.Ledger`."""

    def __init__(self, coalescer: Coalescer[Unit, Answer], pool: ReadingPool) -> None:
        """Writes go through the coalescer, reads to any connection of the pool."""
        self._coalescer = coalescer
        self._pool = pool

    async def create_accounts(self, accounts: Sequence[Account]) -> list[CreateAccountResult]:
        """Create accounts; answered after the commit."""
        check_batch(accounts, Account)
        if not accounts:
            return []
        # A copy: the caller may change its list while the batch waits.
        unit = AccountsUnit(tuple(accounts))
        answer = await self._coalescer.submit(unit, size=len(accounts))
        return cast("list[CreateAccountResult]", answer)

    async def create_transfers(self, transfers: Sequence[Transfer]) -> list[CreateTransferResult]:
        """Move what the transfers say; answered after the commit."""
        check_batch(transfers, Transfer)
        if not transfers:
            return []
        unit = TransfersUnit(tuple(transfers))
        answer = await self._coalescer.submit(unit, size=len(transfers))
        return cast("list[CreateTransferResult]", answer)

    async def pulse(self) -> None:
        """Take back every hold whose time is up."""
        await self._coalescer.submit(PulseUnit(), size=1)

    def busy_s(self) -> float:
        """For how long the batch at work has been at work."""
        return self._coalescer.busy_s()

    async def lookup_accounts(self, ids: Sequence[int]) -> list[Account]:
        """The accounts of these ids, in their order."""
        async with self._pool.connection() as connection:
            return await reading.accounts_by_id(connection, ids)

    async def lookup_transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """The transfers of these ids, in their order."""
        async with self._pool.connection() as connection:
            return await reading.transfers_by_id(connection, ids)

    async def get_account_transfers(self, wanted: AccountFilter, /) -> list[Transfer]:
        """The history of one account."""
        async with self._pool.connection() as connection:
            return await reading.account_transfers(connection, wanted)

    async def get_account_balances(self, wanted: AccountFilter, /) -> list[AccountBalance]:
        """Refuses: `NotYet`, for no account keeps its history so far."""
        raise NotYet(account_id=wanted.account_id)

    async def query_accounts(self, wanted: QueryFilter, /) -> list[Account]:
        """All accounts that match, in time order."""
        async with self._pool.connection() as connection:
            return await reading.matching_accounts(connection, wanted)

    async def query_transfers(self, wanted: QueryFilter, /) -> list[Transfer]:
        """The feed."""
        async with self._pool.connection() as connection:
            return await reading.matching_transfers(connection, wanted)


@asynccontextmanager
async def open_postgres(
    url: str, *, now_ns: Callable[[], int], pool_size: int
) -> AsyncGenerator[PostgresLedger]:
    """The ledger kept at `url`; calls that wait when the block ends are answered first."""
    pool: ReadingPool = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=pool_size,
        open=False,
        configure=prepare_connection,
        check=AsyncConnectionPool.check_connection,
        timeout=15,
        reconnect_timeout=RECONNECT_S,
        reconnect_failed=begin_anew,
        kwargs={"application_name": "coinwell ledger reads", "connect_timeout": 5},
    )
    writer = Writer(url, now_ns)
    # A wrong address or password is told at once, not by calls that wait for ever.
    await writer.connect()
    try:
        async with pool:
            coalescer: Coalescer[Unit, Answer] = Coalescer(writer.post)
            try:
                yield PostgresLedger(coalescer, pool)
            finally:
                await asyncio.shield(coalescer.aclose())
    finally:
        await writer.aclose()

"""One batch after the other: lock the head, load, decide, write, commit, answer."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import cast

from psycopg import Error

from coinwell.base.ids import new_uuid
from coinwell.ledger import counting
from coinwell.ledger.coalescer import Batch, OutcomeUnknown
from coinwell.ledger.engines.postgres.connecting import PASSING, writer_connection
from coinwell.ledger.engines.postgres.loading import EXPIRING_MAX, Loaded, load, load_holds
from coinwell.ledger.engines.postgres.records import Connection
from coinwell.ledger.engines.postgres.units import (
    Answer,
    TransfersUnit,
    Unit,
    decide,
    packed,
    touched,
    unpacked,
)
from coinwell.ledger.engines.postgres.writing import Reply, write
from coinwell.ledger.machine import Writes, pulse
from coinwell.ledger.types import CreateTransferResult

# Longer than the server's own limits: only a server that does not answer at all comes to this.
_ANSWER_S_MAX = 30.0


class Writer:
    """The writing side of the books for one process: one connection, one batch at a time.

    Its id and the number of a batch name the stored reply, so a batch that is sent again after a
    lost connection gets the first answers.
    """

    def __init__(self, url: str, now_ns: Callable[[], int]) -> None:
        """Connects at the first batch, and again whenever the connection is lost."""
        self.id = new_uuid().int
        self._url = url
        self._now_ns = now_ns
        self._connection: Connection | None = None

    async def connect(self) -> Connection:
        """The connection; a new one if the last was lost."""
        if self._connection is None:
            self._connection = await writer_connection(self._url)
        return self._connection

    async def aclose(self) -> None:
        """Drop the connection; what was not committed is rolled back by the server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Error, OSError):
                await connection.close()

    async def post(self, batch: Batch[Unit]) -> list[Answer]:
        """Commit a batch and answer each unit of it, in order.

        Locks: the head row, until the commit.
        Raises OutcomeUnknown when the connection was lost; the same batch may be sent again.
        """
        try:
            async with asyncio.timeout(_ANSWER_S_MAX):
                while True:
                    answers = await self._post(batch)
                    if answers is not None:
                        return answers
        except PASSING as error:
            await self.aclose()
            raise OutcomeUnknown from error
        except BaseException:
            # Whatever it was, no half-done transaction is left behind.
            await self.aclose()
            raise

    async def _post(self, batch: Batch[Unit]) -> list[Answer] | None:
        connection = await self.connect()
        accounts, transfers = touched(batch.units)
        loaded = await load(
            connection,
            now_ns=self._now_ns(),
            accounts=accounts,
            transfers=transfers,
            answered=(self.id, batch.number) if batch.resent else None,
        )
        if loaded.reply is not None:
            await connection.execute("ROLLBACK")
            return unpacked(batch.units, loaded.reply)
        now_ns = max(self._now_ns(), loaded.head.timestamp)
        writes = await _expire(connection, loaded, now_ns)
        if len(loaded.due) == EXPIRING_MAX:
            # More may be due, and nothing is decided before all of it was taken back.
            await write(connection, loaded.head, writes, None)
            return None
        answers = decide(batch.units, loaded.state, writes, now_ns)
        reply = Reply(self.id, batch.number, packed(answers))
        began = perf_counter()
        await write(connection, loaded.head, writes, reply)
        counting.COMMIT_SECONDS.observe(perf_counter() - began)
        _count(batch.units, answers)
        return answers


def _count(units: Sequence[Unit], answers: Sequence[Answer]) -> None:
    counting.count_statuses(
        result.status
        for unit, answer in zip(units, answers, strict=True)
        if isinstance(unit, TransfersUnit)
        for result in cast("list[CreateTransferResult]", answer)
    )


async def _expire(connection: Connection, loaded: Loaded, now_ns: int) -> Writes:
    writes = Writes(timestamp=loaded.head.timestamp)
    if loaded.due:
        await load_holds(connection, loaded.state, loaded.due)
        pulse(loaded.state, now_ns, writes)
    return writes

"""Connections that fail fast and never hold the head row for long."""

from typing import Any

from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow

from coinwell.base.refusal import Kind, Refusal
from coinwell.ledger.engines.postgres.records import Connection, speak_in_ids

# A stopped or vanished process loses the head row after this long, and its batch with it; a
# batch takes some ten milliseconds. Newer servers also limit the whole transaction, which covers
# a process that stopped while it was sending.
_IDLE_MS_MAX = 5_000
_STATEMENT_MS_MAX = 15_000
_TRANSACTION_MS_MAX = 15_000
_WRITER = "coinwell ledger"
_CONNECTING: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "autocommit": True,
    "prepare_threshold": 0,
}
_PATIENCE = """
    SELECT set_config('idle_in_transaction_session_timeout', %s, false),
        set_config('statement_timeout', %s, false),
        set_config('lock_timeout', %s, false)
"""
_PATIENCE_SINCE_17 = """
    SELECT set_config('transaction_timeout', %s, false)
    WHERE current_setting('server_version_num')::integer >= 170000
"""
# A server checks none of these limits while it waits for the rest of a COPY, so a process stopped
# there would keep the head row for ever. Whoever waited in vain comes here to connect anew, and
# ends what should have ended.
_END_STALLED = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND application_name = %s
        AND wait_event = 'ClientRead' AND xact_start < clock_timestamp() - %s * interval '1 ms'
"""
# An answer stands for a durable commit, whatever this database's own default is.
_DURABLE = """
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off'
"""
# Whatever is asked of the books follows an index: look-ups by key, pages in time order. A planner
# that guesses sizes from fresh tables, or thinks of an average account, must not read everything
# and sort it instead, nor plan the same statement anew each time.
_LOOK_UP = """
    SELECT set_config('plan_cache_mode', 'force_generic_plan', false),
        set_config('enable_seqscan', 'off', false),
        set_config('enable_bitmapscan', 'off', false),
        set_config('enable_hashjoin', 'off', false),
        set_config('enable_mergejoin', 'off', false),
        set_config('jit', 'off', false)
"""
# A reply is asked for within seconds, if ever; writers of long ago will not ask any more.
_FORGET = "DELETE FROM ledger.writer WHERE at < now() - interval '30 days'"
_ISOLATION = "SELECT current_setting('transaction_isolation')"

# Errors after which nobody knows whether the batch stands, or that pass by themselves.
PASSING = (
    errors.OperationalError,
    errors.InterfaceError,
    errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
    errors.ReadOnlySqlTransaction,
    TimeoutError,
    OSError,
)


class WrongIsolation(Refusal):
    """The ledger needs READ COMMITTED: a snapshot taken before the lock would miss rows."""

    kind = Kind.WRONG
    title = "Wrong isolation level"


async def writer_connection(url: str) -> Connection:
    """The one connection that a process writes the books with."""
    connection = await AsyncConnection[TupleRow].connect(
        url, application_name=_WRITER, **_CONNECTING
    )
    try:
        await prepare_connection(connection)
        await connection.execute(_END_STALLED, [_WRITER, _TRANSACTION_MS_MAX])
        await connection.execute(_DURABLE)
        await connection.execute(_FORGET)
    except BaseException:
        await connection.close()
        raise
    return connection


async def prepare_connection(connection: Connection) -> None:
    """Give a connection its limits, its manner of planning and the ledger's way to read ids.

    Refuses: `WrongIsolation` when a transaction would not begin at READ COMMITTED.
    """
    await connection.set_autocommit(True)
    speak_in_ids(connection)
    limit = str(_STATEMENT_MS_MAX)
    await connection.execute(_PATIENCE, [str(_IDLE_MS_MAX), limit, limit])
    await connection.execute(_PATIENCE_SINCE_17, [str(_TRANSACTION_MS_MAX)])
    await connection.execute(_LOOK_UP)
    async with connection.cursor() as cursor:
        await cursor.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        await cursor.execute(_ISOLATION)
        found = await cursor.fetchone()
        await cursor.execute("COMMIT")
    if found != ("read committed",):
        raise WrongIsolation

"""An exported database in another server: empty before, and with that server's own counting.

The outbox is read in the order of PostgreSQL's transaction numbers, and another server counts
its own from the beginning. So the numbers in an imported database are made small, in their old
order, and the server's counter is moved past them: news written from now on comes after.
"""

from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Composed, Identifier

from coinwell.backup.refusals import DatabaseInUse
from coinwell.postgres import run_program

_FIRST = 10
_ANYTHING = """
    SELECT format('the table %I.%I', nspname, relname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND nspname NOT LIKE 'pg\\_%'
        AND nspname <> 'information_schema'
    ORDER BY 1 LIMIT 1
"""
_NUMBERED = """
    SELECT table_schema, table_name, column_name
    FROM information_schema.columns JOIN information_schema.tables
        USING (table_catalog, table_schema, table_name)
    WHERE udt_name = 'xid8' AND table_type = 'BASE TABLE' AND table_schema NOT LIKE 'pg\\_%'
    ORDER BY 1, 2, 3
"""
_RENUMBER = """
    CREATE TEMPORARY TABLE renumbered AS
    SELECT old, (row_number() OVER (ORDER BY old) + %s)::text::xid8 AS new
    FROM (SELECT DISTINCT number AS old FROM ({numbers}) AS every (number)
        WHERE number IS NOT NULL) AS each
"""
_LAST = "SELECT coalesce(max(new::text::bigint), 0) FROM renumbered"
_FORGET = "DROP TABLE renumbered"
# Each turn is a transaction of its own and takes one number; none of them writes anything.
_MOVE_ON: LiteralString = """
    DO $$
    BEGIN
        WHILE pg_current_xact_id()::text::bigint <= {last} LOOP
            COMMIT;
        END LOOP;
    END
    $$
"""


def demand_empty(url: str) -> None:
    """Refuses: `DatabaseInUse` if there is anything in the database."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        found = connection.execute(_ANYTHING).fetchone()
    if found is not None:
        raise DatabaseInUse(str(found[0]))


def load(url: str, dump: Path) -> None:
    """Bring an exported database into the empty one at `url`, whole or not at all.

    Refuses: `DatabaseInUse`; `CopyFailed`.
    """
    demand_empty(url)
    name = conninfo_to_dict(url).get("dbname") or ""
    arguments = ["--no-owner", "--no-privileges", "--no-password", "--single-transaction"]
    run_program("pg_restore", [*arguments, "--exit-on-error", f"--dbname={name}", str(dump)], url)
    renumber(url)


def renumber(url: str) -> None:
    """Make the transaction numbers kept in tables older than every transaction to come."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        columns = connection.execute(_NUMBERED).fetchall()
        if not columns:
            return
        with connection.transaction():
            numbers = SQL(" UNION ALL ").join(
                SQL("SELECT {} FROM {}").format(Identifier(column), Identifier(schema, table))
                for schema, table, column in columns
            )
            connection.execute(SQL(_RENUMBER).format(numbers=numbers), [_FIRST])
            for column in columns:
                connection.execute(_update(*column))
            found = connection.execute(_LAST).fetchone()
            last = 0 if found is None else int(found[0])
            connection.execute(_FORGET)
        connection.execute(SQL(_MOVE_ON).format(last=last))


def _update(schema: str, table: str, column: str) -> Composed:
    text: LiteralString = (
        "UPDATE {} AS kept SET {} = renumbered.new FROM renumbered WHERE renumbered.old = kept.{}"
    )
    return SQL(text).format(Identifier(schema, table), Identifier(column), Identifier(column))

"""The migration runner: numbered SQL files, each once, in order, under one lock.

`0007_room_pre_what.sql` runs before the new code serves, `…_post_…` after. A file that begins
with `-- no transaction` runs outside one, for indexes built concurrently.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import LiteralString, cast

import psycopg

from coinwell.base.refusal import Kind, Refusal

_NAME = re.compile(r"^(\d{4})_[a-z]+_(pre|post)_[a-z0-9_]+\.sql$")
_LOCK_KEY = 0x636F696E  # "coin": one migration run at a time on a database.
_PACKAGED = Path(__file__).parent.parent / "migrations"
_CHECKED_OUT = Path(__file__).parents[3] / "migrations"

_LEDGER = """
    CREATE TABLE IF NOT EXISTS public.migration (
        name text PRIMARY KEY,
        digest bytea NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


@dataclass(eq=False)
class MigrationChanged(Refusal):
    """A migration that already ran has other content now; write a new one instead."""

    kind = Kind.CLASH
    title = "Migration changed"
    name: str


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its name, its text and the digest that proves it unchanged."""

    name: str
    sql: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text."""
        return sha256(self.sql.encode()).digest()

    @property
    def alone(self) -> bool:
        """Whether it must run outside a transaction."""
        return self.sql.startswith("-- no transaction")


def migrations(folder: Path | None = None) -> list[Migration]:
    """All migrations in order of their numbers."""
    where = folder or (_PACKAGED if _PACKAGED.is_dir() else _CHECKED_OUT)
    found = sorted(path for path in where.glob("*.sql") if path.name != "schema.sql")
    for path in found:
        assert _NAME.match(path.name), f"{path.name} is not NNNN_room_pre_what.sql"
    return [Migration(path.name, path.read_text()) for path in found]


def migrate(url: str, folder: Path | None = None) -> list[str]:
    """Bring the database at `url` up to date and return the names that ran.

    Safe to run from several processes at once: one works, the others wait and find it done.

    Locks: an advisory lock of its own, until the run ends.
    Refuses: `MigrationChanged` if a file that ran before has other content now.
    """
    ran: list[str] = []
    with psycopg.connect(url, autocommit=True, application_name="coinwell migrate") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])
        connection.execute("SET lock_timeout = '5s'")
        connection.execute(_LEDGER)
        done = dict(connection.execute("SELECT name, digest FROM public.migration").fetchall())
        for migration in migrations(folder):
            if migration.name in done:
                if bytes(done[migration.name]) != migration.digest:
                    raise MigrationChanged(migration.name)
                continue
            _apply(connection, migration)
            ran.append(migration.name)
    return ran


def pending(url: str, folder: Path | None = None) -> list[str]:
    """The names of migrations that have not run yet; empty when the database is up to date."""
    with psycopg.connect(url, autocommit=True) as connection:
        known = connection.execute("SELECT to_regclass('public.migration')").fetchone()
        if known is None or known[0] is None:
            return [migration.name for migration in migrations(folder)]
        done = {row[0] for row in connection.execute("SELECT name FROM public.migration")}
    return [migration.name for migration in migrations(folder) if migration.name not in done]


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    # The text comes from our own files and has no parameters.
    sql = cast("LiteralString", migration.sql)
    note = "INSERT INTO public.migration (name, digest) VALUES (%s, %s)"
    if migration.alone:
        connection.execute(sql)
        connection.execute(note, [migration.name, migration.digest])
        return
    with connection.transaction():
        connection.execute(sql)
        connection.execute(note, [migration.name, migration.digest])

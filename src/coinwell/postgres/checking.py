"""Look at a PostgreSQL server before money is put on it, and make a database there."""

from typing import LiteralString

import psycopg
from psycopg.errors import DuplicateDatabase, UniqueViolation
from psycopg.sql import SQL, Identifier

from coinwell.postgres.types import MAJORS, UnsafeDatabase

_MUST: dict[str, tuple[LiteralString, ...]] = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
    "default_transaction_isolation": ("read committed",),
}
_DOUBTFUL = """
    SELECT name, current_setting(name) FROM unnest(%(names)s::text[]) AS setting (name)
"""
_EXISTS = "SELECT 1 FROM pg_database WHERE datname = %(name)s"


def check_server(url: str) -> int:
    """Look at the settings as a session on `url` sees them, and return the major version.

    Refuses: `UnsafeDatabase` for a version that is not supported, or a setting that lets an
        acknowledged commit vanish, a torn page survive, or the isolation be another one.
    """
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        major = connection.info.server_version // 10_000
        if major not in MAJORS:
            raise UnsafeDatabase("version", str(major), f"{MAJORS[0]} to {MAJORS[-1]}")
        found = connection.execute(_DOUBTFUL, {"names": list(_MUST)}).fetchall()
    for name, value in found:
        if value not in _MUST[name]:
            raise UnsafeDatabase(name, value, _MUST[name][0])
    return major


def ensure_database(url: str, name: str) -> None:
    """Make the database `name` on the server that `url` (any database of it) leads to."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        if connection.execute(_EXISTS, {"name": name}).fetchone():
            return
        try:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        except (DuplicateDatabase, UniqueViolation):
            return  # Another start was quicker.

"""The migrations give the committed schema, run once, and refuse to be rewritten."""

from pathlib import Path

import psycopg
import pytest

from coinwell.base.migrate import MigrationChanged, migrate, migrations, pending
from coinwell.postgres import Server
from tests.migrate.write_schema import COMMITTED, dump


def test_all_migrations_give_the_committed_schema(database_url: str) -> None:
    assert dump(database_url) == COMMITTED.read_text(), "run `make schema`"


def test_a_second_run_does_nothing(database_url: str) -> None:
    assert pending(database_url) == []
    assert migrate(database_url) == []


def test_a_migration_that_changed_is_refused(server: Server, tmp_path: Path) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS changed WITH (FORCE)")
        connection.execute("CREATE DATABASE changed")
    first = tmp_path / "0001_room_pre_table.sql"
    first.write_text("CREATE TABLE one (id int)")
    assert migrate(server.url("changed"), tmp_path) == [first.name]

    first.write_text("CREATE TABLE one (id bigint)")
    with pytest.raises(MigrationChanged):
        migrate(server.url("changed"), tmp_path)


def test_a_migration_that_fails_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS failing WITH (FORCE)")
        connection.execute("CREATE DATABASE failing")
    broken = tmp_path / "0001_room_pre_table.sql"
    broken.write_text("CREATE TABLE one (id int); SELECT 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(server.url("failing"), tmp_path)

    assert pending(server.url("failing"), tmp_path) == [broken.name]
    with psycopg.connect(server.url("failing")) as connection:
        assert connection.execute("SELECT to_regclass('one')").fetchone() == (None,)


def test_the_numbers_have_no_gap_and_no_twin() -> None:
    numbers = [int(migration.name[:4]) for migration in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))

"""A server that could lose money is refused, and a database is made once."""

import subprocess
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from coinwell.postgres import Server, UnsafeDatabase, check_server, ensure_database, open_server


@pytest.fixture(scope="module")
def durable(made: Path) -> Generator[Server]:
    copied = made.with_name("durable")
    subprocess.run(["cp", "-a", str(made), str(copied)], check=True)
    with open_server(copied) as running:
        yield running


def test_the_embedded_server_is_safe(durable: Server) -> None:
    assert check_server(durable.url()) == 18


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_can_lose_pages_is_refused(
    home: Path, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coinwell.postgres.launching._THROW_AWAY", {setting: "off"})
    with (
        open_server(home, durable=False) as server,
        pytest.raises(UnsafeDatabase, match=f"{setting} = off; Coinwell needs on"),
    ):
        check_server(server.url())


def test_a_version_that_is_not_supported_is_refused(
    durable: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coinwell.postgres.checking.MAJORS", (16, 17))
    with pytest.raises(UnsafeDatabase, match="version = 18; Coinwell needs 16 to 17"):
        check_server(durable.url())


@pytest.mark.parametrize(
    ("setting", "value", "wanted"),
    [
        ("synchronous_commit", "off", "on"),
        ("default_transaction_isolation", "repeatable read", "read committed"),
        ("default_transaction_isolation", "serializable", "read committed"),
    ],
)
def test_a_setting_of_one_database_counts(
    durable: Server, setting: str, value: str, wanted: str
) -> None:
    ensure_database(durable.url(), "odd")
    with psycopg.connect(durable.url(), autocommit=True) as connection:
        connection.execute("ALTER DATABASE odd RESET ALL")
        connection.execute(f"ALTER DATABASE odd SET {setting} = '{value}'")  # type: ignore[arg-type]
    with pytest.raises(UnsafeDatabase) as refused:
        check_server(durable.url("odd"))
    assert (refused.value.setting, refused.value.found) == (setting, value)
    assert refused.value.wanted == wanted


def test_making_a_database_twice_is_fine(durable: Server) -> None:
    ensure_database(durable.url(), 'with "quotes"')
    ensure_database(durable.url(), 'with "quotes"')
    with psycopg.connect(durable.url('with "quotes"')) as connection:
        assert connection.info.dbname == 'with "quotes"'

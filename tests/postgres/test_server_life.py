"""The embedded server starts, stops, and comes back from every way of being killed."""

import fcntl
import os
import signal
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest

from coinwell.postgres import (
    AlreadyServed,
    NotStarted,
    OtherMajor,
    ProgramsMissing,
    Server,
    UnknownMajor,
    open_server,
    serving,
)
from coinwell.postgres.launching import stale_pid
from tests.postgres.scripts import eventually, finish, gone, line, runs, start

pytestmark = pytest.mark.faults


def ask(server: Server, sql: str) -> str:
    with psycopg.connect(server.url()) as connection:
        found = connection.execute(sql).fetchone()  # type: ignore[arg-type]
        assert found is not None
        return str(found[0])


def note(server: Server, *values: int) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS noted (value int)")
        for value in values:
            connection.execute("INSERT INTO noted VALUES (%s)", [value])


def noted(server: Server) -> list[int]:
    with psycopg.connect(server.url()) as connection:
        return [row[0] for row in connection.execute("SELECT value FROM noted ORDER BY value")]


def kill(server: Server) -> int:
    """kill -9 the server as a crash would; its number stays taken until it is reaped."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
    return server.pid


def abandon(server: Server) -> None:
    """Give up the lock as the death of this process would."""
    assert server._lock is not None
    os.close(server._lock)
    server._lock = None


def reap(server: Server) -> None:
    assert server.process is not None
    assert server.process.wait(10) is not None


def test_a_first_start_makes_a_durable_database_and_the_second_finds_it(folder: Path) -> None:
    with open_server(folder / "data") as server:
        settings = {
            name: ask(server, f"SHOW {name}")
            for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")
        }
        assert set(settings.values()) == {"on"}, settings
        assert ask(server, "SHOW server_encoding") == "UTF8"
        assert ask(server, "SHOW timezone") == "UTC"
        assert ask(server, "SHOW listen_addresses") == ""
        assert ask(server, "SHOW idle_in_transaction_session_timeout") == "10s"
        assert ask(server, "SELECT upper('é') || ('a' < 'B')::text") == "Éfalse"
        note(server, 1)
        first = server.pid
    assert first is not None
    assert not runs(first)
    with open_server(folder / "data") as server:
        assert noted(server) == [1]


def test_stopping_is_clean_and_may_be_repeated(home: Path) -> None:
    server = open_server(home, durable=False)
    with psycopg.connect(server.url()) as guest:
        server.stop()
        server.stop()
        with pytest.raises(psycopg.OperationalError):
            guest.execute("SELECT 1")

    assert not server.alive()
    assert not (server.home / "cluster" / "postmaster.pid").exists()
    assert server.log.read_text().rstrip().endswith("database system is shut down")


def test_what_was_committed_survives_a_killed_server(home: Path) -> None:
    server = open_server(home)
    note(server, 1, 2, 3)
    kill(server)
    reap(server)
    assert not server.alive()
    abandon(server)
    with open_server(home) as server:
        assert noted(server) == [1, 2, 3]
        assert "automatic recovery in progress" in server.log.read_text()


def test_its_owner_can_bring_it_back_again_and_again(home: Path) -> None:
    with open_server(home, durable=False) as server:
        for value in range(5):
            note(server, value)
            kill(server)
            reap(server)
            server.relaunch()
            server.wait_until_ready()
        assert noted(server) == [0, 1, 2, 3, 4]


def test_a_zombie_is_not_taken_for_a_running_server(home: Path) -> None:
    server = open_server(home, durable=False)
    zombie = kill(server)
    abandon(server)
    with open_server(home, durable=False) as again:
        assert Path(f"/proc/{zombie}/stat").exists(), "still unreaped, so still a zombie"
        assert ask(again, "SELECT 1") == "1"
    reap(server)


def test_another_program_with_the_old_number_is_not_taken_for_a_server(home: Path) -> None:
    server = open_server(home, durable=False)
    kill(server)
    reap(server)
    abandon(server)
    lock_file = server.home / "cluster" / "postmaster.pid"
    owner = lock_file.stat().st_uid if os.getuid() == 0 else None
    # Of the same user, since PostgreSQL itself sees through the number of another's process.
    with subprocess.Popen(["/bin/sleep", "60"], user=owner) as stranger:
        try:
            rest = lock_file.read_text().split("\n", 1)[1]
            lock_file.write_text(f"{stranger.pid}\n{rest}")
            assert stale_pid(server.home / "cluster") == stranger.pid
            with open_server(home, durable=False) as again:
                assert ask(again, "SELECT 1") == "1"
            assert stranger.poll() is None, "the stranger is left alone"
        finally:
            stranger.kill()


def test_no_server_starts_while_a_backend_of_the_killed_one_lives(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = open_server(home, durable=False)
    with psycopg.connect(server.url()) as guest:
        backend = guest.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        try:
            zombie = kill(server)
            assert stale_pid(server.home / "cluster") == zombie
            abandon(server)
            with monkeypatch.context() as impatient:
                impatient.setattr(serving, "_PATIENCE_S", 0.3)
                with pytest.raises(NotStarted, match="shared memory"):
                    open_server(home, durable=False)
        finally:
            wake = threading.Timer(0.5, os.kill, (backend, signal.SIGCONT))
            wake.start()
        # With patience the start succeeds as soon as the backend has noticed and gone.
        open_server(home, durable=False).stop()
        wake.join()
    reap(server)


def test_a_server_on_its_way_out_is_waited_for(home: Path) -> None:
    leaving = open_server(home, durable=False)
    abandon(leaving)
    assert leaving.process is not None
    end = threading.Timer(0.5, leaving.process.send, (signal.SIGINT,))
    end.start()
    with open_server(home, durable=False) as server:
        assert ask(server, "SELECT 1") == "1"
    end.join()
    reap(leaving)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("tie", ["kernel", "watchdog"])
def test_a_server_ends_with_its_owner(
    folder: Path, home: Path, number: signal.Signals, tie: str
) -> None:
    owner = start(
        f"""
        tying._KERNEL_TIES = {tie == "kernel"}
        server = postgres.open_server(folder / "data", durable=False)
        say(server.pid)
        time.sleep(60)
        """,
        folder,
    )
    pid = int(line(owner))
    assert runs(pid)
    owner.send_signal(number)
    finish(owner)

    # A start right after it waits for the old server to go, and needs no second try.
    with open_server(home, durable=False) as server:
        assert gone(pid)
        assert "database system is shut down" in server.log.read_text()


def test_a_watchdog_goes_with_its_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coinwell.postgres.tying._KERNEL_TIES", False)
    server = open_server(home, durable=False)
    assert server.process is not None
    watchdog = server.process._watchdog
    assert watchdog is not None
    pid = watchdog._process.pid
    assert runs(pid)
    server.stop()
    assert not runs(pid)


def test_a_second_owner_is_refused_and_a_guest_is_welcome(home: Path) -> None:
    with open_server(home, durable=False) as server:
        with pytest.raises(AlreadyServed, match="already answers"):
            open_server(home)
        with open_server(home, attach=True) as guest:
            assert not guest.owned
            assert guest.pid is None
            assert ask(guest, "SELECT 1") == "1"
        assert server.alive()
        assert ask(server, "SELECT 1") == "1"


def test_a_server_started_by_hand_is_refused_or_visited(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = open_server(home, durable=False)
    abandon(server)
    monkeypatch.setattr(serving, "_PATIENCE_S", 0.3)
    with pytest.raises(AlreadyServed, match="already answers"):
        open_server(home)
    guest = open_server(home, attach=True)
    guest.stop()
    assert ask(guest, "SELECT 1") == "1"
    assert server.process is not None
    server.process.send(signal.SIGINT)
    reap(server)


def test_a_holder_that_does_not_answer_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_server(home, durable=False).stop()
    monkeypatch.setattr(serving, "_PATIENCE_S", 0.3)
    with (home / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(AlreadyServed, match="does not answer"):
            open_server(home, attach=True)


def test_two_starts_at_once_give_one_owner(folder: Path) -> None:
    body = """
        try:
            server = postgres.open_server(folder / "data", durable=False)
        except postgres.AlreadyServed:
            say("refused")
        else:
            say("owner")
            sys.stdin.read()
        """
    racers = [start(body, folder) for _ in range(3)]
    try:
        assert sorted(line(one) for one in racers) == ["owner", "refused", "refused"]
    finally:
        for one in racers:
            one.terminate()
            finish(one)


def test_another_major_version_is_refused_and_nothing_changes(home: Path) -> None:
    server = open_server(home, durable=False)
    server.stop()
    (server.home / "cluster" / "PG_VERSION").write_text("17\n")
    before = sorted(path.stat().st_mtime_ns for path in (server.home / "cluster").rglob("*"))
    with pytest.raises(OtherMajor) as refused:
        open_server(home)
    assert "made by PostgreSQL 17" in str(refused.value)
    assert "programs are PostgreSQL 18" in str(refused.value)
    after = sorted(path.stat().st_mtime_ns for path in (server.home / "cluster").rglob("*"))
    assert after == before


def test_programs_that_are_missing_or_too_old_are_named(folder: Path) -> None:
    with pytest.raises(ProgramsMissing, match="COINWELL_DATABASE"):
        open_server(folder / "data", binaries=folder / "nowhere")
    old = folder / "old"
    old.mkdir()
    for name in ("postgres", "initdb"):
        (old / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.4'\n")
        (old / name).chmod(0o755)
    with pytest.raises(UnknownMajor, match="15; Coinwell runs on PostgreSQL 16 to 18"):
        open_server(folder / "data", binaries=old)


def test_a_first_start_cut_short_is_begun_anew(folder: Path) -> None:
    half = folder / "data" / "building" / "cluster"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with open_server(folder / "data", durable=False) as server:
        assert ask(server, "SELECT 1") == "1"
        assert not half.parent.exists()


def test_a_start_that_fails_says_why_and_lets_go(home: Path) -> None:
    server = open_server(home, durable=False)
    server.stop()
    settings = server.home / "cluster" / "postgresql.conf"
    good = settings.read_text()
    settings.write_text(good + "\nno_such_setting = 1\n")
    with pytest.raises(NotStarted, match="contains errors"):
        open_server(home)
    settings.write_text(good)
    open_server(home, durable=False).stop()


@pytest.mark.parametrize("name", ["a" * 120, "of 100 % & ünïcode?"])
def test_any_folder_name_will_do(folder: Path, name: str) -> None:
    with open_server(folder / name, durable=False) as server:
        assert ask(server, "SELECT 1") == "1"
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute('CREATE DATABASE "of 100 % & more?"')
        with psycopg.connect(server.url("of 100 % & more?")) as connection:
            assert connection.info.dbname == "of 100 % & more?"
        socket_folder = server._place.run
        assert socket_folder.is_relative_to(folder) == (len(name) < 60)
        assert len(os.fsencode(socket_folder)) < 86
        assert socket_folder.stat().st_mode & 0o777 == 0o700
    assert socket_folder.is_relative_to(folder) == socket_folder.exists()


def test_a_log_that_grows_is_kept_bounded(home: Path) -> None:
    with open_server(home, durable=False) as server:
        with server.log.open("ab") as log:
            log.write(b"some words, again and again\n" * 400_000)
        server.tend()
        kept = server.log.with_name("postgres.log.1")
        assert 8_000_000 < kept.stat().st_size <= 8 * 1024 * 1024
        with pytest.raises(psycopg.errors.DivisionByZero):
            ask(server, "SELECT 1 / 0")
        assert eventually(lambda: "division by zero" in server.log.read_text())
        assert server.log.stat().st_size < 10_000


def test_a_short_lived_thread_may_not_start_a_server(home: Path) -> None:
    caught: list[BaseException] = []

    def try_it() -> None:
        try:
            open_server(home, durable=False)
        except AssertionError as error:
            caught.append(error)

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    assert "main thread" in str(caught[0])


def test_settings_of_the_shell_do_not_bend_the_server(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGDATABASE", "elsewhere")
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGDATA", "/nonexistent")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with open_server(home, durable=False) as server:
        monkeypatch.undo()
        assert ask(server, "SHOW client_encoding") == "UTF8"

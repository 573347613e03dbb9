"""The parent keeps its children running, and leaves none behind, however it ends."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from tests.postgres.scripts import eventually, finish, gone, line, logged, runs, start

pytestmark = pytest.mark.faults

# Children print their number (and what they like) and stay.
STAYS = "print(os.getpid(), flush=True); time.sleep(60)"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " + STAYS
POLITE = """
def end(*_):
    print("bye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print(os.getpid(), flush=True)
time.sleep(60)
"""


def end(parent: "subprocess.Popen[str]", number: signal.Signals = signal.SIGTERM) -> int:
    parent.send_signal(number)
    return finish(parent)


def test_a_killed_child_is_started_again_and_the_others_stay(folder: Path) -> None:
    parent = start(
        f"""
        parent._DELAY_MAX_S = 0.02
        spec = child("web", {STAYS!r}), ChildSpec("worker", ("/bin/sleep", "61"))
        sys.exit(run_parent(spec))
        """,
        folder,
    )
    first = int(line(parent))
    (other,) = children(parent.pid) - {first}
    for _ in range(10):  # More often than it would be given up, did it fail by itself.
        os.kill(first, signal.SIGKILL)
        second = int(line(parent))
        assert second != first
        assert runs(other)
        first = second
    assert end(parent) == 0
    assert gone(first, 0.1)
    assert gone(other, 0.1)
    assert logged(folder).count("web ended by SIGKILL; starting it again in 0.") == 10


def children(pid: int) -> set[int]:
    """The processes started by `pid`, once there are two."""

    def found() -> set[int]:
        asked = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
        )
        return {int(one) for one in asked.stdout.split()}

    assert eventually(lambda: len(found()) >= 2)
    return found()


WITH_DATABASE = """
    with postgres.open_server(folder / "data", durable=False) as server:
        postgres.ensure_database(server.url(), "coins")
        url = server.url("coins")
        say(server.pid, url)
        sys.exit(run_parent([child("web", {body!r})], server=server, database_url=url))
    """


def test_a_killed_database_comes_back_and_children_reconnect(folder: Path, home: Path) -> None:
    asks = """
import psycopg
for _ in range(2000):
    try:
        with psycopg.connect(os.environ["COINWELL_DATABASE"]) as tx:
            tx.execute("CREATE TABLE IF NOT EXISTS seen (pid int)")
            tx.execute("INSERT INTO seen VALUES (%s)", [os.getpid()])
    except psycopg.OperationalError:
        pass
    time.sleep(0.02)
"""
    parent = start(WITH_DATABASE.format(body=asks), folder)
    number, url = line(parent).split()
    pid = int(number)
    pids = {pid}
    for _ in range(3):
        assert eventually(lambda: seen(url) > 0)
        before = seen(url)
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda least=before: seen(url) > least, 15), logged(folder)
        pid = int((home / "cluster" / "postmaster.pid").read_text().split("\n", 1)[0])
        pids.add(pid)
    assert len(pids) == 4
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(DISTINCT pid) FROM seen").fetchone() == (1,)
    assert end(parent) == 0
    assert gone(pid, 0.1)
    assert logged(folder).count("The database ended by SIGKILL") == 3
    # The last words after Ctrl-C are those of a clean end.
    assert (home / "postgres.log").read_text().rstrip().endswith("database system is shut down")


def seen(url: str) -> int:
    """How often the child got through, or -1 while it cannot be asked."""
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            found = connection.execute("SELECT count(*) FROM seen").fetchone()
    except psycopg.Error:
        return -1
    return -1 if found is None else int(found[0])


def test_the_database_ends_after_the_children(folder: Path, home: Path) -> None:
    last_word = """
import psycopg
def end(*_):
    with psycopg.connect(os.environ["COINWELL_DATABASE"]) as tx:
        tx.execute("CREATE TABLE parting ()")
    print("parted", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(60)
"""
    parent = start(WITH_DATABASE.format(body=last_word), folder)
    pid = int(line(parent).split()[0])
    assert line(parent) == "up"
    parent.send_signal(signal.SIGINT)
    assert line(parent) == "parted"
    assert finish(parent) == 0
    assert gone(pid, 0.1)
    assert home.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_asked_end_is_graceful(folder: Path, number: signal.Signals) -> None:
    parent = start(f"sys.exit(run_parent([child('web', {POLITE!r})]))", folder)
    pid = int(line(parent))
    os.killpg(parent.pid, number)  # As a terminal does: all of the foreground group.
    assert line(parent) == "bye", "asked once, by the parent, and given time"
    assert line(parent) == ""
    assert finish(parent) == 0
    assert gone(pid, 0.1)


def test_a_child_that_will_not_end_is_killed_after_its_grace(folder: Path) -> None:
    parent = start(f"sys.exit(run_parent([child('web', {STUBBORN!r})], grace_s=0.5))", folder)
    pid = int(line(parent))
    began = time.monotonic()
    assert end(parent) == 0
    assert 0.5 <= time.monotonic() - began < 5
    assert gone(pid, 0.1)
    assert "Killing what has not ended in time: web." in logged(folder)


def test_a_stopped_child_is_killed_too(folder: Path) -> None:
    parent = start(f"sys.exit(run_parent([child('web', {STAYS!r})], grace_s=0.5))", folder)
    pid = int(line(parent))
    os.kill(pid, signal.SIGSTOP)
    assert end(parent) == 0
    assert gone(pid, 0.1)


def test_asking_twice_hurries(folder: Path) -> None:
    parent = start(f"sys.exit(run_parent([child('web', {STUBBORN!r})], grace_s=50))", folder)
    pid = int(line(parent))
    parent.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert runs(pid)
    began = time.monotonic()
    assert end(parent, signal.SIGINT) == 0
    assert time.monotonic() - began < 5
    assert gone(pid, 0.1)


@pytest.mark.parametrize("tie", ["kernel", "watchdog"])
def test_nothing_outlives_a_killed_parent(folder: Path, home: Path, tie: str) -> None:
    body = f"tying._KERNEL_TIES = {tie == 'kernel'}\n" + WITH_DATABASE.replace("\n    ", "\n")
    parent = start(body.format(body=STAYS), folder)
    database = int(line(parent).split()[0])
    web = int(line(parent))
    assert end(parent, signal.SIGKILL) == -signal.SIGKILL
    assert gone(web)
    assert gone(database)
    assert home.exists()


def test_what_a_child_leaves_behind_goes_with_it(folder: Path) -> None:
    leaves = "import subprocess; print(subprocess.Popen(['/bin/sleep', '62']).pid, flush=True)"
    parent = start(f"sys.exit(run_parent([child('web', {leaves + '; time.sleep(60)'!r})]))", folder)
    first = int(line(parent))
    (web,) = {
        int(one)
        for one in subprocess.run(
            ["ps", "-o", "ppid=", "-p", str(first)], capture_output=True, text=True, check=True
        ).stdout.split()
    }
    os.kill(web, signal.SIGKILL)
    second = int(line(parent))
    assert gone(first, 0.5)
    assert end(parent) == 0
    assert gone(second, 0.5)


def test_a_child_that_never_works_ends_it_all_with_a_sentence(folder: Path) -> None:
    parent = start(
        f"""
        parent._DELAY_MAX_S = 0.02
        parent._DELAY_FIRST_S = 0.01
        broken = ChildSpec("worker", ("/bin/sh", "-c", "exit 3"))
        sys.exit(run_parent([child("web", {STAYS!r}), broken]))
        """,
        folder,
    )
    web = int(line(parent))
    assert finish(parent) == 1
    assert gone(web, 0.1)
    assert logged(folder).count("worker ended with status 3; starting it again") == 7
    assert "worker ended with status 3, the 8th time in a row. Stopping everything." in logged(
        folder
    )


def test_the_delay_grows_and_stays_bounded(folder: Path) -> None:
    parent = start(
        """
        parent._DELAY_MAX_S = 0.3
        parent._FAILURES_MAX = 6
        sys.exit(run_parent([ChildSpec("worker", ("/bin/sh", "-c", "exit 3"))]))
        """,
        folder,
    )
    assert finish(parent) == 1
    delays = [words.split(" in ")[1] for words in logged(folder).splitlines() if " in 0" in words]
    assert delays == ["0.1 s.", "0.2 s.", "0.3 s.", "0.3 s.", "0.3 s."]


def test_a_database_that_cannot_start_ends_it_all_with_its_last_words(
    folder: Path, home: Path
) -> None:
    parent = start(
        "parent._DELAY_MAX_S = 0.02\nparent._DELAY_FIRST_S = 0.01\n"
        + WITH_DATABASE.replace("\n    ", "\n").format(body=STAYS),
        folder,
    )
    pid = int(line(parent).split()[0])
    web = int(line(parent))
    with (home / "cluster" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    os.kill(pid, signal.SIGKILL)
    assert finish(parent) == 1
    assert gone(web, 0.1)
    assert "The database ended with status 1, the 8th time in a row" in logged(folder)
    assert "contains errors" in logged(folder)
    # Let the next start clear what the killed server left in shared memory.
    text = (home / "cluster" / "postgresql.conf").read_text()
    (home / "cluster" / "postgresql.conf").write_text(text.replace("no_such_setting = 1\n", ""))
    again = start('postgres.open_server(folder / "data", durable=False).stop()', folder)
    assert finish(again) == 0


def test_readiness_is_asked_for_until_it_is_there(folder: Path) -> None:
    parent = start(
        """
        answers = iter([False, False, True])
        def ready():
            answer = next(answers)
            say("asked", answer)
            return answer
        sys.exit(run_parent(
            [ChildSpec("web", ("/bin/sleep", "60"))],
            wait_until_ready=ready,
            when_ready=lambda: say("ready"),
        ))
        """,
        folder,
    )
    assert [line(parent) for _ in range(4)] == [
        "asked False",
        "asked False",
        "asked True",
        "ready",
    ]
    time.sleep(0.6)  # Not asked again: the answers are used up.
    assert end(parent) == 0


def test_a_child_sees_its_own_settings_and_the_folder_we_are_in(folder: Path) -> None:
    tells = 'print(os.environ["COLOUR"], os.getcwd(), flush=True); time.sleep(60)'
    parent = start(
        f"""
        os.chdir(folder)
        command = (sys.executable, "-c", "import os, time\\n" + {tells!r})
        sys.exit(run_parent([ChildSpec("web", command, {{"COLOUR": "blue"}})]))
        """,
        folder,
    )
    assert line(parent) == f"blue {folder}"
    assert end(parent) == 0


def test_handlers_are_put_back(folder: Path) -> None:
    parent = start(
        f"""
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        run_parent([child("web", {STAYS!r})])
        say(before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))
        """,
        folder,
    )
    line(parent)
    parent.send_signal(signal.SIGTERM)
    assert line(parent) == "True"
    assert finish(parent) == 0

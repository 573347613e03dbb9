"""Run a few lines of Python as a process of their own, and watch what it leaves behind."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

# Whoever drops root's rights may not be able to read the standard library afterwards, if that
# is installed below root's home; so everything is imported first.
PRELUDE = """
import encodings.idna, logging, os, signal, sys, threading, time
from pathlib import Path
import psycopg
import coinwell.parent as parent
import coinwell.postgres as postgres
from coinwell.postgres import places, serving, tying
from coinwell.parent import ChildSpec, run_parent
logging.basicConfig(level=logging.INFO, format="%(message)s")
folder = Path(sys.argv[1])
def say(*words):
    print(*words, flush=True)
def child(name, body):
    return ChildSpec(name, (sys.executable, "-c", "import os, signal, sys, time\\n" + body))
"""


def start(
    body: str, folder: Path, *, environment: dict[str, str] | None = None
) -> "subprocess.Popen[str]":
    """Start `body` after the usual imports; it prints to a pipe, and logs to `log.txt`."""
    with (folder / "log.txt").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-c", PRELUDE + textwrap.dedent(body), str(folder)],
            # Of its own: where the tests have none, a script that waits on it would not wait.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )


def line(process: "subprocess.Popen[str]") -> str:
    """The next line it prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(process: "subprocess.Popen[str]") -> int:
    """Its exit status, with the pipe closed."""
    status = process.wait(30)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    return status


def logged(folder: Path) -> str:
    return (folder / "log.txt").read_text()


def runs(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    asked = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state = asked.stdout.strip()
    return bool(state) and not state.startswith("Z")


def eventually(true: Callable[[], bool], within_s: float = 5.0) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def gone(pid: int, within_s: float = 5.0) -> bool:
    return eventually(lambda: not runs(pid), within_s)

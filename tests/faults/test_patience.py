"""A database that is away for long does not make the parent give the whole product up."""

import signal
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.postgres.scripts import eventually, finish, logged, start

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]
# Ends by itself at once, as a web process or a worker does that cannot reach its database.
_PARENT = """
    parent._DELAY_MAX_S = 0.02
    parent._DELAY_FIRST_S = 0.01
    failing = ChildSpec("worker", ("/bin/sh", "-c", "exit 1"))
    sys.exit(run_parent([failing], database_url={url!r}))
    """


@pytest.fixture
def folder() -> Generator[Path]:
    made = Path(tempfile.mkdtemp(prefix="coinwell-patience-"))
    yield made
    shutil.rmtree(made)


def test_nobody_gives_up_while_the_database_is_away(folder: Path) -> None:
    parent = start(_PARENT.format(url=f"postgresql:///coins?host={folder}"), folder)

    assert eventually(lambda: logged(folder).count("starting it again") > 30, 60)
    parent.send_signal(signal.SIGTERM)

    assert finish(parent) == 0
    assert "Stopping everything" not in logged(folder)


def test_a_child_that_fails_beside_a_database_that_answers_ends_it_all(
    folder: Path, database_url: str
) -> None:
    parent = start(_PARENT.format(url=database_url), folder)

    assert finish(parent) == 1
    assert "worker ended with status 1, the 8th time in a row. Stopping" in logged(folder)

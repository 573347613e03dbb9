"""A database that is away for long: nobody gives up, and nobody waits long once it is back."""

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path

import pytest
from psycopg_pool import PoolTimeout

from coinwell.base.db import open_pool
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


async def test_a_pool_goes_on_asking_for_a_database_however_long_it_is_away() -> None:
    attempts: list[float] = []

    async def hang_up(_: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        attempts.append(time.monotonic())
        back.close()

    away = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = away.sockets[0].getsockname()[1]
    url = f"postgresql://nobody@127.0.0.1:{port}/coins?sslmode=disable&gssencmode=disable"
    async with away, open_pool(url) as pool:
        begun = time.monotonic()
        with pytest.raises(PoolTimeout):
            # Nobody else comes, whose asking would make the pool begin anew.
            async with pool.connection(timeout=12):
                pass
        moments = [begun, *attempts, time.monotonic()]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    # Each attempt would wait twice as long as the one before: 1, 2, 4, 8 seconds and so on.
    assert max(gaps) < 3.5, gaps

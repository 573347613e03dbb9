"""A folder that PostgreSQL's own user may pass into, and that is gone after the test."""

import shutil
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from coinwell.postgres import open_server

_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private name there
_BYTES = 2 * 1024**3


def _outer() -> Path:
    # A database is a thousand small files; in memory they cost nothing.
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _BYTES
    outer = Path(tempfile.mkdtemp(prefix="coinwell-pg-", dir=_MEMORY if roomy else None))
    # pytest's own temporary folders are closed to other users, also to the one that root
    # starts PostgreSQL as.
    outer.chmod(0o755)
    return outer


@pytest.fixture
def folder() -> Generator[Path]:
    outer = _outer()
    yield outer
    shutil.rmtree(outer)


@pytest.fixture(scope="session")
def made() -> Generator[Path]:
    """The home of an empty database, to be copied: quicker than making one each time."""
    outer = _outer()
    open_server(outer / "data", durable=False).stop()
    yield outer / "data"
    shutil.rmtree(outer)


@pytest.fixture
def home(folder: Path, made: Path) -> Path:
    """A database made before, in `folder / "data"`."""
    subprocess.run(["cp", "-a", str(made), str(folder)], check=True)
    return folder / "data"

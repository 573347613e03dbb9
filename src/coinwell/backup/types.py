"""The words of backups: what a backup says about itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

FORMAT: Final = 1
MANIFEST: Final = "coinwell-backup.json"
SEAL: Final = "coinwell-backup.sha256"
CLUSTER: Final = "cluster"
DUMP: Final = "database.dump"
SANDBOX: Final = "sandbox.sqlite"
SECRET: Final = "secret"  # noqa: S105 - the name of a file.


class BackupKind(StrEnum):
    """What the copy of the database is."""

    CLUSTER = "cluster"  # The embedded server's own files.
    DUMP = "dump"  # All tables of one database of a given server, as of one moment.


class Stage(StrEnum):
    """What is being done, for whoever watches."""

    COPYING = "Copying the database"
    HASHING = "Writing the manifest"
    CHECKING = "Checking every file"
    PLACING = "Putting it in place"


Tell = Callable[[Stage, int, int], None]
"""Hears how far a stage came: done, and in all."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file of a backup, by its path inside it."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says about itself.

    Everything acknowledged before `began_at` is in it. `epoch`, `timestamp_ns` and
    `transfer_count` are where the books stood then. `secret_check` tells whether a secret is the
    one that the installation had, and does not tell the secret.
    """

    format: int
    kind: BackupKind
    began_at: datetime
    finished_at: datetime
    coinwell: str
    postgres: int
    installation: str
    environment: str
    secret_check: str
    epoch: int
    timestamp_ns: int
    transfer_count: int
    files: tuple[KeptFile, ...]

    @property
    def all_bytes(self) -> int:
        """How large it is."""
        return sum(file.bytes for file in self.files)


def silent(stage: Stage, done: int, total: int) -> None:
    """Nobody watches."""
    del stage, done, total

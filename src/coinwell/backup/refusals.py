"""How a backup or a restore says no."""

from dataclasses import dataclass
from typing import ClassVar

from coinwell.base.refusal import Kind, Refusal


@dataclass(eq=False)
class BackupThere(Refusal):
    """There is something under the name of the new backup already; nothing was overwritten."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Name taken"
    folder: str

    def sentence(self) -> str:
        """Name it."""
        return f"{self.folder} is there already. Choose a new name; no backup is overwritten."


@dataclass(eq=False)
class BackupBroken(Refusal):
    """The backup is not whole: a file of it is missing, altered or added. Nothing was restored."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Backup broken"
    file: str
    reason: str

    def sentence(self) -> str:
        """Name the file."""
        return f"This backup cannot be used: {self.file} {self.reason}."


@dataclass(eq=False)
class BackupNewer(Refusal):
    """The backup is of a newer Coinwell than this one. Restore it with that version or later."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Backup of a newer version"
    unknown: str

    def sentence(self) -> str:
        """Name what is not known here."""
        return (
            f"This backup is of a newer Coinwell ({self.unknown} is not known to this one). "
            f"Restore it with that version or a later one."
        )


@dataclass(eq=False)
class DataThere(Refusal):
    """The data folder has a database already; nothing was overwritten."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Data folder in use"
    folder: str

    def sentence(self) -> str:
        """Say the two ways on."""
        return (
            f"{self.folder} has a database already. Restore into a new folder with --into, or "
            f"add --replace: then the old database is kept beside the restored one."
        )


@dataclass(eq=False)
class DatabaseInUse(Refusal):
    """A backup of a given server is restored into an empty database only."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Database not empty"
    found: str

    def sentence(self) -> str:
        """Name what is there."""
        return (
            f"The database that COINWELL_DATABASE names is not empty: it has {self.found}. "
            f"Make a new database and name that one."
        )


@dataclass(eq=False)
class WrongTarget(Refusal):
    """A backup of the embedded server goes into a data folder, not into a given server."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Wrong target"

    def sentence(self) -> str:
        """Say what to change."""
        return (
            "This is a backup of the embedded server, and it is restored into a data folder. "
            "Take COINWELL_DATABASE out of the environment and try again."
        )


@dataclass(eq=False)
class OtherSecret(Refusal):
    """COINWELL_SECRET is not the secret of the installation that was backed up."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Other secret"

    def sentence(self) -> str:
        """Say what would be lost."""
        return (
            "COINWELL_SECRET is not the one that this installation had. With another one every "
            "API key, session and link of it stops working, and so do the secrets shared with "
            "the sandbox. Set the old one, or add --other-secret if it is lost."
        )


@dataclass(eq=False)
class ClockBehind(Refusal):
    """The machine's clock is earlier than the backup, so the ledger's time would run back."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Clock behind"
    now: str
    made: str

    def sentence(self) -> str:
        """Name both times."""
        return (
            f"This machine's clock says {self.now}, and the backup was made at {self.made}. "
            f"Put the clock right: what was acknowledged after the backup must not be met again."
        )


@dataclass(eq=False)
class BooksBroken(Refusal):
    """The restored books do not balance; the copy was left aside and nothing was replaced."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Books broken"
    verdict: str

    def sentence(self) -> str:
        """Give the verdict."""
        return f"The restored copy was not put to use. {self.verdict}"

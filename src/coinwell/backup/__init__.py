"""Backups: a whole copy of an installation, taken while it works, and brought back to life.

*Take* copies the embedded server (a base backup with its write-ahead log) or exports a given
server's database from one snapshot, adds what lies beside it, and writes a manifest with the
SHA-256 of every file. *Check* reads every file again. *Restore* checks, puts the copy in a data
folder, starts it, verifies the books, and begins a new epoch of the ledger.

Words: the *manifest* is `coinwell-backup.json`; an *epoch* is one history of the books, and a
restore begins the next one; to *catch up* is to ask the providers for what they told since.

Always: a backup has its name only once it is whole and on the disk. Nothing of a backup with one
wrong byte is restored. A restore overwrites nothing, and says "done" only of books that balance.
"""

from coinwell.backup.checking import check
from coinwell.backup.refusals import (
    BackupBroken,
    BackupNewer,
    BackupThere,
    BooksBroken,
    ClockBehind,
    DatabaseInUse,
    DataThere,
    OtherSecret,
    WrongTarget,
)
from coinwell.backup.restoring import Restored, restore
from coinwell.backup.taking import take
from coinwell.backup.types import BackupKind, Manifest, Stage

__all__ = [
    "BackupBroken",
    "BackupKind",
    "BackupNewer",
    "BackupThere",
    "BooksBroken",
    "ClockBehind",
    "DataThere",
    "DatabaseInUse",
    "Manifest",
    "OtherSecret",
    "Restored",
    "Stage",
    "WrongTarget",
    "check",
    "restore",
    "take",
]

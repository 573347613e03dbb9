"""The embedded PostgreSQL: find the programs, make a database, start, supervise, stop.

Words: a *home* is the folder of one database; the *owner* is the process that runs its server,
one at a time; a *guest* uses a server that another process owns.

Always: the server is a direct child of its owner and does not outlive it. It listens on a
socket in a folder that nobody else may enter, and nowhere else. What it acknowledged is on the
disk. Who owns a home is decided by a lock and by connecting, never by a process number alone.
"""

from coinwell.postgres.checking import check_server, ensure_database
from coinwell.postgres.copying import (
    Tell,
    check_cluster,
    demand_idle,
    place_cluster,
    run_program,
    take_cluster,
)
from coinwell.postgres.programs import binaries_folder
from coinwell.postgres.serving import Server, answer, open_server
from coinwell.postgres.tying import Tied, start_tied
from coinwell.postgres.types import (
    AlreadyServed,
    CopyFailed,
    NoPlace,
    NotStarted,
    OtherMajor,
    ProgramsMissing,
    Trouble,
    UnknownMajor,
    UnsafeDatabase,
)

__all__ = [
    "AlreadyServed",
    "CopyFailed",
    "NoPlace",
    "NotStarted",
    "OtherMajor",
    "ProgramsMissing",
    "Server",
    "Tell",
    "Tied",
    "Trouble",
    "UnknownMajor",
    "UnsafeDatabase",
    "answer",
    "binaries_folder",
    "check_cluster",
    "check_server",
    "demand_idle",
    "ensure_database",
    "open_server",
    "place_cluster",
    "run_program",
    "start_tied",
    "take_cluster",
]

"""The whole schema in one file, as PostgreSQL itself writes it down."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from coinwell.base.migrate import migrate
from coinwell.postgres import binaries_folder, open_server

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "migrations" / "schema.sql"


def dump(url: str) -> str:
    """The schema of the database at `url`, without what changes from run to run."""
    command = [
        str(binaries_folder() / "pg_dump"),
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        "--no-comments",
        url,
    ]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kept = [
        line
        for line in text.splitlines()
        if not line.startswith(("--", "SET ", "SELECT pg_catalog", "\\restrict", "\\unrestrict"))
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() + "\n"


def main() -> None:
    """Write `migrations/schema.sql` anew."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server = open_server(Path(folder) / "data", durable=False)
        try:
            migrate(server.url())
            COMMITTED.write_text(dump(server.url()))
        finally:
            server.stop()
    sys.stdout.write(f"wrote {COMMITTED.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()

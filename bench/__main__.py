"""`make bench`: every measurement one after the other, each on a durable server of its own."""

import platform
import subprocess
import sys
from datetime import UTC, datetime

ALL = ("ledger", "gifts", "feed", "stream", "pages")


def run() -> int:
    """Run all measurements, or the named ones; 1 when a bar is not met."""
    now = datetime.now(UTC)
    print(f"{now:%Y-%m-%d} · Python {platform.python_version()} · {platform.machine()}")
    worst = 0
    for name in sys.argv[1:] or ALL:
        print(f"\n== {name} ==\n", flush=True)
        worst |= subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode
    return worst


if __name__ == "__main__":
    sys.exit(run())

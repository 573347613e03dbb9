"""Make sure there is a Chromium: the system's, Debian's by apt as root, or Playwright's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.browser.chromium import find_chromium

SAYS = (
    "The browser tests need Chromium: install it with your system's packages "
    "(Debian: `apt install chromium`) and run `make test` again."
)


def attempts() -> list[list[str]]:
    """The commands worth trying on this machine, in order."""
    tries: list[list[str]] = []
    if shutil.which("apt-get") and os.geteuid() == 0:
        tries.append(["apt-get", "update", "-qq"])
        tries.append(["apt-get", "install", "-qq", "-y", "--no-install-recommends", "chromium"])
    tries.append([sys.executable, "-m", "playwright", "install", "chromium"])
    return tries


def main() -> int:
    """Install what is missing; 1 with one sentence when that cannot be done."""
    if find_chromium():
        return 0
    sys.stdout.write("Installing Chromium for the browser tests …\n")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    for command in attempts():
        done = subprocess.run(
            command, check=False, env=os.environ | quiet, stdout=subprocess.DEVNULL, timeout=900
        )
        if done.returncode == 0 and find_chromium():
            return 0
    sys.stderr.write(SAYS + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

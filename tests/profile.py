"""How long a test runs: `make test` runs the small profile, `make test-long` the long one."""

import os

LONG = os.environ.get("COINWELL_PROFILE", "small") == "long"


def scale(small: int, long: int) -> int:
    """The size of a run: `small` unless the long profile is asked for."""
    return long if LONG else small

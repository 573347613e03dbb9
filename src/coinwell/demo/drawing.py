"""Chance that is a pure function of a name: the same name draws the same numbers, anywhere.

Each person and each day draws from a stream of its own, so that one more person in the world
changes nobody else's life. Nothing here depends on the library's own generators, whose methods
may change from one version of Python to the next.
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import exp

_PART_BYTES = 8
_MANTISSA_BITS = 53
_EXTRA_BITS = 64 - _MANTISSA_BITS
_BELL_DRAWS = 12
_POISSON_MAX = 60


class Draws:
    """A stream of numbers with a name."""

    __slots__ = ("_count", "_name")

    def __init__(self, *name: str | int) -> None:
        """The parts of the name are joined by slashes."""
        self._name = "/".join(str(part) for part in name).encode()
        self._count = 0

    def unit(self) -> float:
        """A number from 0 up to, not including, 1."""
        content = self._name + self._count.to_bytes(_PART_BYTES)
        self._count += 1
        drawn = int.from_bytes(blake2b(content, digest_size=_PART_BYTES).digest())
        return (drawn >> _EXTRA_BITS) / 2**_MANTISSA_BITS

    def chance(self, likely: float) -> bool:
        """Whether something happens that happens so often."""
        return self.unit() < likely

    def below(self, end: int) -> int:
        """A whole number from 0 to `end` - 1, all equally likely."""
        return int(self.unit() * end)

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def pick(self, weights: Sequence[float]) -> int:
        """A place in `weights`, likely in proportion to what stands there."""
        wanted = self.unit() * sum(weights)
        last = 0
        for place, weight in enumerate(weights):
            if weight <= 0:
                continue
            last = place
            wanted -= weight
            if wanted < 0:
                return place
        return last

    def bell(self) -> float:
        """About a normal deviate: the sum of twelve draws, less six."""
        return sum(self.unit() for _ in range(_BELL_DRAWS)) - _BELL_DRAWS / 2

    def poisson(self, mean: float) -> int:
        """How many of something rare and independent happen, of which `mean` are expected."""
        left, count = self.unit(), 0
        likely = exp(-mean)
        while left >= likely and count < _POISSON_MAX:
            left -= likely
            count += 1
            likely *= mean / count
        return count


def key_of(name: str, *, at_ms: int) -> str:
    """A key in the form of a UUIDv7: the time, and a hash of the name instead of chance.

    Source: RFC 9562, section 5.7.
    """
    digest = blake2b(name.encode(), digest_size=10).hexdigest()
    time = f"{at_ms:012x}"
    return f"{time[:8]}-{time[8:]}-7{digest[:3]}-a{digest[3:6]}-{digest[6:18]}"

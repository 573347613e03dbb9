"""What the jobs of this room need from outside, handed in by the worker or a test."""

from dataclasses import dataclass

from coinwell.base.clock import Clock
from coinwell.base.db import Pool
from coinwell.ledger import Ledger


@dataclass(frozen=True, slots=True)
class LimitsDeps:
    """The outside of this room."""

    pool: Pool
    ledger: Ledger
    clock: Clock

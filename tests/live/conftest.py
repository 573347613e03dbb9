"""What tests of live rooms begin with."""

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool
from coinwell.ledger import Ledger
from tests.house import house
from tests.live.stage import Stage, open_stage

__all__ = ["house"]


@pytest.fixture
async def stage(pool: Pool, ledger: Ledger, clock: StillClock) -> Stage:
    """A creator with an open room, and a viewer with 1,000 coins."""
    return await open_stage(pool, ledger, clock)

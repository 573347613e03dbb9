"""A world of its own for each test that harms it."""

from collections.abc import AsyncGenerator

import pytest

from tests.faults.world import World, new_world

# What differs is then said, as in a test.
pytest.register_assert_rewrite("tests.faults.proving")


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    """The product, up and answering; gone without a trace afterwards."""
    with new_world() as made:
        made.start()
        await made.ready()
        yield made

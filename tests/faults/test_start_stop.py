"""`coinwell serve` starts, ends when asked, and starts again after a `kill -9` of its parent."""

import signal
import sys
import time
from dataclasses import replace

import httpx2
import pytest

from tests.faults.world import World, new_world, tell

pytestmark = [
    pytest.mark.faults,
    pytest.mark.xdist_group("faults"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


async def up(world: World) -> float:
    """Start it and wait until it answers; how long that took."""
    begun = time.monotonic()
    world.start()
    await world.ready()
    async with httpx2.AsyncClient(base_url=world.url, timeout=30) as visitor:
        page = await visitor.get("/")
    assert page.status_code == 200
    assert "Coinwell" in page.text
    return time.monotonic() - begun


def given(world: World) -> int:
    """How many gifts the rooms show."""
    ((count,),) = world.ask("SELECT count(*) FROM live.event")
    assert isinstance(count, int)
    return count


async def test_it_starts_again_after_an_end_and_after_a_killed_parent() -> None:
    with new_world() as world:
        # With a crowd, so that somebody is in the middle of something whenever it ends.
        world.settings = replace(world.settings, crowd_rate=10)
        cold = await up(world)
        await world.until(lambda: given(world) > 0, within_s=120)
        asked = world.end(signal.SIGTERM)
        world.assert_nothing_left()
        second = await up(world)
        world.end(signal.SIGKILL)
        third = await up(world)  # The killed one's children may be on their way out still.
        before = given(world)
        await world.until(lambda: given(world) > before, within_s=120)
        assert world.run("verify").startswith("The books balance")
        world.end(signal.SIGINT)
        world.assert_nothing_left()
    tell(
        f"cold start to an answering page {cold:.1f} s, second start {second:.1f} s, "
        f"after a killed parent {third:.1f} s; ended {asked:.1f} s after SIGTERM"
    )


async def test_an_idle_worker_ends_at_once_when_asked(world: World) -> None:
    grace_s = 8.0  # What a job at work would be given.
    took = world.end(signal.SIGTERM)

    assert took < grace_s, world.log
    assert "Killing what has not ended" not in world.log
    world.assert_nothing_left()

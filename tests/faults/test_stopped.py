"""A process that stops while it holds the head row: the others go on, and so does it afterwards."""

import asyncio
import signal
import sys
import time
from random import Random

import pytest

from tests.faults.load import Spender, loaded, spending
from tests.faults.proving import prove
from tests.faults.world import World, tell
from tests.profile import scale

pytestmark = [
    pytest.mark.faults,
    pytest.mark.xdist_group("faults"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
# In between two statements, and in the middle of one: the server has a limit for the first, and
# checks none while it waits for the rest of the second.
STATES = ("idle in transaction", "active")
STOPS = scale(1, 10)
# A writer of the ledger that waits for its client in the middle of a batch, while other writers
# wait for it: what they wait for is the head row, which every batch locks first.
_HELD = """
    SELECT count(*) FROM pg_stat_activity AS holder
    WHERE state = %s AND datname = current_database() AND application_name = 'coinwell ledger'
        AND xact_start IS NOT NULL AND wait_event = 'ClientRead'
        AND state_change < clock_timestamp() - interval '0.3 seconds'
        AND EXISTS (
            SELECT FROM pg_stat_activity AS waiting
            WHERE waiting.application_name = 'coinwell ledger'
                AND holder.pid = ANY (pg_blocking_pids(waiting.pid))
        )
"""
_WAIT_S = 45.0


async def stop_while_it_holds_the_head(
    world: World, spender: Spender, state: str, chance: Random
) -> None:
    """Stop the process at random moments until one of them is it."""
    for _ in range(300):
        await asyncio.sleep(chance.random() * 0.1)
        spender.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.5)
        if world.ask(_HELD, state) == [(1,)]:
            return
        spender.process.send_signal(signal.SIGCONT)
    raise AssertionError("it never held the head row")


async def test_a_stopped_process_that_holds_the_head_row_keeps_nobody_for_long(
    world: World,
) -> None:
    chance = Random(world.settings.port)
    waits: list[str] = []
    async with (
        loaded(world) as load,
        spending(world, load.buyers.people, seed=2, callers=4, batch=150) as stopped,
    ):
        for state in STATES * STOPS:
            await world.until(lambda: len(stopped.acknowledged()) > 0)
            await stop_while_it_holds_the_head(world, stopped, state, chance)
            before, begun = stopped.acknowledged(), time.monotonic()
            await asyncio.wait_for(load.goes_on(world), _WAIT_S)
            waits.append(f"{time.monotonic() - begun:.1f} s ({state})")
            assert stopped.acknowledged() == before, "it is still stopped"
            stopped.process.send_signal(signal.SIGCONT)
            await world.until(lambda before=before: len(stopped.acknowledged()) > len(before))
        its_spends = await stopped.finish()
        spends = await load.finish()
        await load.buyers.credited()
        await prove(load.buyers, spends, its_spends)
    tell(
        f"stopped {len(waits)} times holding the head row; the others went on after "
        f"{', '.join(waits)}; {len(load.buyers.bought)} recharges, {len(spends)} spends beside "
        f"it and {len(its_spends)} of its own answered"
    )
    assert len(its_spends) > 1_000

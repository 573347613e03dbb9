"""A reply cut on the wire, repeated with the same key, gives the first answer."""

import asyncio
import json
import sys
from random import Random

import pytest

from tests.faults.cutting import breaking_wire
from tests.faults.load import buyers_of
from tests.faults.proving import prove
from tests.faults.world import World, tell
from tests.profile import scale

pytestmark = [
    pytest.mark.faults,
    pytest.mark.xdist_group("faults"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
RECHARGES = scale(60, 1_000)
CALLERS = 4


async def test_a_reply_that_was_cut_is_given_again_under_the_same_key(world: World) -> None:
    chance = Random(world.settings.port)
    async with (
        breaking_wire(world.url, chance, share=0.4) as wire,
        buyers_of(world, through=wire.url) as buyers,
    ):
        buyers.web.headers["connection"] = "close"
        await buyers.make_people()

        async def buy(caller: int) -> None:
            person = buyers.people[caller % len(buyers.people)]
            for _ in range(RECHARGES // CALLERS):
                made = await buyers.buy(person, {"coins": chance.choice((70, 350, 777))})
                if chance.random() < 0.5:
                    await buyers.pay(made)

        await asyncio.gather(*(buy(caller) for caller in range(CALLERS)))
        cut = {one.key: wire.withheld[one.key] for one in buyers.bought if one.key in wire.withheld}
        for one in buyers.bought:
            if one.key in cut:
                _, _, first = cut[one.key].partition(b"\r\n\r\n")
                assert json.loads(first) == one.answer
        await buyers.credited()
        buyers.web.base_url = world.url  # The proof itself is made over a wire that holds.
        await prove(buyers)
    tell(
        f"{wire.requests} requests of {len(buyers.bought)} recharges: {wire.cuts} answers cut, "
        f"{len(cut)} of them of recharges that were done; {wire.unsent} requests lost; callers "
        f"saw {dict(buyers.troubles)}"
    )
    assert len(buyers.bought) >= 50
    assert wire.cuts >= 15
    assert len(cut) >= 1

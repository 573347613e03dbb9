"""A day of every trouble a receiver can have: afterwards nothing is missing and all in order."""

import random
from datetime import timedelta
from uuid import UUID

import pytest

from coinwell.notify import Switch
from tests.notify.conftest import Desk, impatient, people
from tests.notify.receiving import OK, Got, Receiver, Reply, never_backwards, receiving
from tests.profile import scale

STEP = timedelta(minutes=10)
HOURS = 24
BROKEN = Reply(status=500)
SLOW = Reply(after_s=1)  # Longer than we wait, and taken all the same: a duplicate in the making.
CUT = Reply(cut=True)
BUSY = Reply(status=503, headers=(("retry-after", "900"),))


def mood(hour: int, chance: random.Random) -> str:
    """What the receiver is like at this hour of the day."""
    troubles = {
        range(2, 6): "down",
        range(7, 11): "broken",
        range(12, 14): "slow",
        range(15, 17): "cutting",
        range(18, 19): "busy",
        range(20, 22): chance.choice(["down", "broken", "cutting", "well", "some"]),
    }
    return next((one for hours, one in troubles.items() if hour in hours), "well")


async def be(receiver: Receiver, how: str, chance: random.Random) -> None:
    """Make the receiver so."""
    listening = receiver._server is not None
    if how == "down" and listening:
        await receiver.down()
    elif how != "down" and not listening:
        await receiver.up()
    replies = {"broken": BROKEN, "slow": SLOW, "cutting": CUT, "busy": BUSY}

    def some(_: Got) -> Reply:
        return chance.choice([OK, OK, BROKEN, CUT])

    receiver.answer = some if how == "some" else lambda _: replies.get(how, OK)


@pytest.mark.parametrize("seed", range(scale(2, 20)))
@pytest.mark.timeout(300)
async def test_after_a_day_of_trouble_every_event_is_there_once_known_and_in_order(
    desk: Desk, receiver: Receiver, seed: int
) -> None:
    chance = random.Random(seed)
    at = await desk.enlist(receiver)
    crowd, happened = people(12), dict[UUID, list[str]]()
    async with receiving() as steady, impatient(desk, receiver):
        await desk.enlist(steady, kinds=("gift.*",))
        for step in range(HOURS * 6):
            await be(receiver, mood(step // 6, chance), chance)
            for _ in range(chance.randrange(4)):
                who = chance.choice(crowd)
                news = await desk.happen(who, chance.choice(["gift.sent", "gift.received"]))
                happened.setdefault(who, []).append(str(news))
            await desk.settle()
            desk.clock.advance(seconds=STEP // timedelta(seconds=1) + chance.randrange(60))
        await be(receiver, "well", chance)
        for _ in range(12):
            desk.clock.advance(minutes=30)
            await desk.settle()

        assert sum(map(len, happened.values())) > 100
        for told in (receiver, steady):
            assert not told.forged, "the library took every signature"
            seen: dict[tuple[str, int], set[tuple[str, bytes]]] = {}
            for got in told.got:
                seen.setdefault((got.user, got.sequence), set()).add((got.id, got.body))
            assert all(len(one) == 1 for one in seen.values()), "a duplicate is the same, by id"
            for who, news in happened.items():
                ids = [next(iter(seen[str(who), number]))[0] for number in range(1, len(news) + 1)]
                assert ids == news, "none is missing, and the numbers are in order of happening"
            assert len(seen) == sum(map(len, happened.values())), "nothing was made up"
            assert all(never_backwards(one) for one in told.by_user().values())
        assert max(receiver.duplicates().values()) > 1, "the day had duplicates"
        assert max(steady.duplicates().values()) == 1, "the other one had none"
    assert await desk.ask("SELECT count(*) FROM notify.delivery WHERE state <> 'delivered'") == 0
    assert (await desk.look(at.id)).state is Switch.ON

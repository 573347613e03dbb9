"""What rooms show is what the books say, however the feed was cut, and again after a rebuild."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import count
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coinwell.base.db import Pool, transaction
from coinwell.ledger import (
    AMOUNT_MAX,
    Kind,
    Ledger,
    Transfer,
    TransferFlags,
    advance,
    rebuild,
)
from coinwell.live import READERS
from tests.live.giving import gift, oracle, people, person, room_id, shown_by
from tests.profile import scale

ROOMS, NEWS = READERS
SENDERS = [person(number) for number in range(4)]
CREATORS = [person(number) for number in range(3, 6)]  # One of them sends as well.
_IDS = count(1_000)

GIFTS = st.tuples(
    st.sampled_from(SENDERS),
    st.sampled_from(CREATORS),
    st.integers(0, 2),  # 0 is no room at all.
    st.integers(1, 3),  # Few sums, so that many are equal.
    st.integers(1, 99),
    st.sampled_from(["given", "held", "posted", "posted in part", "voided", "other"]),
)


def transfers(wish: tuple[UUID, UUID, int, int, int, str]) -> list[Transfer]:
    """One wish as the transfers that it leaves in the books."""
    sender, creator, place, coins, pieces, how = wish
    room = room_id(place) if place else UUID(int=0)
    pending = next(_IDS)
    if sender == creator:
        return []
    if how in {"given", "other"}:
        code = int(Kind.GIFT if how == "given" else Kind.SPEND)
        return [gift(pending, sender, creator, room=room, coins=coins, count=pieces, code=code)]
    hold = gift(
        pending, sender, creator, room=room, coins=coins, count=pieces, flags=TransferFlags.PENDING
    )
    if how == "held":
        return [hold]
    flag = TransferFlags.POST_PENDING_TRANSFER
    amount = 1 if how == "posted in part" else AMOUNT_MAX
    if how == "voided":
        flag, amount = TransferFlags.VOID_PENDING_TRANSFER, 0
    return [hold, Transfer(id=next(_IDS), pending_id=pending, amount=amount, flags=flag)]


@settings(max_examples=scale(25, 400))
@given(wishes=st.lists(GIFTS, max_size=30), cuts=st.lists(st.integers(1, 9), min_size=1))
async def test_a_room_shows_what_the_books_say(
    pool: Pool, ledger: Ledger, wishes: list[tuple[UUID, UUID, int, int, int, str]], cuts: list[int]
) -> None:
    await people(ledger, SENDERS, CREATORS)
    posted = [one for wish in wishes for one in transfers(wish)]
    for start in range(0, len(posted), 7):
        await ledger.create_transfers(posted[start : start + 7])

    for cut in cuts:
        await advance(pool, ledger, replace(ROOMS, batch_max=cut))
    live = await shown_by(pool)

    assert live == await oracle(ledger)
    await rebuild(pool, ledger, replace(ROOMS, batch_max=cuts[-1]))
    assert await shown_by(pool) == live


async def test_of_equal_sums_the_one_reached_first_stands_first(pool: Pool, ledger: Ledger) -> None:
    await people(ledger, SENDERS, CREATORS)
    first, second, creator = SENDERS[0], SENDERS[1], CREATORS[-1]
    for sender, coins in ((first, 1), (second, 2), (first, 1)):
        await ledger.create_transfers(
            [gift(next(_IDS), sender, creator, room=room_id(1), coins=coins)]
        )
        await advance(pool, ledger, ROOMS)

    assert (await shown_by(pool))[room_id(1)].board == [(second, 2, 1), (first, 2, 2)]


async def crowd(ledger: Ledger, gifts: int) -> None:
    """So many gifts of a seeded crowd, in a few rooms."""
    dice = random.Random(20_261_122)
    senders = [person(number) for number in range(200)]
    creators = [person(number) for number in range(1_000, 1_005)]
    await people(ledger, senders, creators)
    for _ in range(0, gifts, 1_000):
        batch: list[Transfer] = []
        for _ in range(min(1_000, gifts)):
            place = dice.randrange(5)
            batch.append(
                gift(
                    next(_IDS), dice.choice(senders), creators[place], room=room_id(place),
                    coins=dice.randrange(1, 50), count=dice.randrange(1, 4),
                )
            )  # fmt: skip
        await ledger.create_transfers(batch)


async def test_the_tables_made_again_are_the_tables_made_live(pool: Pool, ledger: Ledger) -> None:
    done = asyncio.Event()

    async def follow() -> None:
        while not done.is_set():
            await advance(pool, ledger, replace(ROOMS, batch_max=900))

    following = asyncio.create_task(follow())
    await crowd(ledger, scale(3_000, 25_000))
    done.set()
    await following
    await advance(pool, ledger, ROOMS)
    live = await shown_by(pool)

    assert live == await oracle(ledger)
    await rebuild(pool, ledger, ROOMS)
    assert await shown_by(pool) == live


@pytest.mark.faults
async def test_a_killed_rebuild_of_the_rooms_ends_with_the_same_tables(
    pool: Pool, ledger: Ledger, database_url: str
) -> None:
    await crowd(ledger, scale(3_000, 25_000))
    await advance(pool, ledger, ROOMS)
    live = await shown_by(pool)
    whole = sum(len(room.events) for room in live.values())
    cut = False
    for _ in range(scale(2, 10)):
        process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs here meanwhile.
            [sys.executable, "-c", _REBUILDING, database_url],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        process.wait()
        now = await shown_by(pool)
        cut |= sum(len(room.events) for room in now.values()) < whole

    assert cut, "at least one rebuild was killed on its way"
    await advance(pool, ledger, ROOMS)
    assert await shown_by(pool) == live


_REBUILDING = """
import asyncio, sys
from dataclasses import replace
from coinwell.base.db import open_pool
from coinwell.ledger import open_ledger, rebuild
from coinwell.live import READERS

async def main():
    async with open_pool(sys.argv[1], max_size=2) as pool, open_ledger(sys.argv[1]) as ledger:
        rooms = replace(READERS[0], batch_max=300)
        await rebuild(pool, ledger, rooms, lambda at: print(at.passed_count, flush=True))

asyncio.run(main())
"""


async def test_both_sides_hear_of_each_gift_once(pool: Pool, ledger: Ledger) -> None:
    await people(ledger, SENDERS, CREATORS)
    sender, creator = SENDERS[0], CREATORS[1]
    await ledger.create_transfers(
        [gift(next(_IDS), sender, creator, room=room_id(1), coins=7, count=2)]
    )
    for _ in range(3):
        await advance(pool, ledger, NEWS)

    async with transaction(pool) as tx:
        cursor = await tx.execute("SELECT kind, subject, body FROM base.outbox ORDER BY kind")
        told = await cursor.fetchall()
    assert [(kind, subject) for kind, subject, _ in told] == [
        ("gift.received", creator),
        ("gift.sent", sender),
    ]
    for _, _, body in told:
        assert (body["coins"], body["count"]) == (7, 2)
        assert (body["sender_id"], body["creator_id"]) == (str(sender), str(creator))
        assert body["room_id"] == str(room_id(1))

"""The law of gifts: one key, one outcome, whatever is wished, repeated or changed meanwhile.

Hypothesis plays senders, a creator who closes a room, an operator who restricts and a catalogue
that changes its prices. A small oracle that knows nothing of ledgers says what each wish must be
answered, and what everybody holds.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from coinwell.base.clock import StillClock
from coinwell.base.db import open_pool
from coinwell.base.refusal import Refusal
from coinwell.ledger import open_ledger
from coinwell.live import GiftWish
from tests.conftest import NOON
from tests.live.stage import Said, Stage, open_stage
from tests.profile import scale

GIFTS = ("rose", "kite")
_NAMES = count(1)

Step = tuple[str, tuple[int, ...]]


@dataclass
class Oracle:
    """What is true by the rules of the house, in plain words."""

    coins: int
    prices: dict[str, int] = field(default_factory=dict[str, int])
    shut: set[int] = field(default_factory=set[int])
    restricted: bool = False
    earned: int = 0
    sent: dict[str, tuple[object, int]] = field(default_factory=dict[str, tuple[object, int]])
    short: set[str] = field(default_factory=set[str])
    denied: set[str] = field(default_factory=set[str])

    def says(self, key: str, room: int, gift: str, many: int, seen: int | None) -> str:
        """What a wish must be answered."""
        if key in self.sent:
            content, coins = self.sent[key]
            return f"sent {coins}" if content == (room, gift, many) else "key_reused"
        no = self._objection(room, gift, many, seen)
        if no is not None:
            if key not in self.short:
                self.denied.add(key)
            return no
        if key in self.denied:
            return "gift_refused_before"
        price = self.prices[gift] * many
        if key in self.short or price > self.coins:
            self.short.add(key)
            return "not_enough_coins"
        self.coins -= price
        self.earned += price
        self.sent[key] = (room, gift, many), price
        return f"sent {price}"

    def _objection(self, room: int, gift: str, many: int, seen: int | None) -> str | None:
        if self.restricted:
            return "account_restricted"
        if room in self.shut:
            return "room_closed"
        if gift not in self.prices:
            return "gift_unknown"
        if seen is not None and seen != self.prices[gift] * many:
            return "gift_price_changed"
        return None


wishes = st.tuples(
    st.integers(0, 4),  # The key.
    st.integers(0, 1),  # The room.
    st.integers(0, 1),  # The gift.
    st.integers(1, 3),  # How many.
    st.sampled_from([-1, -1, -1, 4, 8]),  # The total that was seen.
)
steps = st.one_of(
    st.tuples(st.just("wish"), wishes),
    st.tuples(st.just("wish"), wishes),
    st.tuples(st.just("batch"), st.lists(wishes, min_size=2, max_size=4)),
    st.tuples(st.just("fund"), st.tuples(st.integers(1, 20))),
    st.tuples(st.just("price"), st.tuples(st.integers(1, 9), st.integers(0, 9))),
    st.tuples(st.just("shut"), st.tuples(st.integers(0, 1))),
    st.tuples(st.just("restrict"), st.tuples()),
)


def test_every_wish_is_answered_as_the_oracle_says(database_url: str) -> None:
    clock = StillClock(NOON)
    with asyncio.Runner() as runner:
        pools = open_pool(database_url, max_size=4)
        pool = runner.run(pools.__aenter__())
        opening = open_ledger(database_url, now_ns=clock.now_ns)
        ledger = runner.run(opening.__aenter__())
        stage = runner.run(open_stage(pool, ledger, clock))

        @settings(max_examples=scale(30, 400))
        @given(st.lists(steps, min_size=1, max_size=25), st.integers(0, 40))
        def law(plan: Sequence[Step], coins: int) -> None:
            runner.run(play(stage, plan, coins))

        try:
            law()
            runner.run(stage.books_balance())
        finally:
            runner.run(opening.__aexit__(None, None, None))
            runner.run(pools.__aexit__(None, None, None))


async def play(stage: Stage, plan: Sequence[Step], coins: int) -> None:
    """One story, told to the product and to the oracle."""
    name = next(_NAMES)
    creators = [await stage.person(f"creator-{name}-{n}") for n in range(2)]
    rooms = [await stage.open(creator) for creator in creators]
    viewer = await stage.person(f"viewer-{name}")
    stage.viewer_id = viewer
    await stage.fund(viewer, coins + 1)
    oracle = Oracle(coins + 1, {"rose": 4, "kite": 8})
    await stage.offer(("rose", 4), ("kite", 8))
    placed = None

    def wish_of(said: tuple[int, ...]) -> tuple[GiftWish, str]:
        key, room, gift, many, seen = said
        total = None if seen < 0 else seen
        asked = GiftWish(f"{key}", viewer, rooms[room].id, GIFTS[gift], count=many, coins=total)
        return asked, oracle.says(f"{key}", room, GIFTS[gift], many, total)

    for kind, said in plan:
        stage.clock.advance(seconds=1)
        if kind == "wish":
            wish, wanted = wish_of(said)
            assert in_words(await stage.send_one(wish)) == wanted
        elif kind == "batch":
            # A batch posts what may go before it writes down what may not, so distinct keys.
            keyed = {one[0]: one for one in said}  # type: ignore[index]
            asked = [wish_of(one) for one in keyed.values()]  # type: ignore[arg-type]
            answers = await stage.send(*(wish for wish, _ in asked))
            assert [in_words(one) for one in answers] == [wanted for _, wanted in asked]
        elif kind == "fund":
            await stage.fund(viewer, said[0])
            oracle.coins += said[0]
        elif kind == "price":
            rose, kite = said
            offered = [("rose", rose)] + ([("kite", rose + kite)] if kite else [])
            await stage.offer(*offered)
            oracle.prices = dict(offered)
        elif kind == "shut":
            await stage.close(rooms[said[0]].id)
            oracle.shut.add(said[0])
        elif placed is None:
            placed = await stage.restrict(viewer)
            oracle.restricted = True
        else:
            await stage.lift(placed)
            placed, oracle.restricted = None, False
        assert await stage.coins(viewer) == oracle.coins
    assert sum([await stage.earned(creator) for creator in creators]) == oracle.earned


def in_words(said: Said) -> str:
    """An answer as the oracle gives it."""
    return said.code if isinstance(said, Refusal) else f"sent {said.coins}"

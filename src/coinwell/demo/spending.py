"""What somebody gives during their visits, and the recharges that pay for it; pure.

A visit has one gift and more (Poisson). A gift is likelier the cheaper it is (weight 1 over the
square root of its price), up to what one's hand allows; small gifts come in small counts. Who is
short of coins either recharges a few minutes before (an urge that paydays and the festival
raise), gives something smaller, or lets it be. Of a hundred recharges about 88 are paid at once,
5 after a declined card, 4 are declined and 3 canceled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from coinwell.demo import rhythm
from coinwell.demo.casting import SEED
from coinwell.demo.drawing import Draws, key_of
from coinwell.demo.types import Broadcast, Ending, Gift, Person, Purchase

GIFTS: Final = (
    ("rose", 1), ("heart", 5), ("spark", 10), ("coffee", 20), ("petal", 30),
    ("paper-boat", 49), ("lantern", 99), ("firefly", 150), ("kite", 199), ("music-box", 299),
    ("guitar", 450), ("fox", 500), ("balloon", 1_000), ("comet", 1_500), ("carousel", 2_500),
    ("whale", 5_000), ("lighthouse", 9_999),
)  # fmt: skip
PACKS: Final = (70, 350, 700, 1_400, 3_500, 7_000, 17_500)
PACK_WEIGHTS: Final = (
    (20, 40, 28, 12, 0, 0, 0),
    (0, 20, 38, 32, 10, 0, 0),
    (0, 0, 18, 38, 30, 11, 3),
    (0, 0, 4, 16, 34, 28, 18),
)
CEILINGS: Final = (99, 500, 2_500, 9_999)
_IN_COUNTS: Final = 30  # Gifts up to this price are given several at once.
_COUNT_MAX: Final = 10
_MORE_GIFTS: Final = (2.5, 4.0, 5.5, 7.0)
_URGE: Final = 0.24
_ENDINGS: Final = (Ending.PAID, Ending.PAID_LATER, Ending.DECLINED, Ending.CANCELED)
_ENDING_WEIGHTS: Final = (88, 5, 4, 3)
_FESTIVE: Final = 2


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody comes to an open room."""

    name: str
    at: datetime
    on: date  # On the visitor's own calendar.
    room: Broadcast


def spend(
    person: Person, begins_on: date, visits: Sequence[Visit]
) -> tuple[list[Gift], list[Purchase]]:
    """The gifts and recharges of one person, visit by visit; nothing is given on credit."""
    gifts: list[Gift] = []
    purchases: list[Purchase] = []
    coins, free_from = 0, None
    for visit in visits:
        if free_from is not None and visit.at < free_from:
            continue  # Still in the visit before.
        draws = Draws(SEED, "gifts", visit.name)
        feast = rhythm.festival(begins_on, visit.on) > 1
        urge = _URGE * rhythm.payday(person.paydays, visit.on) * (1.6 if feast else 1.0)
        at, may_buy = visit.at, True
        for number in range(1 + draws.poisson(_MORE_GIFTS[person.hand])):
            at += timedelta(seconds=draws.between(8, 75))
            if at >= visit.room.closes_at:
                break
            ceiling = CEILINGS[person.hand] * (_FESTIVE if feast else 1)
            gift_id, count, price = wished(draws, ceiling)
            if price > coins and may_buy and draws.chance(urge):
                bought = _purchase(draws, person, visit, purchases, short=price - coins)
                may_buy = False
                if bought is not None:
                    purchases.append(bought)
                    coins += bought.coins
            if price > coins:
                gift_id, count, price = wished(draws, coins // 2)
            if not count:
                continue
            coins -= price
            key = key_of(f"{SEED}/gift/{visit.name}/{number}", at_ms=_ms(at))
            gifts.append(Gift(key, at, person.name, visit.room.name, gift_id, count, price))
        free_from = at
    return gifts, purchases


def wished(draws: Draws, ceiling: int) -> tuple[str, int, int]:
    """A gift of at most `ceiling` coins in all; a count of 0 if there is none."""
    weights = [price**-0.5 if price <= ceiling else 0.0 for _, price in GIFTS]
    if ceiling < 1:
        return "", 0, 0
    gift_id, price = GIFTS[draws.pick(weights)]
    count = 1
    while price <= _IN_COUNTS and count < _COUNT_MAX and draws.chance(0.4):
        count += 1
    count = max(1, min(count, ceiling // price))
    return gift_id, count, price * count


def _purchase(
    draws: Draws, person: Person, visit: Visit, before: Sequence[Purchase], *, short: int
) -> Purchase | None:
    weights = PACK_WEIGHTS[person.hand]
    place = draws.pick(weights)
    if rhythm.payday(person.paydays, visit.on) > 1 and draws.chance(0.35):
        place = min(place + 1, len(PACKS) - 1)
    enough = [one for one in PACKS[place:] if one >= short]
    ending = _ENDINGS[draws.pick(_ENDING_WEIGHTS)]
    ago = timedelta(seconds=draws.between(45, 240))
    if not enough:
        return None
    at = visit.at - ago
    if before and before[-1].at >= at:
        at = before[-1].at + timedelta(seconds=30)
    key = key_of(f"{SEED}/recharge/{visit.name}", at_ms=_ms(at))
    return Purchase(key, at, person.name, enough[0], ending)


def _ms(at: datetime) -> int:
    return int(at.timestamp()) * 1_000

"""What a number of coins costs: integer arithmetic, rounded up to what can be paid.

The rule for an exact amount of n coins: the rate of the largest pack that fits into n (below
the smallest pack: the list's own unit price), rounded up; but never more than a pack that holds
n coins or more. For a price list that passes lint it follows, and the property tests hold it:

- a pack's size costs exactly the pack's price;
- more coins never cost less, and never more than the next pack;
- buying in two parts never costs less than buying at once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from coinwell.base.money import DECIMALS, Money
from coinwell.catalog.types import (
    PPM,
    AmountTooLarge,
    AmountTooSmall,
    Pack,
    PackOrCoins,
    PackUnknown,
    PriceList,
    Quote,
)

# Currencies whose minor units exist on paper (and at the provider) but in nobody's hand.
_WHOLE_UNITS_ONLY = frozenset({"HUF", "IDR", "TWD"})
_HUNDRED = 100
_FEW_MINOR = 2


def step_minor(currency: str) -> int:
    """The smallest difference between two prices that a person can pay.

    Source: Unicode CLDR, cash digits; providers still count these currencies in hundredths.
    """
    return 10 ** DECIMALS[currency] if currency in _WHOLE_UNITS_ONLY else 1


def exact_price(price_list: PriceList, coins: int) -> Money:
    """The price of any whole number of coins, by the rule above.

    Units: bounds are not asked here, so that a shortfall can be priced as well.
    """
    assert coins > 0
    packs = price_list.packs
    sizes = [pack.coins for pack in packs]
    below = bisect_right(sizes, coins)
    if below:
        rate = packs[below - 1]
        minor = _ceil_to(coins * rate.price.minor, rate.coins, price_list.step_minor)
    else:
        minor = _ceil_to(coins * price_list.unit_ppm, PPM, price_list.step_minor)
    for pack in packs[bisect_left(sizes, coins) :]:
        minor = min(minor, pack.price.minor)
    return Money(minor, price_list.currency)


def quote(price_list: PriceList, *, pack_id: str | None = None, coins: int | None = None) -> Quote:
    """What a pack, or an exact number of coins, costs by this list.

    An exact amount that is a pack's size is that pack, bonus coins included.

    Refuses: `PackOrCoins` unless exactly one is given; `PackUnknown`; `AmountTooSmall` and
        `AmountTooLarge` outside the list's bounds.
    """
    if (pack_id is None) == (coins is None):
        raise PackOrCoins
    if pack_id is not None:
        pack = next((pack for pack in price_list.packs if pack.id == pack_id), None)
        if pack is None:
            raise PackUnknown(pack_id)
        return _quote_pack(price_list, pack)
    assert coins is not None
    if coins < price_list.coins_min:
        raise AmountTooSmall(coins, price_list.coins_min)
    if coins > price_list.coins_max:
        raise AmountTooLarge(coins, price_list.coins_max)
    same = next((pack for pack in price_list.packs if pack.coins == coins), None)
    if same is not None:
        return _quote_pack(price_list, same)
    price = exact_price(price_list, coins)
    return Quote(price_list.id, None, coins, 0, price, _per_hundred(price_list, price, coins))


def true_price(price_list: PriceList, coins: int) -> Money:
    """What coins are worth in money to this buyer: the dearest rate on offer, rounded up.

    This is the figure beside every coin figure that asks for a decision.

    Source: EU CPC Network, key principles on in-game currencies (2025), principle 1: without
        quantity discounts.
    """
    assert coins >= 0
    over, under = dearest_rate(price_list.unit_ppm, price_list.packs)
    return Money(_ceil_to(coins * over, under, price_list.step_minor), price_list.currency)


def true_price_text(price_list: PriceList, coins: int, locale: str = "en") -> str:
    """The same for a person: "$0.15"; a sum too small to show exactly: "less than $0.02"."""
    money = true_price(price_list, coins)
    over, under = dearest_rate(price_list.unit_ppm, price_list.packs)
    few = money.minor <= _FEW_MINOR * price_list.step_minor
    exact = coins * over == money.minor * under
    return f"less than {money.text(locale)}" if few and not exact else money.text(locale)


def dearest_rate(unit_ppm: int, packs: Sequence[Pack]) -> tuple[int, int]:
    """The dearest price per coin on offer, as a fraction of minor units."""
    over, under = unit_ppm, PPM
    for pack in packs:
        if pack.price.minor * under > over * pack.coins:
            over, under = pack.price.minor, pack.coins
    return over, under


def _quote_pack(price_list: PriceList, pack: Pack) -> Quote:
    rate = _per_hundred(price_list, pack.price, pack.coins)
    return Quote(price_list.id, pack.id, pack.coins, pack.bonus_coins, pack.price, rate)


def _per_hundred(price_list: PriceList, price: Money, coins: int) -> Money:
    minor = _ceil_to(price.minor * _HUNDRED, coins, price_list.step_minor)
    return Money(minor, price_list.currency)


def _ceil_to(over: int, under: int, step: int) -> int:
    """The fraction over/under, rounded up to a multiple of `step`."""
    return -(-over // (under * step)) * step

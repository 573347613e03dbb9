"""What a number of coins costs, for every price list that would pass lint."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinwell.base.money import Money
from coinwell.catalog import (
    AmountTooLarge,
    AmountTooSmall,
    Channel,
    PackUnknown,
    PriceList,
    exact_price,
    quote,
    seed_draft,
    true_price,
    true_price_text,
)
from coinwell.catalog.publishing import price_list_of
from coinwell.catalog.rules import dearest_rate
from coinwell.catalog.types import PPM, PackOrCoins, Publication
from tests.catalog.drafts import AT, price_list, price_lists

COINS = st.integers(1, 900)
USD = price_list((70, 74), (350, 370), (700, 735))


@given(found=price_lists(), coins=COINS)
def test_more_coins_never_cost_less(found: PriceList, coins: int) -> None:
    assert exact_price(found, coins) <= exact_price(found, coins + 1)


@given(found=price_lists())
def test_the_size_of_a_pack_costs_the_price_of_the_pack(found: PriceList) -> None:
    for pack in found.packs:
        assert exact_price(found, pack.coins) == pack.price


@given(found=price_lists(), some=COINS, more=COINS)
def test_two_recharges_never_cost_less_than_one(found: PriceList, some: int, more: int) -> None:
    apart = exact_price(found, some) + exact_price(found, more)
    assert exact_price(found, some + more) <= apart


@given(found=price_lists(), coins=COINS)
def test_an_amount_costs_no_more_than_a_larger_pack(found: PriceList, coins: int) -> None:
    for pack in found.packs:
        if pack.coins >= coins:
            assert exact_price(found, coins) <= pack.price


@given(found=price_lists(), coins=COINS)
def test_a_coin_is_never_cheaper_than_in_the_next_pack(found: PriceList, coins: int) -> None:
    rates = [Fraction(pack.price.minor, pack.coins) for pack in found.packs if pack.coins >= coins]
    smallest = rates[0] if rates else Fraction(found.packs[-1].price.minor, found.packs[-1].coins)
    assert Fraction(exact_price(found, coins).minor, coins) >= smallest


@given(found=price_lists(), coins=COINS)
def test_a_price_can_be_paid_and_is_within_one_step_of_its_rate(
    found: PriceList, coins: int
) -> None:
    minor = exact_price(found, coins).minor
    fits = [pack for pack in found.packs if pack.coins <= coins]
    rate = Fraction(fits[-1].price.minor, fits[-1].coins) if fits else Fraction(found.unit_ppm, PPM)
    assert minor % found.step_minor == 0
    assert minor > 0
    assert minor < coins * rate + found.step_minor


@given(found=price_lists(), coins=st.integers(0, 10**6))
def test_the_true_price_is_the_dearest_rate_rounded_up(found: PriceList, coins: int) -> None:
    rates = [Fraction(pack.price.minor, pack.coins) for pack in found.packs]
    dearest = max([*rates, Fraction(found.unit_ppm, PPM)])
    steps = -(-coins * dearest // found.step_minor)
    assert true_price(found, coins).minor == steps * found.step_minor
    assert true_price(found, coins) <= true_price(found, coins + 1)
    assert Fraction(*dearest_rate(found.unit_ppm, found.packs)) == dearest


@given(found=price_lists(), coins=COINS)
def test_no_coin_costs_more_than_its_true_price(found: PriceList, coins: int) -> None:
    assert exact_price(found, coins) <= true_price(found, coins)


def test_the_dearest_rate_may_be_a_packs() -> None:
    assert true_price(price_list((10, 30), (100, 90), unit_ppm=1), 5) == Money(15, "USD")


def test_any_exact_amount_has_its_price() -> None:
    found = quote(USD, coins=137)
    assert found.price == Money(145, "USD")  # 137 x 74/70 = 144.83
    assert found.pack_id is None
    assert found.per_hundred == Money(106, "USD")
    assert found.unit_price_text() == "$1.06 per 100 coins"


def test_an_amount_just_below_a_pack_is_never_dearer_than_the_pack() -> None:
    assert quote(price_list((100, 100), (200, 150)), coins=199).price == Money(150, "USD")


def test_typing_the_size_of_a_pack_gives_the_pack() -> None:
    assert quote(USD, coins=350) == quote(USD, pack_id="coins-350")


def test_rupiah_are_rounded_up_to_what_can_be_paid() -> None:
    found = quote(price_list((70, 1_200_000), currency="IDR"), coins=71)
    assert found.price == Money(1_217_200, "IDR")  # 17,142.86 x 71 = 1,217,142.9 sen


def test_a_quote_says_no_plainly() -> None:
    with pytest.raises(PackUnknown):
        quote(USD, pack_id="coins-71")
    with pytest.raises(PackOrCoins):
        quote(USD)
    with pytest.raises(PackOrCoins):
        quote(USD, pack_id="coins-70", coins=70)
    with pytest.raises(AmountTooSmall, match="smallest recharge here is 1 coin"):
        quote(USD, coins=0)
    with pytest.raises(AmountTooSmall):
        quote(USD, coins=-5)
    with pytest.raises(AmountTooLarge, match="1,000,000"):
        quote(USD, coins=10**6 + 1)


def test_a_tiny_amount_is_not_called_one_cent() -> None:
    assert true_price_text(USD, 1) == "less than $0.02"  # 1.06 cents
    assert true_price_text(USD, 0) == "$0.00"
    assert true_price_text(USD, 37) == "$0.40"
    assert true_price_text(price_list((10, 10)), 1) == "$0.01"


def test_every_shipped_list_keeps_the_promises_on_every_amount() -> None:
    publication = Publication(USD.id, 1, "", AT, AT, "test")
    for draft in seed_draft().lists:
        found = price_list_of(draft, publication)
        prices = [exact_price(found, coins) for coins in range(found.coins_min, 20_000, 7)]
        assert prices == sorted(prices, key=lambda money: money.minor)
        for pack in found.packs:
            assert exact_price(found, pack.coins) == pack.price
    assert {draft.channel for draft in seed_draft().lists} == set(Channel)

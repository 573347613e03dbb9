"""Money: whole minor units and a currency; never a float.

The decimals here are those that payment providers count in. What a locale displays is Babel's
business, and the two differ for some currencies, so each has its own table.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, Overflow
from types import MappingProxyType
from typing import ClassVar, Self

from babel.numbers import format_currency, get_currency_precision

from coinwell.base.refusal import Kind, Refusal

# ISO 4217 minor units of the currencies we know how to price. A currency that is not here is
# refused: guessing two decimals has cost others a factor of a hundred.
DECIMALS: Mapping[str, int] = MappingProxyType(
    {
        "AED": 2, "ARS": 2, "AUD": 2, "BHD": 3, "BRL": 2, "CAD": 2, "CHF": 2, "CLP": 0, "CNY": 2,
        "COP": 2, "CZK": 2, "DKK": 2, "EGP": 2, "EUR": 2, "GBP": 2, "HKD": 2, "HUF": 2, "IDR": 2,
        "ILS": 2, "INR": 2, "ISK": 0, "JPY": 0, "JOD": 3, "KRW": 0, "KWD": 3, "MXN": 2, "MYR": 2,
        "NGN": 2, "NOK": 2, "NZD": 2, "OMR": 3, "PEN": 2, "PHP": 2, "PKR": 2, "PLN": 2, "QAR": 2,
        "RON": 2, "SAR": 2, "SEK": 2, "SGD": 2, "THB": 2, "TND": 3, "TRY": 2, "TWD": 2, "UAH": 2,
        "UGX": 0, "USD": 2, "VND": 0, "ZAR": 2,
    }
)  # fmt: skip

_LETTER_BEFORE_DIGIT = re.compile(r"([^\W\d_])(\d)")
MINOR_MAX = 2**63 - 1
# Within the 28 digits of a Decimal, so that reading never rounds.
_TEXT_LENGTH_MAX = 28


@dataclass(eq=False)
class CurrencyUnknown(Refusal):
    """The currency is not one that Coinwell knows the minor units of."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Unknown currency"
    currency: str


@dataclass(eq=False)
class AmountUnreadable(Refusal):
    """The text is not an amount of that currency: not a number, or with too many decimals."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Not an amount of money"
    text: str
    currency: str


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in whole minor units (cents, yen, fils) of one currency."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse an unknown currency; the amount must be a whole number that fits 64 bits."""
        if self.currency not in DECIMALS:
            raise CurrencyUnknown(self.currency)
        assert type(self.minor) is int, "money is counted in whole minor units"
        assert -MINOR_MAX <= self.minor <= MINOR_MAX

    @classmethod
    def parse(cls, text: str, currency: str) -> Self:
        """Read "4.99" exactly; more decimals than the currency has are refused, not rounded."""
        if currency not in DECIMALS:
            raise CurrencyUnknown(currency)
        if len(text) > _TEXT_LENGTH_MAX:
            raise AmountUnreadable(text[:_TEXT_LENGTH_MAX], currency)
        try:
            scaled = Decimal(text).scaleb(DECIMALS[currency])
        except (InvalidOperation, Overflow):
            raise AmountUnreadable(text, currency) from None
        whole = scaled.is_finite() and scaled == scaled.to_integral_value()
        if not whole or abs(scaled) > MINOR_MAX:
            raise AmountUnreadable(text, currency)
        return cls(int(scaled), currency)

    @property
    def exponent(self) -> int:
        """How many decimals the currency has."""
        return DECIMALS[self.currency]

    @property
    def major(self) -> Decimal:
        """The amount in whole units, exact."""
        return Decimal(self.minor).scaleb(-self.exponent)

    def text(self, locale: str = "en") -> str:
        """As a person reads it: "$4.99", "¥120"."""
        # Babel rounds to the digits that people expect and says nothing: so that only happens
        # where nothing is lost (15,000 rupiah, never 4.9 dollars as 5).
        shown = get_currency_precision(self.currency)
        exact = self.minor % 10 ** max(self.exponent - shown, 0) == 0
        text = format_currency(
            self.major,
            self.currency,
            locale=locale,
            currency_digits=exact,
            decimal_quantization=exact,
        )
        # CLDR sets a space between a symbol that ends in a letter and a digit; Babel does not.
        return _LETTER_BEFORE_DIGIT.sub("\\1\N{NO-BREAK SPACE}\\2", text)

    def __add__(self, other: "Money") -> "Money":
        """The sum; adding two currencies is a programmer's error."""
        assert self.currency == other.currency
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        """The difference, which may be negative."""
        assert self.currency == other.currency
        return Money(self.minor - other.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        """Order within one currency."""
        assert self.currency == other.currency
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        """Order within one currency."""
        assert self.currency == other.currency
        return self.minor <= other.minor

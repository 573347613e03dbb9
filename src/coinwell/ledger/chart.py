"""The chart of accounts: which accounts there are, their numbers, and what each may do.

Ids are a hash of (code, owner, ledger), so an account is named without looking anything up.
The owner's id is random, so an erased owner leaves numbers that lead to nobody.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from coinwell.base.ids import hashed_id
from coinwell.base.money import CurrencyUnknown
from coinwell.ledger.types import Account, AccountFlags

LEDGER_COINS: Final = 1
LEDGER_LIMITS: Final = 3

# ISO 4217 numbers of the currencies that `base.money` can count.
_LEDGER_OF_CURRENCY: Mapping[str, int] = MappingProxyType(
    {
        "AED": 784, "ARS": 32, "AUD": 36, "BHD": 48, "BRL": 986, "CAD": 124, "CHF": 756,
        "CLP": 152, "CNY": 156, "COP": 170, "CZK": 203, "DKK": 208, "EGP": 818, "EUR": 978,
        "GBP": 826, "HKD": 344, "HUF": 348, "IDR": 360, "ILS": 376, "INR": 356, "ISK": 352,
        "JOD": 400, "JPY": 392, "KRW": 410, "KWD": 414, "MXN": 484, "MYR": 458, "NGN": 566,
        "NOK": 578, "NZD": 554, "OMR": 512, "PEN": 604, "PHP": 608, "PKR": 586, "PLN": 985,
        "QAR": 634, "RON": 946, "SAR": 682, "SEK": 752, "SGD": 702, "THB": 764, "TND": 788,
        "TRY": 949, "TWD": 901, "UAH": 980, "UGX": 800, "USD": 840, "VND": 704, "ZAR": 710,
    }
)  # fmt: skip
_CURRENCY_OF_LEDGER: Mapping[int, str] = MappingProxyType(
    {number: currency for currency, number in _LEDGER_OF_CURRENCY.items()}
)


class Code(IntEnum):
    """What an account is for: the `code` of an account."""

    WALLET = 10  # Coins a user holds.
    EARNED = 11  # Coins a creator received, not yet settled.
    ESCROW = 12  # Coins set aside for a campaign or a request.
    DEBT = 13  # What a refund or lost dispute could not take back.
    ISSUED = 20  # Where sold and given coins come from.
    REDEEMED = 21  # Where spent coins end.
    RETURNED = 22  # Where refunded coins end.
    EXPIRED = 23
    PROVIDER_CLEARING = 30  # What a payment provider owes us.
    DEFERRED_REVENUE = 31  # Paid for, not yet spent.
    REVENUE = 32
    FEES = 33
    TAX = 34
    REFUNDS = 35
    LOSSES = 36
    PAYABLE = 40  # What we owe a creator.
    PAYOUT_CLEARING = 41
    LIMIT = 50  # What a user's own limit still allows.
    LIMIT_USED = 51  # What went through it.
    LIMIT_ROOM = 52  # Where the room of a user's limits comes from, and goes back to.


class Kind(IntEnum):
    """Why something moved: the `code` of a transfer."""

    RECHARGE = 1  # issued → wallet
    BONUS = 2  # issued → wallet, coins that cost nothing
    RECHARGE_MONEY = 3  # provider clearing → deferred revenue
    REFUND = 10  # debt → returned
    REFUND_MONEY = 11  # deferred revenue → provider clearing
    RECOVERY = 12  # wallet → debt, as much as is there and due
    SPEND = 20  # wallet → redeemed
    GIFT = 21  # wallet → earned
    GIFT_REFUSED = 22  # issued → redeemed, nothing: the id of a gift that will never be
    LIMIT = 30  # limit → used, in the chain of a spend or as a recharge's hold
    LIMIT_ROOM = 31  # limit room → limit, or back when the limit is lowered
    ADJUST_GIVE = 40  # issued → wallet, coins that cost nothing, by an operator's decision
    ADJUST_TAKE = 41  # wallet → returned, by an operator's decision


# An owner's account never goes below nothing; a debt is never paid back more than once.
_FLAGS: Mapping[Code, AccountFlags] = MappingProxyType(
    {
        Code.WALLET: AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS,
        Code.EARNED: AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS,
        Code.ESCROW: AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS,
        Code.PAYABLE: AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS,
        Code.LIMIT: AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS,
        Code.DEBT: AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS,
    }
)


def ledger_of_currency(currency: str) -> int:
    """The ledger of a real currency: its ISO 4217 number.

    Refuses: CurrencyUnknown when it is none that Coinwell can count.
    """
    try:
        return _LEDGER_OF_CURRENCY[currency]
    except KeyError:
        raise CurrencyUnknown(currency) from None


def currency_of_ledger(ledger: int) -> str | None:
    """The currency of a money ledger; nothing for coins and limits."""
    return _CURRENCY_OF_LEDGER.get(ledger)


def account_id(code: Code, owner: UUID | str, ledger: int) -> int:
    """The id of the account of that kind and owner; always the same."""
    return hashed_id("account", int(code), owner, ledger)


def owned_account(code: Code, owner: UUID | str, ledger: int = LEDGER_COINS) -> Account:
    """An account ready to be created, with the flags its kind needs.

    A user's account carries the user's random id, so that a reader of the feed knows whose it is.
    """
    return Account(
        id=account_id(code, owner, ledger),
        user_data_128=owner.int if isinstance(owner, UUID) else 0,
        ledger=ledger,
        code=int(code),
        flags=_FLAGS.get(code, AccountFlags.NONE),
    )


def wallet_account(user_id: UUID) -> Account:
    """The coins of one user."""
    return owned_account(Code.WALLET, user_id)


def debt_account(user_id: UUID) -> Account:
    """The coins that one user still owes after a refund or a lost dispute."""
    return owned_account(Code.DEBT, user_id)


def platform_account(code: Code, ledger: int, name: str = "") -> Account:
    """An account of the platform itself; `name` tells several apart, as in one a provider."""
    return owned_account(code, f"platform/{name}" if name else "platform", ledger)

"""What a user reads in the inbox: one sentence for each kind of event that concerns them.

A kind that is not here makes no message. Nothing here asks for anything or hurries anyone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from coinwell.base.i18n import translations
from coinwell.base.money import Money


def N_(text: str) -> str:  # noqa: N802
    """Mark a text for the translators; it is translated where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence with names to fill in, and where more is to be read."""

    text: str
    link: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it is shown."""

    text: str
    link: str


_RECHARGE: Final = "/me/recharges/%(recharge_id)s"
_SCOPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "recharge": N_("buying coins"),
        "gift": N_("sending gifts"),
        "promote": N_("promoting posts"),
        "cash_out": N_("withdrawing earnings"),
    }
)
_LIMITS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("coins", "day"): N_("coins a day"),
        ("coins", "week"): N_("coins a week"),
        ("coins", "month"): N_("coins a month"),
        ("coins", "purchase"): N_("coins at once"),
        ("money", "day"): N_("recharges a day"),
        ("money", "week"): N_("recharges a week"),
        ("money", "month"): N_("recharges a month"),
        ("money", "purchase"): N_("one recharge"),
    }
)
WORDS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "recharge.processing": Words(
            N_("Your payment of %(price)s is on its way. We add %(all_coins)s when it arrives."),
            _RECHARGE,
        ),
        "recharge.credited": Words(
            N_("%(all_coins)s were added to your balance for %(price)s."), _RECHARGE
        ),
        "recharge.failed": Words(
            N_("Your payment of %(price)s was declined. You were not charged."), _RECHARGE
        ),
        "recharge.canceled": Words(
            N_("Your recharge of %(price)s was canceled. Nothing was charged."), _RECHARGE
        ),
        "recharge.expired": Words(
            N_("Your recharge of %(price)s was not paid in time. Nothing was charged."), _RECHARGE
        ),
        "recharge.needs_review": Words(
            N_("Your payment of %(price)s arrived. A person looks at it before coins are added."),
            _RECHARGE,
        ),
        "recharge.disputed": Words(
            N_("Your bank questions the payment of %(price)s. You can keep using your account."),
            _RECHARGE,
        ),
        "recharge.reversed": Words(
            N_("Your recharge was reversed: %(price)s go back and %(all_coins)s were taken back."),
            _RECHARGE,
        ),
        "users.restricted": Words(
            N_("Your account is restricted for %(scope)s. The page says why and until when."),
            "/me/status",
        ),
        "users.restriction_lifted": Words(
            N_("The restriction of your account for %(scope)s was lifted."), "/me/status"
        ),
        "limit.notice": Words(N_("%(share)s of your limit for %(limited)s is used."), "/me/limits"),
        "limit.changed": Words(N_("Your limit for %(limited)s was changed."), "/me/limits"),
        "limit.raise_asked": Words(
            N_("A higher limit for %(limited)s was asked for. It needs 24 hours and a second yes."),
            "/me/limits",
        ),
        "wallet.adjusted": Words(
            N_("Our team corrected your balance: %(moved)s."), "/me/statement"
        ),
    }
)


def says(kind: str, facts: Mapping[str, Any], language: str = "en") -> Said | None:
    """The message about an event in a user's language; None where the kind makes none."""
    words = WORDS.get(kind)
    if words is None:
        return None
    told = translations(language).gettext
    named = _Named(facts, told)
    return Said(told(words.text) % named, words.link % named)


class _Named(dict[str, str]):
    """What the names in a sentence stand for; one that the event does not know is a dash."""

    def __init__(self, facts: Mapping[str, Any], told: Callable[[str], str]) -> None:
        super().__init__({name: str(value) for name, value in facts.items()})
        if "price_minor" in facts and "currency" in facts:
            self["price"] = Money(int(facts["price_minor"]), str(facts["currency"])).text()
        if "coins" in facts:
            coins = int(facts["coins"]) + int(facts.get("bonus_coins", 0))
            self["all_coins"] = told("1 coin") if coins == 1 else told("%s coins") % f"{coins:,}"
            more = told("%s more") if coins > 0 else told("%s less")
            count = abs(coins)
            self["moved"] = more % (
                told("1 coin") if count == 1 else told("%s coins") % f"{count:,}"
            )
        if "percent" in facts:
            self["share"] = f"{facts['percent']} %"
        limited = _LIMITS.get((str(facts.get("limit_kind")), str(facts.get("period"))))
        if limited is not None:
            self["limited"] = told(limited)
        if "scope" in facts:
            scope = str(facts["scope"])
            self["scope"] = told(_SCOPES.get(scope, scope.replace("_", " ")))

    def __missing__(self, name: str) -> str:
        return "-"

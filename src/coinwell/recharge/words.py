"""What a person reads about a recharge: four answers for every state, in plain words.

What we know, what we do, what you can do, when to look again. Never "failed" while nobody
knows, never "paid" because a browser came back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime

from coinwell.base.i18n import translations
from coinwell.recharge.providers.types import FailureKind
from coinwell.recharge.types import Order, OrderState, ReviewReason


def N_(text: str) -> str:  # noqa: N802
    """Mark a text for the translators; it is translated where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Words:
    """The four answers as templates; a name in %(…)s is filled in by `answers`."""

    title: str
    known: str
    doing: str
    can_do: str


@dataclass(frozen=True, slots=True)
class Answers:
    """The four answers for one order, ready to be shown; `again_at` is the real next check."""

    title: str
    known: str
    doing: str
    can_do: str
    again: str
    again_at: datetime | None


WORDS: Final[Mapping[OrderState, Words]] = MappingProxyType(
    {
        OrderState.CREATED: Words(
            N_("Not paid yet"),
            N_("Nothing has been charged. The price holds until %(expires)s."),
            N_("Nothing, until you decide."),
            N_("Pay %(price)s, choose something else, or leave."),
        ),
        OrderState.NEEDS_GUARDIAN: Words(
            N_("Waiting for your guardian"),
            N_("We asked your guardian at %(created)s. Nothing has been charged."),
            N_("We wait for their answer until %(expires)s."),
            N_("Remind them once, or cancel."),
        ),
        OrderState.AWAITING_USER: Words(
            N_("Waiting for your payment"),
            N_(
                "You left for %(provider)s at %(changed)s and it has not told us of a payment"
                " yet. Closing its page does not mean that you were charged."
            ),
            N_("We wait for its message and keep asking it ourselves."),
            N_("Go back to pay, or cancel."),
        ),
        OrderState.ACTION_REQUIRED: Words(
            N_("Your bank wants to be sure"),
            N_("Your bank asks you to confirm that it is you. Nothing has been charged yet."),
            N_("We wait for the answer of your bank."),
            N_("Go back to %(provider)s and confirm, or cancel."),
        ),
        OrderState.PROCESSING: Words(
            N_("Your recharge is on its way"),
            N_(
                "%(provider)s accepted your payment of %(price)s at %(changed)s and waits for"
                " the bank. Some banks take a few minutes, some a few days."
            ),
            N_("We check by ourselves and add %(coins)s coins as soon as the money is there."),
            N_("You can close this page. Please do not pay again."),
        ),
        OrderState.UNKNOWN: Words(
            N_("We do not know yet"),
            N_("%(provider)s did not answer us, so we do not know whether you were charged."),
            N_(
                "We keep asking %(provider)s. If you were charged, you get your coins; we never"
                " charge a second time for this recharge."
            ),
            N_("Please do not pay again until this is clear."),
        ),
        OrderState.FAILED: Words(
            N_("The payment was declined"),
            N_("%(failure)s You were not charged; a pending line at your bank disappears."),
            N_("Nothing more. We keep your choice and its price until %(expires)s."),
            N_("%(remedy)s"),
        ),
        OrderState.CANCELED: Words(
            N_("Canceled"),
            N_("This recharge was canceled. Nothing was charged."),
            N_("Nothing. Should a payment arrive all the same, we add your coins."),
            N_("Start again whenever you like."),
        ),
        OrderState.EXPIRED: Words(
            N_("The price has expired"),
            N_("This recharge was not paid before %(expires)s. Nothing was charged."),
            N_("Nothing. Should a payment arrive all the same, we add your coins."),
            N_("Start again with the same choice."),
        ),
        OrderState.PAID: Words(
            N_("Paid, coins are being added"),
            N_("Your payment of %(captured)s arrived at %(paid)s."),
            N_("We are adding %(coins)s coins to your balance."),
            N_("Nothing. If you write to us, name %(id)s."),
        ),
        OrderState.NEEDS_REVIEW: Words(
            N_("A person is checking this"),
            N_("Your payment reached us at %(paid)s. %(review)s"),
            N_("A person of our team decides by %(deadline)s. Your money is not lost."),
            N_("Nothing, or write to us for a full refund and name %(id)s."),
        ),
        OrderState.CREDITED: Words(
            N_("Your coins are here"),
            N_("%(coins)s coins were added at %(credited)s."),
            N_("Nothing more. This recharge is finished."),
            N_("Use your coins, or read your receipt."),
        ),
        OrderState.REFUND_PENDING: Words(
            N_("A refund is on its way"),
            N_("We are sending %(captured)s back to you. These coins are set aside meanwhile."),
            N_("We wait for %(provider)s to confirm it; then your bank needs a few days."),
            N_("Nothing. If you write to us, name %(id)s."),
        ),
        OrderState.PARTIALLY_REVERSED: Words(
            N_("Partly refunded"),
            N_("A part of %(captured)s went back to you, and %(taken)s coins with it."),
            N_("Nothing more. Your bank may need a few days to show it."),
            N_("Use the coins that are left. For your bank, name %(id)s."),
        ),
        OrderState.REVERSED: Words(
            N_("Refunded"),
            N_("%(captured)s went back to you, and the coins of this recharge with it."),
            N_("Nothing more. Your bank may need a few days to show it."),
            N_("For your bank, name %(id)s."),
        ),
        OrderState.DISPUTED: Words(
            N_("Your bank asks about this payment"),
            N_("Your bank told us that you questioned this payment."),
            N_("A person of our team looks into it. The rest of your account works as before."),
            N_("Tell us what happened and name %(id)s."),
        ),
    }
)
assert WORDS.keys() == set(OrderState), "a state without words cannot be shown"

# The payment page is open, a card was declined on it, and it takes another.
DECLINED_STILL_OPEN: Final = Words(
    N_("The payment was declined"),
    N_("%(failure)s You were not charged; a pending line at your bank disappears."),
    N_("We keep your choice and its price until %(expires)s."),
    N_("%(remedy)s Or cancel."),
)

REVIEWS: Final[Mapping[ReviewReason, str]] = MappingProxyType(
    {
        ReviewReason.WRONG_ORDER: N_("It came with the reference of another recharge."),
        ReviewReason.WRONG_AMOUNT: N_("It is not the amount that this recharge costs."),
        ReviewReason.WRONG_CURRENCY: N_("It is not in the currency of this recharge."),
        ReviewReason.WRONG_ENVIRONMENT: N_("It is a test payment, or came where tests are made."),
        ReviewReason.WRONG_ACCOUNT: N_("It came with the reference of another account."),
        ReviewReason.PAYMENT_TAKEN: N_("It is used for another recharge already."),
        ReviewReason.ACCOUNT_RESTRICTED: N_("This account may not buy coins at the moment."),
        ReviewReason.CHARGED_TWICE: N_("You were charged twice; one of the two goes back to you."),
        ReviewReason.REFUND_UNKNOWN_TO_US: N_("Money of it went back, and we did not send it."),
        ReviewReason.CAPTURE_VANISHED: N_("The payment service no longer says that it was paid."),
    }
)
assert REVIEWS.keys() == set(ReviewReason), "a reason without words cannot be shown"

_PROVIDERS: Final[Mapping[str, str]] = MappingProxyType({"sandbox": "Sandbox Pay"})

# What the bank said, and what helps. A theft or fraud flag reads like any other decline.
_DECLINED = (
    N_("Your bank declined the payment and did not say why."),
    N_("Use another way to pay, or call the number on your card."),
)
FAILURES: Final[Mapping[FailureKind, tuple[str, str]]] = MappingProxyType(
    {
        FailureKind.INSUFFICIENT_FUNDS: (
            N_("Your bank says that there is not enough money, or that a limit is reached."),
            N_("Use another way to pay, or choose fewer coins."),
        ),
        FailureKind.BANK_DECLINED: _DECLINED,
        FailureKind.BLOCKED: _DECLINED,
        FailureKind.CARD_DETAILS: (
            N_("One of the card details does not match."),
            N_("Check number, date and security code, and try again."),
        ),
        FailureKind.CARD_EXPIRED: (
            N_("This card has expired."),
            N_("Use another card."),
        ),
        FailureKind.AUTHENTICATION_REQUIRED: (
            N_("Your bank could not confirm that it was you."),
            N_("Try again and confirm the payment with your bank, or use another card."),
        ),
        FailureKind.METHOD_NOT_SUPPORTED: (
            N_("This way to pay cannot be used for this purchase."),
            N_("Use another way to pay."),
        ),
        FailureKind.TRY_AGAIN: (
            N_("The payment service had a hiccup."),
            N_("Try again in a few minutes."),
        ),
    }
)
assert FAILURES.keys() == set(FailureKind), "a decline without words cannot be shown"


def provider_name(provider: str) -> str:
    """A provider's name as people read it."""
    return _PROVIDERS.get(provider, provider.title())


def answers(order: Order, *, language: str = "en", time_zone: str = "UTC") -> Answers:
    """The four answers for an order, in a person's language and time zone."""
    speak = translations(language).gettext
    locale = _locale(language)

    def when(at: datetime | None) -> str:
        if at is None:
            return speak(N_("a time we do not know yet"))
        zone = ZoneInfo(time_zone)
        # The zone's own short name: CLDR knows few of them outside their countries.
        named = f"{at.astimezone(zone):%Z}"
        return f"{format_datetime(at, 'd MMM y, HH:mm', tzinfo=zone, locale=locale)} {named}"

    failure, remedy = FAILURES.get(_failure_of(order), _DECLINED)
    reason = order.review_reason
    money = (order.captured or order.price).text(str(locale))
    facts = {
        "id": str(order.id),
        "provider": provider_name(order.provider),
        "price": order.price.text(str(locale)),
        "captured": money,
        "coins": f"{order.all_coins:,}",
        "taken": f"{order.taken_coins:,}",
        "created": when(order.created_at),
        "changed": when(order.changed_at),
        "expires": when(order.expires_at),
        "paid": when(order.paid_at),
        "credited": when(order.credited_at),
        "deadline": when(order.review_deadline),
        "failure": speak(failure),
        "remedy": speak(remedy),
        "review": "" if reason is None else speak(REVIEWS[reason]),
    }
    words = WORDS[order.state]
    if order.state is OrderState.AWAITING_USER and order.failure_kind is not None:
        words = DECLINED_STILL_OPEN
    at = order.next_check_at
    return Answers(
        title=speak(words.title) % facts,
        known=speak(words.known) % facts,
        doing=speak(words.doing) % facts,
        can_do=speak(words.can_do) % facts,
        again=speak(N_("No need to look again.")) if at is None else when(at),
        again_at=at,
    )


def _failure_of(order: Order) -> FailureKind:
    known = order.failure_kind in {kind.value for kind in FailureKind}
    return FailureKind(order.failure_kind) if known else FailureKind.BANK_DECLINED


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")

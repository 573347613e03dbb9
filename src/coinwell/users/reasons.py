"""What a restricted person reads: each reason with its plain sentence and the next step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coinwell.users.types import ReasonCode, Scope


@dataclass(frozen=True, slots=True)
class Words:
    """What happened, and what the person can do now."""

    sentence: str
    next_step: str


REASONS: Final[Mapping[ReasonCode, Words]] = {
    ReasonCode.PAYMENT_DISPUTED: Words(
        "A payment on this account is being disputed with the bank.",
        "If you did not ask for this, contact support with the number of the recharge.",
    ),
    ReasonCode.PAYMENT_NOT_YOURS: Words(
        "A payment was made with a card whose owner says it was not them.",
        "Contact support; we check it together with the owner of the card.",
    ),
    ReasonCode.COINS_OWED: Words(
        "A payment was taken back after its coins were spent, so the account owes coins.",
        "Contact support to settle what is owed.",
    ),
    ReasonCode.UNUSUAL_ACTIVITY: Words(
        "We saw unusual activity on this account and stopped it to protect your coins.",
        "Contact support and tell us whether it was you.",
    ),
    ReasonCode.ACCOUNT_TAKEN_OVER: Words(
        "Somebody else may have used this account.",
        "Change your password in the app, then contact support.",
    ),
    ReasonCode.IDENTITY_CHECK: Words(
        "We have to check who you are before this can go on.",
        "Finish the identity check in the app, or contact support.",
    ),
    ReasonCode.RULES_BROKEN: Words(
        "This account broke the rules of the community.",
        "Read the rules in the app. If you think this is wrong, contact support.",
    ),
    ReasonCode.OWN_REQUEST: Words(
        "You asked us to stop this.",
        "Nothing to do. If you want it back, contact support.",
    ),
    ReasonCode.GUARDIAN_REQUEST: Words(
        "Your guardian asked us to stop this.",
        "Talk to your guardian; they can ask us to lift it.",
    ),
    ReasonCode.LEGAL_ORDER: Words(
        "An authority ordered us to stop this.",
        "Contact support; we tell you what we are allowed to tell.",
    ),
}
assert REASONS.keys() == set(ReasonCode), "every reason has its words"

AGE_UNKNOWN: Final = "age_unknown"
AGE_UNKNOWN_WORDS: Final = Words(
    "We do not know your age, and real money is for adults only.",
    "Confirm your age in the app you came from, then come back.",
)

UNDER_AGE: Final = "under_age"
UNDER_AGE_NEXT_STEP: Final = "Nothing to do until then. What you do for free stays as it is."

ALLOWED: Final[Mapping[Scope, str]] = {
    Scope.RECHARGE: "You may buy coins.",
    Scope.GIFT: "You may send gifts.",
    Scope.PROMOTE: "You may promote posts.",
    Scope.CASH_OUT: "You may withdraw what you earned.",
}
assert ALLOWED.keys() == set(Scope), "every scope has its words"


def under_age_words(minimum_age: int) -> Words:
    """What somebody below `minimum_age` reads."""
    return Words(
        f"In your country real money is for people of {minimum_age} and older.",
        UNDER_AGE_NEXT_STEP,
    )

"""The test cards: what each number does. The first group follows Stripe's published numbers.

Source: https://docs.stripe.com/testing for the familiar numbers; the mischief is our own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from coinwell.recharge.providers.sandbox.server.types import Mischief


@dataclass(frozen=True, slots=True)
class Card:
    """One test number and what it does."""

    number: str
    does: str
    failure_code: str | None = None
    challenge: bool = False
    mischief: Mischief = field(default_factory=Mischief)

    @property
    def shown(self) -> str:
        """The number in groups of four, as on a card."""
        return " ".join(self.number[at : at + 4] for at in range(0, len(self.number), 4))


FAMILIAR: Final = (
    Card("4242424242424242", "Pays at once."),
    Card("5555555555554444", "Pays at once."),
    Card("4000000000000002", "Declined without a reason.", "generic_decline"),
    Card("4000000000009995", "Declined: not enough money.", "insufficient_funds"),
    Card("4000000000006975", "Declined: too often today.", "card_velocity_exceeded"),
    Card("4000000000009987", "Declined: reported lost.", "lost_card"),
    Card("4000000000009979", "Declined: reported stolen.", "stolen_card"),
    Card("4000000000000069", "Declined: expired.", "expired_card"),
    Card("4000000000000127", "Declined: wrong security code.", "incorrect_cvc"),
    Card("4000000000000119", "Declined: the bank had a hiccup.", "processing_error"),
    Card("4000002500003155", "The bank asks you to confirm.", challenge=True),
    Card(
        "4000000000000259",
        "Pays, and is disputed 10 seconds later.",
        mischief=Mischief(dispute_after_s=10),
    ),
    Card(
        "4000000000007726",
        "Pays; a refund stays pending for 60 seconds.",
        mischief=Mischief(refund_pending_s=60),
    ),
    Card(
        "4000000000005126",
        "Pays; a refund succeeds and fails 60 seconds later.",
        mischief=Mischief(refund_fails_after_s=60),
    ),
)

MISCHIEVOUS: Final = (
    Card(
        "4000005000000019",
        "Pays; the shop is told five times at once.",
        mischief=Mischief(webhook_copies=5),
    ),
    Card(
        "4000005000000027",
        "Pays; the shop is never told.",
        mischief=Mischief(webhook_copies=0),
    ),
    Card(
        "4000005000000035",
        "Pays; the shop hears the end before the beginning.",
        mischief=Mischief(webhook_reversed=True),
    ),
    Card(
        "4000005000000043",
        "Pays; the shop is told before you are sent back.",
        mischief=Mischief(webhook_first=True),
    ),
    Card(
        "4000005000000050",
        "Takes one cent too little.",
        mischief=Mischief(capture_off_by=-1),
    ),
    Card(
        "4000005000000068",
        "Seems unpaid, and is captured two hours later whatever happened.",
        mischief=Mischief(late_s=7_200),
    ),
    Card(
        "4000005000000076",
        "Pays; for 60 seconds every question of the shop is answered with nonsense.",
        mischief=Mischief(fetch_broken_s=60),
    ),
    Card(
        "4000005000000084",
        "Pays; the shop is told ten minutes later.",
        mischief=Mischief(webhook_delay_s=600),
    ),
    Card(
        "4000005000000092",
        "The bank asks you to confirm; cancel instead, and it is captured a minute later.",
        challenge=True,
        mischief=Mischief(capture_after_cancel_s=60),
    ),
)

CARDS: Final[Mapping[str, Card]] = MappingProxyType(
    {card.number: card for card in (*FAMILIAR, *MISCHIEVOUS)}
)

# What the payer reads beside the card number. A theft reads like any other decline.
DECLINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "generic_decline": "Your bank declined the payment. Use another card.",
        "insufficient_funds": "There is not enough money on this card. Use another card.",
        "card_velocity_exceeded": "This card reached its limit for today. Use another card.",
        "lost_card": "Your bank declined the payment. Use another card.",
        "stolen_card": "Your bank declined the payment. Use another card.",
        "expired_card": "This card has expired. Use another card.",
        "incorrect_cvc": "The security code does not match. Check it and try again.",
        "processing_error": "The bank had a hiccup. Try again in a moment.",
        "authentication_failed": "You did not confirm the payment. Try again or use another card.",
        "transfer_failed": "The bank transfer did not arrive.",
    }
)
assert {card.failure_code for card in CARDS.values()} - {None} <= DECLINES.keys()


def digits_of(text: str) -> str:
    """A card number as it is typed or pasted, without its gaps."""
    return text.replace(" ", "").replace("-", "").replace("\N{NO-BREAK SPACE}", "")


def is_card_number(digits: str) -> bool:
    """Whether the digits have the length and the check digit of a card number.

    Source: ISO/IEC 7812-1, annex B (Luhn).
    """
    if not (digits.isascii() and digits.isdecimal() and 12 <= len(digits) <= 19):  # noqa: PLR2004
        return False
    doubled = (int(one) * 2 for one in digits[-2::-2])
    plain = (int(one) for one in digits[-1::-2])
    return (sum(plain) + sum(one - 9 if one > 9 else one for one in doubled)) % 10 == 0  # noqa: PLR2004

"""Help that answers from the account's own state, not from a list of general truths."""

from collections.abc import Sequence
from dataclasses import dataclass

from coinwell.base.money import Money


@dataclass(frozen=True, slots=True)
class Link:
    """Where to go on."""

    href: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One question and what is true for this account."""

    anchor: str
    question: str
    paragraphs: tuple[str, ...]
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class OnItsWay:
    """A recharge that has not arrived: what we know of it, and its page."""

    known: str
    doing: str
    again: str
    href: str


@dataclass(frozen=True, slots=True)
class Refundable:
    """A recharge some of whose coins are not spent yet.

    Units: whole coins.
    """

    unspent: int
    coins: int
    price: Money
    href: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the answers depend on.

    Shape: `on_their_way` and `refundable` newest first.
    Units: `coins` free to spend; `spent_this_month` coins; `smallest` the cheapest recharge.
    """

    coins: int
    held: int
    seller: str
    on_their_way: Sequence[OnItsWay]
    refundable: Sequence[Refundable]
    refused: tuple[str, str, str] | None  # Sentence, until when (may be empty), next step.
    spent_this_month: int
    paid_this_month: Sequence[Money]
    month: str
    smallest: Money | None


def answer_all(facts: Facts) -> list[Answer]:
    """The five questions that people ask most, in the order they worry about them."""
    return [
        _arrived(facts),
        _allowed(facts),
        _safe(facts),
        _back(facts),
        _often(facts),
    ]


def _arrived(facts: Facts) -> Answer:
    question = "Why has my recharge not arrived?"
    if not facts.on_their_way:
        return Answer(
            "arrived",
            question,
            (
                "Every recharge that was paid on this account has arrived.",
                (
                    "If your bank shows a payment that is not in the list of your recharges, it "
                    "was only reserved and disappears by itself, or was made on another account."
                ),
            ),
            (Link("/me/recharges", "Your recharges"),),
        )
    first = facts.on_their_way[0]
    others = len(facts.on_their_way) - 1
    more = (f"{others} more of your recharges are also on their way.",) if others else ()
    return Answer(
        "arrived",
        question,
        (first.known, first.doing, f"When to look again: {first.again}", *more),
        tuple(Link(one.href, "See where it is") for one in facts.on_their_way),
    )


def _allowed(facts: Facts) -> Answer:
    question = "Why can I not recharge?"
    if facts.refused is None:
        return Answer(
            "allowed",
            question,
            (
                "You can: nothing stops this account from buying coins.",
                (
                    "If a payment was declined, your bank decided that, and you were not charged. "
                    "Its page says what helps."
                ),
            ),
            (Link("/me/recharge", "Recharge"), Link("/me/status", "What this account may do")),
        )
    sentence, until, next_step = facts.refused
    lasting = (f"This holds until {until}.",) if until else ()
    return Answer(
        "allowed",
        question,
        (sentence, *lasting, next_step),
        (Link("/me/status", "What this account may do"),),
    )


def _safe(facts: Facts) -> Answer:
    held = (
        (f"Of your coins, {facts.held:,} are set aside for something that is not finished.",)
        if facts.held
        else ()
    )
    return Answer(
        "safe",
        "Are my coins and my card safe?",
        (
            (
                f"Your balance is {facts.coins:,} coins. It is the sum of every line of your "
                "statement, and nobody can change or remove a line, not even our own team."
            ),
            *held,
            "Your card number never reaches us: you type it on the payment service's own page.",
            (
                "A payment is counted once. If a page hangs, do not pay again: look at the "
                "recharge, which always says what we know."
            ),
        ),
        (Link("/me/statement", "Your statement"),),
    )


def _back(facts: Facts) -> Answer:
    question = "Can I get my money back?"
    if not facts.refundable:
        return Answer(
            "back",
            question,
            (
                (
                    "Coins that are spent cannot be refunded, and there are no unspent coins of a "
                    "recharge on this account now."
                ),
            ),
            (Link("/me/recharges", "Your recharges"),),
        )
    lines = tuple(
        f"{one.unspent:,} of the {one.coins:,} coins you bought for {one.price.text()} are "
        + (
            "unspent: the whole recharge can be refunded."
            if one.unspent == one.coins
            else "unspent: our team can tell you what is possible."
        )
        for one in facts.refundable
    )
    return Answer(
        "back",
        question,
        (*lines, f"Write to {facts.seller} and name the reference on the receipt."),
        tuple(Link(one.href, f"Receipt for {one.price.text()}") for one in facts.refundable),
    )


def _often(facts: Facts) -> Answer:
    paid = " and ".join(money.text() for money in facts.paid_this_month) or "no money"
    smallest = (
        (
            (
                f"There is no need to buy ahead: you can buy any exact number of coins, from "
                f"{facts.smallest.text()}, when you want to use them."
            ),
        )
        if facts.smallest
        else ()
    )
    return Answer(
        "often",
        "How often should I recharge?",
        (
            f"In {facts.month} you paid {paid} and used {facts.spent_this_month:,} coins so far.",
            *smallest,
            (
                "Decide what you want to spend in a month before you recharge, and stop there. "
                "Coins do not run out, and no offer here ends tonight."
            ),
        ),
        (Link("/me/statement", "Your statement"),),
    )

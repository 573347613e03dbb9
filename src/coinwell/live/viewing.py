"""What a viewer sees of a live room: stage, board, gift panel, and the sheet between tap and gift.

Everything that is said about money is said here, once, for the page that the server writes and
for the page's own script alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from coinwell.base.money import Money
from coinwell.base.refusal import Refusal
from coinwell.base.web import coins_text
from coinwell.catalog import Gift, PriceList, quote, true_price, true_price_text
from coinwell.live.types import COUNT_MAX
from coinwell.users import Standing

COUNTS: Final = (1, 5, 10, 99)
TONES: Final = 6
# Above this one tap is not enough, unless the viewer chose another amount; about five euros.
ASK_ABOVE_MINOR: Final = {
    "AUD": 900, "BRL": 3_000, "CAD": 800, "CHF": 500, "EUR": 500, "GBP": 450, "IDR": 9_000_000,
    "INR": 50_000, "JPY": 800, "KRW": 8_000, "MXN": 10_000, "PLN": 2_200, "SEK": 5_500,
    "USD": 500,
}  # fmt: skip
_ASK_ABOVE_COINS: Final = 500


class Step(StrEnum):
    """What a tap led to."""

    SENT = "sent"
    CONFIRM = "confirm"
    SHORT = "short"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Tile:
    """One gift on the panel, priced for as many as are sent by one tap.

    Units: `coins` for all of them; `leaves` is the balance afterwards, or None where it does
    not reach.
    """

    id: str
    name: str
    art: str
    coins: int
    money: str
    leaves: int | None


@dataclass(frozen=True, slots=True)
class Purse:
    """The viewer's own figures under the panel.

    Units: `spent` is what this viewer gave in this live so far; `limit_left` what is left of
    the limit in `limit_words`, None without a limit.
    """

    coins: int
    spent: int
    spent_money: str
    limit_left: int | None = None
    limit_words: str = ""
    moved: int = 0  # Of two purses of one viewer, the higher one is the newer.


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands between a tap and a gift: a question, or why not and what next.

    `href` is where the first button leads; without one it sends the gift. `coins` is what the
    viewer was shown and agrees to by sending.
    """

    step: Step
    title: str
    lines: tuple[str, ...]
    button: str
    href: str = ""
    gift: str = ""
    count: int = 1
    coins: int = 0


def whole(text: str) -> int | None:
    """A count as a person writes it, or None if it is none that can be sent at once."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(COUNT_MAX))):
        return None
    return int(digits) if 1 <= int(digits) <= COUNT_MAX else None


def tone(user_id: UUID) -> int:
    """Which of the few colours somebody's initial has; always the same one."""
    return user_id.int % TONES


def counted(count: int, name: str) -> str:
    """Some of one gift: "Rose"; ten of them with their number before it."""
    return name if count == 1 else f"{count} \N{MULTIPLICATION SIGN} {name}"


def tiles(gifts: Sequence[Gift], offer: PriceList, *, count: int, coins: int) -> list[Tile]:
    """The gifts on offer, priced for `count` of each, for somebody who has `coins`."""
    return [
        Tile(
            id=gift.id,
            name=gift.name,
            art=gift.art,
            coins=gift.coins * count,
            money=true_price_text(offer, gift.coins * count),
            leaves=coins - gift.coins * count if gift.coins * count <= coins else None,
        )
        for gift in gifts
    ]


def ask_above(currency: str) -> Money | None:
    """The amount above which a gift is confirmed; None for a currency without a row."""
    minor = ASK_ABOVE_MINOR.get(currency)
    return None if minor is None else Money(minor, currency)


def must_confirm(offer: PriceList, coins: int, above: Money | None) -> bool:
    """Whether so many coins are asked about before they are sent."""
    if above is None or above.currency != offer.currency:
        return coins > _ASK_ABOVE_COINS
    return above < true_price(offer, coins)


def confirm_sheet(
    gift: Gift, count: int, offer: PriceList, *, coins: int, above: Money | None
) -> Sheet:
    """The question before a large gift. Units: `coins` is what the viewer has."""
    total = gift.coins * count
    what, money = counted(count, gift.name), true_price_text(offer, total)
    limit = "a lot at once" if above is None else f"more than {above.text()} at once"
    return Sheet(
        step=Step.CONFIRM,
        title=f"Send {what}?",
        lines=(
            f"{coins_text(total)}, worth {money}.",
            f"You have {coins_text(coins)}; {coins_text(coins - total)} stay afterwards.",
            f"You are asked because it is {limit}. A gift cannot be taken back.",
        ),
        button=f"Send for {coins_text(total)}",
        gift=gift.id,
        count=count,
        coins=total,
    )


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What a gift costs beyond what is there, and what must be settled before coins count."""

    total: int
    held: int
    debt: int = 0

    @property
    def needed(self) -> int:
        """How many coins have to be bought."""
        return self.total - self.held + self.debt


def short_sheet(
    what: str, short: Shortfall, offer: PriceList, *, room_id: UUID, may: Standing
) -> Sheet:
    """Exactly what is missing, what it costs, and why it may have to be more.

    The recharge leads back to the room. Who may not recharge reads why instead.
    """
    title = f"You need {short.needed:,} more {'coin' if short.needed == 1 else 'coins'}"
    lines = [f"{what} costs {coins_text(short.total)}; you have {coins_text(short.held)}."]
    if short.debt:
        lines.append(f"{coins_text(short.debt)} of them settle a recharge that was refunded.")
    if not may.allowed:
        lines += [may.sentence, "Nothing was sent."]
        return Sheet(Step.SHORT, title, tuple(lines), "What this account may do", "/me/status")
    if short.needed > offer.coins_max:
        lines.append(f"One recharge is at most {coins_text(offer.coins_max)}. Nothing was sent.")
        button, way = "See how to recharge", f"/me/recharge?room={room_id}"
        return Sheet(Step.SHORT, title, tuple(lines), button, way)
    bought = quote(offer, coins=max(short.needed, offer.coins_min))
    price = bought.price.text()
    if bought.coins == short.needed:
        title = f"{title}: {price}"
    else:
        stay = bought.coins + bought.bonus_coins - short.needed
        lines.append(
            f"The smallest recharge is {coins_text(bought.coins)} for {price}, because payment "
            f"providers do not take smaller charges. {coins_text(stay)} will stay on your balance."
        )
    lines.append("Nothing was sent yet. After paying you come back to this live.")
    button = f"Recharge {coins_text(bought.coins)} for {price}"
    way = f"/me/recharge/review?coins={bought.coins}&room={room_id}"
    return Sheet(Step.SHORT, title, tuple(lines), button, way)


def no_sheet(no: Refusal, *, button: str = "", href: str = "") -> Sheet:
    """A refusal as a sheet: what it says, and one way on where there is one."""
    return Sheet(Step.NO, no.title, (no.sentence(), "Nothing was sent."), button, href=href)

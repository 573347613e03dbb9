"""How this room says no. Refusals are read beside a form: they explain and never push."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from coinwell.base.money import Money
from coinwell.base.refusal import Kind, Refusal

CHANGE_AT: Final = "/me/limits"
"""Where a person sees and changes their limits."""

_PER: Final = {
    "purchase": "per purchase",
    "day": "a day",
    "week": "a week",
    "month": "a month",
}


@dataclass(eq=False)
class LimitReached(Refusal):
    """A limit that the user set for themselves does not let this through.

    `limit_kind` is `coins` for spending and `money` for recharging; amounts are in coins or in
    minor units of `currency`. `left` is what the window still lets through (null: not known),
    `resets_at` when it begins anew (null for a limit per purchase). The user's limits are at
    `change_at`.
    """

    kind: ClassVar[Kind] = Kind.DENIED
    title: ClassVar[str] = "Your own limit"
    limit_kind: str
    period: str
    limit: int
    asked: int
    left: int | None
    currency: str | None
    resets_at: datetime | None
    time_zone: str
    change_at: str = CHANGE_AT

    def sentence(self) -> str:
        """Which limit, what is left of it, and when it begins anew."""
        said = f"You set a limit of {self.amount_text(self.limit)} {_PER[self.period]}."
        if self.resets_at is None:
            return f"{said} This is {self.amount_text(self.asked)}."
        if self.left is not None:
            said += (
                f" {self.amount_text(self.left)} of it are left."
                if self.left
                else " It is used up."
            )
        return f"{said} It begins anew on {self.resets_text()}."

    def amount_text(self, amount: int) -> str:
        """An amount of this limit as a person reads it."""
        if self.currency is not None:
            return Money(amount, self.currency).text()
        return f"{amount:,} coin" if amount == 1 else f"{amount:,} coins"

    def resets_text(self) -> str:
        """When the window begins anew, in the user's zone, with the zone named."""
        assert self.resets_at is not None
        local = self.resets_at.astimezone(ZoneInfo(self.time_zone))
        return f"{local.day} {local:%b %Y, %H:%M %Z}"


@dataclass(eq=False)
class LimitOtherCurrency(Refusal):
    """The user's money limit is in another currency, so this recharge cannot be counted.

    While a *stop me* limit on money stands, recharges are possible in its currency only: turned
    into another one they could be counted by a rate, and then the limit would not be exact.
    """

    kind: ClassVar[Kind] = Kind.DENIED
    title: ClassVar[str] = "Limit in another currency"
    currency: str
    limit_currency: str
    change_at: str = CHANGE_AT

    def sentence(self) -> str:
        """Both currencies, and what follows."""
        return (
            f"You set a limit in {self.limit_currency}. A recharge in {self.currency} cannot be"
            " counted against it, so it is not possible while this limit stands."
        )


@dataclass(eq=False)
class WrongLimit(Refusal):
    """The limit cannot be set as asked; `errors` says where and why."""

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Wrong limit"
    errors: list[dict[str, str]]

    def sentence(self) -> str:
        """All faults in one breath."""
        return " ".join(error["detail"] for error in self.errors)


@dataclass(eq=False)
class NoRaiseAsked(Refusal):
    """No raise of this limit waits to be confirmed, or it has waited for too long.

    A raise is forgotten when the limit is lowered, and a week after it could have been confirmed.
    """

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "No raise asked for"
    limit_kind: str
    period: str


@dataclass(eq=False)
class RaiseTooEarly(Refusal):
    """A raise can be confirmed 24 hours after it was asked for; the limit stands until then."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Not yet"
    limit_kind: str
    period: str
    ready_at: datetime

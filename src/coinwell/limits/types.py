"""The words of limits: what is limited, per when, how strictly; windows, guards and legs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from coinwell.ledger import LEDGER_LIMITS, Account, Kind, Transfer
from coinwell.limits.refusals import CHANGE_AT, LimitReached

AMOUNT_MAX: Final = 10**12
"""The most that a limit can be, in coins or minor units: far above any budget."""


class LimitKind(StrEnum):
    """What is limited: coins going out, or money coming in. Both are counted gross."""

    COINS = "coins"
    MONEY = "money"


class Period(StrEnum):
    """Per when: one purchase, or a calendar day, week (from Monday) or month."""

    PURCHASE = "purchase"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


CALENDAR: Final = (Period.DAY, Period.WEEK, Period.MONTH)


class Mode(StrEnum):
    """What happens at the limit: a notice, or a no from the ledger."""

    TELL = "tell"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a limit says. Units: `amount` in coins, or in minor units of `currency`."""

    mode: Mode
    amount: int
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Raise:
    """A weaker limit that was asked for; it changes nothing until it is confirmed.

    `terms` is None for "no limit any more". It can be confirmed from `ready_at` on, and is
    forgotten at `lapses_at`.
    """

    terms: Terms | None
    asked_at: datetime
    ready_at: datetime
    lapses_at: datetime


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one user as it stands, with what is used of it in the window of now.

    Units: `spent` and `left` in coins or minor units. For a limit per purchase nothing adds up:
    `spent` is 0, `left` the whole amount and `resets_at` None. `spent` may exceed the amount.
    """

    user_id: UUID
    kind: LimitKind
    period: Period
    terms: Terms
    spent: int
    left: int
    starts_at: datetime | None
    resets_at: datetime | None
    raise_asked: Raise | None


@dataclass(frozen=True, slots=True)
class Leg:
    """What a spend owes to one window: a transfer that the spend's chain must carry.

    `name` is unique within a chain and goes into the transfer's id. `limit` is the user's amount.
    """

    name: str
    debit_account_id: int
    credit_account_id: int
    amount: int
    limit: int

    def transfer(self, transfer_id: int, *, spend_id: int) -> Transfer:
        """The leg as a transfer without flags; `spend_id` is the id of the chain's spend.

        The spend's id in `user_data_128` is how a later count knows that this spend was counted.
        """
        return Transfer(
            id=transfer_id,
            debit_account_id=self.debit_account_id,
            credit_account_id=self.credit_account_id,
            amount=self.amount,
            user_data_128=spend_id,
            ledger=LEDGER_LIMITS,
            code=int(Kind.LIMIT),
        )


@dataclass(frozen=True, slots=True)
class GuardWindow:
    """A window of a *stop me* limit that is open: its two accounts, and until when it runs."""

    period: Period
    limit: int
    ends_at: datetime
    account_id: int
    used_account_id: int


@dataclass(frozen=True, slots=True)
class SpendGuard:
    """What the *stop me* coin limits of one user ask of a spend that is made now.

    `opened` is False when a window has no account yet: `await open_windows(…)`, then ask again.
    Its legs must not be used before.
    """

    user_id: UUID
    time_zone: str
    purchase: int | None
    windows: tuple[GuardWindow, ...]
    opened: bool

    def legs(self, coins: int) -> Sequence[Leg]:
        """The legs that a spend of `coins` carries, in the order in which they are checked.

        Refuses: `LimitReached` when it is more than the limit per purchase.
        """
        assert self.opened, "open the windows first"
        assert coins > 0
        if self.purchase is not None and coins > self.purchase:
            raise self._no(Period.PURCHASE, self.purchase, coins, self.purchase, None)
        return [
            Leg(
                name=window.period.value,
                debit_account_id=window.account_id,
                credit_account_id=window.used_account_id,
                amount=coins,
                limit=window.limit,
            )
            for window in self.windows
        ]

    def refused(self, leg_name: str, *, coins: int, account: Account | None = None) -> LimitReached:
        """The refusal to give when the ledger answered EXCEEDS_CREDITS for the leg of that name.

        `account` is the leg's debit account as it is now, when the caller has looked it up: then
        the refusal says what is left.
        """
        window = next(one for one in self.windows if one.period == leg_name)
        left = None if account is None else room_of(account)
        return self._no(window.period, window.limit, coins, left, window.ends_at)

    def _no(
        self, period: Period, limit: int, coins: int, left: int | None, resets_at: datetime | None
    ) -> LimitReached:
        return LimitReached(
            limit_kind=LimitKind.COINS.value,
            period=period.value,
            limit=limit,
            asked=coins,
            left=left,
            currency=None,
            resets_at=resets_at,
            time_zone=self.time_zone,
            change_at=CHANGE_AT,
        )


def room_of(account: Account) -> int:
    """What a limit's account still lets through; holds count as used."""
    return account.credits_posted - account.debits_posted - account.debits_pending

"""What programs send and read about limits."""

from datetime import datetime
from typing import Annotated, Self

from msgspec import Meta, Struct

from coinwell.limits.types import AMOUNT_MAX, Limit, LimitKind, Mode, Period, Raise

Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]


class LimitWanted(Struct, forbid_unknown_fields=True):
    """A limit to set. `amount` in coins, or in minor units; `currency` for money only.

    Without a currency it is that of the user's other limits on money, or the one they recharge in.
    """

    mode: Mode
    amount: Amount
    currency: str | None = None


class RaiseShown(Struct):
    """A weaker limit that waits: from `ready_at` to `lapses_at` it can be confirmed.

    `remove` says that no limit is wanted any more; the other members are null then.
    """

    remove: bool
    mode: Mode | None
    amount: int | None
    currency: str | None
    asked_at: datetime
    ready_at: datetime
    lapses_at: datetime

    @classmethod
    def of(cls, wanted: Raise) -> Self:
        """A raise as it is shown."""
        terms = wanted.terms
        return cls(
            remove=terms is None,
            mode=None if terms is None else terms.mode,
            amount=None if terms is None else terms.amount,
            currency=None if terms is None else terms.currency,
            asked_at=wanted.asked_at,
            ready_at=wanted.ready_at,
            lapses_at=wanted.lapses_at,
        )


class LimitShown(Struct):
    """A limit as it stands. Amounts in coins, or in minor units of `currency`.

    For a limit per purchase nothing adds up: `spent` is 0 and there is no window.
    """

    kind: LimitKind
    period: Period
    mode: Mode
    amount: int
    currency: str | None
    spent: int
    left: int
    starts_at: datetime | None
    resets_at: datetime | None
    raise_asked: RaiseShown | None

    @classmethod
    def of(cls, limit: Limit) -> Self:
        """A limit as it is shown."""
        return cls(
            kind=limit.kind,
            period=limit.period,
            mode=limit.terms.mode,
            amount=limit.terms.amount,
            currency=limit.terms.currency,
            spent=limit.spent,
            left=limit.left,
            starts_at=limit.starts_at,
            resets_at=limit.resets_at,
            raise_asked=None if limit.raise_asked is None else RaiseShown.of(limit.raise_asked),
        )


class LimitsShown(Struct):
    """All limits of a user: of coins first, from per purchase to per month."""

    limits: list[LimitShown]

"""The JSON that the recharge API takes and gives."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from coinwell.base.money import Money
from coinwell.catalog import Channel
from coinwell.recharge.types import Order, OrderState, Refund, RefundState, ReviewReason, Wish
from coinwell.recharge.words import answers

# The provider's page is of use only while it is open.
PAYABLE = frozenset({OrderState.AWAITING_USER, OrderState.ACTION_REQUIRED})

_INTEGER_MAX = 2**53 - 1
_Name = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[\\x21-\\x7e]+$")]


class RechargeWanted(Struct, forbid_unknown_fields=True):
    """A pack or an exact number of coins, and how to pay; `price_minor` is what the buyer saw."""

    pack_id: _Name | None = None
    coins: Annotated[int, Meta(ge=1, le=_INTEGER_MAX)] | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3)] | None = None
    channel: Channel = Channel.WEB
    provider: _Name | None = None
    price_minor: Annotated[int, Meta(ge=1, le=_INTEGER_MAX)] | None = None

    def read(self) -> Wish:
        """The same as the room's own word."""
        return Wish(
            pack_id=self.pack_id,
            coins=self.coins,
            currency=self.currency,
            channel=self.channel,
            provider=self.provider,
            seen_minor=self.price_minor,
        )


class RefundWanted(Struct, forbid_unknown_fields=True):
    """Why the money goes back; it stays on the record."""

    reason: Annotated[str, Meta(min_length=1, max_length=300)]


class MoneyShown(Struct):
    """An amount of money: whole minor units, and as a person reads it."""

    minor: int
    currency: str
    text: str

    @classmethod
    def of(cls, money: Money) -> Self:
        """Money as it is shown."""
        return cls(money.minor, money.currency, money.text())


class WordsShown(Struct):
    """The four answers for the buyer, in English, and when we look again."""

    title: str
    known: str
    doing: str
    can_do: str
    again: str


class RechargeShown(Struct):
    """A recharge. `pay_url` is where the buyer pays, while that is possible."""

    id: UUID
    user_id: UUID
    state: OrderState
    coins: int
    bonus_coins: int
    price: MoneyShown
    captured: MoneyShown | None
    pack_id: str | None
    price_list_id: UUID
    channel: Channel
    provider: str
    environment: str
    payment_id: str | None
    pay_url: str | None
    created_at: datetime
    expires_at: datetime
    credited_at: datetime | None
    next_check_at: datetime | None
    failure: str | None
    review: ReviewReason | None
    words: WordsShown


class RechargesShown(Struct):
    """Some recharges, newest first; `cursor` leads to the older ones."""

    recharges: list[RechargeShown]
    cursor: str | None


class RefundShown(Struct):
    """A refund as far as it came."""

    id: UUID
    recharge_id: UUID
    state: RefundState
    amount: MoneyShown
    coins: int
    reason: str
    created_at: datetime
    finished_at: datetime | None


def shown(order: Order) -> RechargeShown:
    """An order as programs see it."""
    words = answers(order)
    # "blocked" would tell a thief that the card is reported; it reads as any other decline.
    failure = "bank_declined" if order.failure_kind == "blocked" else order.failure_kind
    return RechargeShown(
        id=order.id,
        user_id=order.user_id,
        state=order.state,
        coins=order.coins,
        bonus_coins=order.bonus_coins,
        price=MoneyShown.of(order.price),
        captured=None if order.captured is None else MoneyShown.of(order.captured),
        pack_id=order.pack_id,
        price_list_id=order.price_list_id,
        channel=order.channel,
        provider=order.provider,
        environment=order.environment,
        payment_id=order.payment_id,
        pay_url=order.pay_url if order.state in PAYABLE else None,
        created_at=order.created_at,
        expires_at=order.expires_at,
        credited_at=order.credited_at,
        next_check_at=order.next_check_at,
        failure=failure if order.state is OrderState.FAILED else None,
        review=order.review_reason if order.state is OrderState.NEEDS_REVIEW else None,
        words=WordsShown(words.title, words.known, words.doing, words.can_do, words.again),
    )


def shown_refund(refund: Refund) -> RefundShown:
    """A refund as programs see it."""
    return RefundShown(
        id=refund.id,
        recharge_id=refund.order_id,
        state=refund.state,
        amount=MoneyShown.of(refund.amount),
        coins=refund.coins,
        reason=refund.reason,
        created_at=refund.created_at,
        finished_at=refund.finished_at,
    )


def plain(shape: Struct) -> dict[str, Any]:
    """A shape as it is kept for repeats: plain JSON."""
    return msgspec.to_builtins(shape)

"""Recharge: people buy coins with real money, and get them exactly once.

An *order* is one wish to buy, with its price frozen; an *attempt* is one payment for it at a
*provider*; a *snapshot* is what the provider says now. `sync_order` is the one way to learn
anything: take a ticket, ask, and apply the answer under the order's lock. A *message* from a
provider is only a hint to do that. Coins come by an *intent*: frozen, posted, recorded.

Always:
- an order is credited once, for captured money, after every check of whose money it is;
- its state follows from what the provider says and what we know, never from the order of news;
- money that was captured is never ignored, however late; unknown is never shown as failed;
- nothing is asked of a provider before the account may recharge and the order is written;
- coins are held before money goes back; what is due is in the rows, not in the queue.
"""

from coinwell.recharge.canceling import cancel
from coinwell.recharge.deps import Deps, RechargeSettings
from coinwell.recharge.reading import find, order_of, orders_of
from coinwell.recharge.receiving import receive
from coinwell.recharge.recording import RECORDERS
from coinwell.recharge.refunding import (
    RefundKey,
    RefundPlan,
    continue_refund,
    refund_order,
    refund_plan,
    refundable,
    refunds_of,
)
from coinwell.recharge.refusals import (
    CannotCancel,
    CannotPayAgain,
    CannotRefund,
    LotSpent,
    NothingToReview,
    PriceChanged,
    ProviderSilent,
    ProviderUnknown,
    ReasonMissing,
    RechargeUnknown,
    WebhookForged,
    WebhookTooLarge,
)
from coinwell.recharge.reviewing import approve_review, ask_provider_now
from coinwell.recharge.showing import shown, shown_refund
from coinwell.recharge.starting import pay_again, start
from coinwell.recharge.store_lists import (
    OrderFilter,
    count_in_state,
    count_open_refunds,
    in_state,
    listed,
    open_refunds,
)
from coinwell.recharge.syncing import sync_order
from coinwell.recharge.timelines import Entry, timeline
from coinwell.recharge.types import Order, OrderState, Refund, RefundState, ReviewReason, Wish
from coinwell.recharge.words import Answers, answers

__all__ = [
    "RECORDERS", "Answers", "CannotCancel", "CannotPayAgain", "CannotRefund", "Deps", "Entry",
    "LotSpent", "NothingToReview", "Order", "OrderFilter", "OrderState", "PriceChanged",
    "ProviderSilent", "ProviderUnknown", "ReasonMissing", "RechargeSettings", "RechargeUnknown",
    "Refund", "RefundKey", "RefundPlan", "RefundState", "ReviewReason", "WebhookForged",
    "WebhookTooLarge", "Wish", "answers", "approve_review", "ask_provider_now", "cancel",
    "continue_refund", "count_in_state", "count_open_refunds", "find", "in_state", "listed",
    "open_refunds", "order_of", "orders_of", "pay_again", "receive", "refund_order",
    "refund_plan", "refundable", "refunds_of", "shown", "shown_refund", "start", "sync_order",
    "timeline",
]  # fmt: skip

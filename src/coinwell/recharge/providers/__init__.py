"""Payment providers: the outside, seen through one small door.

Each provider is a folder with an adapter that speaks its language and answers in ours. The
recharge room asks a `PaymentProvider` for the truth about a payment (`Snapshot`) and never acts
on a message alone.

Always: money is in whole minor units; a lost answer is `OutcomeUnknown` and never a failure;
an adapter passes the shared conformance suite before it is offered.
"""

from coinwell.recharge.providers.types import (
    Capability,
    Declined,
    DisputeObj,
    DisputeState,
    Failure,
    FailureKind,
    Forged,
    InboundEvent,
    Misconfigured,
    NextAction,
    OrderView,
    OutcomeUnknown,
    PaymentProvider,
    PaymentState,
    ProviderTrouble,
    RefundObj,
    RefundObjState,
    RefundReason,
    Retryable,
    Snapshot,
    Started,
)

__all__ = [
    "Capability",
    "Declined",
    "DisputeObj",
    "DisputeState",
    "Failure",
    "FailureKind",
    "Forged",
    "InboundEvent",
    "Misconfigured",
    "NextAction",
    "OrderView",
    "OutcomeUnknown",
    "PaymentProvider",
    "PaymentState",
    "ProviderTrouble",
    "RefundObj",
    "RefundObjState",
    "RefundReason",
    "Retryable",
    "Snapshot",
    "Started",
]

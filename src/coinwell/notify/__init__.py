"""Notify: the host app and its users hear what happened, in order, each thing at least once.

*News* is written to the outbox by whoever makes it true. Here it becomes an *event*, with a
*position* among all and a *sequence* number of its user. An *endpoint* is an address of the host
app; a *delivery* is one event on its way there, in the *lane* of its endpoint and user; an
*attempt* is one sending of it. A *message* is what the user reads in the inbox.

Always:
- what was committed is told: an event is made of it exactly once, whatever is killed;
- for one endpoint and one user, number n+1 is not sent before n was delivered or given up;
- a webhook has the same id at every attempt, at a replay and at a resend;
- no transaction is open while the network is used, and nothing is sent into our own network;
- what one endpoint or one user waits for holds up no other.
"""

# One name a line would bury the story of the door.
# isort: off
from coinwell.notify.deps import NotifyDeps, NotifySettings, settings_of
from coinwell.notify.dispatching import dispatch, settle
from coinwell.notify.enlisting import (
    add_endpoint, change_endpoint, endpoint, endpoints, remove_endpoint, rotate, secret,
    switch_off, switch_on,
)  # fmt: skip
from coinwell.notify.messaging import mark_read, messages, unread
from coinwell.notify.refusals import (
    DeliveryUnknown, EndpointOff, EndpointUnknown, NothingToResend, TooManyEndpoints,
    WrongEndpoint, WrongRange,
)  # fmt: skip
from coinwell.notify.replaying import (
    attempts, deliveries, delivery, events, replay, resend, try_out,
)  # fmt: skip
from coinwell.notify.sending import Sender, open_sender
from coinwell.notify.taking import take
from coinwell.notify.types import (
    Attempt, Cause, Delivery, DeliveryState, Endpoint, EndpointWanted, Event, Message, Span,
    Switch,
)  # fmt: skip
from coinwell.notify.words import says
# isort: on

__all__ = [
    "Attempt", "Cause", "Delivery", "DeliveryState", "DeliveryUnknown", "Endpoint",
    "EndpointOff", "EndpointUnknown", "EndpointWanted", "Event", "Message", "NothingToResend",
    "NotifyDeps", "NotifySettings", "Sender", "Span", "Switch", "TooManyEndpoints",
    "WrongEndpoint", "WrongRange", "add_endpoint", "attempts", "change_endpoint", "deliveries",
    "delivery", "dispatch", "endpoint", "endpoints", "events", "mark_read", "messages",
    "open_sender", "remove_endpoint", "replay", "resend", "rotate", "says", "secret",
    "settings_of", "settle", "switch_off", "switch_on", "take", "try_out", "unread",
]  # fmt: skip

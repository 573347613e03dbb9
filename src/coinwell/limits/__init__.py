"""Limits: a user's own budgets, asked before any spend and any recharge.

A *limit* is of coins going out or money coming in, per purchase, day, week or month. *Tell me*
sends a notice at 50, 80 and 100 percent; *stop me* lets the ledger refuse. A *window* is the
calendar day, week or month of now in the user's time zone, with an account that holds what is
left: a spend's chain carries a *leg* that debits it, so no two can race past it. A *guard* is
what a user's limits ask of a spend; a recharge *holds* room before a provider is asked.

Always:
- a lower limit holds at once; a higher one, or none, after 24 hours and a second yes;
- limits are gross: what goes back later gives no room back;
- every spend in the window counts once. One that was on its way while the limit was set cannot
  be refused any more; it takes its room as soon as the feed has told of it;
- money that was paid is never refused by a limit, however late it comes; it counts.
"""

# Packed, for a door is read at a glance.
# fmt: off
# isort: off
from coinwell.limits.choosing import (
    LimitName, cancel_raise, confirm_raise, remove_limit, set_limit,
)
from coinwell.limits.counting import open_windows
from coinwell.limits.deps import LimitsDeps
from coinwell.limits.guarding import spend_guards
from coinwell.limits.listing import asked_before, limits_of, no_limit_for_now
from coinwell.limits.noticing import READER
from coinwell.limits.recording import RECORDERS
from coinwell.limits.refusals import (
    LimitOtherCurrency, LimitReached, NoRaiseAsked, RaiseTooEarly, WrongLimit,
)
from coinwell.limits.reserving import (
    Room, RoomUnknown, finish_recharge, hold_recharge, recharge_room, release_recharge,
    reserve_recharge, take_recharge,
)
from coinwell.limits.rules import Change
from coinwell.limits.types import (
    Leg, Limit, LimitKind, Mode, Period, Raise, SpendGuard, Terms, room_of,
)

__all__ = [
    "READER", "RECORDERS", "Change", "Leg", "Limit", "LimitKind", "LimitName",
    "LimitOtherCurrency", "LimitReached", "LimitsDeps", "Mode", "NoRaiseAsked", "Period",
    "Raise", "RaiseTooEarly", "Room", "RoomUnknown", "SpendGuard", "Terms", "WrongLimit",
    "asked_before", "cancel_raise", "confirm_raise", "finish_recharge", "hold_recharge",
    "limits_of", "no_limit_for_now", "open_windows", "recharge_room", "release_recharge",
    "remove_limit", "reserve_recharge", "room_of", "set_limit", "spend_guards", "take_recharge",
]
# fmt: on

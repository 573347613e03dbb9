"""The only SQL over recharges on their way, and the room that they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from coinwell.base import db
from coinwell.base.db import Tx
from coinwell.base.money import Money
from coinwell.limits.store import Window

_ADD = """
    INSERT INTO limits.recharge (id, user_id, amount_minor, currency, state, counts_at)
    VALUES (%(id)s, %(user_id)s, %(amount_minor)s, %(currency)s, %(state)s, %(now)s)
"""
_FIELDS = """
    SELECT id, user_id, amount_minor, currency, state, counts_at, due_at FROM limits.recharge
"""
_ONE = _FIELDS + "WHERE id = %(id)s"
_LOCKED = _FIELDS + "WHERE id = %(id)s FOR UPDATE"
_DUE = _FIELDS + "WHERE due_at <= %(now)s ORDER BY due_at LIMIT %(limit)s"
_MOVE = """
    UPDATE limits.recharge SET state = %(state)s, counts_at = %(counts_at)s, due_at = %(due_at)s
    WHERE id = %(id)s
"""
# Whoever freed or took it meanwhile knows more than the answer to the first asking.
_HELD = """
    UPDATE limits.recharge SET state = %(state)s WHERE id = %(id)s AND state = 'asked'
"""
_DONE = """
    UPDATE limits.recharge SET due_at = NULL WHERE id = %(id)s AND state = %(state)s
"""
_HOLD = """
    INSERT INTO limits.hold (recharge_id, window_id, transfer_id)
    VALUES (%(recharge_id)s, %(window_id)s, %(transfer_id)s)
"""
_HOLDS = """
    SELECT recharge_id, window_id, transfer_id, state FROM limits.hold
    WHERE recharge_id = %(id)s
    ORDER BY window_id
"""
_END_HOLDS = """
    UPDATE limits.hold SET state = %(state)s WHERE recharge_id = %(id)s AND state = 'held'
"""
# Recharges that count in a window and hold nothing in it: they began before the limit did, or
# came late. What holds room is in the ledger and counted there.
_COUNTED = """
    SELECT coalesce(sum(amount_minor), 0) FROM limits.recharge
    WHERE user_id = %(user_id)s AND currency = %(currency)s
        AND state IN ('asked', 'held', 'taken')
        AND counts_at >= %(starts_at)s AND counts_at < %(ends_at)s
        AND NOT EXISTS (
            SELECT FROM limits.hold
            WHERE hold.recharge_id = recharge.id AND hold.window_id = %(window_id)s
                AND hold.state <> 'free'
        )
"""
_TAKEN = """
    SELECT coalesce(sum(amount_minor), 0) FROM limits.recharge
    WHERE user_id = %(user_id)s AND currency = %(currency)s AND state = 'taken'
        AND counts_at >= %(starts_at)s AND counts_at < %(ends_at)s
"""


class State(StrEnum):
    """What became of a recharge, as far as a limit is concerned."""

    ASKED = "asked"  # Written down; the ledger was not yet asked for the room.
    HELD = "held"  # The room is held, or no limit asks for any.
    REFUSED = "refused"  # There was not enough room; no provider was asked.
    TAKEN = "taken"  # Money came.
    FREE = "free"  # It ended unpaid.


@dataclass(frozen=True, slots=True)
class Recharge:
    """One recharge as limits see it. `due_at`: the ledger has yet to follow."""

    id: UUID
    user_id: UUID
    amount_minor: int
    currency: str
    state: State
    counts_at: datetime
    due_at: datetime | None

    def __post_init__(self) -> None:
        """A row brings text where we have words."""
        object.__setattr__(self, "state", State(self.state))

    @property
    def amount(self) -> Money:
        """What was agreed to be paid."""
        return Money(self.amount_minor, self.currency)


@dataclass(frozen=True, slots=True)
class Hold:
    """The room that one recharge holds in one window."""

    recharge_id: UUID
    window_id: UUID
    transfer_id: int
    state: str

    def __post_init__(self) -> None:
        """A row brings decimals where we have ids."""
        object.__setattr__(self, "transfer_id", int(self.transfer_id))


async def add(
    tx: Tx, recharge_id: UUID, user_id: UUID, amount: Money, *, state: State, now: datetime
) -> None:
    """Write down a recharge that begins."""
    named = {
        "id": recharge_id,
        "user_id": user_id,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "state": state.value,
        "now": now,
    }
    await tx.execute(_ADD, named)


async def recharge(tx: Tx, recharge_id: UUID) -> Recharge | None:
    """A recharge as it stands; None for one that began before there were limits."""
    return await db.row(tx, Recharge, _ONE, {"id": recharge_id})


async def locked(tx: Tx, recharge_id: UUID) -> Recharge | None:
    """The same, locked until `tx` ends. Locks: the person's row goes first, if it is needed."""
    return await db.row(tx, Recharge, _LOCKED, {"id": recharge_id})


async def move(
    tx: Tx, one: Recharge, state: State, *, counts_at: datetime, due_at: datetime | None
) -> None:
    """Note what became of a recharge."""
    named = {"id": one.id, "state": state.value, "counts_at": counts_at, "due_at": due_at}
    await tx.execute(_MOVE, named)


async def mark_held(tx: Tx, recharge_id: UUID, state: State) -> None:
    """Note whether the room is held, unless it was freed or taken meanwhile."""
    await tx.execute(_HELD, {"id": recharge_id, "state": state.value})


async def mark_done(tx: Tx, one: Recharge) -> None:
    """The ledger has followed, unless more became known since."""
    await tx.execute(_DONE, {"id": one.id, "state": one.state.value})


async def due(tx: Tx, *, now: datetime, limit: int) -> list[Recharge]:
    """Recharges that the ledger has yet to follow, longest waiting first."""
    return await db.rows(tx, Recharge, _DUE, {"now": now, "limit": limit})


async def add_hold(tx: Tx, recharge_id: UUID, window_id: UUID, transfer_id: int) -> None:
    """Write down that a recharge is to hold room in a window."""
    named = {
        "recharge_id": recharge_id,
        "window_id": window_id,
        "transfer_id": Decimal(transfer_id),
    }
    await tx.execute(_HOLD, named)


async def holds(tx: Tx, recharge_id: UUID) -> Sequence[Hold]:
    """What a recharge holds."""
    return await db.rows(tx, Hold, _HOLDS, {"id": recharge_id})


async def end_holds(tx: Tx, recharge_id: UUID, state: State) -> None:
    """What a recharge held was taken or given back."""
    await tx.execute(_END_HOLDS, {"id": recharge_id, "state": state.value})


async def counted(tx: Tx, window: Window, currency: str) -> int:
    """The recharges that count in a window without holding anything in it, in minor units."""
    return int(await db.value(tx, _COUNTED, _named(window, currency)))


async def taken(tx: Tx, window: Window, currency: str) -> int:
    """The recharges that were paid, of those that count in a window, in minor units."""
    return int(await db.value(tx, _TAKEN, _named(window, currency)))


def _named(window: Window, currency: str) -> dict[str, object]:
    return {
        "user_id": window.user_id,
        "currency": currency,
        "starts_at": window.starts_at,
        "ends_at": window.ends_at,
        "window_id": window.id,
    }

"""The only SQL over people, their settings and their windows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from coinwell.base import db
from coinwell.base.db import Tx
from coinwell.limits.types import LimitKind, Mode, Period, Terms

_JOIN = """
    INSERT INTO limits.person (user_id, wallet_account_id)
    VALUES (%(user_id)s, %(wallet_account_id)s)
    ON CONFLICT DO NOTHING
"""
_LOCK = "SELECT user_id FROM limits.person WHERE user_id = %(user_id)s FOR UPDATE"
_PERSON = """
    SELECT user_id, answered_at, due_at, marks FROM limits.person WHERE user_id = %(user_id)s
"""
_ANSWER = """
    UPDATE limits.person SET answered_at = coalesce(answered_at, %(now)s)
    WHERE user_id = %(user_id)s
"""
_MARK = """
    UPDATE limits.person SET due_at = least(due_at, %(now)s), marks = marks + 1
    WHERE user_id = %(user_id)s
"""
# Wallets of people without a limit on coins are nobody's business here.
_MARK_WALLETS = """
    UPDATE limits.person SET due_at = least(due_at, %(now)s), marks = marks + 1
    WHERE wallet_account_id = ANY (%(wallets)s::numeric[])
        AND EXISTS (
            SELECT FROM limits.setting
            WHERE setting.user_id = person.user_id AND kind = 'coins' AND mode IS NOT NULL
                AND period <> 'purchase'
        )
"""
_DUE = """
    SELECT user_id, answered_at, due_at, marks FROM limits.person
    WHERE due_at <= %(now)s
    ORDER BY due_at
    LIMIT %(limit)s
"""
_COUNTED = """
    UPDATE limits.person SET due_at = NULL WHERE user_id = %(user_id)s AND marks = %(marks)s
"""

_SETTINGS = """
    SELECT user_id, kind, period, generation, mode, amount, currency, set_at, raise_asked_at,
        raise_mode, raise_amount, raise_currency
    FROM limits.setting WHERE user_id = %(user_id)s
"""
_SET = """
    INSERT INTO limits.setting (
        user_id, kind, period, generation, mode, amount, currency, set_at
    ) VALUES (
        %(user_id)s, %(kind)s, %(period)s, %(generation)s, %(mode)s, %(amount)s, %(currency)s,
        %(now)s
    )
    ON CONFLICT ON CONSTRAINT a_limit_is_set_once DO UPDATE SET
        generation = EXCLUDED.generation, mode = EXCLUDED.mode, amount = EXCLUDED.amount,
        currency = EXCLUDED.currency, set_at = EXCLUDED.set_at, raise_asked_at = NULL,
        raise_mode = NULL, raise_amount = NULL, raise_currency = NULL
"""
_ASK_RAISE = """
    UPDATE limits.setting SET raise_asked_at = %(asked_at)s, raise_mode = %(mode)s,
        raise_amount = %(amount)s, raise_currency = %(currency)s
    WHERE user_id = %(user_id)s AND kind = %(kind)s AND period = %(period)s
"""

# One look for all senders of a batch. A window that is not open yet shows as nulls.
_GUARDS = """
    SELECT s.user_id, s.period, s.amount, w.ends_at, w.time_zone, w.account_id, w.used_account_id
    FROM limits.setting AS s
    LEFT JOIN limits."window" AS w
        ON w.user_id = s.user_id AND w.kind = s.kind AND w.period = s.period
            AND w.generation = s.generation AND w.starts_at <= %(now)s AND %(now)s < w.ends_at
            AND w.opened_at IS NOT NULL
    WHERE s.user_id = ANY (%(user_ids)s) AND s.kind = 'coins' AND s.mode = 'stop'
    ORDER BY s.user_id, s.period
"""

_WINDOW_FIELDS = """
    SELECT id, user_id, kind, period, generation, starts_at, ends_at, time_zone, account_id,
        used_account_id, opened_at, version, adjusting, counted, counted_to_ns, told_percent
    FROM limits."window"
"""
_CURRENT = (
    _WINDOW_FIELDS
    + "WHERE user_id = %(user_id)s AND starts_at <= %(now)s AND %(now)s < ends_at"
    + " ORDER BY kind, period, generation"
)
_BY_IDS = _WINDOW_FIELDS + "WHERE id = ANY (%(ids)s) ORDER BY kind, period, generation"
_BEFORE = (
    _WINDOW_FIELDS
    + "WHERE user_id = %(user_id)s AND kind = %(kind)s AND period = %(period)s"
    + " AND ends_at <= %(starts_at)s ORDER BY ends_at DESC, generation DESC LIMIT 3"
)
_BEGIN = """
    INSERT INTO limits."window" (
        id, user_id, kind, period, generation, starts_at, ends_at, time_zone, account_id,
        used_account_id, told_percent
    ) VALUES (
        %(id)s, %(user_id)s, %(kind)s, %(period)s, %(generation)s, %(starts_at)s, %(ends_at)s,
        %(time_zone)s, %(account_id)s, %(used_account_id)s, %(told_percent)s
    )
"""
_COUNT = """
    UPDATE limits."window" SET counted = %(counted)s, counted_to_ns = %(counted_to_ns)s,
        told_percent = %(told_percent)s
    WHERE id = %(id)s
"""
_ADJUST = """
    UPDATE limits."window" SET version = version + 1, adjusting = %(subject)s
    WHERE id = ANY (%(ids)s)
"""
_ADJUSTED = """
    UPDATE limits."window" SET adjusting = NULL,
        opened_at = CASE WHEN %(opened)s THEN coalesce(opened_at, %(now)s) ELSE opened_at END
    WHERE adjusting = %(subject)s
"""


@dataclass(frozen=True, slots=True)
class Person:
    """One user here: whether they answered the question, and whether spends are to be counted."""

    user_id: UUID
    answered_at: datetime | None
    due_at: datetime | None
    marks: int


@dataclass(frozen=True, slots=True)
class Setting:
    """What one limit says, and the raise of it that was asked for."""

    user_id: UUID
    kind: LimitKind
    period: Period
    generation: int
    mode: str | None
    amount: int | None
    currency: str | None
    set_at: datetime
    raise_asked_at: datetime | None
    raise_mode: str | None
    raise_amount: int | None
    raise_currency: str | None

    def __post_init__(self) -> None:
        """A row brings text where we have words."""
        object.__setattr__(self, "kind", LimitKind(self.kind))
        object.__setattr__(self, "period", Period(self.period))

    @property
    def terms(self) -> Terms | None:
        """What stands; None for no limit."""
        return _terms(self.mode, self.amount, self.currency)

    @property
    def raise_terms(self) -> Terms | None:
        """What was asked for instead; None for no limit, or when nothing was."""
        return _terms(self.raise_mode, self.raise_amount, self.raise_currency)


@dataclass(frozen=True, slots=True)
class Window:
    """One calendar window of one limit: its accounts, and what was counted without a leg."""

    id: UUID
    user_id: UUID
    kind: LimitKind
    period: Period
    generation: int
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    account_id: int
    used_account_id: int
    opened_at: datetime | None
    version: int
    adjusting: str | None
    counted: int
    counted_to_ns: int
    told_percent: int

    def __post_init__(self) -> None:
        """A row brings text where we have words, and decimals where we have ids."""
        object.__setattr__(self, "kind", LimitKind(self.kind))
        object.__setattr__(self, "period", Period(self.period))
        object.__setattr__(self, "account_id", int(self.account_id))
        object.__setattr__(self, "used_account_id", int(self.used_account_id))


@dataclass(frozen=True, slots=True)
class GuardRow:
    """One *stop me* coin limit of somebody, with its open window if it has one."""

    user_id: UUID
    period: str
    amount: int
    ends_at: datetime | None
    time_zone: str | None
    account_id: Decimal | None
    used_account_id: Decimal | None


async def locked(tx: Tx, user_id: UUID, wallet_account_id: int) -> Person:
    """The person, written down if need be, locked until `tx` ends."""
    named = {"user_id": user_id, "wallet_account_id": wallet_account_id}
    await tx.execute(_JOIN, named)
    await tx.execute(_LOCK, named)
    found = await person(tx, user_id)
    assert found is not None
    return found


async def person(tx: Tx, user_id: UUID) -> Person | None:
    """The person, if they ever had to do with limits."""
    return await db.row(tx, Person, _PERSON, {"user_id": user_id})


async def answer(tx: Tx, user_id: UUID, *, now: datetime) -> None:
    """Note that the person answered the question about a limit."""
    await tx.execute(_ANSWER, {"user_id": user_id, "now": now})


async def mark(tx: Tx, user_id: UUID, *, now: datetime) -> None:
    """Note that this person's windows are to be counted."""
    await tx.execute(_MARK, {"user_id": user_id, "now": now})


async def mark_wallets(tx: Tx, wallets: Sequence[int], *, now: datetime) -> int:
    """The same for whoever of these wallets' owners has a limit on coins; how many have."""
    named = {"wallets": [Decimal(wallet) for wallet in wallets], "now": now}
    return await db.run(tx, _MARK_WALLETS, named)


async def due(tx: Tx, *, now: datetime, limit: int) -> list[Person]:
    """People whose windows are to be counted, longest waiting first."""
    return await db.rows(tx, Person, _DUE, {"now": now, "limit": limit})


async def mark_counted(tx: Tx, seen: Person) -> None:
    """Nothing more to count for this person, unless they were marked again since."""
    await tx.execute(_COUNTED, {"user_id": seen.user_id, "marks": seen.marks})


async def settings(tx: Tx, user_id: UUID) -> list[Setting]:
    """All limits that the user has or once had."""
    return await db.rows(tx, Setting, _SETTINGS, {"user_id": user_id})


async def put(
    tx: Tx,
    user_id: UUID,
    named: tuple[LimitKind, Period],
    terms: Terms | None,
    *,
    generation: int,
    now: datetime,
) -> None:
    """Write what a limit says from now on; a raise that was asked for is forgotten."""
    kind, period = named
    fields = _fields(terms) | {"generation": generation, "now": now}
    await tx.execute(_SET, fields | {"user_id": user_id, "kind": kind, "period": period})


async def ask_raise(
    tx: Tx,
    user_id: UUID,
    named: tuple[LimitKind, Period],
    terms: Terms | None,
    *,
    asked_at: datetime | None,
) -> None:
    """Write down the raise that is asked for, or with no `asked_at` that none is."""
    kind, period = named
    fields = _fields(terms) | {"asked_at": asked_at}
    await tx.execute(_ASK_RAISE, fields | {"user_id": user_id, "kind": kind, "period": period})


async def guards(tx: Tx, user_ids: Sequence[UUID], *, now: datetime) -> list[GuardRow]:
    """The *stop me* coin limits of these users, in one query."""
    return await db.rows(tx, GuardRow, _GUARDS, {"user_ids": list(user_ids), "now": now})


async def current(tx: Tx, user_id: UUID, *, now: datetime) -> list[Window]:
    """The windows of a user that `now` lies in, of all generations."""
    return await db.rows(tx, Window, _CURRENT, {"user_id": user_id, "now": now})


async def windows(tx: Tx, ids: Sequence[UUID]) -> list[Window]:
    """These windows."""
    return await db.rows(tx, Window, _BY_IDS, {"ids": list(ids)})


async def windows_before(
    tx: Tx, user_id: UUID, named: tuple[LimitKind, Period], starts_at: datetime
) -> list[Window]:
    """The last windows of a limit that ended at `starts_at` or before, newest first."""
    kind, period = named
    fields = {"user_id": user_id, "kind": kind, "period": period, "starts_at": starts_at}
    return await db.rows(tx, Window, _BEFORE, fields)


async def begin(tx: Tx, window: Window) -> None:
    """Write down a window; its accounts are opened by the first adjustment."""
    await tx.execute(_BEGIN, _row(window))


async def count(tx: Tx, window: Window) -> None:
    """Write what was counted in a window, and what was told. Locks: the caller has the person's."""
    await tx.execute(_COUNT, _row(window))


async def adjust(tx: Tx, ids: Sequence[UUID], *, subject: str) -> None:
    """Note that an intent about `subject` is on its way to these windows' accounts."""
    await tx.execute(_ADJUST, {"ids": list(ids), "subject": subject})


async def mark_adjusted(tx: Tx, subject: str, *, opened: bool, now: datetime) -> None:
    """That intent is settled; if it was posted, its windows are open."""
    await tx.execute(_ADJUSTED, {"subject": subject, "opened": opened, "now": now})


def _terms(mode: str | None, amount: int | None, currency: str | None) -> Terms | None:
    if mode is None or amount is None:
        return None
    return Terms(Mode(mode), amount, currency)


def _fields(terms: Terms | None) -> dict[str, Any]:
    if terms is None:
        return {"mode": None, "amount": None, "currency": None}
    return {"mode": terms.mode.value, "amount": terms.amount, "currency": terms.currency}


def _row(window: Window) -> dict[str, Any]:
    return asdict(window)

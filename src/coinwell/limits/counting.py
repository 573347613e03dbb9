"""Brings a user's windows up to date: begun, counted, with exactly the room that the limit says.

One way for everything: a window that begins, a limit that is lowered or raised, a spend that
carried no leg, a recharge that came late. What should be there is computed, what is there is
read, and the difference is frozen, posted and recorded. A crash anywhere leaves a mark on the
person or an open intent, and the next one goes on from there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from coinwell.base.db import Pool, Tx, transaction
from coinwell.base.ids import new_uuid
from coinwell.base.outbox import record
from coinwell.ledger import (
    IdMaker,
    Intent,
    IntentState,
    Ledger,
    Transfer,
    freeze,
    intents,
    settle,
)
from coinwell.limits import postings, rules, store, store_money
from coinwell.limits.looking import Sight, look
from coinwell.limits.recording import RECORDERS, ROOM_STEP
from coinwell.limits.store import Setting, Window
from coinwell.limits.types import CALENDAR, LimitKind, Mode
from coinwell.users import user

# Each further round means that somebody else went ahead meanwhile.
_ROUNDS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class _Plan:
    windows: Mapping[Window, Setting]
    before: Mapping[Window, Sequence[Window]]


async def open_windows(pool: Pool, ledger: Ledger, user_id: UUID, *, now: datetime) -> None:
    """Open the windows of now for this user, counted and funded; nothing where they are open.

    Also brings the open ones up to date: after this, each lets through exactly what the limit
    says, less what was spent. May be called by any number of callers at once.

    Locks: the person's row, briefly; never while the ledger is asked.
    Refuses: `UserUnknown`.
    """
    for _ in range(_ROUNDS_MAX):
        async with transaction(pool) as tx:
            plan = await _plan(tx, user_id, now)
        if not plan.windows:
            return
        await settle_open(pool, ledger, plan.windows, now=now)
        sights = await look(ledger, list(plan.windows), plan.before)
        async with transaction(pool) as tx:
            done, intent = await _apply(tx, user_id, sights, now)
        if intent is not None:
            await settle(pool, ledger, intent, RECORDERS, now=now)
        if done:
            return
    raise AssertionError("the windows of one user cannot change that often")


async def settle_open(
    pool: Pool,
    ledger: Ledger,
    windows: Sequence[Window] | Mapping[Window, Setting],
    *,
    now: datetime,
) -> None:
    """Finish the adjustments of these windows that are on their way."""
    subjects = {window.adjusting for window in windows if window.adjusting is not None}
    for subject in sorted(subjects):
        async with transaction(pool) as tx:
            found = await intents(tx, room=postings.ROOM, subject=subject)
        for intent in found:
            if intent.state is IntentState.OPEN:
                await settle(pool, ledger, intent, RECORDERS, now=now)


async def _plan(tx: Tx, user_id: UUID, now: datetime) -> _Plan:
    """The windows of now, each with its limit; those that had not begun have now."""
    if await store.person(tx, user_id) is None:
        return _Plan({}, {})
    await store.locked(tx, user_id, postings.wallet_id(user_id))
    current = await store.current(tx, user_id, now=now)
    windows: dict[Window, Setting] = {}
    before: dict[Window, Sequence[Window]] = {}
    for setting in await store.settings(tx, user_id):
        if setting.terms is None or setting.period not in CALENDAR:
            continue
        named = (setting.kind, setting.period)
        same = [one for one in current if (one.kind, one.period) == named]
        window = next((one for one in same if one.generation == setting.generation), None)
        if window is None:
            window = await _begin(tx, setting, same, now)
        windows[window] = setting
        before[window] = await store.windows_before(tx, user_id, named, window.starts_at)
    return _Plan(windows, before)


async def _begin(tx: Tx, setting: Setting, same: Sequence[Window], now: datetime) -> Window:
    """Write down the window of now.

    Where the limit was set anew, the window that runs goes on. A change of time zone takes effect
    here: the new window begins where the last one ended, and ends by the new zone's calendar.
    """
    named = (setting.kind, setting.period)
    zone = (await user(tx, setting.user_id)).time_zone
    starts_at, ends_at = rules.window_of(setting.period, now, zone)
    if same:
        starts_at, ends_at, zone = same[-1].starts_at, same[-1].ends_at, same[-1].time_zone
    else:
        last = await store.windows_before(tx, setting.user_id, named, now)
        starts_at = max([starts_at, *(one.ends_at for one in last)])
    limit, used = postings.window_accounts(
        setting.user_id, setting.kind, setting.period, starts_at, setting.generation
    )
    window = Window(
        id=new_uuid(),
        user_id=setting.user_id,
        kind=setting.kind,
        period=setting.period,
        generation=setting.generation,
        starts_at=starts_at,
        ends_at=ends_at,
        time_zone=zone,
        account_id=limit.id,
        used_account_id=used.id,
        opened_at=None,
        version=0,
        adjusting=None,
        counted=0,
        counted_to_ns=0,
        told_percent=max([0, *(one.told_percent for one in same)]),
    )
    await store.begin(tx, window)
    return window


async def _apply(
    tx: Tx, user_id: UUID, sights: Sequence[Sight], now: datetime
) -> tuple[bool, Intent | None]:
    """Write what was counted, and freeze what the ledger is short of; whether that is all."""
    plan = await _plan(tx, user_id, now)
    seen = {sight.window.id: sight for sight in sights}
    done, moves = True, list[tuple[Window, int]]()
    for window, setting in plan.windows.items():
        sight = seen.get(window.id)
        if sight is None or _overtaken(window, sight.window):
            done = False
            continue
        after = await _count(tx, window, setting, sight, now)
        missing = room_missing(after, setting, sight, counted=after.counted)
        if missing is not None:
            moves.append((after, missing))
    return done, await _freeze(tx, user_id, moves, now) if moves else None


def _overtaken(window: Window, seen: Window) -> bool:
    """Whether somebody counted or adjusted since the ledger was read, or does so now."""
    return (
        window.adjusting is not None
        or window.version != seen.version
        or window.counted_to_ns != seen.counted_to_ns
        or window.counted != seen.counted
    )


async def _count(tx: Tx, window: Window, setting: Setting, sight: Sight, now: datetime) -> Window:
    """Add what was found to the window, and tell the user when half, most or all is used."""
    terms = setting.terms
    assert terms is not None
    if window.kind is LimitKind.MONEY:
        assert terms.currency is not None
        counted = await store_money.counted(tx, window, terms.currency)
        spent = await store_money.taken(tx, window, terms.currency)
    else:
        counted = window.counted + sight.uncounted
        spent = counted + sight.used
    told = rules.percent_to_tell(told=window.told_percent, spent=spent, amount=terms.amount)
    if told is not None:
        body = {
            "limit_kind": window.kind.value,
            "period": window.period.value,
            "mode": terms.mode.value,
            "percent": told,
            "limit": terms.amount,
            "spent": spent,
            "currency": terms.currency,
            "resets_at": window.ends_at.isoformat(),
        }
        await record(tx, kind="limit.notice", subject=window.user_id, body=body, at=now)
    after = replace(
        window,
        counted=counted,
        counted_to_ns=sight.to_ns,
        told_percent=window.told_percent if told is None else told,
    )
    if after != window:
        await store.count(tx, after)
    return after


def room_missing(
    window: Window, setting: Setting, sight: Sight, *, counted: int, freed: int = 0
) -> int | None:
    """By how much the ledger's room for a window is to change; None for not at all.

    `counted` was spent without a leg; `freed` comes back in the same chain.
    """
    terms = setting.terms
    if terms is None or terms.mode is not Mode.STOP:
        return None
    missing = rules.missing_room(amount=terms.amount, counted=counted, given=sight.given)
    if window.opened_at is None:
        return max(missing, 0)  # Nothing can be taken back from accounts that are not there.
    if missing > 0 or (missing < 0 and sight.room + freed > 0):
        return missing
    return None


async def _freeze(
    tx: Tx, user_id: UUID, moves: Sequence[tuple[Window, int]], now: datetime
) -> Intent:
    room = postings.room_account(user_id)
    subject = f"{user_id}/{new_uuid()}"
    accounts = [room]
    for window, _ in moves:
        accounts += postings.window_accounts(
            user_id, window.kind, window.period, window.starts_at, window.generation
        )
    intent = await freeze(
        tx,
        room=postings.ROOM,
        subject=subject,
        step=ROOM_STEP,
        accounts=accounts,
        transfers=lambda ids: [move(ids, room.id, user_id, window, by) for window, by in moves],
        now=now,
    )
    await store.adjust(tx, [window.id for window, _ in moves], subject=subject)
    return intent


def move(ids: IdMaker, room_id: int, user_id: UUID, window: Window, by: int) -> Transfer:
    """The leg that gives a window more room, or takes back what is there of it."""
    leg_id = ids(str(window.id))
    make = postings.take_back if by < 0 else postings.give
    return make(leg_id, (room_id, window.account_id), abs(by), user_id)

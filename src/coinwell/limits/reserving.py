"""Holds room for a recharge before a provider is asked; it is used up, or comes back.

Every recharge is written down here, limited or not: so a limit that is set meanwhile counts it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from coinwell.base.db import Pool, Tx, transaction
from coinwell.base.money import Money
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
from coinwell.limits import postings, store, store_money
from coinwell.limits.counting import move, open_windows, room_missing, settle_open
from coinwell.limits.looking import Sight, accounts_of, look
from coinwell.limits.recording import FREE_STEP, HOLD_STEP, RECORDERS, TAKE_STEP
from coinwell.limits.refusals import LimitOtherCurrency, LimitReached
from coinwell.limits.store import Setting, Window
from coinwell.limits.store_money import Hold, Recharge, State
from coinwell.limits.types import LimitKind, Mode, Period, room_of
from coinwell.users import user

_ROUNDS_MAX: Final = 100


class RoomUnknown(Exception):
    """A window began, or a limit was set, since `recharge_room` looked: look again."""


@dataclass(frozen=True, slots=True)
class Room:
    """What each open window of a user's money limits lets through, by window."""

    of_windows: Mapping[UUID, int]


async def recharge_room(pool: Pool, ledger: Ledger, user_id: UUID, *, now: datetime) -> Room:
    """Open the windows of a user's money limits and see what is left in them.

    What is left may be gone a moment later; only the hold decides. This spares a recharge that
    cannot succeed from being begun.

    Refuses: `UserUnknown`.
    """
    async with transaction(pool) as tx:
        if not _stops(await store.settings(tx, user_id)):
            return Room({})
    await open_windows(pool, ledger, user_id, now=now)
    async with transaction(pool) as tx:
        windows = await _windows(tx, user_id, now)
    accounts = await accounts_of(ledger, windows)
    return Room({one.id: room_of(accounts[one.account_id]) for one in windows})


async def reserve_recharge(
    tx: Tx, *, user_id: UUID, recharge_id: UUID, price: Money, room: Room, now: datetime
) -> None:
    """Write a recharge down, in the transaction that begins it, and freeze the hold on its room.

    Locks: the person's row, until `tx` ends: a limit is set before or after, never meanwhile.
    Refuses: `LimitReached`, `LimitOtherCurrency`; nothing is written then. Raises `RoomUnknown`
        when `room` is not of the windows of now.
    """
    await store.locked(tx, user_id, postings.wallet_id(user_id))
    stops = _stops(await store.settings(tx, user_id))
    windows = await _windows(tx, user_id, now)
    for setting in stops:
        assert setting.amount is not None
        assert setting.currency is not None
        if setting.currency != price.currency:
            raise LimitOtherCurrency(price.currency, setting.currency)
        window = next((one for one in windows if one.period is setting.period), None)
        if setting.period is Period.PURCHASE:
            left = setting.amount
        elif window is None or window.id not in room.of_windows:
            raise RoomUnknown
        else:
            left = room.of_windows[window.id]
        if price.minor > left:
            raise await _reached(tx, setting, window, price, left)
    state = State.ASKED if windows else State.HELD
    await store_money.add(tx, recharge_id, user_id, price, state=state, now=now)
    if windows:
        await _freeze_hold(tx, recharge_id, price, windows, now)


async def hold_recharge(pool: Pool, ledger: Ledger, recharge_id: UUID, *, now: datetime) -> None:
    """Have the ledger hold the room, before a provider is asked; a repeat says the same.

    A recharge that is not known here began before there were limits, and holds nothing.

    Refuses: `LimitReached` when others were faster.
    """
    async with transaction(pool) as tx:
        one = await store_money.recharge(tx, recharge_id)
        frozen = await _intents(tx, recharge_id, HOLD_STEP)
    if one is None:
        return
    if one.state is State.ASKED:
        for intent in frozen:
            await settle(pool, ledger, intent, RECORDERS, now=now)
        async with transaction(pool) as tx:
            one = await store_money.recharge(tx, recharge_id)
        assert one is not None
    if one.state is State.REFUSED:
        raise await _which(pool, ledger, one)


async def take_recharge(tx: Tx, recharge_id: UUID, *, now: datetime) -> None:
    """Money came for this recharge: what it holds is used up. It is never refused by a limit.

    One whose room was given back already counts in the windows of now: it came late.
    """
    one = await _locked(tx, recharge_id, now)
    if one is None or one.state is State.TAKEN:
        return
    late = one.state is State.REFUSED or bool(await _intents(tx, recharge_id, FREE_STEP))
    counts_at = now if late else one.counts_at
    due_at = now if await _held(tx, recharge_id) else None
    await store_money.move(tx, one, State.TAKEN, counts_at=counts_at, due_at=due_at)


async def release_recharge(tx: Tx, recharge_id: UUID, *, now: datetime) -> None:
    """The recharge ended unpaid: what it holds goes back. What was paid stays used up."""
    one = await _locked(tx, recharge_id, now)
    if one is not None and one.state in {State.ASKED, State.HELD}:
        due_at = now if await _held(tx, recharge_id) else None
        await store_money.move(tx, one, State.FREE, counts_at=one.counts_at, due_at=due_at)


async def finish_recharge(pool: Pool, ledger: Ledger, recharge_id: UUID, *, now: datetime) -> None:
    """Have the ledger follow what became of a recharge; nothing where it has.

    Room that comes back beyond what the limit says by now is taken back in the same chain.
    """
    for _ in range(_ROUNDS_MAX):
        async with transaction(pool) as tx:
            one = await store_money.recharge(tx, recharge_id)
            frozen = await _intents(tx, recharge_id)
        if one is None or one.due_at is None:
            return
        if not frozen or all(intent.state is not IntentState.OPEN for intent in frozen):
            intent = await _end(pool, ledger, one, now)
            if intent is None:
                continue
            frozen = [intent]
        for intent in frozen:
            await settle(pool, ledger, intent, RECORDERS, now=now)
    raise AssertionError("a recharge ends once")


async def _end(pool: Pool, ledger: Ledger, one: Recharge, now: datetime) -> Intent | None:
    """Freeze how the holds of a recharge end; None when nothing is left to end, or not yet."""
    async with transaction(pool) as tx:
        held = await _held(tx, one.id)
        windows = await store.windows(tx, [hold.window_id for hold in held])
    await settle_open(pool, ledger, windows, now=now)
    async with transaction(pool) as tx:
        windows = await store.windows(tx, [hold.window_id for hold in held])
    sights = {sight.window: sight for sight in await look(ledger, windows, {})}
    async with transaction(pool) as tx:
        current = await _locked(tx, one.id, now)
        assert current is not None
        held = await _held(tx, one.id)
        if not held:
            await store_money.mark_done(tx, current)
            return None
        windows = await store.windows(tx, [hold.window_id for hold in held])
        if any(window not in sights for window in windows) or current.state is not one.state:
            return None  # Adjusted since, or more is known now: look again.
        return await _freeze_end(tx, current, (held, windows), sights, now)


async def _freeze_end(
    tx: Tx,
    one: Recharge,
    held: tuple[Sequence[Hold], Sequence[Window]],
    sights: Mapping[Window, Sight],
    now: datetime,
) -> Intent:
    taken = one.state is State.TAKEN
    by_id = {window.id: window for window in held[1]}
    too_much = [] if taken else await _too_much(tx, one, held[1], sights, now)
    room_id = postings.room_account(one.user_id).id

    def legs(ids: IdMaker) -> list[Transfer]:
        ends = [
            postings.end_hold(
                ids(f"end:{hold.window_id}"),
                hold.transfer_id,
                _accounts(by_id[hold.window_id]),
                one.amount_minor,
                taken=taken,
            )
            for hold in held[0]
        ]
        return ends + [move(ids, room_id, one.user_id, window, by) for window, by in too_much]

    intent = await freeze(
        tx,
        room=postings.ROOM,
        subject=str(one.id),
        step=TAKE_STEP if taken else FREE_STEP,
        accounts=(),
        transfers=legs,
        now=now,
    )
    await store.adjust(tx, [window.id for window, _ in too_much], subject=str(one.id))
    return intent


async def _too_much(
    tx: Tx,
    one: Recharge,
    windows: Sequence[Window],
    sights: Mapping[Window, Sight],
    now: datetime,
) -> list[tuple[Window, int]]:
    """What the limits leave less room for than will be there once the holds are gone.

    It is there only when a limit was lowered below what was held.
    """
    found: list[tuple[Window, int]] = []
    for setting in _stops(await store.settings(tx, one.user_id)):
        for window in windows:
            own = (window.period, window.generation) == (setting.period, setting.generation)
            if not own or not window.starts_at <= now < window.ends_at:
                continue
            assert setting.currency is not None
            counted = await store_money.counted(tx, window, setting.currency)
            missing = room_missing(
                window, setting, sights[window], counted=counted, freed=one.amount_minor
            )
            if missing is not None and missing < 0:
                found.append((window, missing))
    return found


async def _freeze_hold(
    tx: Tx, recharge_id: UUID, price: Money, windows: Sequence[Window], now: datetime
) -> None:
    def legs(ids: IdMaker) -> list[Transfer]:
        return [
            postings.hold(ids(str(window.id)), _accounts(window), price.minor, recharge_id)
            for window in windows
        ]

    intent = await freeze(
        tx,
        room=postings.ROOM,
        subject=str(recharge_id),
        step=HOLD_STEP,
        accounts=(),
        transfers=legs,
        now=now,
    )
    for window, leg in zip(windows, intent.transfers, strict=True):
        await store_money.add_hold(tx, recharge_id, window.id, leg.id)


async def _which(pool: Pool, ledger: Ledger, one: Recharge) -> LimitReached:
    """The limit that had too little room: of those asked, the one with the least now."""
    async with transaction(pool) as tx:
        holds = await store_money.holds(tx, one.id)
        windows = await store.windows(tx, [hold.window_id for hold in holds])
        found = await store.settings(tx, one.user_id)
        settings = {each.period: each for each in found if each.kind is LimitKind.MONEY}
    accounts = await accounts_of(ledger, windows)
    window = min(windows, key=lambda each: room_of(accounts[each.account_id]))
    left = room_of(accounts[window.account_id])
    async with transaction(pool) as tx:
        return await _reached(tx, settings[window.period], window, one.amount, left)


async def _reached(
    tx: Tx, setting: Setting, window: Window | None, price: Money, left: int
) -> LimitReached:
    zone = (await user(tx, setting.user_id)).time_zone if window is None else window.time_zone
    return LimitReached(
        limit_kind=LimitKind.MONEY.value,
        period=setting.period.value,
        limit=setting.amount or 0,
        asked=price.minor,
        left=left,
        currency=price.currency,
        resets_at=None if window is None else window.ends_at,
        time_zone=zone,
    )


async def _windows(tx: Tx, user_id: UUID, now: datetime) -> list[Window]:
    """The open windows of now that a recharge has to hold room in."""
    stops = {(one.period, one.generation) for one in _stops(await store.settings(tx, user_id))}
    return [
        window
        for window in await store.current(tx, user_id, now=now)
        if window.kind is LimitKind.MONEY
        and (window.period, window.generation) in stops
        and window.opened_at is not None
    ]


def _stops(settings: Sequence[Setting]) -> list[Setting]:
    return [one for one in settings if one.kind is LimitKind.MONEY and one.mode == Mode.STOP.value]


def _accounts(window: Window) -> tuple[int, int]:
    return window.account_id, window.used_account_id


async def _locked(tx: Tx, recharge_id: UUID, now: datetime) -> Recharge | None:
    """The recharge, locked behind its person, who is marked: something is to be counted."""
    one = await store_money.recharge(tx, recharge_id)
    if one is None:
        return None
    await store.mark(tx, one.user_id, now=now)
    return await store_money.locked(tx, recharge_id)


async def _held(tx: Tx, recharge_id: UUID) -> list[Hold]:
    return [hold for hold in await store_money.holds(tx, recharge_id) if hold.state == "held"]


async def _intents(tx: Tx, recharge_id: UUID, step: str | None = None) -> list[Intent]:
    found = await intents(tx, room=postings.ROOM, subject=str(recharge_id))
    return [intent for intent in found if step is None or intent.step == step]

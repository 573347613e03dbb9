"""A user's limits as they stand: what each says, what is used, what is left, until when."""

from datetime import datetime
from uuid import UUID

from coinwell.base.db import Pool, Tx, transaction
from coinwell.ledger import Account, Ledger
from coinwell.limits import postings, rules, store
from coinwell.limits.counting import open_windows
from coinwell.limits.looking import accounts_of
from coinwell.limits.store import Setting, Window
from coinwell.limits.types import Limit, Mode, Terms, room_of
from coinwell.users import user


async def limits_of(pool: Pool, ledger: Ledger, user_id: UUID, *, now: datetime) -> list[Limit]:
    """All limits of a user, of coins first, from per purchase to per month; exact as of now.

    Refuses: `UserUnknown`.
    """
    async with transaction(pool) as tx:
        await user(tx, user_id)
    await open_windows(pool, ledger, user_id, now=now)
    async with transaction(pool) as tx:
        settings = await store.settings(tx, user_id)
        windows = await store.current(tx, user_id, now=now)
    accounts = await accounts_of(ledger, windows)
    found: list[Limit] = []
    for setting in settings:
        terms = setting.terms
        if terms is None:
            continue
        own = (setting.kind, setting.period, setting.generation)
        window = next((w for w in windows if (w.kind, w.period, w.generation) == own), None)
        found.append(_limit(setting, terms, window, accounts, now))
    return sorted(found, key=_place)


async def asked_before(tx: Tx, user_id: UUID) -> bool:
    """Whether the user was asked before: they answered, or went on to recharge without."""
    return await store.person(tx, user_id) is not None


async def no_limit_for_now(pool: Pool, user_id: UUID, *, now: datetime) -> None:
    """The user's answer that they want no limit for now; they are not asked again.

    Refuses: `UserUnknown`.
    """
    async with transaction(pool) as tx:
        await user(tx, user_id)
        await store.locked(tx, user_id, postings.wallet_id(user_id))
        await store.answer(tx, user_id, now=now)


def _limit(
    setting: Setting,
    terms: Terms,
    window: Window | None,
    accounts: dict[int, Account],
    now: datetime,
) -> Limit:
    spent, left = 0, terms.amount
    if window is not None:
        limit, used = accounts.get(window.account_id), accounts.get(window.used_account_id)
        spent = window.counted + (0 if used is None else postings.used_of(used))
        left = max(0, terms.amount - spent)
        if terms.mode is Mode.STOP and limit is not None:
            left = room_of(limit)
    wanted = None
    if setting.raise_asked_at is not None:
        wanted = rules.raise_of(setting.raise_terms, setting.raise_asked_at)
        wanted = wanted if now < wanted.lapses_at else None
    return Limit(
        user_id=setting.user_id,
        kind=setting.kind,
        period=setting.period,
        terms=terms,
        spent=spent,
        left=left,
        starts_at=None if window is None else window.starts_at,
        resets_at=None if window is None else window.ends_at,
        raise_asked=wanted,
    )


def _place(limit: Limit) -> tuple[int, int]:
    return list(type(limit.kind)).index(limit.kind), list(type(limit.period)).index(limit.period)

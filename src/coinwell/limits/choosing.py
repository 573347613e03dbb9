"""Sets, lowers and removes limits: down at once, up after a day and a second yes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Pool, Tx, transaction
from coinwell.base.money import Money
from coinwell.base.outbox import record
from coinwell.catalog import Channel, price_list
from coinwell.ledger import Ledger
from coinwell.limits import postings, rules, store
from coinwell.limits.counting import open_windows
from coinwell.limits.refusals import NoRaiseAsked, RaiseTooEarly, WrongLimit
from coinwell.limits.store import Setting
from coinwell.limits.types import AMOUNT_MAX, LimitKind, Mode, Period, Terms
from coinwell.users import user


@dataclass(frozen=True, slots=True)
class LimitName:
    """Which of a user's limits: of what, per when."""

    user_id: UUID
    kind: LimitKind
    period: Period


async def set_limit(  # noqa: PLR0913 - the three words of a limit, and what to reach.
    pool: Pool,
    ledger: Ledger,
    name: LimitName,
    mode: Mode,
    amount: int,
    *,
    now: datetime,
    currency: str | None = None,
) -> rules.Change:
    """Set a limit; AT_ONCE when it holds as this returns, LATER when it now waits as a raise.

    What is lower or stricter holds at once. What is weaker is written down and changes nothing
    until `confirm_raise`, a day later. Asking for the same raise again does not begin anew.

    Units: `amount` in coins, or in minor units of `currency`; without one it is the currency of
        the user's other money limits, or else the one they recharge in.
    Locks: the person's row; the ledger is asked afterwards.
    Refuses: `UserUnknown`, `WrongLimit`.
    """
    async with transaction(pool) as tx:
        terms = await _terms(tx, name, mode, amount, currency, now)
        change = await _change(tx, name, terms, now)
    await open_windows(pool, ledger, name.user_id, now=now)
    return change


async def remove_limit(pool: Pool, name: LimitName, *, now: datetime) -> rules.Change:
    """Ask for no limit any more: a raise like any other. NONE where there is none.

    Refuses: `UserUnknown`.
    """
    async with transaction(pool) as tx:
        await user(tx, name.user_id)
        return await _change(tx, name, None, now)


async def confirm_raise(pool: Pool, ledger: Ledger, name: LimitName, *, now: datetime) -> None:
    """The second yes: what was asked for a day ago holds from now on.

    Refuses: `NoRaiseAsked`; `RaiseTooEarly` before 24 hours have passed.
    """
    async with transaction(pool) as tx:
        setting = await _locked(tx, name)
        wanted = _raise_in(setting, now)
        if setting is None or wanted is None:
            raise NoRaiseAsked(name.kind.value, name.period.value)
        if now < wanted.ready_at:
            raise RaiseTooEarly(name.kind.value, name.period.value, wanted.ready_at)
        await _put(tx, name, setting, wanted.terms, now)
    await open_windows(pool, ledger, name.user_id, now=now)


async def cancel_raise(pool: Pool, name: LimitName, *, now: datetime) -> None:
    """Forget the raise that was asked for; the limit stands as it is. A repeat changes nothing."""
    async with transaction(pool) as tx:
        setting = await _locked(tx, name)
        if setting is not None and setting.raise_asked_at is not None:
            named = (name.kind, name.period)
            await store.ask_raise(tx, name.user_id, named, None, asked_at=None)
            await _tell(tx, name, "limit.raise_canceled", setting.terms, now)


async def _terms(
    tx: Tx, name: LimitName, mode: Mode, amount: int, currency: str | None, now: datetime
) -> Terms:
    owner = await user(tx, name.user_id)
    errors: list[dict[str, str]] = []
    if not 0 <= amount <= AMOUNT_MAX:
        detail = "Write a whole number that is not negative, up to a trillion."
        errors.append({"pointer": "/amount", "detail": detail})
    if name.kind is LimitKind.COINS:
        if currency is not None:
            detail = "A limit of coins has no currency."
            errors.append({"pointer": "/currency", "detail": detail})
        if errors:
            raise WrongLimit(errors)
        return Terms(mode, amount)
    held = await currency_of(tx, name.user_id)
    if currency is not None and held not in {None, currency}:
        detail = f"Your limits on money are in {held}. Remove them first."
        errors.append({"pointer": "/currency", "detail": detail})
    if errors:
        raise WrongLimit(errors)
    if held is None:
        offer = await price_list(
            tx, country=owner.country, currency=currency, channel=Channel.WEB, now=now
        )
        held = offer.currency
    return Terms(mode, Money(amount, held).minor, held)


async def currency_of(tx: Tx, user_id: UUID) -> str | None:
    """The currency of the limits on money that a user has; None where there is none."""
    found = [one.currency for one in await store.settings(tx, user_id) if one.currency]
    return found[0] if found else None


async def _change(tx: Tx, name: LimitName, terms: Terms | None, now: datetime) -> rules.Change:
    setting = await _locked(tx, name)
    standing = None if setting is None else setting.terms
    change = rules.change_of(standing, terms)
    named = (name.kind, name.period)
    match change:
        case rules.Change.AT_ONCE:
            await _put(tx, name, setting, terms, now)
        case rules.Change.LATER:
            wanted = _raise_in(setting, now)
            if wanted is None or wanted.terms != terms:
                await store.ask_raise(tx, name.user_id, named, terms, asked_at=now)
                await _tell(tx, name, "limit.raise_asked", terms, now)
        case rules.Change.NONE:
            pass
    return change


async def _locked(tx: Tx, name: LimitName) -> Setting | None:
    await store.locked(tx, name.user_id, postings.wallet_id(name.user_id))
    found = await store.settings(tx, name.user_id)
    return next((one for one in found if (one.kind, one.period) == (name.kind, name.period)), None)


async def _put(
    tx: Tx, name: LimitName, setting: Setting | None, terms: Terms | None, now: datetime
) -> None:
    """What the limit says from now on; the person is marked, should this process die now."""
    standing = None if setting is None else setting.terms
    generation = 0 if setting is None else setting.generation
    if rules.begins_anew(standing, terms):
        generation += 1
    named = (name.kind, name.period)
    await store.put(tx, name.user_id, named, terms, generation=generation, now=now)
    await store.answer(tx, name.user_id, now=now)
    await store.mark(tx, name.user_id, now=now)
    await _tell(tx, name, "limit.changed", terms, now)


async def _tell(tx: Tx, name: LimitName, kind: str, terms: Terms | None, now: datetime) -> None:
    body = {
        "limit_kind": name.kind.value,
        "period": name.period.value,
        "mode": None if terms is None else terms.mode.value,
        "limit": None if terms is None else terms.amount,
        "currency": None if terms is None else terms.currency,
    }
    await record(tx, kind=kind, subject=name.user_id, body=body, at=now)


def _raise_in(setting: Setting | None, now: datetime) -> rules.Raise | None:
    if setting is None or setting.raise_asked_at is None:
        return None
    wanted = rules.raise_of(setting.raise_terms, setting.raise_asked_at)
    return wanted if now < wanted.lapses_at else None

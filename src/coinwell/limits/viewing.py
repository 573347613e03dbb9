"""What the pages show of limits: words, bars, and what coins are worth in money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from coinwell.base.db import Pool, Tx, transaction
from coinwell.base.i18n import translations
from coinwell.base.money import Money
from coinwell.base.refusal import Refusal
from coinwell.base.web import coins_text, when_text
from coinwell.catalog import Channel, price_list, quote
from coinwell.ledger import Ledger
from coinwell.limits.choosing import currency_of
from coinwell.limits.listing import limits_of
from coinwell.limits.types import Limit, LimitKind, Mode, Period, Terms
from coinwell.users import User

_WHOLE = 100


@dataclass(frozen=True, slots=True)
class Offer:
    """What this user pays: the currency, and the price of 100 coins at the dearest pack."""

    currency: str
    per_hundred: Money | None

    def worth(self, coins: int) -> Money | None:
        """What so many coins cost at most, rounded up; None where nothing is sold."""
        if self.per_hundred is None:
            return None
        return Money(-(-self.per_hundred.minor * coins // _WHOLE), self.per_hundred.currency)


@dataclass(frozen=True, slots=True)
class RaiseCard:
    """A raise that waits, in words."""

    wanted: str
    ready: bool
    ready_at: str
    lapses_at: str


@dataclass(frozen=True, slots=True)
class Card:
    """One limit as the page shows it. `percent` is how much of the bar is filled."""

    place: str
    kind: str
    period: str
    title: str
    worth: Money | None
    stops: bool
    percent: int
    spent: str
    left: str
    over: bool
    resets_at: str
    written: str
    raise_asked: RaiseCard | None


@dataclass(frozen=True, slots=True)
class Section:
    """All limits of one kind, and the periods that have none yet."""

    kind: str
    cards: Sequence[Card]
    free: Sequence[str]
    currency: str
    hint: Money | None


async def offer_of(tx: Tx, viewer: User, now: datetime) -> Offer:
    """The currency that this user's limits on money are in, and what coins cost there."""
    held = await currency_of(tx, viewer.id)
    try:
        offer = await price_list(
            tx, country=viewer.country, currency=None, channel=Channel.WEB, now=now
        )
    except Refusal:
        return Offer(held or "USD", None)  # Nothing is on sale here at the moment.
    rates = [quote(offer, pack_id=pack.id).per_hundred for pack in offer.packs]
    dearest = max(rates, key=lambda rate: rate.minor, default=None)
    return Offer(held or offer.currency, dearest)


async def sections(pool: Pool, ledger: Ledger, viewer: User, now: datetime) -> list[Section]:
    """Both kinds of limits of this user, as of now."""
    found = await limits_of(pool, ledger, viewer.id, now=now)
    async with transaction(pool) as tx:
        offer = await offer_of(tx, viewer, now)
    made: list[Section] = []
    for kind in LimitKind:
        own = [limit for limit in found if limit.kind is kind]
        set_ = {limit.period for limit in own}
        made.append(
            Section(
                kind=kind.value,
                cards=[_card(limit, offer, viewer, now) for limit in own],
                free=[period.value for period in Period if period not in set_],
                currency="" if kind is LimitKind.COINS else offer.currency,
                hint=offer.per_hundred if kind is LimitKind.COINS else None,
            )
        )
    return made


def amount_text(terms: Terms, amount: int) -> str:
    """An amount of a limit as a person reads it."""
    return coins_text(amount) if terms.currency is None else Money(amount, terms.currency).text()


def title_of(terms: Terms, period: Period) -> str:
    """A limit as a person names it: "5,000 coins a day"."""
    say = translations("en").gettext
    words = {
        Period.PURCHASE: say("%(amount)s per purchase"),
        Period.DAY: say("%(amount)s a day"),
        Period.WEEK: say("%(amount)s a week"),
        Period.MONTH: say("%(amount)s a month"),
    }
    return words[period] % {"amount": amount_text(terms, terms.amount)}


def _card(limit: Limit, offer: Offer, viewer: User, now: datetime) -> Card:
    terms = limit.terms
    coins = terms.currency is None
    filled = _WHOLE if terms.amount == 0 else min(_WHOLE, limit.spent * _WHOLE // terms.amount)
    return Card(
        place=f"{limit.kind.value}-{limit.period.value}",
        kind=limit.kind.value,
        period=limit.period.value,
        title=title_of(terms, limit.period),
        worth=offer.worth(terms.amount) if coins else None,
        stops=terms.mode is Mode.STOP,
        percent=filled,
        spent=amount_text(terms, limit.spent),
        left=amount_text(terms, limit.left),
        over=limit.left == 0,
        resets_at=_when(limit.resets_at, viewer),
        written=_written(terms),
        raise_asked=_raise(limit, viewer, now),
    )


def _written(terms: Terms) -> str:
    """The amount as a person would write it into the box."""
    if terms.currency is None:
        return str(terms.amount)
    return str(Money(terms.amount, terms.currency).major)


def _raise(limit: Limit, viewer: User, now: datetime) -> RaiseCard | None:
    wanted = limit.raise_asked
    if wanted is None:
        return None
    say = translations("en").gettext
    if wanted.terms is None:
        words = say("no limit any more")
    elif wanted.terms.mode is Mode.TELL:
        title = title_of(wanted.terms, limit.period)
        words = say("%(limit)s, with a notice only") % {"limit": title}
    else:
        words = title_of(wanted.terms, limit.period)
    return RaiseCard(
        wanted=words,
        ready=now >= wanted.ready_at,
        ready_at=_when(wanted.ready_at, viewer),
        lapses_at=_when(wanted.lapses_at, viewer),
    )


def _when(at: datetime | None, viewer: User) -> str:
    return "" if at is None else when_text(at, viewer.time_zone)

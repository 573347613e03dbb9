"""Reads what a viewer sees of a room: who is there, what was given, what they may do here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final
from uuid import UUID

from coinwell.base.clock import to_ns
from coinwell.base.db import Pool, Tx, transaction
from coinwell.base.money import Money
from coinwell.base.refusal import Refusal
from coinwell.catalog import Channel, Gift, PriceList, gifts, price_list, true_price_text
from coinwell.ledger import AccountFilter, AccountFilterFlags, Kind, Ledger
from coinwell.limits import LimitKind, Period, limits_of
from coinwell.live import store_events, store_viewers
from coinwell.live.frames import BOARD_LINES, EventShown, LineShown, Words
from coinwell.live.rooms import room as room_of_id
from coinwell.live.store_events import Wanted
from coinwell.live.types import RoomState
from coinwell.live.viewing import Purse, ask_above, counted, tone
from coinwell.users import Scope, Standing, User, restrictions, standing, user
from coinwell.wallet import balance, wallet_id

_LIMIT_WORDS: Final = {
    Period.DAY: "Left today",
    Period.WEEK: "Left this week",
    Period.MONTH: "Left this month",
}
_EVENTS_READ: Final = 40
_NEWS_LINES: Final = 10
_FRESH_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """A room's head: whose it is, how far it came, and the number its stream goes on from."""

    id: UUID
    title: str
    creator: str
    tone: int
    open: bool
    number: int
    coins: int
    gifts: int


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One of the top gifters."""

    rank: int
    name: str
    tone: int
    coins: int


@dataclass(frozen=True, slots=True)
class NewsLine:
    """Some gifts of one sender in a row."""

    sender: str
    art: str
    what: str
    coins: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A room for one viewer.

    Shape: `news` newest first. `gifts` is empty and `offer` None where nothing is sold.
    """

    room: RoomFacts
    opened_at: datetime
    own: bool
    board: Sequence[BoardLine]
    news: Sequence[NewsLine]
    standing: Standing
    recharging: Standing
    offer: PriceList | None
    gifts: Sequence[Gift]
    above: Money | None  # Above this the viewer is asked before a gift is sent.


async def scene(tx: Tx, room_id: UUID, viewer: User, *, words: Words, now: datetime) -> Scene:
    """The room as it stands, for `viewer`.

    Refuses: `RoomUnknown`.
    """
    room = await room_of_id(tx, room_id)
    creator = await user(tx, room.creator_id)
    stood = await store_events.standing(tx, room_id, lines=BOARD_LINES)
    assert stood is not None
    wanted = [Wanted(room_id, max(0, stood.number - _EVENTS_READ), stood.number)]
    events = await store_events.events(tx, wanted, limit=_EVENTS_READ)
    known = await words.learn(tx, [stood], events)
    placed = await restrictions(tx, viewer.id, now=now, in_force=True)
    offer = await offer_of(tx, viewer, now)
    facts = RoomFacts(
        room.id, room.title, creator.display_name, tone(creator.id),
        room.state is RoomState.OPEN, stood.number, stood.coins, stood.gifts,
    )  # fmt: skip
    return Scene(
        room=facts,
        opened_at=room.opened_at,
        own=room.creator_id == viewer.id,
        board=[_line(one) for one in known.board(stood)],
        news=_news([known.event(one) for one in events]),
        standing=standing(viewer, placed, Scope.GIFT, now),
        recharging=standing(viewer, placed, Scope.RECHARGE, now),
        offer=offer,
        gifts=await gifts(tx, now=now),
        above=await above_of(tx, viewer.id, offer),
    )


async def offer_of(tx: Tx, viewer: User, now: datetime) -> PriceList | None:
    """The prices of this viewer, or None where nothing is sold to them."""
    try:
        return await price_list(
            tx, country=viewer.country, currency=None, channel=Channel.WEB, now=now
        )
    except Refusal:
        return None


async def above_of(tx: Tx, viewer_id: UUID, offer: PriceList | None) -> Money | None:
    """The viewer's own amount; without one, or in another currency now, the default."""
    if offer is None:
        return None
    chosen = await store_viewers.above_of(tx, viewer_id)
    same = chosen is not None and chosen.currency == offer.currency
    return chosen if same else ask_above(offer.currency)


async def purse_of(
    pool: Pool, ledger: Ledger, viewer: User, shown: Scene, *, now: datetime
) -> Purse:
    """The viewer's own figures; what they gave here is exact, however late the board is."""
    held = await balance(ledger, viewer.id)
    spent = await _spent(pool, ledger, viewer.id, shown)
    money = "" if shown.offer is None else true_price_text(shown.offer, spent)
    left, words = await _limit_left(pool, ledger, viewer.id, now)
    return Purse(held.coins, spent, money, left, words, held.moved)


async def _limit_left(
    pool: Pool, ledger: Ledger, viewer_id: UUID, now: datetime
) -> tuple[int | None, str]:
    """What the tightest of the viewer's own limits still lets through, and its name."""
    lefts = [
        (one.left, _LIMIT_WORDS[one.period])
        for one in await limits_of(pool, ledger, viewer_id, now=now)
        if one.kind is LimitKind.COINS and one.period in _LIMIT_WORDS
    ]
    return min(lefts, default=(None, ""), key=lambda one: one[0])


async def _spent(pool: Pool, ledger: Ledger, viewer_id: UUID, shown: Scene) -> int:
    async with transaction(pool) as tx:
        given = await store_viewers.given_by(tx, shown.room.id, viewer_id)
    coins, reached_ns = (given.coins, given.reached_at_ns) if given else (0, 0)
    fresh = await ledger.get_account_transfers(
        AccountFilter(
            account_id=wallet_id(viewer_id),
            user_data_128=shown.room.id.int,
            code=int(Kind.GIFT),
            timestamp_min=max(reached_ns + 1, to_ns(shown.opened_at)),
            limit=_FRESH_MAX,
            flags=AccountFilterFlags.DEBITS,
        )
    )
    return coins + sum(one.amount for one in fresh)


def _line(one: LineShown) -> BoardLine:
    return BoardLine(one.rank, one.name, tone(one.user_id), one.coins)


def _news(events: Sequence[EventShown]) -> list[NewsLine]:
    lines: list[NewsLine] = []
    for _, row in groupby(reversed(events), key=lambda one: (one.sender.id, one.gift.id)):
        same = list(row)
        gift, count = same[0].gift, sum(one.count for one in same)
        coins = sum(one.coins for one in same)
        art = gift.art or "heart.svg"
        lines.append(NewsLine(same[0].sender.name, art, counted(count, gift.name), coins))
    return lines[:_NEWS_LINES]

"""Live rooms for viewers: which are open, the room itself, and a tap that sends a gift.

The forms work alone: what the page's script does is the same request, answered as JSON. Before
anything is sent, a gift worth more than the viewer's own amount is asked about, here and not in
the script, so that no way around it leads over these pages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import randbits
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base.db import transaction
from coinwell.base.given import Given
from coinwell.base.money import AmountUnreadable, Money
from coinwell.base.refusal import Kind as Because
from coinwell.base.refusal import Refusal
from coinwell.base.web import AnyRequest, coins_text, render, see_other
from coinwell.catalog import gift_of
from coinwell.ledger import Kind
from coinwell.limits import LimitReached
from coinwell.live import store_viewers
from coinwell.live.frames import Words
from coinwell.live.knowing import LiveDeps
from coinwell.live.refusals import NotEnoughCoins, OwnRoom, RoomUnknown
from coinwell.live.rooms import close_room, room, rooms
from coinwell.live.rules import count_of, number_of
from coinwell.live.sending import send_gifts
from coinwell.live.staging import Scene, purse_of, scene
from coinwell.live.types import COUNT_MAX, GiftSent, GiftWish
from coinwell.live.viewing import (
    COUNTS,
    Purse,
    Sheet,
    Shortfall,
    Step,
    confirm_sheet,
    counted,
    must_confirm,
    no_sheet,
    short_sheet,
    tiles,
    tone,
    whole,
)
from coinwell.users import MayNot, User, display_names
from coinwell.wallet import balance, wallet_id

Form = URLEncodedBody[dict[str, str]]
_STATUS: Final[Mapping[Step, int]] = {Step.CONFIRM: 409, Step.SHORT: 402}
_UUID7: Final = 0x7 << 76 | 0b10 << 62
_WORDS: Final = Words()


@dataclass(frozen=True, slots=True)
class Tapped:
    """One tap: which gift, how many, the total that was shown, and whether it was agreed to."""

    gift: str
    count: int
    seen: int | None
    key: str
    agreed: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows beside the room itself."""

    count: int = 1
    count_error: str = ""
    said: str = ""
    sheet: Sheet | None = None
    asking_error: str = ""
    status: int = 200


@dataclass(eq=False)
class TapUnreadable(Refusal):
    """The page was open for too long. Open it again; nothing was sent."""

    kind = Because.WRONG
    title = "Open the page again"


@get("/live")
async def open_rooms(
    request: AnyRequest,
    viewer: Given[User],
    live: Given[LiveDeps],
    cursor: FromQuery[str | None] = None,
) -> Response[str]:
    """Who is live now."""
    async with transaction(live.pool) as tx:
        found, following = await rooms(tx, open_only=True, cursor=cursor)
        names = await display_names(tx, {one.creator_id for one in found})
    shown = [
        {
            "id": one.id,
            "title": one.title,
            "creator": names[one.creator_id],
            "tone": tone(one.creator_id),
            "opened_at": one.opened_at,
        }
        for one in found
    ]
    return render(request, "live/open.html", shown=shown, cursor=following, zone=viewer.time_zone)


@get("/live/{room_id:uuid}")
async def room_page(
    request: AnyRequest,
    room_id: FromPath[UUID],
    viewer: Given[User],
    live: Given[LiveDeps],
    count: FromQuery[str | None] = None,
    sent: FromQuery[str | None] = None,
) -> Response[str]:
    """The room: stage, board, what was given, and the panel; looking writes nothing."""
    wanted = 1 if count is None or not count.strip() else whole(count)
    error = "" if wanted else f"Write a whole number from 1 to {COUNT_MAX}."
    said = await _said(live, viewer, room_id, sent) if sent else ""
    shown = Shown(wanted or 1, error, said, status=200 if wanted else 422)
    return await _room(request, live, viewer, room_id, shown)


@get("/live/{room_id:uuid}/prices")
async def prices(
    room_id: FromPath[UUID],
    viewer: Given[User],
    live: Given[LiveDeps],
    count: FromQuery[str] = "1",
) -> Response[dict[str, Any]]:
    """What each gift costs for so many of it, for the page's own script."""
    wanted = whole(count)
    if wanted is None:
        raise TapUnreadable
    found = await _scene(live, viewer, room_id)
    if found.offer is None:
        return Response({})
    held = await balance(live.ledger, viewer.id)
    priced = tiles(found.gifts, found.offer, count=wanted, coins=held.coins)
    return Response({one.id: {"coins": one.coins, "money": one.money} for one in priced})


@post("/live/{room_id:uuid}/gifts")
async def give(
    request: AnyRequest,
    room_id: FromPath[UUID],
    data: Form,
    viewer: Given[User],
    live: Given[LiveDeps],
) -> Response[Any] | Redirect:
    """One tap: sent, or asked about first, or why not and what next. A key sends once."""
    found = await _scene(live, viewer, room_id)
    tapped = _tapped(data)
    answer = await _step(live, viewer, found, tapped)
    if "application/json" in request.headers.get("accept", ""):
        return await _as_json(live, viewer, found, answer)
    if isinstance(answer, GiftSent):
        return see_other(
            f"/live/{room_id}?count={answer.count}&sent={UUID(int=answer.transfer_id)}"
        )
    count = 1 if tapped is None else tapped.count
    shown = Shown(count, sheet=answer, status=_STATUS.get(answer.step, 409))
    return await _room(request, live, viewer, room_id, shown)


@post("/live/{room_id:uuid}/close")
async def close_own(
    room_id: FromPath[UUID], viewer: Given[User], live: Given[LiveDeps]
) -> Redirect:
    """The creator ends the live."""
    async with transaction(live.pool) as tx:
        found = await room(tx, room_id)
        if found.creator_id != viewer.id:
            raise RoomUnknown(room_id)
        await close_room(tx, room_id, now=live.clock.now())
    return see_other(f"/live/{room_id}")


@post("/live/{room_id:uuid}/asking")
async def set_asking(
    request: AnyRequest,
    room_id: FromPath[UUID],
    data: Form,
    viewer: Given[User],
    live: Given[LiveDeps],
) -> Response[str] | Redirect:
    """Above which amount this viewer is asked before a gift is sent."""
    found = await _scene(live, viewer, room_id)
    if found.offer is None:
        return see_other(f"/live/{room_id}")
    try:
        above = Money.parse(data.get("above", "").strip(), found.offer.currency)
    except AmountUnreadable:
        above = None
    if above is None or above.minor < 0:
        said = "Write an amount like 5, or 0 to be asked every time. Nothing was changed."
        return await _room(request, live, viewer, room_id, Shown(asking_error=said, status=422))
    async with transaction(live.pool) as tx:
        await store_viewers.set_above(tx, viewer.id, above, at=live.clock.now())
    return see_other(f"/live/{room_id}")


async def _scene(live: LiveDeps, viewer: User, room_id: UUID) -> Scene:
    async with transaction(live.pool) as tx:
        return await scene(tx, room_id, viewer, words=_WORDS, now=live.clock.now())


def _tapped(data: Mapping[str, str]) -> Tapped | None:
    gift, _, seen = data.get("gift", "").partition(":")
    count, key = whole(data.get("count", "1")), data.get("key", "")
    try:
        UUID(key)
    except ValueError:
        return None
    total = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 16 else None  # noqa: PLR2004
    if count is None or (seen and total is None):
        return None
    return Tapped(gift, count, total, key, data.get("agreed") == "yes")


async def _step(
    live: LiveDeps, viewer: User, found: Scene, tapped: Tapped | None
) -> GiftSent | Sheet:
    if tapped is None:
        return _no(found, TapUnreadable())
    before = await _before(live, viewer, found, tapped)
    if before is not None:
        return before
    wish = GiftWish(
        key=tapped.key,
        sender_id=viewer.id,
        room_id=found.room.id,
        gift_id=tapped.gift,
        count=tapped.count,
        coins=tapped.seen,
    )
    (answer,) = await send_gifts(live, [wish])
    if isinstance(answer, NotEnoughCoins):
        short = await _short(live, viewer, found, tapped)
        return _no(found, answer) if short is None else short
    return answer if isinstance(answer, GiftSent) else _no(found, answer)


async def _before(live: LiveDeps, viewer: User, found: Scene, tapped: Tapped) -> Sheet | None:
    """What has to be asked before a large gift; without an answer nothing is sent."""
    gift = next((one for one in found.gifts if one.id == tapped.gift), None)
    if tapped.agreed or gift is None or found.offer is None:
        return None
    if found.own or not found.standing.allowed or not found.room.open:
        return None
    total = gift.coins * tapped.count
    if not must_confirm(found.offer, total, found.above):
        return None
    short = await _short(live, viewer, found, tapped)
    if short is not None:
        return short
    held = await balance(live.ledger, viewer.id)
    return confirm_sheet(gift, tapped.count, found.offer, coins=held.coins, above=found.above)


async def _short(live: LiveDeps, viewer: User, found: Scene, tapped: Tapped) -> Sheet | None:
    gift = next((one for one in found.gifts if one.id == tapped.gift), None)
    held = await balance(live.ledger, viewer.id)
    if gift is None or found.offer is None or gift.coins * tapped.count <= held.coins:
        return None
    short = Shortfall(gift.coins * tapped.count, held.coins, held.debt)
    what = counted(tapped.count, gift.name)
    return short_sheet(what, short, found.offer, room_id=found.room.id, may=found.recharging)


def _no(found: Scene, no: Refusal) -> Sheet:
    here = f"/live/{found.room.id}"
    if isinstance(no, LimitReached):
        return no_sheet(no, button="See or change your limits", href=no.change_at)
    if isinstance(no, MayNot):
        return no_sheet(no, button="What this account may do", href="/me/status")
    if isinstance(no, OwnRoom):
        return no_sheet(no)
    return no_sheet(no, button="Open the live again", href=here)


async def _as_json(
    live: LiveDeps, viewer: User, found: Scene, answer: GiftSent | Sheet
) -> Response[Any]:
    purse = msgspec.to_builtins(await _purse(live, viewer, found))
    if isinstance(answer, GiftSent):
        return Response({"step": Step.SENT, "coins": answer.coins, "purse": purse})
    body = {"step": answer.step, "sheet": msgspec.to_builtins(answer), "purse": purse}
    return Response(body, status_code=_STATUS.get(answer.step, 409))


async def _said(live: LiveDeps, viewer: User, room_id: UUID, sent: str) -> str:
    """What the ledger says of a gift that was sent; nothing of what an address claims."""
    try:
        transfer_id = UUID(sent).int
    except ValueError:
        return ""
    for one in await live.ledger.lookup_transfers([transfer_id]):
        mine = one.debit_account_id == wallet_id(viewer.id)
        if mine and one.code == Kind.GIFT and one.user_data_128 == room_id.int:
            async with transaction(live.pool) as tx:
                gift = await gift_of(tx, number_of(one))
            what = counted(count_of(one), "Gift" if gift is None else gift.name)
            return f"Sent {what} for {coins_text(one.amount)}."
    return ""


async def _purse(live: LiveDeps, viewer: User, found: Scene) -> Purse:
    return await purse_of(live.pool, live.ledger, viewer, found, now=live.clock.now())


async def _room(
    request: AnyRequest, live: LiveDeps, viewer: User, room_id: UUID, shown: Shown
) -> Response[str]:
    found = await _scene(live, viewer, room_id)
    purse = await _purse(live, viewer, found)
    open_to = found.room.open and not found.own and found.standing.allowed
    priced = (
        tiles(found.gifts, found.offer, count=shown.count, coins=purse.coins)
        if open_to and found.offer
        else []
    )
    return render(
        request,
        "live/room.html",
        status=shown.status,
        room=found.room,
        board=found.board,
        events=found.news,
        own=found.own,
        barred=None if found.standing.allowed else found.standing,
        purse=purse,
        tiles=priced,
        first=counted(shown.count, priced[0].name) if priced else "",
        count=shown.count,
        counts=COUNTS,
        count_error=shown.count_error,
        count_max=COUNT_MAX,
        above=found.above,
        above_text="" if found.above is None else f"{found.above.major:f}",
        currency="" if found.offer is None else found.offer.currency,
        asking_error=shown.asking_error,
        sheet=shown.sheet,
        said=shown.said,
        zone=viewer.time_zone,
        # The page's own key: pressing twice or reloading a form is one gift.
        key=str(_fresh_key(live)),
    )


def _fresh_key(live: LiveDeps) -> UUID:
    # Source: RFC 9562, section 5.7: 48 bits of time, and random ones around version and variant.
    at_ms = live.clock.now_ns() // 1_000_000
    return UUID(int=at_ms << 80 | _UUID7 | randbits(12) << 64 | randbits(62))


PAGES: Sequence[ControllerRouterHandler] = (
    open_rooms,
    room_page,
    prices,
    give,
    close_own,
    set_asking,
)

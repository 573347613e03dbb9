"""Live rooms for programs: open, close and list rooms, send gifts, see what was earned."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, HeaderParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from coinwell.base.cursor import BadCursor
from coinwell.base.db import Tx, transaction
from coinwell.base.given import Given
from coinwell.base.headers import stamp_of
from coinwell.base.idempotency import Answer, fingerprint, once, read_key
from coinwell.base.openapi import json_body, refuses
from coinwell.base.web import AnyRequest
from coinwell.ledger import LEDGER_COINS, Code, LedgerBusy, account_id
from coinwell.limits import LimitReached
from coinwell.live.knowing import LiveDeps
from coinwell.live.lane import answer_of
from coinwell.live.refusals import (
    AccountClosed,
    GiftPriceChanged,
    GiftRefusedBefore,
    GiftUnknown,
    NotEnoughCoins,
    OwnRoom,
    RoomClosed,
    RoomOpenAlready,
    RoomUnknown,
    WrongTitle,
)
from coinwell.live.rooms import PAGE_ROOMS, close_room, open_room, room, rooms
from coinwell.live.rules import earned_account
from coinwell.live.sending import send_gift, send_gifts
from coinwell.live.shapes import (
    EarnedShown,
    GiftShown,
    GiftsShown,
    GiftsWanted,
    GiftWanted,
    RoomShown,
    RoomsShown,
    RoomWanted,
    shown_gift,
    shown_room,
    wish_of,
)
from coinwell.live.stream_routes import STREAM_ROUTES
from coinwell.users import (
    AccountRestricted,
    AgeUnknown,
    ApiScope,
    Caller,
    UnderAge,
    UserUnknown,
    user,
)

_REPLAYED = {"idempotency-replayed": "true"}
_PAGE_MAX = 100
_SENT = 201
_EXAMPLE = "00000000-0000-4000-8000-000000000000"

Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="1 to 255 printable ASCII characters."),
]


@post(
    "/v1/rooms",
    summary="Open a room",
    tags=["live"],
    responses=refuses(UserUnknown, WrongTitle, RoomOpenAlready, write=True),
)
async def open_live_room(
    data: Annotated[RoomWanted, json_body(creator_id=_EXAMPLE, title="Evening songs")],
    caller: Given[Caller],
    live: Given[LiveDeps],
    idempotency_key: Key = None,
) -> Response[RoomShown]:
    """Viewers can send gifts from the answer on. A creator has one open room at a time."""
    caller.demand(ApiScope.LIVE_WRITE, data.creator_id)
    key = read_key(idempotency_key)
    async with transaction(live.pool) as tx:
        await user(tx, data.creator_id)
    await live.ensure([earned_account(data.creator_id)])

    async def do(tx: Tx) -> Answer:
        opened = await open_room(
            tx, creator_id=data.creator_id, title=data.title, now=live.clock.now()
        )
        return Answer(201, shown_room(opened))

    content = fingerprint(data.creator_id, data.title)
    return await _written(live, f"{caller.name} open room", key, content, do)


@get(
    "/v1/rooms",
    summary="Rooms",
    tags=["live"],
    responses=refuses(BadCursor),
)
# Each parameter is a dependency or a query parameter of its own.
async def live_rooms(
    caller: Given[Caller],
    live: Given[LiveDeps],
    creator_id: FromQuery[UUID | None] = None,
    open_only: FromQuery[bool] = False,  # noqa: FBT002 - a query parameter.
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=_PAGE_MAX)] = PAGE_ROOMS,
) -> RoomsShown:
    """The last opened first, in pages."""
    caller.demand(ApiScope.LIVE_READ)
    async with transaction(live.pool) as tx:
        found, more = await rooms(
            tx, creator_id=creator_id, open_only=open_only, cursor=cursor, limit=limit
        )
    return RoomsShown([shown_room(one) for one in found], more)


@get(
    "/v1/rooms/{room_id:uuid}",
    summary="A room",
    tags=["live"],
    responses=refuses(RoomUnknown),
)
async def live_room(
    room_id: FromPath[UUID], caller: Given[Caller], live: Given[LiveDeps]
) -> RoomShown:
    """Whose it is, and whether it is open."""
    caller.demand(ApiScope.LIVE_READ)
    async with transaction(live.pool) as tx:
        return shown_room(await room(tx, room_id))


@post(
    "/v1/rooms/{room_id:uuid}/close",
    status_code=200,
    summary="Close a room",
    tags=["live"],
    responses=refuses(RoomUnknown, write=True),
)
async def close_live_room(
    room_id: FromPath[UUID],
    caller: Given[Caller],
    live: Given[LiveDeps],
    idempotency_key: Key = None,
) -> Response[RoomShown]:
    """Whoever sends after the answer is refused; a gift on its way may still arrive.

    A closed room stays closed.
    """
    caller.demand(ApiScope.LIVE_WRITE)
    key = read_key(idempotency_key)
    async with transaction(live.pool) as tx:
        found = await room(tx, room_id)
    caller.demand(ApiScope.LIVE_WRITE, found.creator_id)

    async def do(tx: Tx) -> Answer:
        return Answer(200, shown_room(await close_room(tx, room_id, now=live.clock.now())))

    return await _written(live, f"{caller.name} close room", key, fingerprint(room_id), do)


@post(
    "/v1/gifts",
    summary="Send a gift",
    tags=["live"],
    responses=refuses(
        UserUnknown,
        RoomUnknown,
        OwnRoom,
        AccountRestricted,
        AgeUnknown,
        UnderAge,
        RoomClosed,
        GiftUnknown,
        GiftPriceChanged,
        LimitReached,
        NotEnoughCoins,
        AccountClosed,
        GiftRefusedBefore,
        LedgerBusy,
        write=True,
    ),
)
async def send_one_gift(
    data: Annotated[
        GiftWanted,
        json_body(sender_id=_EXAMPLE, room_id=_EXAMPLE, gift_id="rose", count=3, coins=3),
    ],
    caller: Given[Caller],
    live: Given[LiveDeps],
    idempotency_key: Key = None,
) -> Response[GiftShown]:
    """Take the coins from the sender and give them to the room's creator, at once and for good.

    Repeating a key answers the same and takes nothing more, even after the price has changed. A
    refused gift stays refused under its key. Without an answer, repeat with the key.
    """
    caller.demand(ApiScope.GIFTS_WRITE, data.sender_id)
    key = read_key(idempotency_key)
    sent = await send_gift(live, wish_of(data, key))
    headers = _REPLAYED if sent.replayed else None
    return Response(shown_gift(sent), status_code=_SENT, headers=headers)


@post(
    "/v1/gifts/batch",
    status_code=200,
    summary="Send many gifts",
    tags=["live"],
    responses=refuses(LedgerBusy),
)
async def send_gift_batch(
    data: Annotated[
        GiftsWanted,
        json_body(
            gifts=[
                {
                    "key": "018f3a3e-0000-7000-8000-000000000001",
                    "sender_id": _EXAMPLE,
                    "room_id": _EXAMPLE,
                    "gift_id": "rose",
                }
            ]
        ),
    ],
    caller: Given[Caller],
    live: Given[LiveDeps],
    request: AnyRequest,
) -> GiftsShown:
    """Up to 500 gifts, each under its own key and with its own answer, in the order given.

    The batch has no key: repeating it repeats each gift, which takes nothing more.
    """
    for wanted in data.gifts:
        caller.demand(ApiScope.GIFTS_WRITE, wanted.sender_id)
    wishes = [wish_of(wanted, wanted.key) for wanted in data.gifts]
    said = await send_gifts(live, wishes)
    request_id = stamp_of(request.scope).request_id
    return GiftsShown(
        [
            answer_of(wish.key, one, request.url.path, request_id)
            for wish, one in zip(wishes, said, strict=True)
        ]
    )


@get(
    "/v1/users/{user_id:uuid}/earned",
    summary="Coins a creator was given",
    tags=["live"],
    responses=refuses(UserUnknown),
)
async def earned_by(
    user_id: FromPath[UUID], caller: Given[Caller], live: Given[LiveDeps]
) -> EarnedShown:
    """Coins received as gifts and not settled yet, exact as of the last gift answered."""
    caller.demand(ApiScope.WALLET_READ, user_id)
    async with transaction(live.pool) as tx:
        known = await user(tx, user_id)
    found = await live.ledger.lookup_accounts([account_id(Code.EARNED, known.id, LEDGER_COINS)])
    coins = sum(one.credits_posted - one.debits_posted - one.debits_pending for one in found)
    return EarnedShown(known.id, coins)


async def _written(
    live: LiveDeps, scope: str, key: str, content: bytes, do: Callable[[Tx], Awaitable[Answer]]
) -> Response[Any]:
    async with transaction(live.pool) as tx:
        answer = await once(
            tx, scope=scope, key=key, content=content, now=live.clock.now(), do=lambda: do(tx)
        )
    headers = _REPLAYED if answer.replayed else None
    return Response(answer.body, status_code=answer.status, headers=headers)


ROUTES: Sequence[ControllerRouterHandler] = (
    open_live_room,
    live_rooms,
    live_room,
    close_live_room,
    send_one_gift,
    send_gift_batch,
    earned_by,
    *STREAM_ROUTES,
)

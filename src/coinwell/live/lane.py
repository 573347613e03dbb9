"""The fast lane of the two calls that send gifts: the same answers, without the framework.

What is plainly right (a program's key, a body of the one shape, every member once) is decoded,
given and answered here. Whatever is not goes on to the framework's route of the same address,
which says what is wrong with it. So the lane has no opinions of its own, and a call that the lane
begins and the framework ends is still one gift: its key says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from litestar.types.asgi_types import ReceiveMessage
from msgspec import UNSET, Meta, Struct, UnsetType
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from coinwell.base.headers import stamp_of
from coinwell.base.idempotency import KeyMissing, KeyUnreadable, read_key
from coinwell.base.problem import PROBLEM_MEDIA_TYPE, plain_problem, problem, status_of
from coinwell.base.refusal import Refusal
from coinwell.live.knowing import LiveDeps
from coinwell.live.sending import Said, send_gifts
from coinwell.live.shapes import (
    GIFTS_MAX,
    Coins,
    Count,
    GiftAnswer,
    GiftId,
    GiftsShown,
    Key,
    shown_gift,
)
from coinwell.live.types import GiftWish
from coinwell.users import ApiScope, KeyCaller, NotPermitted

GIFTS_PATH: Final = "/v1/gifts"
BATCH_PATH: Final = "/v1/gifts/batch"
_BODY_BYTES_MAX: Final = 256 * 1024
_BEARER: Final = b"bearer "
_JSON: Final = b"application/json"
_PROBLEM: Final = PROBLEM_MEDIA_TYPE.encode()
_MEMBERS: Final = (b'"sender_id"', b'"room_id"', b'"gift_id"')
_SENT: Final = 201
_AWAY: Final = 503
_CRASH: Final = 500
_ONCE: Final = (b"authorization", b"content-type", b"content-length", b"idempotency-key")


class _Gift(Struct, forbid_unknown_fields=True):
    sender_id: UUID
    room_id: UUID
    gift_id: GiftId
    count: Count | UnsetType = UNSET
    coins: Coins | UnsetType | None = UNSET

    def wish(self, key: str) -> GiftWish:
        count = 1 if self.count is UNSET else self.count
        coins = None if self.coins is UNSET else self.coins
        return GiftWish(key, self.sender_id, self.room_id, self.gift_id, count, coins)


class _Keyed(_Gift, forbid_unknown_fields=True, kw_only=True):
    key: Key


class _Batch(Struct, forbid_unknown_fields=True):
    gifts: Annotated[list[_Keyed], Meta(min_length=1, max_length=GIFTS_MAX)]


_SINGLE: Final = msgspec.json.Decoder(_Gift)
_BATCH: Final = msgspec.json.Decoder(_Batch)
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class LaneDeps:
    """What the lane needs of the app around it, once it is open."""

    live: LiveDeps
    who: Callable[[str], Any]  # An awaitable of the caller that a key stands for, or of None.
    crashed: Callable[[str, str, Exception], None]  # Takes the request's id and path.


class GiftLane:
    """Takes the calls that send gifts, and hands on everything else."""

    def __init__(self, app: ASGIApp, deps: Callable[[], LaneDeps | None]) -> None:
        """`app` is the framework's; `deps` answers None until the app is open."""
        self._app = app
        self._deps = deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http" or scope["path"] not in {GIFTS_PATH, BATCH_PATH}:
            await self._app(scope, receive, send)
            return
        deps = self._deps()
        asked = _head(scope) if deps is not None else None
        if deps is None or asked is None:
            await self._app(scope, receive, send)
            return
        seen: list[ReceiveMessage] = []
        body = await _body(receive, seen)
        wishes = None if body is None else _wishes(scope["path"], body, asked.key)
        caller = None if wishes is None else await deps.who(asked.token)
        if wishes is None or not _may(caller, wishes):
            await self._app(scope, _again(seen, receive), send)
            return
        await _answer(deps, scope, send, wishes)


@dataclass(frozen=True, slots=True)
class _Asked:
    token: str
    key: str | None


def _head(scope: HTTPScope) -> _Asked | None:
    """What the headers say, if they say it plainly."""
    if scope["method"] != "POST" or scope["query_string"]:
        return None
    found: dict[bytes, bytes] = {}
    for name, text in scope["headers"]:
        if name in _ONCE:
            if name in found:
                return None
            found[name] = text
    said, length = found.get(b"authorization", b""), found.get(b"content-length", b"")
    if found.get(b"content-type") != _JSON or not said.lower().startswith(_BEARER):
        return None
    if not length.isdigit() or int(length) > _BODY_BYTES_MAX:
        return None
    key = None
    if scope["path"] == GIFTS_PATH:
        try:
            key = read_key(found.get(b"idempotency-key", b"").decode("latin-1"))
        except (KeyMissing, KeyUnreadable):
            return None
    return _Asked(said[len(_BEARER) :].decode("latin-1").strip(), key)


async def _body(receive: Receive, seen: list[ReceiveMessage]) -> bytes | None:
    """The whole body; None if it does not come whole. What was taken is kept in `seen`."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        seen.append(message)
        if message["type"] != "http.request":
            return None
        parts.append(message["body"])
        size += len(parts[-1])
        if size > _BODY_BYTES_MAX:
            return None
        if not message["more_body"]:
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _again(seen: Sequence[ReceiveMessage], receive: Receive) -> Receive:
    """A `receive` that begins with what was taken already."""
    waiting = iter(seen)

    async def receive_again() -> Any:
        message = next(waiting, None)
        return await receive() if message is None else message

    return receive_again


def _wishes(path: str, body: bytes, key: str | None) -> list[GiftWish] | None:
    """What is wished, if the body is of the one shape and has each member once."""
    # An escape could hide a member's name; those who write one are read the slow way.
    if b"\\" in body:
        return None
    try:
        if path == GIFTS_PATH:
            assert key is not None
            gift = _SINGLE.decode(body)
            return [gift.wish(key)] if _once_each(body, [gift]) else None
        gifts = _BATCH.decode(body).gifts
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not _once_each(body, gifts):
        return None
    if body.count(b'"key"') != len(gifts) or body.count(b'"gifts"') != 1:
        return None
    return [gift.wish(gift.key) for gift in gifts]


def _once_each(body: bytes, gifts: Sequence[_Gift]) -> bool:
    # A member given twice would be counted more often than it was decoded.
    if any(body.count(member) != len(gifts) for member in _MEMBERS):
        return False
    counts = sum(gift.count is not UNSET for gift in gifts)
    coins = sum(gift.coins is not UNSET for gift in gifts)
    return body.count(b'"count"') == counts and body.count(b'"coins"') == coins


def _may(caller: KeyCaller | None, wishes: Sequence[GiftWish]) -> bool:
    if caller is None:
        return False
    try:
        for wish in wishes:
            caller.demand(ApiScope.GIFTS_WRITE, wish.sender_id)
    except NotPermitted:
        return False
    return True


async def _answer(deps: LaneDeps, scope: HTTPScope, send: Send, wishes: list[GiftWish]) -> None:
    stamp, path = stamp_of(scope), scope["path"]
    try:
        said = await send_gifts(deps.live, wishes)
    except Refusal as no:
        await _send_problem(send, problem(no, instance=path, request_id=stamp.request_id))
        return
    except (OperationalError, PoolTimeout) as error:
        deps.crashed(stamp.request_id, path, error)
        document = plain_problem(_AWAY, instance=path, request_id=stamp.request_id)
        await _send_problem(send, document, (b"retry-after", b"2"))
        return
    except Exception as error:  # noqa: BLE001 - the edge: an id that is in the log, no detail.
        deps.crashed(stamp.request_id, path, error)
        document = plain_problem(_CRASH, instance=path, request_id=stamp.request_id)
        await _send_problem(send, document)
        return
    if path == BATCH_PATH:
        answers = [
            answer_of(wish.key, one, path, stamp.request_id)
            for wish, one in zip(wishes, said, strict=True)
        ]
        await _send(send, 200, _ENCODER.encode(GiftsShown(answers)), _JSON)
        return
    (one,) = said
    if isinstance(one, Refusal):
        await _send_problem(send, problem(one, instance=path, request_id=stamp.request_id))
        return
    extra = ((b"idempotency-replayed", b"true"),) if one.replayed else ()
    await _send(send, _SENT, _ENCODER.encode(shown_gift(one)), _JSON, *extra)


def answer_of(key: str, said: Said, instance: str, request_id: str) -> GiftAnswer:
    """What became of one gift of a batch."""
    if isinstance(said, Refusal):
        document = problem(said, instance=instance, request_id=request_id)
        return GiftAnswer(key, status_of(said), problem=document)
    return GiftAnswer(key, _SENT, replayed=said.replayed, gift=shown_gift(said))


async def _send_problem(send: Send, document: dict[str, Any], *extra: tuple[bytes, bytes]) -> None:
    await _send(send, document["status"], _ENCODER.encode(document), _PROBLEM, *extra)


async def _send(
    send: Send, status: int, body: bytes, media_type: bytes, *extra: tuple[bytes, bytes]
) -> None:
    headers = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})

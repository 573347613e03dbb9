"""What a shop may ask the sandbox, over HTTP and JSON; money in minor units."""

import asyncio
import hmac
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, TypeVar

import msgspec
from litestar import MediaType, Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from coinwell.base.money import DECIMALS, MINOR_MAX
from coinwell.recharge.providers.sandbox.server.types import (
    CreateAnswer,
    Event,
    Payment,
    Refused,
)
from coinwell.recharge.providers.sandbox.server.world import Answer, PaymentWish, World

AnyRequest = Request[Any, Any, Any]
CUT: Final = "sandbox_cut"
_KEY_LENGTH_MAX: Final = 255
_LIMIT_MAX: Final = 500
_TEXT_LENGTH_MAX: Final = 500
_URL_LENGTH_MAX: Final = 2_000
_NONSENSE: Final = "<html><body><h1>502 Bad Gateway</h1><hr>upstream went away</body></html>"
_Body = TypeVar("_Body")


class RefundWish(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a shop sends to have money go back; all that is left without an amount."""

    amount: int | None = None
    currency: str | None = None
    reason: str = "requested_by_customer"


def world_of(state: State) -> World:
    """The running sandbox."""
    world = state.world
    assert isinstance(world, World)
    return world


def bearer_is(connection: ASGIConnection[Any, Any, Any, Any], expected: str) -> bool:
    """Whether the caller brought that token; nobody can bring an empty one."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(token.encode(), expected.encode())
    return bool(expected) and scheme.lower() == "bearer" and right


async def shop_only(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: only the shop with the secret may ask."""
    if not bearer_is(connection, world_of(connection.app.state).settings.secret):
        raise Refused(401, "wrong_secret", "The secret is missing or wrong.")


async def body_of(request: AnyRequest, kind: type[_Body]) -> _Body:
    """The body as JSON of that shape; an empty body is an empty object."""
    try:
        return msgspec.json.decode(await request.body() or b"{}", type=kind)
    except msgspec.DecodeError as error:
        raise Refused(422, "wrong_body", str(error)) from None


def key_of(request: AnyRequest) -> str:
    """The idempotency key, bare or in quotes."""
    key = request.headers.get("idempotency-key", "").strip().strip('"')
    if not 0 < len(key) <= _KEY_LENGTH_MAX:
        raise Refused(400, "idempotency_key_missing", "Send an Idempotency-Key header.")
    return key


@post("/payments")
async def create_payment(request: AnyRequest, state: State) -> Response[Any]:
    """Make a payment and say where it is paid."""
    world = world_of(state)
    wish = await body_of(request, PaymentWish)
    _check(wish)
    answer = world.create(wish, key_of(request))
    payment = world.store.payment(answer.payment_id)
    if payment is not None and payment.mischief.webhook_first:
        await world.courier.deliver_due()
    if answer.manner is CreateAnswer.SLOW and payment is not None:
        await asyncio.sleep(payment.mischief.create_delay_s)
    if answer.manner is CreateAnswer.CUT:
        request.scope["state"][CUT] = True
    if answer.manner is CreateAnswer.ERROR:
        return nonsense()
    return _said(answer)


@get("/payments/{payment_id:str}")
async def read_payment(payment_id: FromPath[str], state: State) -> Response[Any]:
    """The payment as it is now."""
    world = world_of(state)
    payment = world.payment(payment_id)
    if _broken(world, [payment]):
        return nonsense()
    return Response(world.shown(payment))


@get("/payments")
async def find_payments(request: AnyRequest, state: State) -> Response[Any]:
    """The payments of one order, oldest first."""
    world = world_of(state)
    order_ref = request.query_params.get("order_ref")
    if not order_ref:
        raise Refused(400, "order_ref_missing", "Say which order.")
    world.turn_due()
    found = world.store.payments_of(order_ref)
    if _broken(world, found):
        return nonsense()
    return Response({"payments": [world.shown(one) for one in found]})


@post("/payments/{payment_id:str}/cancel")
async def cancel_payment(
    request: AnyRequest, payment_id: FromPath[str], state: State
) -> Response[Any]:
    """Take no more money for it."""
    return _said(world_of(state).cancel(payment_id, key_of(request)))


@post("/payments/{payment_id:str}/refunds")
async def refund_payment(
    request: AnyRequest, payment_id: FromPath[str], state: State
) -> Response[Any]:
    """Send money back."""
    world = world_of(state)
    wish = await body_of(request, RefundWish)
    if wish.currency not in {None, world.payment(payment_id).currency}:
        raise Refused(422, "wrong_currency", "The payment is in another currency.")
    return _said(world.refund(payment_id, wish.amount, wish.reason, key_of(request)))


@get("/events")
async def list_events(request: AnyRequest, state: State) -> Response[Any]:
    """Events in the order in which they happened: after one (`after`) or since an instant."""
    world = world_of(state)
    world.turn_due()
    query = request.query_params
    limit = _number(query.get("limit"), 100)
    after = query.get("after")
    since = query.get("since")
    found = world.store.events(
        after=after, since=None if since is None else _instant(since), limit=limit + 1
    )
    return Response(
        {
            "events": [_shown_event(one, world) for one in found[:limit]],
            "has_more": len(found) > limit,
        }
    )


@get("/settlements")
async def read_settlement(request: AnyRequest, state: State) -> Response[Any]:
    """What moved on one day, in UTC: positive to the shop, negative from it."""
    world = world_of(state)
    world.turn_due()
    try:
        day = date.fromisoformat(request.query_params.get("day") or "")
    except ValueError:
        raise Refused(400, "wrong_day", "Name a day as YYYY-MM-DD.") from None
    start = datetime.combine(day, time(), UTC)
    lines = world.store.settlement(start, start + timedelta(days=1))
    return Response({"day": day.isoformat(), "lines": lines})


def nonsense() -> Response[str]:
    """What a broken provider answers."""
    return Response(_NONSENSE, status_code=500, media_type=MediaType.HTML)


def _said(answer: Answer) -> Response[Any]:
    headers = {"idempotency-replayed": "true"} if answer.repeated else {}
    return Response(
        answer.body, status_code=answer.status, media_type=MediaType.JSON, headers=headers
    )


def _check(wish: PaymentWish) -> None:
    texts = (wish.order_ref, wish.account_ref, wish.description)
    if not 0 < wish.amount <= MINOR_MAX:
        raise Refused(422, "wrong_amount", "The amount is a positive number of minor units.")
    if wish.currency not in DECIMALS:
        raise Refused(422, "currency_not_supported", "This currency is not taken here.")
    if not wish.return_url.startswith(("https://", "http://")):
        raise Refused(422, "wrong_return_url", "The return address is an http or https URL.")
    if len(wish.return_url) > _URL_LENGTH_MAX or max(map(len, texts)) > _TEXT_LENGTH_MAX:
        raise Refused(422, "too_long", "A text is too long.")
    if not wish.order_ref:
        raise Refused(422, "order_ref_missing", "Say which order.")


def _broken(world: World, payments: Sequence[Payment]) -> bool:
    now = world.now()
    return any(one.broken_until is not None and now < one.broken_until for one in payments)


def _shown_event(event: Event, world: World) -> dict[str, object]:
    return {
        "id": event.id,
        "type": event.kind,
        "timestamp": event.created_at,
        "environment": world.settings.environment,
        "data": {"payment_id": event.payment_id},
    }


def _number(text: str | None, usual: int) -> int:
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _LIMIT_MAX):
        raise Refused(400, "wrong_limit", f"The limit is a number from 1 to {_LIMIT_MAX}.")
    return int(text)


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Refused(400, "wrong_instant", "Name an instant with its zone.")
    return at


HANDLERS: Final[Sequence[ControllerRouterHandler]] = (
    create_payment,
    read_payment,
    find_payments,
    cancel_payment,
    refund_payment,
    list_events,
    read_settlement,
)


def api_router() -> Router:
    """The routes of the shop."""
    return Router(path="/v1", route_handlers=HANDLERS, guards=[shop_only])

"""Recharges for programs, and the address where providers send their news."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, Router, get, post
from litestar.di import Provide
from litestar.params import (
    FromPath,
    FromQuery,
    HeaderParameter,
    JSONBody,
    QueryParameter,
)
from litestar.types import ControllerRouterHandler

from coinwell.base import cursor as cursors
from coinwell.base.cursor import BadCursor
from coinwell.base.db import transaction
from coinwell.base.given import Given
from coinwell.base.idempotency import Answer, fingerprint, once, read_key
from coinwell.base.openapi import json_body, refuses
from coinwell.catalog import (
    AmountTooLarge,
    AmountTooSmall,
    CatalogEmpty,
    NotSoldHere,
    PackOrCoins,
    PackUnknown,
)
from coinwell.limits import LimitOtherCurrency, LimitReached
from coinwell.recharge.canceling import cancel
from coinwell.recharge.deps import Deps
from coinwell.recharge.reading import order_of, orders_of
from coinwell.recharge.receiving import receive
from coinwell.recharge.refunding import RefundKey, refund_order
from coinwell.recharge.refusals import (
    CannotCancel,
    CannotRefund,
    LotSpent,
    PriceChanged,
    ProviderSilent,
    ProviderUnknown,
    ReasonMissing,
    RechargeUnknown,
    WebhookForged,
    WebhookTooLarge,
)
from coinwell.recharge.showing import (
    RechargeShown,
    RechargesShown,
    RechargeWanted,
    RefundShown,
    RefundWanted,
    plain,
    shown,
    shown_refund,
)
from coinwell.recharge.starting import start
from coinwell.recharge.syncing import sync_order
from coinwell.recharge.types import Order
from coinwell.users import (
    AccountRestricted,
    AgeUnknown,
    ApiScope,
    Caller,
    UnderAge,
    UserCaller,
    UserUnknown,
    user,
)

_REPLAYED = {"idempotency-replayed": "true"}
_PAGE_MAX = 100

Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="1 to 255 printable ASCII characters."),
]


@dataclass(frozen=True, slots=True)
class Edge:
    """Who asks, under which key, and what the verbs need."""

    caller: Caller
    deps: Deps
    key: str | None

    async def own(self, order_id: UUID, need: ApiScope) -> Order:
        """An order that this caller may know of; another's is not there for a user."""
        self.caller.demand(need)
        async with transaction(self.deps.pool) as tx:
            order = await order_of(tx, order_id)
        if isinstance(self.caller, UserCaller) and self.caller.user.id != order.user_id:
            raise RechargeUnknown(str(order_id))
        return order

    async def write(
        self, operation: str, content: Sequence[Any], do: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Keep the first answer for this caller and key; the effect itself may be repeated.

        For verbs that talk to the outside, which no transaction can hold.
        """
        key, now = read_key(self.key), self.deps.clock.now()
        named: dict[str, Any] = {
            "scope": f"{self.caller.name} {operation}",
            "key": key,
            "content": fingerprint(*content),
            "now": now,
        }
        try:
            async with transaction(self.deps.pool) as tx:
                return await once(tx, **named, do=_not_yet)
        except _NotYet:
            made = await do()

        async def answer() -> Answer:
            return made

        async with transaction(self.deps.pool) as tx:
            return await once(tx, **named, do=answer)


class _NotYet(Exception):
    """There is no answer under this key."""


async def _not_yet() -> Answer:
    raise _NotYet


def _edge(caller: Given[Caller], deps: Given[Deps], idempotency_key: Key = None) -> Edge:
    return Edge(caller, deps, idempotency_key)


@post(
    "/v1/users/{user_id:uuid}/recharges",
    summary="Start a recharge",
    tags=["recharges"],
    responses=refuses(
        UserUnknown,
        AccountRestricted,
        AgeUnknown,
        UnderAge,
        CatalogEmpty,
        NotSoldHere,
        PackOrCoins,
        PackUnknown,
        AmountTooSmall,
        AmountTooLarge,
        PriceChanged,
        ProviderUnknown,
        ProviderSilent,
        LimitReached,
        LimitOtherCurrency,
        write=True,
    ),
)
async def start_recharge(
    user_id: FromPath[UUID],
    data: Annotated[RechargeWanted, json_body(pack_id="coins-350", provider="sandbox")],
    edge: Given[Edge],
) -> Response[RechargeShown]:
    """Freeze the price and open a payment; send the buyer to `pay_url`.

    Repeating a key answers the same and charges once. Without an answer, repeat with the key.
    """
    edge.caller.demand(ApiScope.RECHARGE_WRITE, user_id)
    key = read_key(edge.key)
    async with transaction(edge.deps.pool) as tx:
        buyer = await user(tx, user_id)
    return _answered(await start(edge.deps, buyer, data.read(), key=key))


@get(
    "/v1/recharges/{recharge_id:uuid}",
    summary="A recharge",
    tags=["recharges"],
    responses=refuses(RechargeUnknown),
)
async def recharge_of_id(recharge_id: FromPath[UUID], edge: Given[Edge]) -> RechargeShown:
    """Where it stands, and the four answers for the buyer."""
    return shown(await edge.own(recharge_id, ApiScope.RECHARGE_READ))


@get(
    "/v1/users/{user_id:uuid}/recharges",
    summary="Recharges of a user",
    tags=["recharges"],
    responses=refuses(UserUnknown, BadCursor),
)
async def recharges_of_user(
    user_id: FromPath[UUID],
    edge: Given[Edge],
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=_PAGE_MAX)] = 20,
) -> RechargesShown:
    """All of them, newest first, in pages."""
    edge.caller.demand(ApiScope.RECHARGE_READ, user_id)
    before = None if cursor is None else _read_cursor(cursor)
    async with transaction(edge.deps.pool) as tx:
        await user(tx, user_id)
        found = await orders_of(tx, user_id, before=before, limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    last = page[-1] if more else None
    older = None if last is None else cursors.encode(last.created_at.isoformat(), str(last.id))
    return RechargesShown([shown(order) for order in page], older)


@post(
    "/v1/recharges/{recharge_id:uuid}/check",
    status_code=200,
    summary="Ask the provider now",
    tags=["recharges"],
    responses=refuses(RechargeUnknown),
)
async def check_recharge(recharge_id: FromPath[UUID], edge: Given[Edge]) -> RechargeShown:
    """Look at the provider and answer with what follows; safe to repeat, so it needs no key."""
    order = await edge.own(recharge_id, ApiScope.RECHARGE_WRITE)
    return shown(await sync_order(edge.deps, order.id))


@post(
    "/v1/recharges/{recharge_id:uuid}/cancel",
    status_code=200,
    summary="Cancel a recharge",
    tags=["recharges"],
    responses=refuses(RechargeUnknown, CannotCancel, write=True),
)
async def cancel_recharge(
    recharge_id: FromPath[UUID], edge: Given[Edge]
) -> Response[RechargeShown]:
    """Take no money for it; money that arrived meanwhile is credited, not refused."""
    order = await edge.own(recharge_id, ApiScope.RECHARGE_WRITE)

    async def do() -> Answer:
        return Answer(200, plain(shown(await cancel(edge.deps, order.id))))

    return _answered(await edge.write("recharge.cancel", [str(order.id)], do))


@post(
    "/v1/recharges/{recharge_id:uuid}/refund",
    summary="Refund a recharge in full",
    tags=["recharges"],
    responses=refuses(RechargeUnknown, CannotRefund, LotSpent, ReasonMissing, write=True),
)
async def refund_recharge(
    recharge_id: FromPath[UUID], data: JSONBody[RefundWanted], edge: Given[Edge]
) -> Response[RefundShown]:
    """Possible while none of its coins is spent: the coins are held, then the money goes back."""
    order = await edge.own(recharge_id, ApiScope.REFUNDS_WRITE)
    content = [str(order.id), data.reason]
    begun_as = RefundKey(
        f"{edge.caller.name} recharge.refund.begun", read_key(edge.key), fingerprint(*content)
    )

    async def do() -> Answer:
        refund = await refund_order(
            edge.deps, order.id, operator=edge.caller.name, reason=data.reason, key=begun_as
        )
        return Answer(201, plain(shown_refund(refund)))

    return _answered(await edge.write("recharge.refund", content, do))


@post(
    "/v1/webhooks/{provider:str}",
    status_code=204,
    summary="News from a payment provider",
    tags=["webhooks"],
    responses=refuses(ProviderUnknown, WebhookForged, WebhookTooLarge),
    security=[{}],
)
async def webhook(
    provider: FromPath[str], request: Request[Any, Any, Any], deps: Given[Deps]
) -> None:
    """Signed by the provider; answered once it is stored, worked on afterwards."""
    await receive(deps, provider, await request.body(), dict(request.headers))


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    at, order_id = cursors.decode(cursor, (str, str))
    try:
        before = datetime.fromisoformat(at), UUID(order_id)
    except ValueError:
        raise BadCursor(cursor) from None
    if before[0].tzinfo is None:
        raise BadCursor(cursor)
    return before


def _answered(answer: Answer) -> Response[Any]:
    headers = _REPLAYED if answer.replayed else {}
    return Response(answer.body, status_code=answer.status, headers=headers)


ROUTES: Sequence[ControllerRouterHandler] = (
    Router(
        path="/",
        route_handlers=[
            start_recharge,
            recharge_of_id,
            recharges_of_user,
            check_recharge,
            cancel_recharge,
            refund_recharge,
        ],
        dependencies={"edge": Provide(_edge, sync_to_thread=False)},
    ),
)
WEBHOOKS: Sequence[ControllerRouterHandler] = (webhook,)

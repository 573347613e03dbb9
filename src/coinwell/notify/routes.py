"""Webhooks and messages for programs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, Router, delete, get, patch, post
from litestar.di import Provide
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler

from coinwell.base.cursor import BadCursor
from coinwell.base.db import Tx, transaction
from coinwell.base.given import Given
from coinwell.base.idempotency import Answer, fingerprint, once, read_key
from coinwell.base.openapi import json_body, refuses
from coinwell.notify import enlisting, reading_routes, replaying
from coinwell.notify.deps import NotifyDeps
from coinwell.notify.paging import INTEGER_MAX, before_of, older_than
from coinwell.notify.refusals import (
    DeliveryUnknown,
    EndpointOff,
    EndpointUnknown,
    NothingToResend,
    TooManyEndpoints,
    WrongEndpoint,
    WrongRange,
)
from coinwell.notify.shapes import (
    DeliveriesShown,
    DeliveryShown,
    EndpointChange,
    EndpointShown,
    EndpointsShown,
    EndpointWantedShape,
    Replayed,
    SpanWanted,
)
from coinwell.notify.types import DeliveryState, Endpoint, Switch
from coinwell.users import ApiScope, Caller

_OK = 200
_CREATED = 201
_PAGE_MAX = 100
_REPLAYED = {"idempotency-replayed": "true"}

Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="1 to 255 printable ASCII characters."),
]
InState = Annotated[DeliveryState | None, QueryParameter(name="state")]
Limit = Annotated[int, QueryParameter(ge=1, le=_PAGE_MAX)]


@dataclass(frozen=True, slots=True)
class NotifyEdge:
    """Who asks, under which key, and what the verbs need."""

    caller: Caller
    deps: NotifyDeps
    key: str | None

    async def write(
        self, operation: str, content: Sequence[Any], do: Callable[[Tx], Awaitable[Answer]]
    ) -> Answer:
        """Do it once for this caller and key; a repeat gets the first answer."""
        self.caller.demand(ApiScope.WEBHOOKS_WRITE)
        key = read_key(self.key)
        async with transaction(self.deps.pool) as tx:
            return await once(
                tx,
                scope=f"{self.caller.name} {operation}",
                key=key,
                content=fingerprint(*content),
                now=self.deps.clock.now(),
                do=lambda: do(tx),
            )

    async def with_secret(self, answer: Answer) -> Response[EndpointShown]:
        """The endpoint and its secret, which the kept answer does not have."""
        async with transaction(self.deps.pool) as tx:
            found = await enlisting.endpoint(tx, UUID(answer.body["id"]))
        secret = enlisting.secret(found, settings=self.deps.settings)
        return _answered(Answer(answer.status, EndpointShown.of(found, secret), answer.replayed))


def _edge(
    caller: Given[Caller], notifying: Given[NotifyDeps], idempotency_key: Key = None
) -> NotifyEdge:
    return NotifyEdge(caller, notifying, idempotency_key)


@post(
    "/v1/webhook-endpoints",
    summary="Add a webhook endpoint",
    tags=["webhooks out"],
    responses=refuses(WrongEndpoint, TooManyEndpoints, write=True),
)
async def add_webhook_endpoint(
    data: Annotated[
        EndpointWantedShape,
        json_body(url="https://app.example/hooks", kinds=["recharge.*", "gift.sent"]),
    ],
    notify_edge: Given[NotifyEdge],
) -> Response[EndpointShown]:
    """Tell this address from now on. Keep `secret`: it is shown in this answer only."""
    edge, deps = notify_edge, notify_edge.deps

    async def do(tx: Tx) -> Answer:
        made = await enlisting.add_endpoint(
            tx, data.read(), settings=deps.settings, by=edge.caller.name, now=deps.clock.now()
        )
        return Answer(_CREATED, {"id": str(made.id)})

    return await edge.with_secret(await edge.write("webhooks.add", [data], do))


@get(
    "/v1/webhook-endpoints",
    summary="Webhook endpoints",
    tags=["webhooks out"],
    responses=refuses(),
)
async def webhook_endpoints(notify_edge: Given[NotifyEdge]) -> EndpointsShown:
    """All of them, oldest first."""
    notify_edge.caller.demand(ApiScope.WEBHOOKS_READ)
    async with transaction(notify_edge.deps.pool) as tx:
        found = await enlisting.endpoints(tx)
    return EndpointsShown([EndpointShown.of(one) for one in found])


@get(
    "/v1/webhook-endpoints/{endpoint_id:uuid}",
    summary="A webhook endpoint",
    tags=["webhooks out"],
    responses=refuses(EndpointUnknown),
)
async def webhook_endpoint(
    endpoint_id: FromPath[UUID], notify_edge: Given[NotifyEdge]
) -> EndpointShown:
    """Where it is, what it hears, and how it does."""
    notify_edge.caller.demand(ApiScope.WEBHOOKS_READ)
    async with transaction(notify_edge.deps.pool) as tx:
        return EndpointShown.of(await enlisting.endpoint(tx, endpoint_id))


@patch(
    "/v1/webhook-endpoints/{endpoint_id:uuid}",
    summary="Change a webhook endpoint",
    tags=["webhooks out"],
    responses=refuses(EndpointUnknown, WrongEndpoint, write=True),
)
async def change_webhook_endpoint(
    endpoint_id: FromPath[UUID], data: JSONBody[EndpointChange], notify_edge: Given[NotifyEdge]
) -> Response[EndpointShown]:
    """Change it, or switch it off and on; switched on, it hears all that happened meanwhile."""
    edge, deps = notify_edge, notify_edge.deps
    by, now = edge.caller.name, deps.clock.now()

    async def do(tx: Tx) -> Answer:
        found = await enlisting.endpoint(tx, endpoint_id)
        if data.state is Switch.ON:
            found = await enlisting.switch_on(tx, endpoint_id, by=by, now=now)
        wanted = data.over(found)
        found = await enlisting.change_endpoint(
            tx, endpoint_id, wanted, settings=deps.settings, by=by, now=now
        )
        if data.state is Switch.OFF:
            found = await _off(edge, tx, endpoint_id)
        return Answer(_OK, EndpointShown.of(found))

    return _answered(await edge.write("webhooks.change", [str(endpoint_id), data], do))


@delete(
    "/v1/webhook-endpoints/{endpoint_id:uuid}",
    status_code=_OK,
    summary="Remove a webhook endpoint",
    tags=["webhooks out"],
    responses=refuses(EndpointUnknown, write=True),
)
async def remove_webhook_endpoint(
    endpoint_id: FromPath[UUID], notify_edge: Given[NotifyEdge]
) -> Response[EndpointShown]:
    """Tell it nothing more; what waits for it is given up."""
    edge, now = notify_edge, notify_edge.deps.clock.now()

    async def do(tx: Tx) -> Answer:
        shown = EndpointShown.of(await enlisting.endpoint(tx, endpoint_id))
        await enlisting.remove_endpoint(tx, endpoint_id, by=edge.caller.name, now=now)
        return Answer(_OK, shown)

    return _answered(await edge.write("webhooks.remove", [str(endpoint_id)], do))


@post(
    "/v1/webhook-endpoints/{endpoint_id:uuid}/rotate",
    status_code=_OK,
    summary="Draw a new secret",
    tags=["webhooks out"],
    responses=refuses(EndpointUnknown, write=True),
)
async def rotate_webhook_secret(
    endpoint_id: FromPath[UUID], notify_edge: Given[NotifyEdge]
) -> Response[EndpointShown]:
    """For 24 hours everything is signed with the old one too."""
    edge, now = notify_edge, notify_edge.deps.clock.now()

    async def do(tx: Tx) -> Answer:
        await enlisting.rotate(tx, endpoint_id, by=edge.caller.name, now=now)
        return Answer(_OK, {"id": str(endpoint_id)})

    return await edge.with_secret(await edge.write("webhooks.rotate", [str(endpoint_id)], do))


@post(
    "/v1/webhook-endpoints/{endpoint_id:uuid}/test",
    status_code=_OK,
    summary="Send a test",
    tags=["webhooks out"],
    responses=refuses(EndpointUnknown, EndpointOff),
)
async def try_webhook_endpoint(
    endpoint_id: FromPath[UUID], notify_edge: Given[NotifyEdge]
) -> DeliveryShown:
    """Send `webhook.test` now and answer with what the receiver said; each call sends one."""
    notify_edge.caller.demand(ApiScope.WEBHOOKS_WRITE)
    return await _tried(notify_edge, endpoint_id)


@post(
    "/v1/webhook-endpoints/{endpoint_id:uuid}/replay",
    status_code=_OK,
    summary="Send a range again",
    tags=["webhooks out"],
    responses=refuses(EndpointUnknown, EndpointOff, WrongRange, write=True),
)
async def replay_webhooks(
    endpoint_id: FromPath[UUID],
    data: Annotated[SpanWanted, json_body(first=1, last=100)],
    notify_edge: Given[NotifyEdge],
) -> Response[Replayed]:
    """Every event of the range that the endpoint asks for, under the id it always had."""
    edge, now = notify_edge, notify_edge.deps.clock.now()

    async def do(tx: Tx) -> Answer:
        span, by = data.read(), edge.caller.name
        return Answer(_OK, Replayed(await replaying.replay(tx, endpoint_id, span, by=by, now=now)))

    return _answered(await edge.write("webhooks.replay", [str(endpoint_id), data], do))


@get(
    "/v1/webhook-endpoints/{endpoint_id:uuid}/deliveries",
    summary="The delivery log",
    tags=["webhooks out"],
    responses=refuses(EndpointUnknown, BadCursor),
)
async def webhook_deliveries(
    endpoint_id: FromPath[UUID],
    notify_edge: Given[NotifyEdge],
    in_state: InState = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 20,
) -> DeliveriesShown:
    """What was sent and is to be sent, newest first; finished ones stay for 30 days."""
    notify_edge.caller.demand(ApiScope.WEBHOOKS_READ)
    before = before_of(cursor)
    async with transaction(notify_edge.deps.pool) as tx:
        found = await replaying.deliveries(
            tx, endpoint_id, before=before, state=in_state, limit=limit + 1
        )
    shown = [DeliveryShown.of(one) for one in found[:limit]]
    return DeliveriesShown(shown, older_than(shown[-1].id) if len(found) > limit else None)


@get(
    "/v1/webhook-deliveries/{delivery_id:int}",
    summary="A delivery",
    tags=["webhooks out"],
    responses=refuses(DeliveryUnknown),
)
async def webhook_delivery(
    delivery_id: FromPath[int], notify_edge: Given[NotifyEdge]
) -> DeliveryShown:
    """With every attempt."""
    notify_edge.caller.demand(ApiScope.WEBHOOKS_READ)
    _within(delivery_id)
    async with transaction(notify_edge.deps.pool) as tx:
        found = await replaying.delivery(tx, delivery_id)
        return DeliveryShown.of(found, await replaying.attempts(tx, delivery_id))


@post(
    "/v1/webhook-deliveries/{delivery_id:int}/resend",
    status_code=_OK,
    summary="Send one again",
    tags=["webhooks out"],
    responses=refuses(DeliveryUnknown, EndpointUnknown, EndpointOff, NothingToResend, write=True),
)
async def resend_webhook(
    delivery_id: FromPath[int], notify_edge: Given[NotifyEdge]
) -> Response[DeliveryShown]:
    """A new delivery of the same event; one that still waits is tried now instead."""
    edge, now = notify_edge, notify_edge.deps.clock.now()
    edge.caller.demand(ApiScope.WEBHOOKS_WRITE)
    _within(delivery_id)

    async def do(tx: Tx) -> Answer:
        found = await replaying.resend(tx, delivery_id, by=edge.caller.name, now=now)
        return Answer(_OK, DeliveryShown.of(found))

    return _answered(await edge.write("webhooks.resend", [delivery_id], do))


async def _tried(edge: NotifyEdge, endpoint_id: UUID) -> DeliveryShown:
    found = await replaying.try_out(edge.deps, endpoint_id, by=edge.caller.name)
    async with transaction(edge.deps.pool) as tx:
        return DeliveryShown.of(found, await replaying.attempts(tx, found.id))


async def _off(edge: NotifyEdge, tx: Tx, endpoint_id: UUID) -> Endpoint:
    now, by = edge.deps.clock.now(), edge.caller.name
    reason = f"Switched off by {by}."
    return await enlisting.switch_off(tx, endpoint_id, reason=reason, by=by, now=now)


def _within(delivery_id: int) -> None:
    # Beyond that there is no such number, and the database would say so in its own way.
    if not 0 < delivery_id <= INTEGER_MAX:
        raise DeliveryUnknown(delivery_id)


def _answered(answer: Answer) -> Response[Any]:
    headers = _REPLAYED if answer.replayed else {}
    return Response(answer.body, status_code=answer.status, headers=headers)


ROUTES: Sequence[ControllerRouterHandler] = (
    Router(
        path="/",
        route_handlers=[
            add_webhook_endpoint,
            webhook_endpoints,
            webhook_endpoint,
            change_webhook_endpoint,
            remove_webhook_endpoint,
            rotate_webhook_secret,
            try_webhook_endpoint,
            replay_webhooks,
            webhook_deliveries,
            webhook_delivery,
            resend_webhook,
        ],
        dependencies={"notify_edge": Provide(_edge, sync_to_thread=False)},
    ),
    *reading_routes.ROUTES,
)

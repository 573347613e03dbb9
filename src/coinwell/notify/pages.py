"""Webhooks in the console: endpoints, how they do, what was sent; and the user's inbox."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base.db import Tx, transaction
from coinwell.base.given import Given
from coinwell.base.idempotency import Answer, fingerprint, once
from coinwell.base.problem import status_of
from coinwell.base.refusal import Refusal
from coinwell.base.web import AnyRequest, render, see_other
from coinwell.notify import enlisting, inbox_pages, replaying
from coinwell.notify.deps import NotifyDeps
from coinwell.notify.paging import INTEGER_MAX, number_of
from coinwell.notify.refusals import DeliveryUnknown, WrongEndpoint, WrongRange
from coinwell.notify.rules import body_of
from coinwell.notify.types import DeliveryState, EndpointWanted, Span
from coinwell.users import OperatorCaller, Permission

_PAGE_LINES = 30
_KEY_LENGTH_MAX = 100

Form = URLEncodedBody[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Desk:
    """The operator who asks, and what the verbs need."""

    request: AnyRequest
    operator: OperatorCaller
    deps: NotifyDeps

    async def once(
        self, what: str, data: dict[str, str], do: Callable[[Tx], Awaitable[UUID]]
    ) -> UUID:
        """Do what a form asks for once, though the browser may send it again on a reload."""
        key = data.get("key", "")[:_KEY_LENGTH_MAX] or token_urlsafe()

        async def first(tx: Tx) -> Answer:
            return Answer(200, str(await do(tx)))

        async with transaction(self.deps.pool) as tx:
            answer = await once(
                tx,
                scope=f"{self.operator.name} {what}",
                key=key,
                content=fingerprint(what),
                now=self.deps.clock.now(),
                do=lambda: first(tx),
            )
        return UUID(answer.body)

    async def overview(
        self, *, no: Refusal | None = None, given: dict[str, str] | None = None
    ) -> Response[str]:
        """The page of all endpoints."""
        async with transaction(self.deps.pool) as tx:
            found = await enlisting.endpoints(tx)
        return render(
            self.request,
            "notify/endpoints.html",
            status=200 if no is None else status_of(no),
            endpoints=found,
            wrong=_wrong(no),
            problem="" if no is None or isinstance(no, WrongEndpoint) else no.sentence(),
            given=given or {},
            key=token_urlsafe(),
        )

    async def one(
        self,
        endpoint_id: UUID,
        *,
        secret: bool = False,
        said: str = "",
        no: Refusal | None = None,
        state: DeliveryState | None = None,
        before: int | None = None,
    ) -> Response[str]:
        """The page of one endpoint, with its log."""
        async with transaction(self.deps.pool) as tx:
            found = await enlisting.endpoint(tx, endpoint_id)
            lines = await replaying.deliveries(
                tx, endpoint_id, before=before, state=state, limit=_PAGE_LINES + 1
            )
        now = self.deps.clock.now()
        rests = found.resting_until is not None and found.resting_until > now
        return render(
            self.request,
            "notify/endpoint.html",
            status=200 if no is None else status_of(no),
            endpoint=found,
            secret=enlisting.secret(found, settings=self.deps.settings) if secret else "",
            overlaps=found.previous_until is not None and found.previous_until > now,
            rests=rests,
            said=said,
            problem="" if no is None else no.sentence(),
            lines=lines[:_PAGE_LINES],
            older=lines[_PAGE_LINES - 1].id if len(lines) > _PAGE_LINES else None,
            state=None if state is None else state.value,
            states=[one.value for one in DeliveryState],
            key=token_urlsafe(),
        )


def webhook_desk(
    request: AnyRequest, operator: Given[OperatorCaller], notifying: Given[NotifyDeps]
) -> Desk:
    """Nobody without the permission comes past here."""
    operator.demand(Permission.MANAGE_WEBHOOKS)
    return Desk(request, operator, notifying)


@get("/console/webhooks")
async def endpoints_page(webhook_desk: Given[Desk]) -> Response[str]:
    """All endpoints and how they do; a form for another."""
    return await webhook_desk.overview()


@post("/console/webhooks")
async def add_endpoint(data: Form, webhook_desk: Given[Desk]) -> Response[str]:
    """Add an endpoint, and show its secret this once."""
    kinds = data.get("kinds", "").replace(",", " ").split() or ["*"]
    said = data.get("description", "").strip()
    wanted = EndpointWanted(data.get("url", "").strip(), tuple(kinds), said)

    async def do(tx: Tx) -> UUID:
        made = await enlisting.add_endpoint(
            tx,
            wanted,
            settings=webhook_desk.deps.settings,
            by=webhook_desk.operator.name,
            now=webhook_desk.deps.clock.now(),
        )
        return made.id

    try:
        endpoint_id = await webhook_desk.once("webhooks.add", data, do)
    except Refusal as no:
        return await webhook_desk.overview(no=no, given=data)
    return await webhook_desk.one(endpoint_id, secret=True)


@get("/console/webhooks/{endpoint_id:uuid}")
async def endpoint_page(
    endpoint_id: FromPath[UUID],
    webhook_desk: Given[Desk],
    in_state: Annotated[str, QueryParameter(name="state")] = "",
    before: FromQuery[str] = "",
) -> Response[str]:
    """One endpoint: how it does, what to do about it, and its log."""
    chosen = DeliveryState(in_state) if in_state in set(DeliveryState) else None
    return await webhook_desk.one(endpoint_id, state=chosen, before=number_of(before))


@post("/console/webhooks/{endpoint_id:uuid}/rotate")
async def rotate_secret(
    endpoint_id: FromPath[UUID], data: Form, webhook_desk: Given[Desk]
) -> Response[str]:
    """Draw a new secret, and show it this once."""

    async def do(tx: Tx) -> UUID:
        now, by = webhook_desk.deps.clock.now(), webhook_desk.operator.name
        return (await enlisting.rotate(tx, endpoint_id, by=by, now=now)).id

    return await webhook_desk.one(await webhook_desk.once("webhooks.rotate", data, do), secret=True)


@post("/console/webhooks/{endpoint_id:uuid}/test")
async def send_test(
    endpoint_id: FromPath[UUID], webhook_desk: Given[Desk]
) -> Response[str] | Redirect:
    """Send a test now; its line in the log says what came of it."""
    try:
        sent = await replaying.try_out(
            webhook_desk.deps, endpoint_id, by=webhook_desk.operator.name
        )
    except Refusal as no:
        return await webhook_desk.one(endpoint_id, no=no)
    return see_other(f"/console/webhooks/deliveries/{sent.id}")


@post("/console/webhooks/{endpoint_id:uuid}/off")
async def switch_off(endpoint_id: FromPath[UUID], webhook_desk: Given[Desk]) -> Redirect:
    """Send nothing more for now."""
    now, by = webhook_desk.deps.clock.now(), webhook_desk.operator.name
    reason = f"Switched off by {webhook_desk.operator.display_name}."
    async with transaction(webhook_desk.deps.pool) as tx:
        await enlisting.switch_off(tx, endpoint_id, reason=reason, by=by, now=now)
    return see_other(f"/console/webhooks/{endpoint_id}")


@post("/console/webhooks/{endpoint_id:uuid}/on")
async def switch_on(endpoint_id: FromPath[UUID], webhook_desk: Given[Desk]) -> Redirect:
    """Send again, all that was missed first."""
    now, by = webhook_desk.deps.clock.now(), webhook_desk.operator.name
    async with transaction(webhook_desk.deps.pool) as tx:
        await enlisting.switch_on(tx, endpoint_id, by=by, now=now)
    return see_other(f"/console/webhooks/{endpoint_id}")


@post("/console/webhooks/{endpoint_id:uuid}/remove")
async def remove_endpoint(endpoint_id: FromPath[UUID], webhook_desk: Given[Desk]) -> Redirect:
    """Tell it nothing more, ever."""
    now, by = webhook_desk.deps.clock.now(), webhook_desk.operator.name
    async with transaction(webhook_desk.deps.pool) as tx:
        await enlisting.remove_endpoint(tx, endpoint_id, by=by, now=now)
    return see_other("/console/webhooks")


@post("/console/webhooks/{endpoint_id:uuid}/replay")
async def replay_range(
    endpoint_id: FromPath[UUID], data: Form, webhook_desk: Given[Desk]
) -> Response[str]:
    """Send a range again; both ends belong to it."""
    now, by = webhook_desk.deps.clock.now(), webhook_desk.operator.name
    try:
        span = _span(data)
        async with transaction(webhook_desk.deps.pool) as tx:
            count = await replaying.replay(tx, endpoint_id, span, by=by, now=now)
    except Refusal as no:
        return await webhook_desk.one(endpoint_id, no=no)
    events = "1 event is" if count == 1 else f"{count:,} events are"
    return await webhook_desk.one(endpoint_id, said=f"{events} sent again, behind what waits.")


@get("/console/webhooks/deliveries/{delivery_id:int}")
async def delivery_page(delivery_id: FromPath[int], webhook_desk: Given[Desk]) -> Response[str]:
    """One delivery: what was sent, every attempt, and when the next one is."""
    if not 0 < delivery_id <= INTEGER_MAX:
        raise DeliveryUnknown(delivery_id)
    async with transaction(webhook_desk.deps.pool) as tx:
        found = await replaying.delivery(tx, delivery_id)
        log = await replaying.attempts(tx, delivery_id)
        event = None if found.position is None else await replaying.event_at(tx, found.position)
    body = "" if event is None else body_of(event).decode()
    facts: dict[str, Any] = {"delivery": found, "attempts": log, "body": body}
    return render(webhook_desk.request, "notify/delivery.html", **facts)


@post("/console/webhooks/deliveries/{delivery_id:int}/resend")
async def resend_delivery(
    delivery_id: FromPath[int], webhook_desk: Given[Desk]
) -> Response[str] | Redirect:
    """Send it again."""
    if not 0 < delivery_id <= INTEGER_MAX:
        raise DeliveryUnknown(delivery_id)
    now, by = webhook_desk.deps.clock.now(), webhook_desk.operator.name
    async with transaction(webhook_desk.deps.pool) as tx:
        found = await replaying.resend(tx, delivery_id, by=by, now=now)
    return see_other(f"/console/webhooks/deliveries/{found.id}")


def _wrong(no: Refusal | None) -> dict[str, str]:
    """What is wrong with a form, by field."""
    if not isinstance(no, WrongEndpoint):
        return {}
    return {error["pointer"].split("/")[1]: error["detail"] for error in no.errors}


def _span(data: dict[str, str]) -> Span:
    errors: list[dict[str, str]] = []
    times: dict[str, datetime | None] = {}
    for name in ("since", "until"):
        text = data.get(name, "").strip()
        try:
            times[name] = datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
        except ValueError:
            errors.append({"pointer": f"/{name}", "detail": "A time is like 2026-11-22T12:00."})
    numbers = {name: number_of(data.get(name, "")) for name in ("first", "last")}
    errors += [
        {"pointer": f"/{name}", "detail": "A position is a whole number."}
        for name, number in numbers.items()
        if number is None and data.get(name, "").strip()
    ]
    if errors:
        raise WrongRange(errors)
    return Span(times["since"], times["until"], numbers["first"], numbers["last"])


PAGES: Sequence[ControllerRouterHandler] = (
    endpoints_page,
    add_endpoint,
    endpoint_page,
    rotate_secret,
    send_test,
    switch_off,
    switch_on,
    remove_endpoint,
    replay_range,
    delivery_page,
    resend_delivery,
    *inbox_pages.PAGES,
)

"""The failure studio: moves the sandbox's time, sends webhooks, plans mischief, pays, disputes.

For tests and demonstrations, with a token of its own. A real provider has nothing like it.
"""

from dataclasses import fields
from typing import Any, Final, Literal

import msgspec
from litestar import Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath

from coinwell.recharge.providers.sandbox.server import rules
from coinwell.recharge.providers.sandbox.server.api import (
    AnyRequest,
    bearer_is,
    body_of,
    world_of,
)
from coinwell.recharge.providers.sandbox.server.cards import CARDS, digits_of
from coinwell.recharge.providers.sandbox.server.paying import (
    answer_challenge,
    pay_by_card,
    pay_by_transfer,
)
from coinwell.recharge.providers.sandbox.server.types import DisputeState, Mischief, Refused
from coinwell.recharge.providers.sandbox.server.world import new_id

_SECONDS_MAX: Final = 10 * 365 * 24 * 3_600


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    """How far to move the time."""

    seconds: int


class NewAddress(msgspec.Struct, forbid_unknown_fields=True):
    """Where webhooks go from now on; empty for nowhere."""

    url: str


class Pay(msgspec.Struct, forbid_unknown_fields=True):
    """What a payer does on the page: a card, or a bank transfer; then the bank's question."""

    card: str | None = None
    transfer: Literal["arrives", "fails"] | None = None
    challenge: Literal["confirm", "refuse"] | None = None


class DisputeChange(msgspec.Struct, forbid_unknown_fields=True):
    """Opens a dispute, or moves the open one on."""

    state: DisputeState
    amount: int | None = None
    reason: str = "fraudulent"


async def controller_only(
    connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
) -> None:
    """A guard: an empty token keeps everybody out."""
    if not bearer_is(connection, world_of(connection.app.state).settings.control_token):
        raise Refused(401, "wrong_token", "The control token is missing or wrong.")


@post("/advance", status_code=200)
async def advance(request: AnyRequest, state: State) -> Response[Any]:
    """Move the sandbox's time ahead and do what is due then."""
    world = world_of(state)
    seconds = (await body_of(request, Advance)).seconds
    if not 0 <= seconds <= _SECONDS_MAX:
        raise Refused(422, "wrong_seconds", "Time moves ahead, and not by more than ten years.")
    world.clock.advance(seconds)
    world.turn_due()
    world.courier.wake()
    return Response({"now": world.now()})


@post("/deliver", status_code=200)
async def deliver(state: State) -> Response[Any]:
    """Send the webhooks that are due, and wait for them."""
    world = world_of(state)
    world.turn_due()
    taken, refused = await world.courier.deliver_due()
    return Response({"taken": taken, "refused": refused})


@post("/webhook", status_code=200)
async def move_webhook(request: AnyRequest, state: State) -> Response[Any]:
    """Send webhooks elsewhere from now on."""
    world = world_of(state)
    world.courier.move((await body_of(request, NewAddress)).url)
    return Response({"url": world.courier.url()})


@post("/mischief/next", status_code=200)
async def plan_mischief(request: AnyRequest, state: State) -> Response[Any]:
    """Mischief for the next payment that is made."""
    mischief = await _mischief(request)
    world_of(state).store.plan_mischief(mischief)
    return Response(mischief)


@post("/mischief/{payment_id:str}", status_code=200)
async def do_mischief(
    request: AnyRequest, payment_id: FromPath[str], state: State
) -> Response[Any]:
    """Mischief for one payment, on top of what it has."""
    mischief = await _mischief(request)
    payment = world_of(state).change(
        payment_id, lambda one, now: rules.with_mischief(one, mischief, now)
    )
    return Response(payment.mischief)


@post("/pay/{payment_id:str}", status_code=200)
async def pay(request: AnyRequest, payment_id: FromPath[str], state: State) -> Response[Any]:
    """Do what a payer would do on the payment page."""
    world = world_of(state)
    wish = await body_of(request, Pay)
    payment = world.payment(payment_id)
    if wish.card is not None:
        card = CARDS.get(digits_of(wish.card))
        if card is None:
            raise Refused(422, "no_test_card", "This is not a test card.")
        payment = await pay_by_card(world, payment_id, card)
    if wish.transfer is not None:
        payment = await pay_by_transfer(world, payment_id, arrives=wish.transfer == "arrives")
    if wish.challenge is not None:
        confirmed = wish.challenge == "confirm"
        payment = await answer_challenge(world, payment_id, confirmed=confirmed)
    return Response(world.shown(payment))


@post("/disputes/{payment_id:str}", status_code=200)
async def change_dispute(
    request: AnyRequest, payment_id: FromPath[str], state: State
) -> Response[Any]:
    """Open a dispute (`needs_response`), or move the open one on."""
    world = world_of(state)
    wish = await body_of(request, DisputeChange)
    if wish.state is DisputeState.NEEDS_RESPONSE:
        payment = world.change(
            payment_id,
            lambda one, now: rules.open_dispute(one, new_id("dp"), wish.amount, wish.reason, now),
        )
    else:
        payment = world.change(
            payment_id, lambda one, now: rules.decide_dispute(one, wish.state, now)
        )
    return Response(world.shown(payment))


@get("/deliveries/{payment_id:str}")
async def list_deliveries(payment_id: FromPath[str], state: State) -> Response[Any]:
    """Every webhook of a payment, sent and to be sent."""
    return Response({"deliveries": world_of(state).store.deliveries_of(payment_id)})


async def _mischief(request: AnyRequest) -> Mischief:
    """The mischief that is asked for; a name that does not exist is a typing error."""
    asked = await body_of(request, dict[str, Any])
    unknown = asked.keys() - {one.name for one in fields(Mischief)}
    if unknown:
        raise Refused(422, "no_such_mischief", f"There is no {', '.join(sorted(unknown))}.")
    try:
        return msgspec.convert(asked, Mischief)
    except msgspec.ValidationError as error:
        raise Refused(422, "wrong_mischief", str(error)) from None


def control_router() -> Router:
    """The routes of the failure studio."""
    handlers = [
        advance,
        deliver,
        move_webhook,
        plan_mischief,
        do_mischief,
        pay,
        change_dispute,
        list_deliveries,
    ]
    return Router(path="/_control", route_handlers=handlers, guards=[controller_only])

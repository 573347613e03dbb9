"""The hosted payment page: card or bank transfer, the bank's question, and the way back.

It works without script and loads none. Whatever the payer does ends with a redirect, so that a
reload repeats nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import MediaType, Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base.money import Money
from coinwell.recharge.providers.sandbox.server import cards, paying
from coinwell.recharge.providers.sandbox.server.api import AnyRequest, world_of
from coinwell.recharge.providers.sandbox.server.cards import Card
from coinwell.recharge.providers.sandbox.server.rules import OPEN
from coinwell.recharge.providers.sandbox.server.types import Method, Payment
from coinwell.recharge.providers.sandbox.server.types import State as Stands
from coinwell.recharge.providers.sandbox.server.world import World

_SEE_OTHER: Final = 303
_WRONG: Final = 422
_HERE: Final = Path(__file__).parent
_TEMPLATES: Final = Environment(
    loader=PackageLoader("coinwell.recharge.providers.sandbox.server"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ASSETS: Final[Mapping[str, str]] = {"sandbox.css": "text/css", "sandbox.svg": "image/svg+xml"}
_BESIDE: Final[Mapping[str, str]] = {"incorrect_cvc": "cvc", "expired_card": "expiry"}
# What a payer may type; more is cut off rather than carried around.
_FIELD_LENGTH_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Entered:
    """The card form as it was sent, and what is wrong with it, by field.

    Only a test number is shown again; any other digits are forgotten at once.
    """

    number: str = ""
    expiry: str = ""
    errors: Mapping[str, str] = field(default_factory=dict[str, str])


@get("/pay/{payment_id:str}")
async def pay_page(payment_id: FromPath[str], state: State) -> Response[Any]:
    """What is to be paid, and how; or where the payment stands."""
    world = world_of(state)
    payment = world.payment(payment_id)
    if payment.state is Stands.ACTION_REQUIRED:
        return _see(f"/pay/{payment_id}/challenge")
    if payment.state not in OPEN:
        return _page("sandbox/over.html", world, payment)
    code = payment.failure_code
    errors = {} if code is None else {_BESIDE.get(code, "number"): cards.DECLINES[code]}
    return _form(world, payment, Entered(errors=errors), declined=code is not None)


@post("/pay/{payment_id:str}/card")
async def pay_by_card(
    request: AnyRequest, payment_id: FromPath[str], state: State
) -> Response[Any]:
    """The payer sent a card."""
    world = world_of(state)
    payment = world.payment(payment_id)
    if payment.state not in OPEN:
        return _after(payment)
    form = await request.form()
    sent = {name: str(form.get(name) or "")[:_FIELD_LENGTH_MAX] for name in _CARD_FIELDS}
    card, entered = _read(sent, world.now())
    if card is None:
        return _form(world, payment, entered, declined=False)
    return _after(await paying.pay_by_card(world, payment_id, card))


@post("/pay/{payment_id:str}/transfer")
async def pay_by_transfer(
    request: AnyRequest, payment_id: FromPath[str], state: State
) -> Response[Any]:
    """The payer ordered a bank transfer."""
    form = await request.form()
    arrives = form.get("outcome") != "fails"
    return _after(await paying.pay_by_transfer(world_of(state), payment_id, arrives=arrives))


@get("/pay/{payment_id:str}/challenge")
async def challenge_page(payment_id: FromPath[str], state: State) -> Response[Any]:
    """The bank asks whether it is really the payer."""
    world = world_of(state)
    payment = world.payment(payment_id)
    if payment.state is not Stands.ACTION_REQUIRED:
        return _see(f"/pay/{payment_id}")
    return _page("sandbox/challenge.html", world, payment)


@post("/pay/{payment_id:str}/challenge")
async def answer_challenge(
    request: AnyRequest, payment_id: FromPath[str], state: State
) -> Response[Any]:
    """The payer answered the bank."""
    form = await request.form()
    confirmed = form.get("answer") == "confirm"
    world = world_of(state)
    return _after(await paying.answer_challenge(world, payment_id, confirmed=confirmed))


@post("/pay/{payment_id:str}/cancel")
async def give_up(payment_id: FromPath[str], state: State) -> Response[Any]:
    """The payer changed their mind and goes back."""
    return _see(_way_back(paying.give_up(world_of(state), payment_id)))


@get("/static/{name:str}")
async def asset(name: FromPath[str]) -> Response[Any]:
    """The stylesheet and the icon."""
    if name not in _ASSETS:
        return Response("", status_code=404, media_type=MediaType.TEXT)
    headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
    text = (_HERE / "static" / name).read_text()
    return Response(text, media_type=_ASSETS[name], headers=headers)


def absent_page() -> Response[str]:
    """There is no such payment."""
    return Response(
        _TEMPLATES.get_template("sandbox/absent.html").render(),
        status_code=404,
        media_type=MediaType.HTML,
        headers=_strict(""),
    )


_CARD_FIELDS: Final = ("number", "expiry", "cvc")


def _read(sent: Mapping[str, str], now: datetime) -> tuple[Card | None, Entered]:
    """The card that was entered, or what is wrong with each field."""
    digits = cards.digits_of(sent["number"])
    card = cards.CARDS.get(digits)
    errors: dict[str, str] = {}
    if card is None:
        known = cards.is_card_number(digits)
        errors["number"] = (
            "This is not a test card. Choose a number from the list below."
            if known
            else "A digit is missing or wrong. Check the card number."
        )
    expiry = _expiry_error(sent["expiry"], now)
    if expiry:
        errors["expiry"] = expiry
    cvc = sent["cvc"].strip()
    if not (cvc.isascii() and cvc.isdecimal() and len(cvc) in {3, 4}):
        errors["cvc"] = "The security code has three or four digits."
    shown = "" if card is None else card.shown
    entered = Entered(shown, sent["expiry"].strip(), errors)
    return (None if errors else card), entered


def _expiry_error(text: str, now: datetime) -> str:
    """What is wrong with "MM / YY", if anything."""
    month, slash, year = (part.strip() for part in text.partition("/"))
    digits = f"{month}{year}"
    if not slash and len(digits) in {4, 6}:
        month, year = digits[:2], digits[2:]
    if not (digits.isascii() and digits.isdecimal()) or len(year) not in {2, 4}:
        return "Write the expiry date as month and year, such as 08 / 30."
    if not 1 <= int(month) <= 12:  # noqa: PLR2004
        return "The month is a number from 01 to 12."
    full = int(year) + (2_000 if len(year) == 2 else 0)  # noqa: PLR2004
    if (full, int(month)) < (now.year, now.month):
        return "This date has passed."
    return ""


def _after(payment: Payment) -> Response[Any]:
    """Where the payer goes next: on, or back to the shop."""
    if payment.state is Stands.ACTION_REQUIRED:
        return _see(f"/pay/{payment.id}/challenge")
    declined = payment.state is Stands.AWAITING_USER and payment.failure_code is not None
    closed = payment.state in {Stands.CANCELED, Stands.FAILED}
    return _see(f"/pay/{payment.id}" if declined or closed else _way_back(payment))


def _way_back(payment: Payment) -> str:
    """The shop's return address with the payment's id added."""
    parts = urlsplit(payment.return_url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("payment_id", payment.id)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _see(where: str) -> Redirect:
    return Redirect(where, status_code=_SEE_OTHER, headers=_strict(""))


def _form(world: World, payment: Payment, entered: Entered, *, declined: bool) -> Response[str]:
    return _page(
        "sandbox/pay.html",
        world,
        payment,
        status=_WRONG if entered.errors and not declined else 200,
        entered=entered,
        declined=declined,
        by_card=Method.CARD in payment.methods,
        by_transfer=Method.BANK_TRANSFER in payment.methods,
        transfer_s=world.settings.transfer_s,
        familiar=cards.FAMILIAR,
        mischievous=cards.MISCHIEVOUS,
    )


def _page(
    template: str, world: World, payment: Payment, *, status: int = 200, **facts: Any
) -> Response[str]:
    text = _TEMPLATES.get_template(template).render(
        payment=payment,
        amount=Money(payment.amount, payment.currency).text(),
        merchant=world.settings.merchant,
        way_back=_way_back(payment),
        **facts,
    )
    origin = urlsplit(payment.return_url)
    return Response(
        text,
        status_code=status,
        media_type=MediaType.HTML,
        headers=_strict(f"{origin.scheme}://{origin.netloc}"),
    )


def _strict(form_target: str) -> dict[str, str]:
    """The headers of a page. A form may end at the shop, or the browser would stop the way back."""
    return {
        "content-security-policy": (
            "default-src 'none'; style-src 'self'; img-src 'self'; "
            f"form-action 'self' {form_target}; base-uri 'none'; frame-ancestors 'none'"
        ),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cache-control": "no-store",
    }


PAGES: Final[Sequence[ControllerRouterHandler]] = (
    pay_page,
    pay_by_card,
    pay_by_transfer,
    challenge_page,
    answer_challenge,
    give_up,
    asset,
)

"""The way to pay: how many coins, everything once more, and on to the payment page."""

from collections.abc import Sequence
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base.db import Tx, transaction
from coinwell.base.given import Given
from coinwell.base.ids import new_uuid
from coinwell.base.problem import status_of
from coinwell.base.refusal import Refusal
from coinwell.base.web import AnyRequest, render, see_other, when_text
from coinwell.catalog import Channel, PackOrCoins, PriceList, Quote, price_list, quote
from coinwell.limits import LimitOtherCurrency, LimitReached, asked_before
from coinwell.recharge.deps import Deps
from coinwell.recharge.refusals import PriceChanged
from coinwell.recharge.returning import remember_room, room_in
from coinwell.recharge.starting import start
from coinwell.recharge.types import Wish
from coinwell.recharge.viewing import recharge_standing
from coinwell.recharge.words import provider_name
from coinwell.settings import Settings
from coinwell.users import User
from coinwell.wallet import balance


@dataclass(frozen=True, slots=True)
class Method:
    """A way to pay that is offered."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The form of the review page."""

    key: str
    price_minor: int
    provider: str
    pack: str | None = None
    coins: int | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was wrong with the choice: beside the field, or above the form."""

    problem: str = ""
    coins_text: str = ""
    coins_error: str = ""
    status: int = 422
    href: str = ""  # Where a limit of the buyer's own can be looked at.


@get("/me/recharge")
async def choose_page(request: AnyRequest, viewer: Given[User], deps: Given[Deps]) -> Response[str]:
    """How many coins? A pack, or any exact number."""
    return await _choose(request, viewer, deps)


@get("/me/recharge/review")
async def review_page(
    request: AnyRequest,
    viewer: Given[User],
    deps: Given[Deps],
    settings: Given[Settings],
    pack: FromQuery[str | None] = None,
    coins: FromQuery[str | None] = None,
) -> Response[str]:
    """Everything once more before paying; nothing is written by looking."""
    refused = await _refused(request, viewer, deps)
    if refused is not None:
        return refused
    wanted = _whole(coins or "")
    if coins and coins.strip() and wanted is None:
        said = "Write a whole number of coins, like 500."
        return await _choose(request, viewer, deps, Trouble("", coins, said))
    try:
        made = await _quote(deps, viewer, pack if wanted is None else None, wanted)
    except PackOrCoins:
        said = "Choose a pack, or write how many coins you want."
        return await _choose(request, viewer, deps, Trouble(said))
    except Refusal as no:
        said = no.sentence()
        beside = Trouble("", coins or "", said) if wanted is not None else Trouble(said)
        return await _choose(request, viewer, deps, beside)
    return await _review(request, viewer, deps, settings, made)


@post("/me/recharge")
async def pay(
    request: AnyRequest,
    data: URLEncodedBody[dict[str, str]],
    viewer: Given[User],
    deps: Given[Deps],
    settings: Given[Settings],
) -> Response[str] | Redirect:
    """Begin the recharge and send the buyer to the payment page; a double press is one."""
    refused = await _refused(request, viewer, deps)
    if refused is not None:
        return refused
    chosen = _chosen(data)
    if chosen is None:
        return await _choose(request, viewer, deps, Trouble("Choose again, please."))
    wish = Wish(
        pack_id=chosen.pack,
        coins=chosen.coins,
        channel=Channel.WEB,
        provider=chosen.provider,
        seen_minor=chosen.price_minor,
    )
    try:
        answer = await start(deps, viewer, wish, key=f"page:{chosen.key}")
    except PriceChanged:
        made = await _quote(deps, viewer, chosen.pack, chosen.coins)
        return await _review(request, viewer, deps, settings, made, changed=True)
    except (LimitReached, LimitOtherCurrency) as no:
        said = f"{no.sentence()} Nothing was charged."
        again = Trouble(said, status=status_of(no), href=no.change_at)
        return await _choose(request, viewer, deps, again)
    except Refusal as no:
        again = Trouble(no.sentence(), status=status_of(no))
        return await _choose(request, viewer, deps, again)
    pay_url = answer.body.get("pay_url")
    response = see_other(pay_url or f"/me/recharges/{answer.body['id']}")
    remember_room(response, str(answer.body["id"]), await room_in(request), settings)
    return response


def _whole(text: str) -> int | None:
    # People write 1,000 and 1 000; anything else that is not a plain number is not guessed at.
    digits = text.strip().replace(",", "").replace(" ", "")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None  # noqa: PLR2004


def _chosen(data: dict[str, str]) -> Chosen | None:
    price, coins = _whole(data.get("price_minor", "")), _whole(data.get("coins", ""))
    key, pack = data.get("key", ""), data.get("pack") or None
    if price is None or not 0 < len(key) <= 64 or (pack is None) == (coins is None):  # noqa: PLR2004
        return None
    return Chosen(key, price, data.get("provider", ""), pack, coins)


async def _offer(tx: Tx, deps: Deps, viewer: User) -> PriceList:
    return await price_list(
        tx, country=viewer.country, currency=None, channel=Channel.WEB, now=deps.clock.now()
    )


async def _quote(deps: Deps, viewer: User, pack: str | None, coins: int | None) -> Quote:
    async with transaction(deps.pool) as tx:
        offer = await _offer(tx, deps, viewer)
    return quote(offer, pack_id=pack, coins=coins)


async def _choose(
    request: AnyRequest,
    viewer: User,
    deps: Deps,
    trouble: Trouble | None = None,
) -> Response[str]:
    refused = await _refused(request, viewer, deps)
    if refused is not None:
        return refused
    async with transaction(deps.pool) as tx:
        offer = await _offer(tx, deps, viewer)
        asks = not await asked_before(tx, viewer.id)
    return render(
        request,
        "recharge/choose.html",
        status=200 if trouble is None else trouble.status,
        offers=[quote(offer, pack_id=pack.id) for pack in offer.packs],
        coins_min=offer.coins_min,
        coins_max=offer.coins_max,
        balance=await balance(deps.ledger, viewer.id),
        room=await room_in(request),
        trouble=trouble or Trouble(),
        asks=asks,
    )


async def _review(
    request: AnyRequest,
    viewer: User,
    deps: Deps,
    settings: Settings,
    made: Quote,
    *,
    changed: bool = False,
) -> Response[str]:
    return render(
        request,
        "recharge/review.html",
        status=409 if changed else 200,
        quote=made,
        changed=changed,
        balance=await balance(deps.ledger, viewer.id),
        room=await room_in(request),
        seller=settings.seller,
        providers=[Method(name, provider_name(name)) for name in deps.providers],
        # The page's own key: pressing twice, reloading or two tabs of it are one recharge.
        key=new_uuid().hex,
    )


async def _refused(request: AnyRequest, viewer: User, deps: Deps) -> Response[str] | None:
    """The page that says why this account may not recharge, or None where it may."""
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        standing = await recharge_standing(tx, viewer, now)
    if standing.allowed:
        return None
    until = "" if standing.until is None else when_text(standing.until, viewer.time_zone)
    return render(
        request,
        "recharge/refused.html",
        status=403,
        title="You cannot recharge now",
        sentence=standing.sentence,
        until=until,
        next_step=standing.next_step or "",
    )


PAGES: Sequence[ControllerRouterHandler] = (choose_page, review_page, pay)

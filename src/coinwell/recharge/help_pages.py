"""The help page: it gathers the account's own state and answers from it."""

from collections.abc import Sequence

from babel.dates import format_date
from litestar import Response, get
from litestar.types import ControllerRouterHandler

from coinwell.base.db import transaction
from coinwell.base.given import Given
from coinwell.base.money import Money
from coinwell.base.refusal import Refusal
from coinwell.base.web import AnyRequest, render, when_text
from coinwell.catalog import Channel, price_list, quote
from coinwell.recharge import store
from coinwell.recharge.deps import Deps
from coinwell.recharge.helping import Facts, OnItsWay, Refundable, answer_all
from coinwell.recharge.types import OrderState
from coinwell.recharge.viewing import ON_THE_WAY, recharge_standing
from coinwell.recharge.words import answers
from coinwell.settings import Settings
from coinwell.users import User
from coinwell.wallet import Fold, balance, overview

_LOOKED_AT = 10


@get("/me/help")
async def help_page(
    request: AnyRequest,
    viewer: Given[User],
    deps: Given[Deps],
    settings: Given[Settings],
) -> Response[str]:
    """Is it safe, can I get coins back, why has it not arrived, why can I not, how often."""
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        coming = await store.of_user(tx, viewer.id, states=sorted(ON_THE_WAY), limit=_LOOKED_AT)
        standing = await recharge_standing(tx, viewer, now)
    held = await balance(deps.ledger, viewer.id)
    seen = await overview(deps.pool, deps.ledger, viewer.id, zone=viewer.time_zone, now=now)
    month = seen.month
    refused = None
    if not standing.allowed:
        until = "" if standing.until is None else when_text(standing.until, viewer.time_zone)
        refused = (standing.sentence, until, standing.next_step or "")
    facts = Facts(
        coins=held.coins,
        held=held.held,
        seller=settings.seller,
        on_their_way=[
            OnItsWay(said.known, said.doing, said.again, f"/me/recharges/{order.id}")
            for order in coming
            for said in [answers(order, time_zone=viewer.time_zone)]
        ],
        refundable=await _refundable(deps, viewer, seen.fold),
        refused=refused,
        spent_this_month=month.coins_out,
        paid_this_month=month.money_in,
        month=format_date(month.starts_on, "LLLL", locale="en"),
        smallest=None if refused else await _smallest(deps, viewer),
    )
    return render(request, "recharge/help.html", answers=answer_all(facts))


async def _refundable(deps: Deps, viewer: User, lots: Fold | None) -> list[Refundable]:
    if lots is None:
        return []
    async with transaction(deps.pool) as tx:
        orders = await store.of_user(tx, viewer.id, states=[OrderState.CREDITED], limit=_LOOKED_AT)
    return [
        Refundable(unspent, order.all_coins, order.price, f"/me/recharges/{order.id}/receipt")
        for order in orders
        if (unspent := lots.unspent(order.id)) > 0
    ]


async def _smallest(deps: Deps, viewer: User) -> Money | None:
    try:
        async with transaction(deps.pool) as tx:
            offer = await price_list(
                tx,
                country=viewer.country,
                currency=None,
                channel=Channel.WEB,
                now=deps.clock.now(),
            )
    except Refusal:
        return None
    return quote(offer, coins=offer.coins_min).price


PAGES: Sequence[ControllerRouterHandler] = (help_page,)

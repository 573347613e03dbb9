"""A recharge after it was begun: where it is, its receipt, and all of them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base import cursor as cursors
from coinwell.base.db import transaction
from coinwell.base.given import Given
from coinwell.base.money import Money
from coinwell.base.web import AnyRequest, render, see_other
from coinwell.recharge import checkout_pages, help_pages, store
from coinwell.recharge.canceling import cancel
from coinwell.recharge.deps import Deps
from coinwell.recharge.refusals import RechargeUnknown
from coinwell.recharge.returning import room_of_order
from coinwell.recharge.starting import pay_again
from coinwell.recharge.syncing import sync_order
from coinwell.recharge.types import Order, OrderState
from coinwell.recharge.viewing import arrivals, view
from coinwell.recharge.words import answers, provider_name
from coinwell.settings import Settings
from coinwell.users import User
from coinwell.wallet import Arrivals

_PAGE_ORDERS = 20


@get("/me/recharges/{order_id:uuid}/return")
async def back_from_provider(
    order_id: FromPath[UUID], viewer: Given[User], deps: Given[Deps]
) -> Redirect:
    """The browser came back, which says nothing: ask the provider and show our own state."""
    order = await _own(deps, viewer, order_id)
    await sync_order(deps, order.id)
    return see_other(f"/me/recharges/{order.id}")


@get("/me/recharges/{order_id:uuid}")
async def status_page(
    request: AnyRequest,
    order_id: FromPath[UUID],
    viewer: Given[User],
    deps: Given[Deps],
    settings: Given[Settings],
) -> Response[str]:
    """Where the recharge is: what we know, what we do, what you can do, when to look again."""
    order = await _own(deps, viewer, order_id)
    room = room_of_order(request, order.id, settings)
    return render(request, "recharge/status.html", view=view(order, viewer), room=room)


@get("/me/recharges/{order_id:uuid}/live")
async def status_fragment(
    request: AnyRequest,
    order_id: FromPath[UUID],
    viewer: Given[User],
    deps: Given[Deps],
    settings: Given[Settings],
) -> Response[str]:
    """The inside of the status page, for the page's own script."""
    shown = view(await _own(deps, viewer, order_id), viewer)
    room = room_of_order(request, order_id, settings)
    response = render(request, "recharge/status_live.html", view=shown, room=room)
    response.set_header("x-final", "yes" if shown.final else "no")
    return response


@post("/me/recharges/{order_id:uuid}/check")
async def check_now(order_id: FromPath[UUID], viewer: Given[User], deps: Given[Deps]) -> Redirect:
    """Ask the provider now."""
    order = await _own(deps, viewer, order_id)
    await sync_order(deps, order.id)
    return see_other(f"/me/recharges/{order.id}")


@post("/me/recharges/{order_id:uuid}/cancel")
async def cancel_now(order_id: FromPath[UUID], viewer: Given[User], deps: Given[Deps]) -> Redirect:
    """Cancel, unless money is in or on its way; the status page says what came of it."""
    order = await _own(deps, viewer, order_id)
    await cancel(deps, order.id)
    return see_other(f"/me/recharges/{order.id}")


@post("/me/recharges/{order_id:uuid}/pay-again")
async def pay_once_more(
    order_id: FromPath[UUID], viewer: Given[User], deps: Given[Deps]
) -> Redirect:
    """Another attempt after a decline, at the same price."""
    order = await _own(deps, viewer, order_id)
    again = await pay_again(deps, order.id)
    return see_other(again.pay_url or f"/me/recharges/{order.id}")


@get("/me/recharges/{order_id:uuid}/receipt")
async def receipt_page(
    request: AnyRequest,
    order_id: FromPath[UUID],
    viewer: Given[User],
    deps: Given[Deps],
    settings: Given[Settings],
) -> Response[str] | Redirect:
    """What was bought, from whom, when and for how much; only once the coins are there."""
    order = await _own(deps, viewer, order_id)
    if order.credited_at is None:
        return see_other(f"/me/recharges/{order.id}")
    reversed_ = order.state in {OrderState.REVERSED, OrderState.PARTIALLY_REVERSED}
    return render(
        request,
        "recharge/receipt.html",
        order=order,
        room=room_of_order(request, order_id, settings),
        seller=settings.seller,
        buyer=viewer.display_name,
        provider=provider_name(order.provider),
        per_hundred=Money(-(-order.price_minor * 100 // order.coins), order.currency),
        refunded=answers(order, time_zone=viewer.time_zone).known if reversed_ else "",
        zone=viewer.time_zone,
    )


@get("/me/recharges")
async def history_page(
    request: AnyRequest,
    viewer: Given[User],
    deps: Given[Deps],
    cursor: FromQuery[str | None] = None,
) -> Response[str]:
    """All recharges, newest first."""
    before = None
    if cursor:
        at, last = cursors.decode(cursor, (str, str))
        before = _position(cursor, at, last)
    async with transaction(deps.pool) as tx:
        found = await store.of_user(tx, viewer.id, before=before, limit=_PAGE_ORDERS + 1)
    orders, older = found[:_PAGE_ORDERS], len(found) > _PAGE_ORDERS
    following = (
        cursors.encode(orders[-1].created_at.isoformat(), str(orders[-1].id)) if older else None
    )
    shown = [(order, answers(order).title) for order in orders]
    return render(
        request, "recharge/history.html", orders=shown, cursor=following, zone=viewer.time_zone
    )


def _position(cursor: str, at: str, last: str) -> tuple[datetime, UUID]:
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise cursors.BadCursor(cursor)
        return moment, UUID(last)
    except ValueError:
        raise cursors.BadCursor(cursor) from None


async def _own(deps: Deps, viewer: User, order_id: UUID) -> Order:
    async with transaction(deps.pool) as tx:
        order = await store.order(tx, order_id)
    if order is None or order.user_id != viewer.id:
        raise RechargeUnknown(str(order_id))
    return order


PAGES: Sequence[ControllerRouterHandler] = (
    *checkout_pages.PAGES,
    back_from_provider,
    status_page,
    status_fragment,
    check_now,
    cancel_now,
    pay_once_more,
    receipt_page,
    history_page,
    *help_pages.PAGES,
)
# What the balance page shows of this room; the app hands it over, for rooms only look down.
ARRIVALS: Arrivals = arrivals

"""My limits: what I set, what is left, and how to change it. Works without script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from litestar import Response, get, post
from litestar.params import URLEncodedBody
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base.clock import Clock
from coinwell.base.db import Pool, transaction
from coinwell.base.given import Given
from coinwell.base.money import AmountUnreadable, Money
from coinwell.base.problem import status_of
from coinwell.base.refusal import Refusal
from coinwell.base.web import AnyRequest, render, see_other
from coinwell.ledger import Ledger
from coinwell.limits.choosing import (
    LimitName,
    cancel_raise,
    confirm_raise,
    remove_limit,
    set_limit,
)
from coinwell.limits.listing import no_limit_for_now
from coinwell.limits.types import LimitKind, Mode, Period
from coinwell.limits.viewing import offer_of, sections
from coinwell.users import User

_HOME = "/me/limits"
_DIGITS_MAX = 13


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was wrong with a form: which one, beside which field, and what was written."""

    form: str
    field: str
    said: str
    amount: str = ""
    status: int = 422


@dataclass(frozen=True, slots=True)
class Edge:
    """What every handler here needs."""

    viewer: User
    pool: Pool
    ledger: Ledger
    clock: Clock

    def name(self, data: Mapping[str, str]) -> LimitName | None:
        """Which limit a form is about; None for a form that is not ours."""
        try:
            return LimitName(
                self.viewer.id, LimitKind(data.get("kind", "")), Period(data.get("period", ""))
            )
        except ValueError:
            return None

    async def amount(self, kind: LimitKind, text: str) -> int | None:
        """A written amount in coins or minor units; None for what is none."""
        plain = text.strip().replace(",", "").replace(" ", "")
        if not plain or len(plain) > _DIGITS_MAX or plain.startswith("-"):
            return None
        if kind is LimitKind.COINS:
            return int(plain) if plain.isascii() and plain.isdecimal() else None
        async with transaction(self.pool) as tx:
            offer = await offer_of(tx, self.viewer, self.clock.now())
        try:
            return Money.parse(plain, offer.currency).minor
        except AmountUnreadable:
            return None


@get(_HOME)
async def limits_page(
    request: AnyRequest,
    viewer: Given[User],
    pool: Given[Pool],
    ledger: Given[Ledger],
    clock: Given[Clock],
) -> Response[str]:
    """Every limit with its bar, what is left and when it begins anew; and how to set another."""
    return await _page(request, Edge(viewer, pool, ledger, clock))


@post("/me/limits/set")
async def set_one(
    request: AnyRequest,
    data: URLEncodedBody[dict[str, str]],
    viewer: Given[User],
    pool: Given[Pool],
    ledger: Given[Ledger],
    clock: Given[Clock],
) -> Response[str] | Redirect:
    """Set or change a limit: what is lower holds at once, the page says what waits."""
    at = Edge(viewer, pool, ledger, clock)
    form, written = data.get("form", ""), data.get("amount", "")
    name = at.name(data)
    if name is None:
        said = "Choose for how long the limit counts."
        return await _page(request, at, Trouble(form, "period", said, written))
    try:
        mode = Mode(data.get("mode", ""))
    except ValueError:
        said = "Choose what happens at the limit."
        return await _page(request, at, Trouble(form, "mode", said, written))
    amount = await at.amount(name.kind, written)
    if amount is None:
        said = "Write a whole number of coins, like 5000."
        if name.kind is LimitKind.MONEY:
            said = "Write an amount of money, like 50."
        return await _page(request, at, Trouble(form, "amount", said, written))
    try:
        await set_limit(pool, ledger, name, mode, amount, now=clock.now())
    except Refusal as no:
        trouble = Trouble(form, "amount", no.sentence(), written, status_of(no))
        return await _page(request, at, trouble)
    return _recharge(data) if data.get("back") == "recharge" else _back_to(name)


@post("/me/limits/remove")
async def remove_one(
    data: URLEncodedBody[dict[str, str]],
    viewer: Given[User],
    pool: Given[Pool],
    ledger: Given[Ledger],
    clock: Given[Clock],
) -> Redirect:
    """Ask for no limit any more; the page says when that can be confirmed."""
    name = Edge(viewer, pool, ledger, clock).name(data)
    if name is not None:
        await remove_limit(pool, name, now=clock.now())
    return _back_to(name)


@post("/me/limits/confirm")
async def confirm_one(
    request: AnyRequest,
    data: URLEncodedBody[dict[str, str]],
    viewer: Given[User],
    pool: Given[Pool],
    ledger: Given[Ledger],
    clock: Given[Clock],
) -> Response[str] | Redirect:
    """The second yes to a raise."""
    at = Edge(viewer, pool, ledger, clock)
    name = at.name(data)
    if name is not None:
        try:
            await confirm_raise(pool, ledger, name, now=clock.now())
        except Refusal as no:
            trouble = Trouble("", "", no.sentence(), status=status_of(no))
            return await _page(request, at, trouble)
    return _back_to(name)


@post("/me/limits/cancel")
async def cancel_one(
    data: URLEncodedBody[dict[str, str]],
    viewer: Given[User],
    pool: Given[Pool],
    ledger: Given[Ledger],
    clock: Given[Clock],
) -> Redirect:
    """Forget the raise that waits."""
    name = Edge(viewer, pool, ledger, clock).name(data)
    if name is not None:
        await cancel_raise(pool, name, now=clock.now())
    return _back_to(name)


@post("/me/limits/none")
async def none_for_now(
    data: URLEncodedBody[dict[str, str]],
    viewer: Given[User],
    pool: Given[Pool],
    clock: Given[Clock],
) -> Redirect:
    """The answer "no limit for now" to the question at the first recharge."""
    await no_limit_for_now(pool, viewer.id, now=clock.now())
    return _recharge(data)


def _recharge(data: Mapping[str, str]) -> Redirect:
    """Back to where the question was asked: on the way to recharge, perhaps from a live room."""
    try:
        return see_other(f"/me/recharge?room={UUID(data.get('room', ''))}")
    except ValueError:
        return see_other("/me/recharge")


def _back_to(name: LimitName | None) -> Redirect:
    return see_other(_HOME if name is None else f"{_HOME}#{name.kind.value}-{name.period.value}")


async def _page(request: AnyRequest, at: Edge, trouble: Trouble | None = None) -> Response[str]:
    return render(
        request,
        "limits/limits.html",
        status=200 if trouble is None else trouble.status,
        sections=await sections(at.pool, at.ledger, at.viewer, at.clock.now()),
        trouble=trouble,
        zone=at.viewer.time_zone,
    )


PAGES: Sequence[ControllerRouterHandler] = (
    limits_page,
    set_one,
    remove_one,
    confirm_one,
    cancel_one,
    none_for_now,
)

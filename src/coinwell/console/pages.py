"""The console's pages: find, look, and the few things an operator may do."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base.db import transaction
from coinwell.base.given import Given
from coinwell.base.problem import status_of
from coinwell.base.refusal import Refusal
from coinwell.base.web import AnyRequest, render, see_other
from coinwell.console.wording import told
from coinwell.recharge import (
    Deps,
    OrderState,
    answers,
    approve_review,
    ask_provider_now,
    find,
    order_of,
    orders_of,
    refund_order,
    refundable,
    timeline,
    waiting_for_a_person,
)
from coinwell.users import (
    NewRestriction,
    OperatorCaller,
    Permission,
    ReasonCode,
    Scope,
    WrongRestriction,
    age_state,
    find_users,
    lift,
    restrict,
    restrictions,
    today_of,
    user,
)
from coinwell.wallet import balance

_SHOWN = 20
_QUESTION_LENGTH_MAX = 200
_DAYS_DIGITS_MAX = 4

Form = URLEncodedBody[dict[str, str]]


@get("/console")
async def home(
    request: AnyRequest,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    q: FromQuery[str] = "",
) -> Response[str]:
    """Find anything by any id; without a question, what waits for a person."""
    operator.demand(Permission.FIND)
    asked = q.strip()[:_QUESTION_LENGTH_MAX]
    async with transaction(deps.pool) as tx:
        people = await find_users(tx, asked) if asked else []
        orders = await find(tx, asked) if asked else await waiting_for_a_person(tx, limit=_SHOWN)
    return render(request, "console/home.html", q=asked, people=people, orders=orders)


@get("/console/users/{user_id:uuid}")
async def user_page(
    request: AnyRequest,
    user_id: FromPath[UUID],
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str]:
    """One person: who, what they hold, what they may not do, their recharges."""
    operator.demand(Permission.FIND)
    return await _user(request, operator, deps, user_id)


@post("/console/users/{user_id:uuid}/restrictions")
async def restrict_user(
    request: AnyRequest,
    user_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str] | Redirect:
    """Restrict an account, for a reason."""
    operator.demand(Permission.RESTRICT)
    now = deps.clock.now()
    try:
        wanted = _restriction(user_id, data, now)
        async with transaction(deps.pool) as tx:
            await restrict(tx, wanted, by=operator.name, now=now)
    except Refusal as no:
        return await _user(request, operator, deps, user_id, no=no)
    return see_other(f"/console/users/{user_id}")


@post("/console/users/{user_id:uuid}/restrictions/{restriction_id:uuid}/lift")
async def lift_restriction(
    request: AnyRequest,
    user_id: FromPath[UUID],
    restriction_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str] | Redirect:
    """Lift a restriction, with a reason that stays."""
    operator.demand(Permission.LIFT)
    try:
        async with transaction(deps.pool) as tx:
            await lift(
                tx,
                restriction_id,
                user_id=user_id,
                by=operator.name,
                reason=data.get("reason", ""),
                now=deps.clock.now(),
            )
    except Refusal as no:
        return await _user(request, operator, deps, user_id, no=no)
    return see_other(f"/console/users/{user_id}")


@get("/console/recharges/{order_id:uuid}")
async def recharge_page(
    request: AnyRequest,
    order_id: FromPath[UUID],
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str]:
    """One recharge: what the buyer reads, and everything that happened, in order."""
    operator.demand(Permission.SEE_TIMELINE)
    return await _recharge(request, operator, deps, order_id)


@post("/console/recharges/{order_id:uuid}/ask")
async def ask_provider(
    request: AnyRequest,
    order_id: FromPath[UUID],
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str]:
    """Ask the provider now, and apply what it says."""
    operator.demand(Permission.ASK_PROVIDER)
    order = await ask_provider_now(deps, order_id, operator=operator.name)
    said = f"Asked. The recharge is {order.state.value.replace('_', ' ')}."
    return await _recharge(request, operator, deps, order_id, said=said)


@post("/console/recharges/{order_id:uuid}/approve")
async def approve_recharge(
    request: AnyRequest,
    order_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str] | Redirect:
    """Credit a paid recharge that waits for a person."""
    operator.demand(Permission.APPROVE)
    reason = data.get("reason", "").strip()
    try:
        await approve_review(
            deps, order_id, operator=operator.name, reason=reason, token=data.get("token")
        )
    except Refusal as no:
        return await _recharge(request, operator, deps, order_id, no=no)
    return see_other(f"/console/recharges/{order_id}")


@post("/console/recharges/{order_id:uuid}/refund")
async def refund_recharge(
    request: AnyRequest,
    order_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str] | Redirect:
    """Refund an unspent recharge in full."""
    operator.demand(Permission.REFUND)
    reason = data.get("reason", "").strip()
    try:
        await refund_order(deps, order_id, operator=operator.name, reason=reason)
    except Refusal as no:
        return await _recharge(request, operator, deps, order_id, no=no)
    return see_other(f"/console/recharges/{order_id}")


def _restriction(user_id: UUID, data: dict[str, str], now: datetime) -> NewRestriction:
    faults: list[dict[str, str]] = []
    scope, reason = data.get("scope", ""), data.get("reason_code", "")
    if scope not in set(Scope):
        faults.append({"pointer": "/scope", "detail": "Choose what to restrict."})
    if reason not in set(ReasonCode):
        faults.append({"pointer": "/reason_code", "detail": "Choose a reason."})
    days = data.get("days", "").strip()
    if days and not (days.isascii() and days.isdecimal() and len(days) <= _DAYS_DIGITS_MAX):
        faults.append({"pointer": "/days", "detail": "Days are a whole number, or empty."})
    if faults:
        raise WrongRestriction(faults)
    return NewRestriction(
        user_id=user_id,
        scope=Scope(scope),
        reason_code=ReasonCode(reason),
        sentence=data.get("sentence", "").strip() or None,
        expires_at=now + timedelta(days=int(days)) if days else None,
    )


async def _user(
    request: AnyRequest,
    operator: OperatorCaller,
    deps: Deps,
    user_id: UUID,
    *,
    no: Refusal | None = None,
) -> Response[str]:
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        person = await user(tx, user_id)
        placed = await restrictions(tx, user_id, now=now)
        orders = await orders_of(tx, user_id, limit=_SHOWN)
    return render(
        request,
        "console/user.html",
        status=200 if no is None else status_of(no),
        problem="" if no is None else no.sentence(),
        user=person,
        age=age_state(person, today_of(person, now)).value,
        balance=await balance(deps.ledger, user_id),
        orders=orders,
        restrictions=placed,
        scopes=list(Scope),
        reason_codes=[code.value for code in ReasonCode],
        may_restrict=operator.may(Permission.RESTRICT),
        may_lift=operator.may(Permission.LIFT),
    )


async def _recharge(
    request: AnyRequest,
    operator: OperatorCaller,
    deps: Deps,
    order_id: UUID,
    *,
    no: Refusal | None = None,
    said: str = "",
) -> Response[str]:
    async with transaction(deps.pool) as tx:
        order = await order_of(tx, order_id)
        person = await user(tx, order.user_id)
    waits = order.state is OrderState.NEEDS_REVIEW
    return render(
        request,
        "console/recharge.html",
        status=200 if no is None else status_of(no),
        problem="" if no is None else no.sentence(),
        said=said,
        order=order,
        user=person,
        answers=answers(order),
        timeline=[told(one) for one in await timeline(deps.pool, deps.ledger, order_id)],
        may_ask=operator.may(Permission.ASK_PROVIDER),
        may_approve=waits and operator.may(Permission.APPROVE),
        may_refund=refundable(order) and operator.may(Permission.REFUND),
    )


PAGES: Sequence[ControllerRouterHandler] = (
    home,
    user_page,
    restrict_user,
    lift_restriction,
    recharge_page,
    ask_provider,
    approve_recharge,
    refund_recharge,
)

"""Recharges in the console: a list, one recharge with its whole story, and what may be proposed."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base import audit
from coinwell.base.db import transaction
from coinwell.base.given import Given
from coinwell.base.web import AnyRequest
from coinwell.console import store
from coinwell.console.framing import (
    NOT_REFUSED,
    Form,
    Refused,
    attempt,
    cursor_of,
    day_after,
    day_of,
    page,
    place_of,
)
from coinwell.console.proposing import credit_wanted, propose, refund_wanted
from coinwell.console.types import REASONS, ProposalAltered, ProposalKind
from coinwell.console.wording import PROPOSALS, REASON_WORDS, STATES, told
from coinwell.recharge import (
    Deps,
    OrderFilter,
    OrderState,
    answers,
    ask_provider_now,
    listed,
    order_of,
    refund_plan,
    timeline,
)
from coinwell.users import OperatorCaller, Permission, user

_SHOWN: Final = 20
_ON_A_PAGE: Final = 50
_NAME_LENGTH_MAX: Final = 40
_FIELDS: Final = ("state", "provider", "country", "since", "until")


@get("/console/recharges")
async def recharges_page(
    request: AnyRequest,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """Recharges, newest first; by state, provider, country and day."""
    operator.demand(Permission.FIND)
    said = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
    state, since, until = said["state"], said["since"], said["until"]
    wanted = OrderFilter(
        state=OrderState(state) if state in set(OrderState) else None,
        provider=said["provider"][:_NAME_LENGTH_MAX] or None,
        country=said["country"].upper()[:2] or None,
        since=day_of(since),
        until=day_after(until),
    )
    before = place_of(cursor)
    async with transaction(deps.pool) as tx:
        found = await listed(tx, wanted, before=before, limit=_ON_A_PAGE + 1)
    shown = found[:_ON_A_PAGE]
    last = shown[-1] if len(found) > _ON_A_PAGE else None
    asked = {
        "state": wanted.state.value if wanted.state else "",
        "provider": wanted.provider or "",
        "country": wanted.country or "",
        "since": since if wanted.since else "",
        "until": until if wanted.until else "",
    }
    return page(
        request,
        operator,
        "console/recharges.html",
        orders=shown,
        older=None if last is None else cursor_of((last.created_at, last.id)),
        asked=asked,
        states=[one.value for one in OrderState],
        providers=sorted(deps.providers),
    )


@get("/console/recharges/{order_id:uuid}")
async def recharge_page(
    request: AnyRequest,
    order_id: FromPath[UUID],
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str]:
    """One recharge: what the buyer reads, and everything that happened, in order."""
    operator.demand(Permission.SEE_TIMELINE)
    async with transaction(deps.pool) as tx:
        await order_of(tx, order_id)
        opened = audit.Act(who=operator.name, act="recharge.opened", object=f"recharge:{order_id}")
        await audit.write(tx, opened, at=deps.clock.now())
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


@post("/console/recharges/{order_id:uuid}/credit")
async def propose_credit(
    request: AnyRequest,
    order_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str] | Redirect:
    """Propose to credit a paid recharge that waits for a person; a colleague decides."""
    operator.demand(Permission.APPROVE)

    async def act() -> str:
        async with transaction(deps.pool) as tx:
            order = await order_of(tx, order_id)
            if data.get("token") != order.review_token:
                raise ProposalAltered
            wanted = credit_wanted(
                order, reason_code=data.get("reason_code", ""), note=data.get("note", "")
            )
            made = await propose(tx, wanted, by=operator, now=deps.clock.now())
        return f"/console/proposals/{made.id}"

    return await attempt(
        act, lambda no: _recharge(request, operator, deps, order_id, refused=(no, data))
    )


@post("/console/recharges/{order_id:uuid}/refund")
async def propose_refund(
    request: AnyRequest,
    order_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str] | Redirect:
    """Propose to refund an unspent recharge in full; a colleague decides."""
    operator.demand(Permission.REFUND)

    async def act() -> str:
        async with transaction(deps.pool) as tx:
            order = await order_of(tx, order_id)
            wanted = refund_wanted(
                order, reason_code=data.get("reason_code", ""), note=data.get("note", "")
            )
            made = await propose(tx, wanted, by=operator, now=deps.clock.now())
        return f"/console/proposals/{made.id}"

    return await attempt(
        act, lambda no: _recharge(request, operator, deps, order_id, refused=(no, data))
    )


async def _recharge(
    request: AnyRequest,
    operator: OperatorCaller,
    deps: Deps,
    order_id: UUID,
    *,
    refused: Refused = NOT_REFUSED,
    said: str = "",
) -> Response[str]:
    no, typed = refused
    async with transaction(deps.pool) as tx:
        order = await order_of(tx, order_id)
        person = await user(tx, order.user_id)
        proposals = await store.listed(tx, subject=f"recharge:{order_id}", limit=_SHOWN)
    waits = order.state is OrderState.NEEDS_REVIEW
    plan = refund_plan(order)
    return page(
        request,
        operator,
        "console/recharge.html",
        no=no,
        typed=typed,
        said=said,
        order=order,
        user=person,
        plan=plan,
        proposals=proposals,
        kinds=PROPOSALS,
        states=STATES,
        answers=answers(order),
        timeline=[told(one) for one in await timeline(deps.pool, deps.ledger, order_id)],
        refund_reasons=_reasons(ProposalKind.REFUND),
        credit_reasons=_reasons(ProposalKind.CREDIT),
        may_ask=operator.may(Permission.ASK_PROVIDER),
        may_credit=waits and operator.may(Permission.APPROVE),
        may_refund=plan is not None and operator.may(Permission.REFUND),
    )


def _reasons(kind: ProposalKind) -> list[tuple[str, str]]:
    return [(one.value, REASON_WORDS[one]) for one in REASONS[kind]]


PAGES: Sequence[ControllerRouterHandler] = (
    recharges_page,
    recharge_page,
    ask_provider,
    propose_credit,
    propose_refund,
)

"""Proposals: what waits, what would happen, and the second person's decision."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base.db import transaction
from coinwell.base.given import Given
from coinwell.base.refusal import Refusal
from coinwell.base.web import AnyRequest
from coinwell.console import store
from coinwell.console.deciding import approve, break_glass, decline, withdraw
from coinwell.console.framing import Form, attempt, cursor_of, page, place_of
from coinwell.console.previewing import preview_of
from coinwell.console.proposing import proposal_of
from coinwell.console.rules import due_words
from coinwell.console.types import NEEDS, ProposalState
from coinwell.console.wording import PROPOSALS, REASON_WORDS, STATES
from coinwell.recharge import Deps
from coinwell.settings import Settings
from coinwell.users import OperatorCaller, Permission

_ON_A_PAGE: Final = 50


@get("/console/proposals")
async def proposals_page(
    request: AnyRequest,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    show: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """All proposals, newest first; or only those that wait."""
    operator.demand(Permission.FIND)
    states = [ProposalState.WAITING] if show == "waiting" else None
    before, now = place_of(cursor), deps.clock.now()
    async with transaction(deps.pool) as tx:
        found = await store.listed(tx, states=states, before=before, limit=_ON_A_PAGE + 1)
    shown = found[:_ON_A_PAGE]
    last = shown[-1] if len(found) > _ON_A_PAGE else None
    return page(
        request,
        operator,
        "console/proposals.html",
        proposals=shown,
        older=None if last is None else cursor_of((last.proposed_at, last.id)),
        show="waiting" if states else "",
        kinds=PROPOSALS,
        states=STATES,
        due=due_words,
        now=now,
    )


@get("/console/proposals/{proposal_id:uuid}")
async def proposal_page(
    request: AnyRequest,
    proposal_id: FromPath[UUID],
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    settings: Given[Settings],
) -> Response[str]:
    """One proposal: what would happen, why, and what may be done about it."""
    operator.demand(Permission.FIND)
    return await _proposal(request, operator, (deps, settings), proposal_id)


@post("/console/proposals/{proposal_id:uuid}/approve")
async def approve_proposal(
    request: AnyRequest,
    proposal_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    settings: Given[Settings],
) -> Response[str] | Redirect:
    """Agree to exactly what was shown; it is carried out at once."""

    async def act() -> str:
        await approve(deps, proposal_id, by=operator, seen_hash=data.get("seen", ""))
        return f"/console/proposals/{proposal_id}"

    again = _again(request, operator, (deps, settings), proposal_id)
    return await attempt(act, again)


@post("/console/proposals/{proposal_id:uuid}/decline")
async def decline_proposal(
    request: AnyRequest,
    proposal_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    settings: Given[Settings],
) -> Response[str] | Redirect:
    """Say no, with the reason."""

    async def act() -> str:
        note, now = data.get("note", ""), deps.clock.now()
        async with transaction(deps.pool) as tx:
            await decline(tx, proposal_id, by=operator, note=note, now=now)
        return f"/console/proposals/{proposal_id}"

    again = _again(request, operator, (deps, settings), proposal_id)
    return await attempt(act, again)


@post("/console/proposals/{proposal_id:uuid}/withdraw")
async def withdraw_proposal(
    request: AnyRequest,
    proposal_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    settings: Given[Settings],
) -> Response[str] | Redirect:
    """Take one's own proposal back."""

    async def act() -> str:
        note, now = data.get("note", ""), deps.clock.now()
        async with transaction(deps.pool) as tx:
            await withdraw(tx, proposal_id, by=operator, note=note, now=now)
        return f"/console/proposals/{proposal_id}"

    again = _again(request, operator, (deps, settings), proposal_id)
    return await attempt(act, again)


@post("/console/proposals/{proposal_id:uuid}/break-glass")
async def break_the_glass(
    request: AnyRequest,
    proposal_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    settings: Given[Settings],
) -> Response[str] | Redirect:
    """In an emergency, and where the installation allows it: alone, and loudly."""

    async def act() -> str:
        await break_glass(
            deps,
            proposal_id,
            by=operator,
            seen_hash=data.get("seen", ""),
            note=data.get("note", ""),
            allowed=settings.break_glass,
        )
        return f"/console/proposals/{proposal_id}"

    again = _again(request, operator, (deps, settings), proposal_id)
    return await attempt(act, again)


def _again(
    request: AnyRequest, operator: OperatorCaller, given: tuple[Deps, Settings], proposal_id: UUID
) -> Callable[[Refusal], Awaitable[Response[str]]]:
    return lambda no: _proposal(request, operator, given, proposal_id, no)


async def _proposal(
    request: AnyRequest,
    operator: OperatorCaller,
    given: tuple[Deps, Settings],
    proposal_id: UUID,
    no: Refusal | None = None,
) -> Response[str]:
    deps, settings = given
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        shown = await proposal_of(tx, proposal_id)
    waits = shown.state is ProposalState.WAITING and now < shown.lapses_at
    own = shown.proposed_by == operator.operator_id
    may = operator.may(Permission.DECIDE) and operator.may(NEEDS[shown.kind])
    return page(
        request,
        operator,
        "console/proposal.html",
        no=no,
        proposal=shown,
        preview=await preview_of(deps.pool, deps.ledger, shown, now),
        kind=PROPOSALS[shown.kind],
        state=STATES[shown.state],
        reason=REASON_WORDS[shown.reason_code],
        due=due_words(shown.lapses_at, now),
        lapsed=shown.state is ProposalState.WAITING and not waits,
        may_decide=waits and may and not own,
        may_withdraw=waits and own,
        may_break=waits and settings.break_glass and operator.may(Permission.BREAK_GLASS),
    )


PAGES: Sequence[ControllerRouterHandler] = (
    proposals_page,
    proposal_page,
    approve_proposal,
    decline_proposal,
    withdraw_proposal,
    break_the_glass,
)

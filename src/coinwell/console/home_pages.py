"""The console's first page: find anything by any id, and the work that waits, by when it is due."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromQuery
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base import audit
from coinwell.base.db import Tx, transaction
from coinwell.base.given import Given
from coinwell.base.refusal import Refusal
from coinwell.base.web import AnyRequest
from coinwell.console import store
from coinwell.console.casework import leave, take, worklist
from coinwell.console.framing import Form, attempt, cursor_of, page, place_of
from coinwell.console.rules import age_words, due_words
from coinwell.console.types import CaseClosed, CaseKind, Proposal
from coinwell.console.wording import CASES, PROPOSALS, STATES
from coinwell.recharge import Deps, Order, find
from coinwell.users import OperatorCaller, Permission, User, find_users

_ON_HOME: Final = 10
_ON_A_PAGE: Final = 50
_QUESTION_LENGTH_MAX: Final = 200


@get("/console")
async def home(
    request: AnyRequest,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    q: FromQuery[str] = "",
) -> Response[str]:
    """Find anything by any id; without a question, the cases that are open."""
    operator.demand(Permission.FIND)
    asked = q.strip()[:_QUESTION_LENGTH_MAX]
    if asked:
        return await _found(request, operator, deps, asked)
    return await _home(request, operator, deps)


@get("/console/cases")
async def cases_page(
    request: AnyRequest,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    kind: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """All open cases of one kind, page by page."""
    operator.demand(Permission.FIND)
    if kind not in set(CaseKind):
        raise CaseClosed
    now, after = deps.clock.now(), place_of(cursor)
    async with transaction(deps.pool) as tx:
        found = await worklist(tx, CaseKind(kind), now=now, after=after, limit=_ON_A_PAGE)
    return page(
        request,
        operator,
        "console/cases.html",
        lists=[found],
        older=cursor_of(found.after),
        names=CASES,
        now=now,
        due=due_words,
        age=age_words,
    )


@post("/console/cases/take")
async def take_case(
    request: AnyRequest, data: Form, operator: Given[OperatorCaller], deps: Given[Deps]
) -> Response[str] | Redirect:
    """Look after a case."""

    async def act() -> str:
        kind, subject = _case(data)
        async with transaction(deps.pool) as tx:
            await take(tx, kind, subject, by=operator, now=deps.clock.now())
        return "/console"

    return await attempt(act, lambda no: _home(request, operator, deps, no))


@post("/console/cases/leave")
async def leave_case(
    request: AnyRequest, data: Form, operator: Given[OperatorCaller], deps: Given[Deps]
) -> Response[str] | Redirect:
    """Let a case go, for somebody else."""

    async def act() -> str:
        kind, subject = _case(data)
        async with transaction(deps.pool) as tx:
            await leave(tx, kind, subject, by=operator, now=deps.clock.now())
        return "/console"

    return await attempt(act, lambda no: _home(request, operator, deps, no))


def _case(data: dict[str, str]) -> tuple[CaseKind, str]:
    kind, subject = data.get("kind", ""), data.get("subject", "")
    if kind not in set(CaseKind):
        raise CaseClosed
    return CaseKind(kind), subject[:_QUESTION_LENGTH_MAX]


async def _home(
    request: AnyRequest, operator: OperatorCaller, deps: Deps, no: Refusal | None = None
) -> Response[str]:
    operator.demand(Permission.FIND)
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        lists = [await worklist(tx, kind, now=now, limit=_ON_HOME) for kind in CaseKind]
        alone = await audit.find(
            tx, audit.Filter(act="proposal.broken_glass", since=_days_ago(now)), limit=3
        )
    return page(
        request,
        operator,
        "console/home.html",
        no=no,
        q="",
        lists=[one for one in lists if one.cases],
        alone=alone,
        names=CASES,
        now=now,
        due=due_words,
        age=age_words,
    )


async def _found(
    request: AnyRequest, operator: OperatorCaller, deps: Deps, asked: str
) -> Response[str]:
    async with transaction(deps.pool) as tx:
        people = await find_users(tx, asked)
        orders = await find(tx, asked)
        proposal = await _proposal(tx, asked)
        acts = await audit.find(tx, audit.Filter(request=asked), limit=1)
        await _note(tx, operator, deps, asked, (people, orders))
    return page(
        request,
        operator,
        "console/found.html",
        q=asked,
        people=people,
        orders=orders,
        proposal=proposal,
        acts=acts,
        kinds=PROPOSALS,
        states=STATES,
    )


async def _proposal(tx: Tx, asked: str) -> Proposal | None:
    with suppress(ValueError):
        return await store.proposal(tx, UUID(asked))
    return None


async def _note(
    tx: Tx,
    operator: OperatorCaller,
    deps: Deps,
    asked: str,
    found: tuple[Sequence[User], Sequence[Order]],
) -> None:
    # What was typed may be a person's name, so it is a note and not a fact.
    people, orders = found
    searched = audit.Act(
        who=operator.name,
        act="console.searched",
        object="console",
        facts={"people": [str(one.id) for one in people], "recharges": len(orders)},
        note=asked,
    )
    await audit.write(tx, searched, at=deps.clock.now())


def _days_ago(now: datetime) -> datetime:
    return now - timedelta(days=3)


PAGES: Sequence[ControllerRouterHandler] = (home, cases_page, take_case, leave_case)

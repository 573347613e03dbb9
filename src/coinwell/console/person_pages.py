"""People in the console: a list, one person, what they may not do, coins given or taken."""

from collections.abc import Sequence
from datetime import datetime, timedelta
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
    page,
    place_of,
)
from coinwell.console.proposing import adjust_wanted, propose
from coinwell.console.types import REASONS, ProposalKind, WrongProposal
from coinwell.console.wording import PROPOSALS, REASON_WORDS, STATES
from coinwell.recharge import Deps, orders_of
from coinwell.users import (
    NewRestriction,
    OperatorCaller,
    Permission,
    ReasonCode,
    Scope,
    WrongRestriction,
    age_state,
    lift,
    list_users,
    restrict,
    restrictions,
    today_of,
    user,
)
from coinwell.wallet import COINS_MAX, balance

_SHOWN: Final = 20
_ON_A_PAGE: Final = 50
_DAYS_DIGITS_MAX: Final = 4
_COINS_DIGITS_MAX: Final = len(str(COINS_MAX))


@get("/console/people")
async def people_page(
    request: AnyRequest,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    country: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """Everyone, newest first."""
    operator.demand(Permission.FIND)
    before, wanted = place_of(cursor), country.strip().upper()[:2]
    async with transaction(deps.pool) as tx:
        found = await list_users(tx, country=wanted or None, before=before, limit=_ON_A_PAGE + 1)
        shown = found[:_ON_A_PAGE]
        listed = audit.Act(
            who=operator.name,
            act="people.listed",
            object="people",
            facts={"country": wanted, "people": len(shown)},
        )
        await audit.write(tx, listed, at=deps.clock.now())
    last = shown[-1] if len(found) > _ON_A_PAGE else None
    older = None if last is None else cursor_of((last.created_at, last.id))
    return page(
        request,
        operator,
        "console/people.html",
        people=shown,
        older=older,
        country=wanted,
        first=not cursor,
    )


@get("/console/users/{user_id:uuid}")
async def user_page(
    request: AnyRequest,
    user_id: FromPath[UUID],
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str]:
    """One person: who, what they hold, what they may not do, their recharges."""
    operator.demand(Permission.FIND)
    async with transaction(deps.pool) as tx:
        await user(tx, user_id)
        opened = audit.Act(who=operator.name, act="person.opened", object=f"user:{user_id}")
        await audit.write(tx, opened, at=deps.clock.now())
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

    async def act() -> str:
        now = deps.clock.now()
        wanted = _restriction(user_id, data, now)
        async with transaction(deps.pool) as tx:
            await restrict(tx, wanted, by=operator.name, now=now)
        return f"/console/users/{user_id}"

    return await attempt(act, lambda no: _user(request, operator, deps, user_id, (no, {})))


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

    async def act() -> str:
        async with transaction(deps.pool) as tx:
            await lift(
                tx,
                restriction_id,
                user_id=user_id,
                by=operator.name,
                reason=data.get("reason", ""),
                now=deps.clock.now(),
            )
        return f"/console/users/{user_id}"

    return await attempt(act, lambda no: _user(request, operator, deps, user_id, (no, {})))


@post("/console/users/{user_id:uuid}/adjustments")
async def propose_adjustment(
    request: AnyRequest,
    user_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str] | Redirect:
    """Propose to give coins to a person or to take some; a colleague decides."""
    operator.demand(Permission.ADJUST)

    async def act() -> str:
        wanted = adjust_wanted(
            user_id,
            _coins(data),
            reason_code=data.get("reason_code", ""),
            note=data.get("note", ""),
        )
        async with transaction(deps.pool) as tx:
            await user(tx, user_id)
            made = await propose(tx, wanted, by=operator, now=deps.clock.now())
        return f"/console/proposals/{made.id}"

    return await attempt(act, lambda no: _user(request, operator, deps, user_id, (no, data)))


def _coins(data: dict[str, str]) -> int:
    way, text = data.get("way", ""), data.get("coins", "").strip().replace(",", "")
    if way not in {"give", "take"}:
        raise WrongProposal([{"pointer": "/way", "detail": "Choose whether to give or to take."}])
    whole = text.isascii() and text.isdecimal() and len(text) <= _COINS_DIGITS_MAX
    if not whole or not 0 < int(text) <= COINS_MAX:
        detail = f"Coins are a whole number from 1 to {COINS_MAX:,}."
        raise WrongProposal([{"pointer": "/coins", "detail": detail}])
    return int(text) if way == "give" else -int(text)


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
    refused: Refused = NOT_REFUSED,
) -> Response[str]:
    no, typed = refused
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        person = await user(tx, user_id)
        placed = await restrictions(tx, user_id, now=now)
        orders = await orders_of(tx, user_id, limit=_SHOWN)
        proposals = await store.listed(tx, subject=f"user:{user_id}", limit=_SHOWN)
    return page(
        request,
        operator,
        "console/user.html",
        no=no,
        typed=typed,
        user=person,
        age=age_state(person, today_of(person, now)).value,
        balance=await balance(deps.ledger, user_id),
        orders=orders,
        restrictions=placed,
        proposals=proposals,
        kinds=PROPOSALS,
        states=STATES,
        scopes=list(Scope),
        reason_codes=[code.value for code in ReasonCode],
        reasons=[(one.value, REASON_WORDS[one]) for one in REASONS[ProposalKind.ADJUST]],
        may_restrict=operator.may(Permission.RESTRICT),
        may_lift=operator.may(Permission.LIFT),
        may_adjust=operator.may(Permission.ADJUST),
    )


PAGES: Sequence[ControllerRouterHandler] = (
    people_page,
    user_page,
    restrict_user,
    lift_restriction,
    propose_adjustment,
)

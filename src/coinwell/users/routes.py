"""Users for programs: make them known, hand them over, ask and change what they may do."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, Router, get, patch, post
from litestar.di import Provide
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec import UNSET

from coinwell.base.clock import Clock
from coinwell.base.db import Pool, Tx, transaction
from coinwell.base.given import Given
from coinwell.base.idempotency import Answer, fingerprint, once, read_key
from coinwell.base.openapi import json_body, refuses
from coinwell.settings import Settings
from coinwell.users.callers import ApiScope, Caller, NotPermitted, UserCaller
from coinwell.users.entering import hand_off, link_token
from coinwell.users.finding import user, user_by_external_id
from coinwell.users.registering import UserChange, change_user, create_user
from coinwell.users.restricting import lift, restrict, restrictions
from coinwell.users.rules import age_state, standings, today_of
from coinwell.users.sealing import seal_of
from coinwell.users.shapes import (
    Evidence,
    HandOffShown,
    HandOffWanted,
    LiftWanted,
    RestrictionShown,
    RestrictionsShown,
    RestrictionWanted,
    StandingShown,
    StandingsShown,
    UserChanges,
    UserShown,
    UserWanted,
)
from coinwell.users.types import (
    ExternalIdTaken,
    NewRestriction,
    RestrictionLifted,
    RestrictionUnknown,
    UserUnknown,
    WrongRestriction,
    WrongUser,
)

_CREATED = 201
_OK = 200
_REPLAYED = {"idempotency-replayed": "true"}

Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="1 to 255 printable ASCII characters."),
]


@dataclass(frozen=True, slots=True)
class Edge:
    """What a handler needs to write something once: who asks, where, when, under which key."""

    caller: Caller
    pool: Pool
    clock: Clock
    key: str | None

    async def write(
        self, operation: str, content: Sequence[Any], do: Callable[[Tx], Awaitable[Answer]]
    ) -> Answer:
        """Do it once for this caller and key; a repeat gets the first answer."""
        key = read_key(self.key)
        async with transaction(self.pool) as tx:
            return await once(
                tx,
                scope=f"{self.caller.name} {operation}",
                key=key,
                content=fingerprint(*content),
                now=self.clock.now(),
                do=lambda: do(tx),
            )


def _edge(
    caller: Given[Caller],
    pool: Given[Pool],
    clock: Given[Clock],
    idempotency_key: Key = None,
) -> Edge:
    """The dependency of every handler that writes."""
    return Edge(caller, pool, clock, idempotency_key)


@post(
    "/v1/users",
    summary="Make a user known",
    tags=["users"],
    responses=refuses(WrongUser, ExternalIdTaken, write=True),
)
async def add_user(
    data: Annotated[
        UserWanted,
        json_body(
            external_id="42",
            display_name="Ana",
            country="DE",
            language="en",
            time_zone="Europe/Berlin",
            birth_on="1998-04-01",
        ),
    ],
    edge: Given[Edge],
) -> Response[UserShown]:
    """The same content again answers with the user that is there."""
    edge.caller.demand(ApiScope.USERS_WRITE)
    now = edge.clock.now()
    said = data.read()

    async def do(tx: Tx) -> Answer:
        return Answer(_CREATED, UserShown.of(await create_user(tx, said, now=now), now))

    return _answered(await edge.write("users.create", [data], do))


@get(
    "/v1/users", summary="User by the host app's id", tags=["users"], responses=refuses(UserUnknown)
)
async def user_of_host(
    caller: Given[Caller],
    pool: Given[Pool],
    clock: Given[Clock],
    external_id: Annotated[str, QueryParameter(min_length=1, max_length=200)],
) -> UserShown:
    """The user whom the host app calls this."""
    caller.demand(ApiScope.USERS_READ)
    if isinstance(caller, UserCaller) and caller.user.external_id != external_id:
        raise NotPermitted(ApiScope.USERS_READ)
    async with transaction(pool) as tx:
        found = await user_by_external_id(tx, external_id)
    return UserShown.of(found, clock.now())


@get("/v1/users/{user_id:uuid}", summary="User", tags=["users"], responses=refuses(UserUnknown))
async def user_of_id(
    user_id: FromPath[UUID],
    caller: Given[Caller],
    pool: Given[Pool],
    clock: Given[Clock],
) -> UserShown:
    """The user with this id."""
    caller.demand(ApiScope.USERS_READ, user_id)
    async with transaction(pool) as tx:
        return UserShown.of(await user(tx, user_id), clock.now())


@patch(
    "/v1/users/{user_id:uuid}",
    summary="Change a user",
    tags=["users"],
    responses=refuses(UserUnknown, WrongUser, write=True),
)
async def change_user_of_id(
    user_id: FromPath[UUID], data: JSONBody[UserChanges], edge: Given[Edge]
) -> Response[UserShown]:
    """Change what is said about a user; the external id stays."""
    edge.caller.demand(ApiScope.USERS_WRITE, user_id)
    now = edge.clock.now()
    given = msgspec.structs.asdict(data)
    change = {name: _read(value) for name, value in given.items() if value is not UNSET}

    async def do(tx: Tx) -> Answer:
        changed = await change_user(tx, user_id, UserChange(change), now=now)
        return Answer(_OK, UserShown.of(changed, now))

    return _answered(await edge.write("users.change", [str(user_id), data], do))


@post(
    "/v1/users/{user_id:uuid}/handoff",
    summary="Hand a user over",
    tags=["users"],
    responses=refuses(UserUnknown, write=True),
)
async def hand_user_over(
    user_id: FromPath[UUID],
    data: JSONBody[HandOffWanted],
    edge: Given[Edge],
    settings: Given[Settings],
) -> Response[HandOffShown]:
    """Send the user's browser to `url` within 60 seconds; it works once."""
    edge.caller.demand(ApiScope.USERS_WRITE, user_id)

    async def do(tx: Tx) -> Answer:
        link = await hand_off(tx, user_id, now=edge.clock.now(), landing=data.landing)
        return Answer(_CREATED, {"id": link.id.hex, "ends": link.expires_at.isoformat()})

    answer = await edge.write("users.handoff", [str(user_id), data], do)
    # The kept answer has no signature: reading the table must not be enough to come in.
    ends_at = datetime.fromisoformat(answer.body["ends"])
    token = link_token(UUID(answer.body["id"]), ends_at, seal_of(settings))
    shown = HandOffShown(f"{settings.public_url}/enter?token={token}", ends_at)
    return _answered(Answer(answer.status, shown, answer.replayed))


@get(
    "/v1/users/{user_id:uuid}/standing",
    summary="What a user may do",
    tags=["users"],
    responses=refuses(UserUnknown),
)
async def standing_of_user(
    user_id: FromPath[UUID],
    caller: Given[Caller],
    pool: Given[Pool],
    clock: Given[Clock],
) -> StandingsShown:
    """For each scope: allowed, or why not, until when, and what next."""
    caller.demand(ApiScope.USERS_READ, user_id)
    now = clock.now()
    async with transaction(pool) as tx:
        found = await user(tx, user_id)
        placed = await restrictions(tx, user_id, now=now)
    shown = [StandingShown.of(one) for one in standings(found, placed, now)]
    return StandingsShown(age_state(found, today_of(found, now)), shown)


@get(
    "/v1/users/{user_id:uuid}/restrictions",
    summary="Restrictions of a user",
    tags=["users"],
    responses=refuses(UserUnknown),
)
async def restrictions_of_user(
    user_id: FromPath[UUID],
    caller: Given[Caller],
    pool: Given[Pool],
    clock: Given[Clock],
) -> RestrictionsShown:
    """All there ever were, newest first; `in_force` says which hold now."""
    caller.demand(ApiScope.RESTRICTIONS_READ, user_id)
    now = clock.now()
    async with transaction(pool) as tx:
        await user(tx, user_id)
        placed = await restrictions(tx, user_id, now=now)
    return RestrictionsShown([RestrictionShown.of(one, now) for one in placed])


@post(
    "/v1/users/{user_id:uuid}/restrictions",
    summary="Restrict a user",
    tags=["users"],
    responses=refuses(UserUnknown, WrongRestriction, write=True),
)
async def restrict_user(
    user_id: FromPath[UUID], data: JSONBody[RestrictionWanted], edge: Given[Edge]
) -> Response[RestrictionShown]:
    """Stop one thing for one account, from the answer on."""
    edge.caller.demand(ApiScope.RESTRICTIONS_WRITE, user_id)
    now = edge.clock.now()
    new = NewRestriction(user_id=user_id, **msgspec.structs.asdict(data))

    async def do(tx: Tx) -> Answer:
        placed = await restrict(tx, new, by=edge.caller.name, now=now)
        return Answer(_CREATED, RestrictionShown.of(placed, now))

    return _answered(await edge.write("restrictions.place", [str(user_id), data], do))


@post(
    "/v1/users/{user_id:uuid}/restrictions/{restriction_id:uuid}/lift",
    status_code=_OK,
    summary="Lift a restriction",
    tags=["users"],
    responses=refuses(RestrictionUnknown, RestrictionLifted, WrongRestriction, write=True),
)
async def lift_restriction(
    user_id: FromPath[UUID],
    restriction_id: FromPath[UUID],
    data: JSONBody[LiftWanted],
    edge: Given[Edge],
) -> Response[RestrictionShown]:
    """End a restriction before its time, with a reason that stays."""
    edge.caller.demand(ApiScope.RESTRICTIONS_WRITE, user_id)
    now = edge.clock.now()

    async def do(tx: Tx) -> Answer:
        lifted = await lift(
            tx, restriction_id, user_id=user_id, by=edge.caller.name, reason=data.reason, now=now
        )
        return Answer(_OK, RestrictionShown.of(lifted, now))

    return _answered(await edge.write("restrictions.lift", [str(restriction_id), data], do))


def _read(value: Any) -> Any:
    return value.read() if isinstance(value, Evidence) else value


def _answered(answer: Answer) -> Response[Any]:
    headers = _REPLAYED if answer.replayed else {}
    return Response(answer.body, status_code=answer.status, headers=headers)


ROUTES: Sequence[ControllerRouterHandler] = (
    Router(
        path="/",
        route_handlers=[
            add_user,
            user_of_host,
            user_of_id,
            change_user_of_id,
            hand_user_over,
            standing_of_user,
            restrictions_of_user,
            restrict_user,
            lift_restriction,
        ],
        dependencies={"edge": Provide(_edge, sync_to_thread=False)},
    ),
)

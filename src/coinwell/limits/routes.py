"""Limits for programs: read them, set them, and confirm a raise a day later."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, post, put
from litestar.di import Provide
from litestar.params import FromPath, HeaderParameter
from litestar.types import ControllerRouterHandler

from coinwell.base.clock import Clock
from coinwell.base.db import Pool, transaction
from coinwell.base.given import Given
from coinwell.base.idempotency import Answer, fingerprint, once, read_key
from coinwell.base.openapi import json_body, refuses
from coinwell.catalog import CatalogEmpty, NotSoldHere
from coinwell.ledger import Ledger
from coinwell.limits.choosing import (
    LimitName,
    cancel_raise,
    confirm_raise,
    remove_limit,
    set_limit,
)
from coinwell.limits.listing import limits_of
from coinwell.limits.refusals import NoRaiseAsked, RaiseTooEarly, WrongLimit
from coinwell.limits.shapes import LimitShown, LimitsShown, LimitWanted
from coinwell.limits.types import LimitKind, Period
from coinwell.users import ApiScope, Caller, UserUnknown, user

_OK = 200
_REPLAYED = {"idempotency-replayed": "true"}

Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="1 to 255 printable ASCII characters."),
]


@dataclass(frozen=True, slots=True)
class Edge:
    """Who asks, under which key, and what the verbs need."""

    caller: Caller
    pool: Pool
    ledger: Ledger
    clock: Clock
    key: str | None

    async def shown(self, user_id: UUID) -> LimitsShown:
        """The user's limits as they are now."""
        found = await limits_of(self.pool, self.ledger, user_id, now=self.clock.now())
        return LimitsShown([LimitShown.of(limit) for limit in found])

    async def write(
        self, operation: str, name: LimitName, content: Any, do: Callable[[], Awaitable[object]]
    ) -> Response[LimitsShown]:
        """Do it, and keep the first answer for this caller and key.

        The ledger is asked in between, which no transaction can hold; the effect itself may be
        repeated.
        """
        self.caller.demand(ApiScope.LIMITS_WRITE, name.user_id)
        key, now = read_key(self.key), self.clock.now()
        where = [str(name.user_id), name.kind.value, name.period.value, content]
        named: dict[str, Any] = {
            "scope": f"{self.caller.name} {operation}",
            "key": key,
            "content": fingerprint(*where),
            "now": now,
        }
        try:
            async with transaction(self.pool) as tx:
                return _answered(await once(tx, **named, do=_not_yet))
        except _NotYet:
            async with transaction(self.pool) as tx:
                await user(tx, name.user_id)
            await do()
        shown = msgspec.to_builtins(await self.shown(name.user_id))

        async def answer() -> Answer:
            return Answer(_OK, shown)

        async with transaction(self.pool) as tx:
            return _answered(await once(tx, **named, do=answer))


class _NotYet(Exception):
    """There is no answer under this key."""


async def _not_yet() -> Answer:
    raise _NotYet


def _edge(
    caller: Given[Caller],
    pool: Given[Pool],
    ledger: Given[Ledger],
    clock: Given[Clock],
    idempotency_key: Key = None,
) -> Edge:
    return Edge(caller, pool, ledger, clock, idempotency_key)


@get(
    "/v1/users/{user_id:uuid}/limits",
    summary="Limits of a user",
    tags=["limits"],
    responses=refuses(UserUnknown),
)
async def limits_of_user(user_id: FromPath[UUID], edge: Given[Edge]) -> LimitsShown:
    """Each limit with what is spent, what is left, when it begins anew, and a raise that waits."""
    edge.caller.demand(ApiScope.LIMITS_READ, user_id)
    return await edge.shown(user_id)


@put(
    "/v1/users/{user_id:uuid}/limits/{kind:str}/{period:str}",
    summary="Set a limit",
    tags=["limits"],
    responses=refuses(UserUnknown, WrongLimit, CatalogEmpty, NotSoldHere, write=True),
)
async def set_limit_of_user(
    user_id: FromPath[UUID],
    kind: FromPath[LimitKind],
    period: FromPath[Period],
    data: Annotated[LimitWanted, json_body(mode="stop", amount=5000)],
    edge: Given[Edge],
) -> Response[LimitsShown]:
    """A lower or stricter limit holds from the answer on.

    A weaker one waits as `raise_asked`: 24 hours later it can be confirmed.
    """
    name = LimitName(user_id, kind, period)

    async def do() -> None:
        now = edge.clock.now()
        await set_limit(
            edge.pool,
            edge.ledger,
            name,
            data.mode,
            data.amount,
            now=now,
            currency=data.currency,
        )

    return await edge.write("limits.set", name, data, do)


@delete(
    "/v1/users/{user_id:uuid}/limits/{kind:str}/{period:str}",
    status_code=_OK,
    summary="Ask for no limit",
    tags=["limits"],
    responses=refuses(UserUnknown, write=True),
)
async def remove_limit_of_user(
    user_id: FromPath[UUID],
    kind: FromPath[LimitKind],
    period: FromPath[Period],
    edge: Given[Edge],
) -> Response[LimitsShown]:
    """The limit stands for 24 hours more, and until that is confirmed."""
    name = LimitName(user_id, kind, period)
    return await edge.write(
        "limits.remove", name, "", lambda: remove_limit(edge.pool, name, now=edge.clock.now())
    )


@post(
    "/v1/users/{user_id:uuid}/limits/{kind:str}/{period:str}/confirm",
    status_code=_OK,
    summary="Confirm a raise",
    tags=["limits"],
    responses=refuses(UserUnknown, NoRaiseAsked, RaiseTooEarly, write=True),
)
async def confirm_raise_of_user(
    user_id: FromPath[UUID],
    kind: FromPath[LimitKind],
    period: FromPath[Period],
    edge: Given[Edge],
) -> Response[LimitsShown]:
    """The second yes, at least 24 hours after the first: what was asked for holds."""
    name = LimitName(user_id, kind, period)
    return await edge.write(
        "limits.confirm",
        name,
        "",
        lambda: confirm_raise(edge.pool, edge.ledger, name, now=edge.clock.now()),
    )


@post(
    "/v1/users/{user_id:uuid}/limits/{kind:str}/{period:str}/cancel",
    status_code=_OK,
    summary="Forget a raise",
    tags=["limits"],
    responses=refuses(UserUnknown, write=True),
)
async def cancel_raise_of_user(
    user_id: FromPath[UUID],
    kind: FromPath[LimitKind],
    period: FromPath[Period],
    edge: Given[Edge],
) -> Response[LimitsShown]:
    """The limit stays as it is; a repeat changes nothing."""
    name = LimitName(user_id, kind, period)
    return await edge.write(
        "limits.cancel", name, "", lambda: cancel_raise(edge.pool, name, now=edge.clock.now())
    )


def _answered(answer: Answer) -> Response[Any]:
    headers = _REPLAYED if answer.replayed else {}
    return Response(answer.body, status_code=answer.status, headers=headers)


ROUTES: Sequence[ControllerRouterHandler] = (
    Router(
        path="/",
        route_handlers=[
            limits_of_user,
            set_limit_of_user,
            remove_limit_of_user,
            confirm_raise_of_user,
            cancel_raise_of_user,
        ],
        dependencies={"edge": Provide(_edge, sync_to_thread=False)},
    ),
)

"""What happened, for programs that ask instead of being told; and a user's messages."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.types import ControllerRouterHandler

from coinwell.base.cursor import BadCursor
from coinwell.base.db import transaction
from coinwell.base.given import Given
from coinwell.base.openapi import refuses
from coinwell.notify import messaging, replaying
from coinwell.notify.deps import NotifyDeps
from coinwell.notify.paging import INTEGER_MAX, before_of, older_than
from coinwell.notify.shapes import EventShown, EventsShown, MessageShown, MessagesShown
from coinwell.users import ApiScope, Caller, UserUnknown, user

_PAGE_MAX = 100

Limit = Annotated[int, QueryParameter(ge=1, le=_PAGE_MAX)]


@get("/v1/events", summary="Events", tags=["webhooks out"], responses=refuses())
async def events(
    caller: Given[Caller],
    notifying: Given[NotifyDeps],
    after: Annotated[int, QueryParameter(ge=0, le=INTEGER_MAX)] = 0,
    user_id: FromQuery[UUID | None] = None,
    limit: Limit = 50,
) -> EventsShown:
    """Everything that happened past a position, oldest first: what a receiver compares with."""
    caller.demand(ApiScope.WEBHOOKS_READ)
    async with transaction(notifying.pool) as tx:
        found = await replaying.events(tx, after=after, user_id=user_id, limit=limit)
    return EventsShown([EventShown.of(one) for one in found])


@get(
    "/v1/users/{user_id:uuid}/messages",
    summary="Messages to a user",
    tags=["users"],
    responses=refuses(UserUnknown, BadCursor),
)
async def messages_of_user(
    user_id: FromPath[UUID],
    caller: Given[Caller],
    notifying: Given[NotifyDeps],
    cursor: FromQuery[str | None] = None,
    limit: Limit = 20,
) -> MessagesShown:
    """The inbox, newest first, in the user's language."""
    caller.demand(ApiScope.USERS_READ, user_id)
    before = before_of(cursor)
    async with transaction(notifying.pool) as tx:
        person = await user(tx, user_id)
        found = await messaging.messages(tx, user_id, before=before, limit=limit + 1)
        unread = await messaging.unread(tx, user_id)
    shown = [MessageShown.of(one, person.language) for one in found[:limit]]
    older = older_than(shown[-1].id) if len(found) > limit else None
    return MessagesShown(shown, unread, older)


ROUTES: Sequence[ControllerRouterHandler] = (events, messages_of_user)

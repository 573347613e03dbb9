"""The user's inbox as a page: what happened, in plain words, newest first."""

from collections.abc import Sequence

from litestar import Response, get, post
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base.db import transaction
from coinwell.base.given import Given
from coinwell.base.web import AnyRequest, render, see_other
from coinwell.notify import messaging
from coinwell.notify.deps import NotifyDeps
from coinwell.notify.paging import number_of
from coinwell.notify.shapes import MessageShown
from coinwell.users import User

_PAGE_MESSAGES = 20


@get("/me/inbox")
async def inbox_page(
    request: AnyRequest,
    viewer: Given[User],
    notifying: Given[NotifyDeps],
    before: FromQuery[str] = "",
) -> Response[str]:
    """The messages, and how many of them are new."""
    async with transaction(notifying.pool) as tx:
        found = await messaging.messages(
            tx, viewer.id, before=number_of(before), limit=_PAGE_MESSAGES + 1
        )
        unread = await messaging.unread(tx, viewer.id)
    shown = [MessageShown.of(one, viewer.language) for one in found[:_PAGE_MESSAGES]]
    return render(
        request,
        "notify/inbox.html",
        messages=shown,
        unread=unread,
        newest=shown[0].id if shown else 0,
        older=shown[-1].id if len(found) > _PAGE_MESSAGES else None,
        zone=viewer.time_zone,
    )


@post("/me/inbox/read")
async def mark_read(
    data: URLEncodedBody[dict[str, str]], viewer: Given[User], notifying: Given[NotifyDeps]
) -> Redirect:
    """Mark as read what the page showed; what came meanwhile stays new."""
    up_to = number_of(data.get("up_to", ""))
    if up_to is not None:
        async with transaction(notifying.pool) as tx:
            await messaging.mark_read(tx, viewer.id, up_to=up_to, now=notifying.clock.now())
    return see_other("/me/inbox")


PAGES: Sequence[ControllerRouterHandler] = (inbox_page, mark_read)

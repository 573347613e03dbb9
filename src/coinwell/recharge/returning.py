"""The way back to a live room after a recharge that began there.

A room's page links here with the room's id. The id, and nothing else, travels along: through the
pages as a hidden field, past the payment page in a cookie that names the order it belongs to. So
the way back can only ever lead to a room of this house, and no address is ever taken from outside.
"""

from typing import Final
from uuid import UUID

from litestar import Response
from litestar.datastructures import Cookie

from coinwell.base.web import AnyRequest, host_bound, is_https
from coinwell.settings import Settings

_COOKIE: Final = "coinwell-room"
_HOUR_S: Final = 3_600


def room_named(text: str | None) -> UUID | None:
    """The id of a room as a page sent it; None for anything else."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


async def room_in(request: AnyRequest) -> UUID | None:
    """The room that this page, or the form it sent, says the recharge began in."""
    given = request.query_params.get("room")
    if given is None and request.method == "POST":
        given = (await request.form()).get("room")
    return room_named(given if isinstance(given, str) else None)


def remember_room(
    response: Response[str], order_id: str, room_id: UUID | None, settings: Settings
) -> None:
    """Have the browser keep for an hour which room this order began in."""
    if room_id is None:
        return
    response.set_cookie(
        Cookie(
            key=host_bound(_COOKIE, settings.public_url),
            value=f"{order_id}.{room_id}",
            max_age=_HOUR_S,
            path="/",
            httponly=True,
            secure=is_https(settings.public_url),
            samesite="lax",
        )
    )


def room_of_order(request: AnyRequest, order_id: UUID, settings: Settings) -> UUID | None:
    """The room that this order began in, if this browser knows one."""
    kept = request.cookies.get(host_bound(_COOKIE, settings.public_url)) or ""
    order_text, _, room_text = kept.partition(".")
    return room_named(room_text) if order_text == str(order_id) else None

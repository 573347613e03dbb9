"""What the pages of the console do alike: who is in, a refusal shown in its place, lists."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from litestar import Response
from litestar.params import URLEncodedBody
from litestar.response import Redirect

from coinwell.base import cursor as cursors
from coinwell.base.cursor import BadCursor
from coinwell.base.problem import status_of
from coinwell.base.refusal import Refusal
from coinwell.base.web import AnyRequest, render, see_other
from coinwell.users import OperatorCaller

Form = URLEncodedBody[dict[str, str]]
Place = tuple[datetime, UUID]
Refused = tuple[Refusal | None, Mapping[str, str]]
NOT_REFUSED: Final[Refused] = (None, MappingProxyType({}))
"""What was refused, and what was typed into the form, so that nobody types it twice."""


def page(
    request: AnyRequest,
    operator: OperatorCaller,
    template: str,
    *,
    no: Refusal | None = None,
    **facts: Any,
) -> Response[str]:
    """A page of the console. Templates know `operator`, and `problem` if something was refused."""
    return render(
        request,
        template,
        status=200 if no is None else status_of(no),
        operator=operator,
        problem="" if no is None else no.sentence(),
        **facts,
    )


async def attempt(
    act: Callable[[], Awaitable[str]], again: Callable[[Refusal], Awaitable[Response[str]]]
) -> Response[str] | Redirect:
    """Do what a form asked for and go on to where `act` says; or show the page with the refusal."""
    try:
        then = await act()
    except Refusal as no:
        return await again(no)
    return see_other(then)


def place_of(cursor: str) -> Place | None:
    """The place a page of a list begins after; None for the first. Refuses: `BadCursor`."""
    if not cursor:
        return None
    at, row_id = cursors.decode(cursor, (str, str))
    try:
        place = datetime.fromisoformat(at), UUID(row_id)
    except ValueError:
        raise BadCursor(cursor) from None
    if place[0].tzinfo is None:
        raise BadCursor(cursor)
    return place


def cursor_of(place: Place | None) -> str | None:
    """The cursor of a place."""
    return None if place is None else cursors.encode(place[0].isoformat(), str(place[1]))


def day_of(text: str) -> datetime | None:
    """The beginning of a day as a date field sends it, in UTC; None for anything else."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def day_after(text: str) -> datetime | None:
    """The end of a day, so that a list "until" a day has all of it."""
    day = day_of(text)
    return None if day is None or day.year == MAXYEAR else day + timedelta(days=1)

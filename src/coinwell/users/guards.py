"""Who calls, for every handler that asks: `caller` for the API, `viewer` and `operator` for pages.

A user and an operator have a cookie each, so that one browser can be both in a demo.
"""

from datetime import timedelta
from typing import Final

from litestar import Response
from litestar.datastructures import Cookie

from coinwell.base.clock import Clock
from coinwell.base.db import Pool, transaction
from coinwell.base.given import Given
from coinwell.base.web import AnyRequest, host_bound, is_https
from coinwell.settings import Settings
from coinwell.users.callers import Caller, KeyUnknown, NotSignedIn, OperatorCaller, UserCaller
from coinwell.users.keying import caller_of_key
from coinwell.users.sealing import seal_of
from coinwell.users.sessions import OPERATOR_LIFE, USER_LIFE, session
from coinwell.users.types import User

USER_COOKIE: Final = "coinwell"
OPERATOR_COOKIE: Final = "coinwell-operator"
_BEARER: Final = "bearer "
_SECONDS: Final = timedelta(seconds=1)


def cookie_name(name: str, settings: Settings) -> str:
    """The name of a session's cookie here."""
    return host_bound(name, settings.public_url)


def token_of(request: AnyRequest, name: str, settings: Settings) -> str | None:
    """The session token that the browser sent."""
    return request.cookies.get(cookie_name(name, settings)) or None


def remember(response: Response[str], name: str, token: str, settings: Settings) -> None:
    """Give the browser a session's token; it is not shown to scripts or sent by other sites."""
    life = USER_LIFE if name == USER_COOKIE else OPERATOR_LIFE
    response.set_cookie(_cookie(name, token, life.absolute // _SECONDS, settings))


def forget(response: Response[str], name: str, settings: Settings) -> None:
    """Take the token from the browser again."""
    response.set_cookie(_cookie(name, "", 0, settings))


def _cookie(name: str, value: str, max_age: int, settings: Settings) -> Cookie:
    return Cookie(
        key=cookie_name(name, settings),
        value=value,
        max_age=max_age,
        path="/",
        httponly=True,
        secure=is_https(settings.public_url),
        samesite="lax",
    )


async def caller(
    request: AnyRequest,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
) -> Caller:
    """Who calls the API: an API key in `Authorization: Bearer`, or a user's own browser.

    A cookie goes along with any request that a browser makes, so it counts for a write only
    when the browser itself says that one of our own pages made the request.

    Refuses: `NotSignedIn`, `KeyUnknown`.
    """
    said = request.headers.get("authorization")
    if said is not None:
        if not said.lower().startswith(_BEARER):
            raise KeyUnknown
        plain = said[len(_BEARER) :].strip()
        async with transaction(pool) as tx:
            return await caller_of_key(tx, plain, seal=seal_of(settings), now=clock.now())
    if request.method not in {"GET", "HEAD"} and not _of_our_pages(request):
        raise NotSignedIn
    return await _user_caller(request, pool, clock, settings)


async def viewer(
    request: AnyRequest,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
) -> User:
    """The user whose browser this is.

    Refuses: `NotSignedIn`.
    """
    return (await _user_caller(request, pool, clock, settings)).user


async def operator(
    request: AnyRequest,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
) -> OperatorCaller:
    """The operator whose browser this is.

    Refuses: `NotSignedIn`.
    """
    token = token_of(request, OPERATOR_COOKIE, settings)
    if token is None:
        raise NotSignedIn
    async with transaction(pool) as tx:
        found = await session(tx, token, now=clock.now())
    if not isinstance(found, OperatorCaller):
        raise NotSignedIn
    return found


async def _user_caller(
    request: AnyRequest, pool: Pool, clock: Clock, settings: Settings
) -> UserCaller:
    token = token_of(request, USER_COOKIE, settings)
    if token is None:
        raise NotSignedIn
    async with transaction(pool) as tx:
        found = await session(tx, token, now=clock.now())
    if not isinstance(found, UserCaller):
        raise NotSignedIn
    return found


def _of_our_pages(request: AnyRequest) -> bool:
    return request.headers.get("sec-fetch-site") == "same-origin"

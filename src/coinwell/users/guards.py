"""Who calls, for every handler that asks: `caller` for the API, `viewer` and `operator` for pages.

A user and an operator have a cookie each, so that one browser can be both in a demo.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Response, WebSocket
from litestar.datastructures import Cookie

from coinwell.base.clock import Clock
from coinwell.base.db import Pool, transaction
from coinwell.base.gathering import Gathering
from coinwell.base.given import Given
from coinwell.base.web import AnyConnection, AnyRequest, host_bound, is_https
from coinwell.settings import Settings
from coinwell.users.callers import (
    Caller,
    KeyCaller,
    KeyUnknown,
    NotSignedIn,
    OperatorCaller,
    UserCaller,
)
from coinwell.users.keying import callers_of_keys
from coinwell.users.sealing import seal_of
from coinwell.users.sessions import OPERATOR_LIFE, USER_LIFE, session
from coinwell.users.types import User

USER_COOKIE: Final = "coinwell"
OPERATOR_COOKIE: Final = "coinwell-operator"
AnySocket = WebSocket[Any, Any, Any]
_BEARER: Final = "bearer "
_SECONDS: Final = timedelta(seconds=1)

# A program calls many times a second with one key; each batch of calls looks it up once.
KeyCallers = Gathering[str, KeyCaller | None]


def cookie_name(name: str, settings: Settings) -> str:
    """The name of a session's cookie here."""
    return host_bound(name, settings.public_url)


def token_of(request: AnyConnection, name: str, settings: Settings) -> str | None:
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


def key_callers(pool: Pool, clock: Clock, settings: Settings) -> KeyCallers:
    """Looks up who calls with a key, for all who ask at the same time; None for an unknown key."""
    seal = seal_of(settings)

    async def read(plains: Sequence[str]) -> Sequence[KeyCaller | None]:
        async with transaction(pool) as tx:
            found = await callers_of_keys(tx, plains, seal=seal, now=clock.now())
        return [found[plain] for plain in plains]

    return Gathering(read)


async def caller(
    request: AnyRequest,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
    keys: Given[KeyCallers],
) -> Caller:
    """Who calls the API: an API key in `Authorization: Bearer`, or a user's own browser.

    A cookie goes along with any request that a browser makes, so it counts for a write only
    when the browser itself says that one of our own pages made the request.

    Refuses: `NotSignedIn`, `KeyUnknown`.
    """
    said = request.headers.get("authorization")
    if said is not None:
        return await _key_caller(said, keys)
    if request.method not in {"GET", "HEAD"} and not _of_our_pages(request):
        raise NotSignedIn
    return await _user_caller(request, pool, clock, settings)


async def listener(
    socket: AnySocket,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
    keys: Given[KeyCallers],
) -> Caller | None:
    """Who opens a stream: an API key, or a user's own browser; None for everybody else.

    A cookie goes along also when a page of another site opens the stream, so it counts only when
    the browser names one of our own pages as the origin. The answer is no refusal, for a browser
    tells a page nothing about a stream that was never opened.
    """
    said = socket.headers.get("authorization")
    try:
        if said is not None:
            return await _key_caller(said, keys)
        if _origin_is_ours(socket, settings):
            return await _user_caller(socket, pool, clock, settings)
    except (NotSignedIn, KeyUnknown):
        pass
    return None


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


async def _key_caller(said: str, keys: KeyCallers) -> KeyCaller:
    if not said.lower().startswith(_BEARER):
        raise KeyUnknown
    found = await keys.ask(said[len(_BEARER) :].strip())
    if found is None:
        raise KeyUnknown
    return found


async def _user_caller(
    request: AnyConnection, pool: Pool, clock: Clock, settings: Settings
) -> UserCaller:
    token = token_of(request, USER_COOKIE, settings)
    if token is None:
        raise NotSignedIn
    async with transaction(pool) as tx:
        found = await session(tx, token, now=clock.now())
    if not isinstance(found, UserCaller):
        raise NotSignedIn
    return found


def _origin_is_ours(socket: AnySocket, settings: Settings) -> bool:
    origin = socket.headers.get("origin", "")
    host = origin.partition("://")[2]
    return bool(host) and host in {socket.headers.get("host"), urlsplit(settings.public_url).netloc}


def _of_our_pages(request: AnyRequest) -> bool:
    return request.headers.get("sec-fetch-site") == "same-origin"

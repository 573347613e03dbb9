"""People's own pages: coming in, profile, menu, what this account may do, signing out.

`GET /enter` changes nothing: it says whose account the link opens and has one button, a form
that posts the token back. So a link that is fetched ahead by a chat app or a mail scanner is
not used up, nobody is signed in to a stranger's account without seeing the name, and no script
is needed.
"""

from collections.abc import Sequence

from litestar import Response, get, post
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base.clock import Clock
from coinwell.base.db import Pool, transaction
from coinwell.base.given import Given
from coinwell.base.problem import status_of
from coinwell.base.refusal import Refusal
from coinwell.base.web import AnyRequest, render, see_other
from coinwell.settings import Settings
from coinwell.users.callers import NotSignedIn
from coinwell.users.entering import LinkEnded, LinkForged, enter, enter_as, look_at_link
from coinwell.users.finding import DEMO_PREFIX, demo_users, user_by_external_id
from coinwell.users.guards import (
    OPERATOR_COOKIE,
    USER_COOKIE,
    forget,
    operator,
    remember,
    token_of,
    viewer,
)
from coinwell.users.operators import SignIn, SignInFailed, SignInThrottled, sign_in_operator
from coinwell.users.restricting import restrictions
from coinwell.users.rules import standings
from coinwell.users.sealing import seal_of
from coinwell.users.sessions import end_session, end_sessions
from coinwell.users.types import User, UserUnknown

Form = URLEncodedBody[dict[str, str]]


@get("/")
async def front_page(
    request: AnyRequest,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
) -> Response[str] | Redirect:
    """Where one comes in: the demo's people to choose from, or a word that the app is the way."""
    try:
        await viewer(request, pool, clock, settings)
    except NotSignedIn:
        people: list[User] = []
        if settings.demo:
            async with transaction(pool) as tx:
                people = await demo_users(tx)
        return render(request, "users/front.html", people=people)
    return see_other("/me")


@post("/demo/enter")
async def enter_demo(
    request: AnyRequest,
    data: Form,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
) -> Redirect:
    """Enter as one of the made-up people; only in the demo, and only as one of them."""
    external_id = data.get("person", "")
    if not settings.demo or not external_id.startswith(DEMO_PREFIX):
        raise UserUnknown(external_id[:100])
    old = token_of(request, USER_COOKIE, settings)
    async with transaction(pool) as tx:
        person = await user_by_external_id(tx, external_id)
        token = await enter_as(tx, person.id, now=clock.now(), old_token=old)
    response = see_other("/me")
    remember(response, USER_COOKIE, token, settings)
    return response


@get("/enter")
async def link_page(
    request: AnyRequest,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
    token: FromQuery[str] = "",
) -> Response[str]:
    """Say whose account the link opens, and ask for one press of a button."""
    try:
        async with transaction(pool) as tx:
            user = await look_at_link(tx, token, seal=seal_of(settings), now=clock.now())
    except (LinkForged, LinkEnded) as no:
        return _link_failed(request, no)
    return render(request, "users/enter.html", user=user, token=token)


@post("/enter")
async def use_link(
    request: AnyRequest,
    data: Form,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
) -> Response[str] | Redirect:
    """Use the link up: a new session, and on to where the link leads."""
    old = token_of(request, USER_COOKIE, settings)
    given, seal = data.get("token", ""), seal_of(settings)
    try:
        async with transaction(pool) as tx:
            entered = await enter(tx, given, seal=seal, now=clock.now(), old_token=old)
    except (LinkForged, LinkEnded) as no:
        return _link_failed(request, no)
    response = see_other(entered.landing.value)
    remember(response, USER_COOKIE, entered.token, settings)
    return response


@get("/me")
async def profile_page(request: AnyRequest, viewer: Given[User]) -> Response[str]:
    """Who I am here."""
    return render(request, "users/profile.html", user=viewer)


@get("/me/menu")
async def menu_page(request: AnyRequest, viewer: Given[User]) -> Response[str]:
    """Everything there is for me."""
    return render(request, "users/menu.html", user=viewer)


@get("/me/status")
async def account_status_page(
    request: AnyRequest,
    viewer: Given[User],
    pool: Given[Pool],
    clock: Given[Clock],
) -> Response[str]:
    """What this account may do; if not: why, until when, and what next."""
    now = clock.now()
    async with transaction(pool) as tx:
        placed = await restrictions(tx, viewer.id, now=now, in_force=True)
    shown = standings(viewer, placed, now)
    return render(request, "users/status.html", user=viewer, standings=shown)


@post("/me/sign-out")
async def sign_out(
    request: AnyRequest,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
) -> Redirect:
    """End this session."""
    return await _sign_out(request, USER_COOKIE, "/", (pool, clock, settings))


@post("/me/sign-out-everywhere")
async def sign_out_everywhere(
    viewer: Given[User],
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
) -> Redirect:
    """End all my sessions, on every device."""
    async with transaction(pool) as tx:
        await end_sessions(tx, viewer.id, now=clock.now())
    response = see_other("/")
    forget(response, USER_COOKIE, settings)
    return response


@get("/console/sign-in")
async def operator_door(
    request: AnyRequest,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
) -> Response[str] | Redirect:
    """Where an operator comes in; one who is in already goes on."""
    try:
        await operator(request, pool, clock, settings)
    except NotSignedIn:
        return _door(request)
    return see_other("/console")


@post("/console/sign-in")
async def sign_in(
    request: AnyRequest,
    data: Form,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
) -> Response[str] | Redirect:
    """Check e-mail and password; a failure does not say which of them was wrong."""
    said = SignIn(
        email=data.get("email", ""),
        password=data.get("password", ""),
        old_token=token_of(request, OPERATOR_COOKIE, settings),
    )
    try:
        token = await sign_in_operator(pool, said, now=clock.now())
    except (SignInFailed, SignInThrottled) as no:
        return _door(request, email=said.email, no=no)
    response = see_other("/console")
    remember(response, OPERATOR_COOKIE, token, settings)
    return response


@post("/console/sign-out")
async def operator_sign_out(
    request: AnyRequest,
    pool: Given[Pool],
    clock: Given[Clock],
    settings: Given[Settings],
) -> Redirect:
    """End the operator's session."""
    return await _sign_out(request, OPERATOR_COOKIE, "/console/sign-in", (pool, clock, settings))


async def _sign_out(
    request: AnyRequest, cookie: str, then: str, deps: tuple[Pool, Clock, Settings]
) -> Redirect:
    pool, clock, settings = deps
    token = token_of(request, cookie, settings)
    if token is not None:
        async with transaction(pool) as tx:
            await end_session(tx, token, now=clock.now())
    response = see_other(then)
    forget(response, cookie, settings)
    return response


def _link_failed(request: AnyRequest, no: Refusal) -> Response[str]:
    return render(
        request,
        "users/link_failed.html",
        status=status_of(no),
        title=no.title,
        sentence=no.sentence(),
    )


def _door(request: AnyRequest, *, email: str = "", no: Refusal | None = None) -> Response[str]:
    return render(
        request,
        "users/console_door.html",
        status=200 if no is None else status_of(no),
        email=email,
        problem="" if no is None else no.sentence(),
    )


PAGES: Sequence[ControllerRouterHandler] = (
    front_page,
    enter_demo,
    link_page,
    use_link,
    profile_page,
    menu_page,
    account_status_page,
    sign_out,
    sign_out_everywhere,
    operator_door,
    sign_in,
    operator_sign_out,
)

"""The edges' shared tools: pages from templates, problems for programs, forms that are ours.

What a handler may ask for by name (`NamedDependency`): `pool`, `ledger`, `clock`, `settings`,
`caller` and whatever app.py adds. A page handler answers `render(request, "room/page.html", …)`;
an API handler returns a msgspec-friendly value or raises a `Refusal`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape
from litestar import MediaType, Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.response import Redirect

from coinwell.base import csrf
from coinwell.base.bodies import NulInText, fault
from coinwell.base.headers import stamp_of
from coinwell.base.i18n import translations
from coinwell.base.money import Money
from coinwell.base.problem import PLAIN, PROBLEM_MEDIA_TYPE, plain_problem, problem, status_of
from coinwell.base.refusal import Kind, Refusal

AnyRequest = Request[Any, Any, Any]
AnyConnection = ASGIConnection[Any, Any, Any, Any]
SEE_OTHER = 303
_SERVER_ERROR = 500
_AWAY = 503
_MISSING = re.compile(r"Missing required \w+ parameter '(?P<name>[^']+)'")


def coins_text(coins: int) -> str:
    """A number of coins as a person reads it: "1,400 coins", "1 coin"."""
    return f"{coins:,} coin" if abs(coins) == 1 else f"{coins:,} coins"


def when_text(at: datetime, zone: str = "UTC") -> str:
    """An instant in a person's zone, with the zone named: "22 Nov 2026, 13:05 CET"."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


def money_text(money: Money) -> str:
    """An amount of money as a person reads it."""
    return money.text()


def make_templates(packages: Sequence[str]) -> Environment:
    """The template engine over the `templates` folders of the named packages.

    Autoescape is on for everything and an unknown name is an error, not an empty string.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(coins=coins_text, money=money_text, when=when_text)
    english = translations("en")
    cast("Any", environment).install_gettext_translations(english, newstyle=True)
    return environment


def render(request: AnyRequest, template: str, *, status: int = 200, **facts: Any) -> Response[str]:
    """A page. Besides `facts`, templates know `csrf`, `nonce`, `path` and `demo`."""
    state = request.app.state
    settings = state.settings
    cookie = host_bound(csrf.CSRF_COOKIE, settings.public_url)
    seed = request.cookies.get(cookie) or csrf.new_seed()
    environment = cast("Environment", state.templates)
    text = environment.get_template(template).render(
        csrf=csrf.csrf_token(settings.secret, seed),
        nonce=stamp_of(request.scope).nonce,
        path=request.url.path,
        demo=settings.demo,
        **facts,
    )
    response = Response(text, media_type=MediaType.HTML, status_code=status)
    if cookie not in request.cookies:
        response.set_cookie(
            Cookie(
                cookie,
                value=seed,
                httponly=True,
                secure=is_https(settings.public_url),
                samesite="lax",
                path="/",
            )
        )
    return response


def see_other(path: str) -> Redirect:
    """After a form: send the browser on, so that a reload repeats nothing."""
    return Redirect(path, status_code=SEE_OTHER)


def is_https(url: str) -> bool:
    """Whether a URL is served over TLS, so that cookies may insist on it."""
    return urlsplit(url).scheme == "https"


def host_bound(name: str, public_url: str) -> str:
    """A cookie's name: over https bound to this host and to TLS by the browser itself.

    So no neighbour under the same domain can plant one. Plain http is for a demo on one's own
    machine, where browsers would not take the prefix.
    """
    return f"__Host-{name}" if is_https(public_url) else name


async def form_guard(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """A guard for every page router: a form that is not ours is refused, and text with a NUL."""
    if not isinstance(connection, Request):
        return
    request: AnyRequest = connection
    if any("\0" in text for text in request.query_params.values()):
        raise NulInText
    if request.method in {"GET", "HEAD"}:
        return
    form = await request.form()
    sent = form.get(csrf.CSRF_FIELD)
    settings = request.app.state.settings
    csrf.check(
        secret=settings.secret,
        seed=request.cookies.get(host_bound(csrf.CSRF_COOKIE, settings.public_url)),
        sent=sent if isinstance(sent, str) else None,
        headers=request.headers,
        host=request.headers.get("host", ""),
    )
    if any("\0" in text for text in form.values() if isinstance(text, str)):
        raise NulInText


class WrongMediaType(Refusal):
    """Send the body as application/json."""

    kind = Kind.UNSUPPORTED
    title = "Wrong media type"


async def json_guard(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """A guard for every API router: a body that is not JSON by its own word is refused."""
    if not isinstance(connection, Request) or connection.method in {"GET", "HEAD", "DELETE"}:
        return
    said = connection.headers.get("content-type", "")
    length = connection.headers.get("content-length", "")
    empty = length in {"", "0"} and "transfer-encoding" not in connection.headers
    if not empty and said.partition(";")[0].strip().lower() != "application/json":
        raise WrongMediaType


def for_programs(request: AnyRequest) -> bool:
    """Whether the asker is a program: the API speaks problems, the pages speak sentences."""
    return request.url.path.startswith(("/v1", "/openapi"))


def answer_refusal(request: AnyRequest, no: Exception) -> Response[Any]:
    """The exception handler for refusals."""
    assert isinstance(no, Refusal)
    status = status_of(no)
    if for_programs(request):
        stamp = stamp_of(request.scope)
        document = problem(no, instance=request.url.path, request_id=stamp.request_id)
        return Response(document, status_code=status, media_type=PROBLEM_MEDIA_TYPE)
    if no.kind is Kind.STRANGER and request.method in {"GET", "HEAD"}:
        return see_other("/console/sign-in" if request.url.path.startswith("/console") else "/")
    return _error_page(request, status=status, title=no.title, sentence=no.sentence())


def answer_framework(request: AnyRequest, error: Exception) -> Response[Any]:
    """The exception handler for what the framework itself refuses."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    if status >= _SERVER_ERROR:
        return answer_crash(request, error)
    if for_programs(request):
        stamp = stamp_of(request.scope)
        invalid = isinstance(error, ValidationException)
        document = plain_problem(
            422 if invalid else status,
            instance=request.url.path,
            request_id=stamp.request_id,
            errors=_faults(error) if isinstance(error, ValidationException) else None,
        )
        return Response(
            document,
            status_code=document["status"],
            media_type=PROBLEM_MEDIA_TYPE,
            headers=_allowed(error),
        )
    _, title, sentence = PLAIN.get(status) or PLAIN[400]
    page = _error_page(request, status=status, title=title, sentence=sentence)
    page.headers.update(_allowed(error))
    return page


def answer_away(request: AnyRequest, error: Exception) -> Response[Any]:
    """The exception handler for a database that does not answer at the moment."""
    stamp = stamp_of(request.scope)
    request.app.state.log.warning(
        "database away", request_id=stamp.request_id, route=_route(request), error=str(error)
    )
    retry = {"retry-after": "2"}
    if for_programs(request):
        document = plain_problem(_AWAY, instance=request.url.path, request_id=stamp.request_id)
        return Response(document, status_code=_AWAY, media_type=PROBLEM_MEDIA_TYPE, headers=retry)
    _, title, _ = PLAIN[_AWAY]
    sentence = "Your coins are safe, and nothing was charged by this page. Try again in a moment."
    page = _error_page(request, status=_AWAY, title=title, sentence=sentence)
    page.set_header("retry-after", "2")
    return page


def answer_crash(request: AnyRequest, error: Exception) -> Response[Any]:
    """The exception handler for everything else: an id that is in the log, and no detail."""
    stamp = stamp_of(request.scope)
    request.app.state.log.error(
        "request crashed", request_id=stamp.request_id, route=_route(request), exc_info=error
    )
    if for_programs(request):
        document = plain_problem(
            _SERVER_ERROR, instance=request.url.path, request_id=stamp.request_id
        )
        return Response(document, status_code=_SERVER_ERROR, media_type=PROBLEM_MEDIA_TYPE)
    _, title, _ = PLAIN[_SERVER_ERROR]
    sentence = "This page failed. Your coins are safe, and nothing was charged by it."
    return _error_page(request, status=_SERVER_ERROR, title=title, sentence=sentence)


def _route(request: AnyRequest) -> str:
    # Not the path: a hand-off link's holds its secret.
    return str(cast("dict[str, Any]", request.scope).get("path_template", "(none)"))


def _allowed(error: HTTPException) -> dict[str, str]:
    # A 405 must say which methods the address does take (RFC 9110).
    return {name: text for name, text in (error.headers or {}).items() if name.lower() == "allow"}


def _faults(error: ValidationException) -> list[dict[str, str]]:
    # What is wrong in the body has its JSON Pointer by now; all else goes by its name.
    found: list[dict[str, str]] = []
    for entry in cast("Sequence[Mapping[str, Any]]", error.extra or []):
        if "pointer" in entry:
            found.append(dict(entry))
            continue
        key, said = str(entry.get("key", "")), str(entry.get("message", "Not accepted"))
        at = {"pointer": ""} if key in {"", "data"} else {"parameter": key}
        found.append(at | {"detail": fault(said)["detail"]})
    missing = _MISSING.match(str(error.detail))
    if missing:
        found.append({"parameter": missing["name"], "detail": "This parameter is required."})
    return found


def _error_page(request: AnyRequest, *, status: int, title: str, sentence: str) -> Response[str]:
    return render(
        request,
        "base/error.html",
        status=status,
        title=title,
        sentence=sentence,
        request_id=stamp_of(request.scope).request_id,
    )

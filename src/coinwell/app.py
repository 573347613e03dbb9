"""Wires the rooms into one ASGI app: what they need, where they answer, how they say no."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.datastructures import CacheControlHeader, State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute
from litestar.serialization import encode_json
from litestar.static_files import (
    create_static_files_router,  # pyright: ignore[reportUnknownVariableType] - partial over there.
)
from litestar.types import ASGIApp, ControllerRouterHandler
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from coinwell import base, problems
from coinwell.base.bodies import StrictRequest
from coinwell.base.clock import Clock
from coinwell.base.db import Pool, transaction, value
from coinwell.base.headers import StrictHeaders
from coinwell.base.logs import start_logs
from coinwell.base.openapi import described
from coinwell.base.refusal import Refusal
from coinwell.base.web import (
    AnyConnection,
    AnyRequest,
    answer_away,
    answer_crash,
    answer_framework,
    answer_refusal,
    form_guard,
    is_https,
    json_guard,
    make_templates,
)
from coinwell.catalog import routes as catalog_routes
from coinwell.console import pages as console_pages
from coinwell.installation import Installation, open_installation
from coinwell.ledger import Ledger
from coinwell.recharge import Deps
from coinwell.recharge import pages as recharge_pages
from coinwell.recharge import routes as recharge_routes
from coinwell.settings import Settings
from coinwell.users import Caller
from coinwell.users import guards as users_guards
from coinwell.users import pages as users_pages
from coinwell.users import routes as users_routes
from coinwell.wallet import pages as wallet_pages
from coinwell.wallet import routes as wallet_routes

ROOMS_WITH_TEMPLATES = ("base", "users", "wallet", "recharge", "console")
STATIC = Path(base.__file__).parent / "static"
BODY_BYTES_MAX = 256 * 1024

PAGES: Sequence[ControllerRouterHandler] = (
    *users_pages.PAGES,
    *wallet_pages.PAGES,
    *recharge_pages.PAGES,
    *console_pages.PAGES,
    *problems.PAGES,
)
ROUTES: Sequence[ControllerRouterHandler] = (
    *users_routes.ROUTES,
    *catalog_routes.ROUTES,
    *wallet_routes.ROUTES,
    *recharge_routes.ROUTES,
)


@get("/healthz", include_in_schema=False, media_type=MediaType.TEXT)
async def healthz() -> str:
    """The process runs."""
    return "ok"


@get("/readyz", include_in_schema=False, media_type=MediaType.TEXT)
async def readyz(state: State) -> Response[str]:
    """The database answers."""
    installation: Installation = state.installation
    try:
        async with transaction(installation.pool) as tx:
            await value(tx, "SELECT 1")
    except (OperationalError, PoolTimeout):
        return Response("no database", status_code=503)
    return Response("ready")


@get("/openapi.json", include_in_schema=False)
async def openapi(request: AnyRequest) -> Response[dict[str, Any]]:
    """The API's own description."""
    return Response(api_document(request.app), media_type=MediaType.JSON)


def api_document(app: Litestar) -> dict[str, Any]:
    """The API's own description, as it is served and kept in the reference."""
    return described(app.openapi_schema.to_schema())


async def known_guard(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Find out who calls before anything they sent is read; handlers get it as `caller`."""
    if not isinstance(connection, Request):
        return
    state = connection.app.state
    found = await users_guards.caller(
        connection, state.installation.pool, state.installation.clock, state.settings
    )
    connection.state.caller = found


def create_app(settings: Settings, *, clock: Clock | None = None) -> ASGIApp:
    """The web app of one installation; `clock` is for tests and made-up histories."""
    return StrictHeaders(
        wired(settings, clock=clock),
        form_targets=_payment_origins(settings),
        https=is_https(settings.public_url),
    )


def wired(settings: Settings, *, clock: Clock | None = None) -> Litestar:
    """The app without its outer layer."""

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncGenerator[None]:
        async with open_installation(settings, clock=clock) as installation:
            app.state.installation = installation
            yield

    return Litestar(
        route_handlers=[
            healthz,
            readyz,
            openapi,
            Router(path="/", route_handlers=PAGES, guards=[form_guard], include_in_schema=False),
            Router(path="/", route_handlers=ROUTES, guards=[known_guard, json_guard]),
            Router(path="/", route_handlers=recharge_routes.WEBHOOKS),
            create_static_files_router(
                path="/static",
                directories=[STATIC],
                cache_control=CacheControlHeader(max_age=3600, public=True),
            ),
        ],
        lifespan=[opened],
        state=State(_state(settings)),
        dependencies=_dependencies(),
        exception_handlers={
            Refusal: answer_refusal,
            HTTPException: answer_framework,
            OperationalError: answer_away,
            PoolTimeout: answer_away,
            Exception: answer_crash,
        },
        openapi_config=OpenAPIConfig(
            title="Coinwell",
            version="1",
            description="The coin economy of a live or short-video app.",
            path="/openapi",
            use_handler_docstrings=True,
            operation_id_creator=_operation_id,
            render_plugins=[_Document()],
        ),
        request_class=StrictRequest,
        before_request=_options,
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
        pdb_on_exception=False,
    )


def _options(request: AnyRequest) -> Response[None] | None:
    # The framework's own answer knows only one method of an address that takes several.
    if request.method != "OPTIONS":
        return None
    template = request.scope["path_template"]
    methods = {
        method
        for route in request.app.routes
        if isinstance(route, HTTPRoute) and route.path_format == template
        for method in route.methods
    }
    return Response(None, status_code=204, headers={"allow": ", ".join(sorted(methods))})


class _Document(JsonRenderPlugin):
    """Takes the place of the framework's own pages, which load scripts from elsewhere."""

    def render(self, request: AnyRequest, openapi_schema: dict[str, Any]) -> bytes:
        """Ours, whoever asks."""
        del request
        return encode_json(described(openapi_schema))


def _operation_id(handler: HTTPRouteHandler, *_: Any) -> str:
    return cast("Any", handler.fn).__name__


def _state(settings: Settings) -> dict[str, Any]:
    packages = [f"coinwell.{room}" for room in ROOMS_WITH_TEMPLATES]
    return {
        "settings": settings,
        "templates": make_templates(packages),
        "log": start_logs(settings.log_level),
    }


def _payment_origins(settings: Settings) -> str:
    if not settings.sandbox:
        return ""
    parts = urlsplit(settings.sandbox_url)
    return f"{parts.scheme}://{parts.netloc}"


def _dependencies() -> dict[str, Provide]:
    def installation(state: State) -> Installation:
        return state.installation

    def pool(state: State) -> Pool:
        return installation(state).pool

    def ledger(state: State) -> Ledger:
        return installation(state).ledger

    def clock(state: State) -> Clock:
        return installation(state).clock

    def settings(state: State) -> Settings:
        return state.settings

    def deps(state: State) -> Deps:
        return installation(state).recharge

    plain = {"pool": pool, "ledger": ledger, "clock": clock, "settings": settings, "deps": deps}
    return {name: Provide(give, sync_to_thread=False) for name, give in plain.items()} | {
        "caller": Provide(_caller, sync_to_thread=False),
        "viewer": Provide(users_guards.viewer),
        "operator": Provide(users_guards.operator),
        "arrivals": Provide(_arrivals, sync_to_thread=False),
        "describers": Provide(_describers, sync_to_thread=False),
    }


def _caller(request: AnyRequest) -> Caller:
    return request.state.caller


def _arrivals() -> Any:
    return recharge_pages.ARRIVALS


def _describers() -> Any:
    return {}

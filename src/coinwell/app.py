"""Wires the rooms into one ASGI app: what they need, where they answer, how they say no."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
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

from coinwell import problems
from coinwell.base.bodies import StrictRequest
from coinwell.base.bus import open_bus
from coinwell.base.clock import Clock
from coinwell.base.headers import StrictHeaders
from coinwell.base.logs import start_logs
from coinwell.base.metrics import BUILD, page
from coinwell.base.openapi import described
from coinwell.base.refusal import Refusal
from coinwell.base.watching import Watched, serving_metrics
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
from coinwell.health import healthz, readyz
from coinwell.installation import Installation, open_installation
from coinwell.limits import pages as limits_pages
from coinwell.limits import routes as limits_routes
from coinwell.live import DESCRIBERS, NEWS_OF_ROOMS, GiftLane, LaneDeps, open_stage
from coinwell.live import pages as live_pages
from coinwell.live import routes as live_routes
from coinwell.notify import pages as notify_pages
from coinwell.notify import routes as notify_routes
from coinwell.recharge import pages as recharge_pages
from coinwell.recharge import routes as recharge_routes
from coinwell.settings import Settings
from coinwell.users import Caller
from coinwell.users import guards as users_guards
from coinwell.users import pages as users_pages
from coinwell.users import routes as users_routes
from coinwell.wallet import pages as wallet_pages
from coinwell.wallet import routes as wallet_routes

ROOMS_WITH_TEMPLATES = (
    "base",
    "users",
    "wallet",
    "limits",
    "recharge",
    "live",
    "notify",
    "console",
)
STATIC = tuple(Path(__file__).parent / room / "static" for room in ("base", "live"))
BODY_BYTES_MAX = 256 * 1024

PAGES: Sequence[ControllerRouterHandler] = (
    *users_pages.PAGES,
    *wallet_pages.PAGES,
    *limits_pages.PAGES,
    *recharge_pages.PAGES,
    *live_pages.PAGES,
    *notify_pages.PAGES,
    *console_pages.PAGES,
    *problems.PAGES,
)
ROUTES: Sequence[ControllerRouterHandler] = (
    *users_routes.ROUTES,
    *catalog_routes.ROUTES,
    *wallet_routes.ROUTES,
    *limits_routes.ROUTES,
    *recharge_routes.ROUTES,
    *live_routes.ROUTES,
    *notify_routes.ROUTES,
)


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
    installation: Installation = state.installation
    found = await users_guards.caller(
        connection, installation.pool, installation.clock, state.settings, state.key_callers
    )
    connection.state.caller = found


def create_app(settings: Settings, *, clock: Clock | None = None) -> ASGIApp:
    """The web app of one installation; `clock` is for tests and made-up histories."""
    app = wired(settings, clock=clock)

    def lane() -> LaneDeps | None:
        state = app.state
        if "installation" not in state:
            return None
        return LaneDeps(state.installation.live, state.key_callers.ask, crashed)

    def crashed(request_id: str, path: str, error: Exception) -> None:
        app.state.log.error("request crashed", request_id=request_id, path=path, exc_info=error)

    return Watched(
        StrictHeaders(
            GiftLane(app, lane),
            form_targets=_payment_origins(settings),
            https=is_https(settings.public_url),
        )
    )


@asynccontextmanager
async def metrics(settings: Settings) -> AsyncGenerator[None]:
    """What this web process counts, at a port of its own, where the settings name one."""
    if not settings.metrics_port:
        yield
        return
    BUILD.labels(version("coinwell"), "web").set(1)
    async with serving_metrics(
        settings.metrics_host, settings.metrics_port, lambda: page(None, ())
    ):
        yield


def wired(settings: Settings, *, clock: Clock | None = None) -> Litestar:
    """The app without its outer layer."""

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncGenerator[None]:
        def on_trouble(error: Exception) -> None:
            app.state.log.warning("room streams held up", error=str(error))

        async with (
            open_installation(settings, clock=clock) as installation,
            open_bus(settings.database, NEWS_OF_ROOMS) as bus,
            open_stage(installation.pool, bus, on_trouble) as stage,
            metrics(settings),
        ):
            app.state.installation, app.state.stage = installation, stage
            app.state.key_callers = users_guards.key_callers(
                installation.pool, installation.clock, settings
            )
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
                directories=[*STATIC],
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


# What handlers ask for by name, and where an open installation keeps it.
_OF_INSTALLATION = {
    "pool": "pool",
    "ledger": "ledger",
    "clock": "clock",
    "deps": "recharge",
    "live": "live",
    "notifying": "notify",
}
_OF_STATE = {"settings": "settings", "keys": "key_callers", "stage": "stage"}


def _dependencies() -> dict[str, Provide]:
    def of_installation(name: str) -> Provide:
        def give(state: State) -> Any:
            return getattr(state.installation, name)

        return Provide(give, sync_to_thread=False)

    def of_state(name: str) -> Provide:
        def give(state: State) -> Any:
            return getattr(state, name)

        return Provide(give, sync_to_thread=False)

    return {
        **{asked: of_installation(name) for asked, name in _OF_INSTALLATION.items()},
        **{asked: of_state(name) for asked, name in _OF_STATE.items()},
        "caller": Provide(_caller, sync_to_thread=False),
        "listener": Provide(users_guards.listener),
        "viewer": Provide(users_guards.viewer),
        "operator": Provide(users_guards.operator),
        "webhook_desk": Provide(notify_pages.webhook_desk, sync_to_thread=False),
        "arrivals": Provide(_arrivals, sync_to_thread=False),
        "describers": Provide(_describers, sync_to_thread=False),
    }


def _caller(request: AnyRequest) -> Caller:
    return request.state.caller


def _arrivals() -> Any:
    return recharge_pages.ARRIVALS


def _describers() -> Any:
    return DESCRIBERS

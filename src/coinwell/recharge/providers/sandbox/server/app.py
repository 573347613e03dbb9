"""Puts the sandbox together: its memory, its courier, and its three doors."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, cast

import uvicorn
from litestar import Litestar, MediaType, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from coinwell.base.clock import Clock, SystemClock
from coinwell.recharge.providers.sandbox.server.api import CUT, api_router
from coinwell.recharge.providers.sandbox.server.control import control_router
from coinwell.recharge.providers.sandbox.server.delivering import Courier
from coinwell.recharge.providers.sandbox.server.moving import MovedClock
from coinwell.recharge.providers.sandbox.server.pages import PAGES, absent_page
from coinwell.recharge.providers.sandbox.server.store import Store
from coinwell.recharge.providers.sandbox.server.types import Refused, SandboxSettings
from coinwell.recharge.providers.sandbox.server.world import World

_BODY_BYTES_MAX: Final = 64 * 1024


@get("/healthz", media_type=MediaType.TEXT)
async def healthz() -> str:
    """The process runs."""
    return "ok"


def create_sandbox(settings: SandboxSettings, clock: Clock) -> ASGIApp:
    """The payment provider of the sandbox, as one ASGI app with a store of its own."""

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncGenerator[None]:
        store = Store(settings.store_path)
        moved = MovedClock(clock, store)
        courier = Courier(settings, moved, store)
        world = World(settings=settings, clock=moved, store=store, courier=courier)
        app.state.world = world
        task = asyncio.create_task(courier.run(world.turn_due))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await courier.close()
            store.close()

    app = Litestar(
        route_handlers=[healthz, api_router(), control_router(), *PAGES],
        lifespan=[running],
        exception_handlers={Refused: _answer_refused, HTTPException: _answer_framework},
        openapi_config=None,
        request_max_body_size=_BODY_BYTES_MAX,
        logging_config=None,
        pdb_on_exception=False,
    )
    return _Cutting(app)


def serve_sandbox(
    settings: SandboxSettings, *, host: str, port: int, clock: Clock | None = None
) -> None:
    """Serve the sandbox until it is told to stop."""
    uvicorn.run(
        create_sandbox(settings, clock or SystemClock()),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        ws="none",
        lifespan="on",
    )


class _Cutting:
    """Ends the connection in the middle of an answer, when the mischief says so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = cast("dict[str, Any]", scope.setdefault("state", {}))  # type: ignore[typeddict-item]

        async def send_or_cut(message: Message) -> None:
            if not state.get(CUT):
                await send(message)
            elif message["type"] == "http.response.body":
                # The server closes the connection of an answer that is promised and not given.
                await send({"type": "http.response.body", "body": b"{", "more_body": True})
            else:
                await send(message)

        await self._app(scope, receive, send_or_cut)


def _answer_refused(request: Request[Any, Any, Any], no: Exception) -> Response[Any]:
    assert isinstance(no, Refused)
    if no.status == 404 and request.url.path.startswith("/pay/"):  # noqa: PLR2004
        return absent_page()
    body = {"error": {"code": no.code, "message": no.sentence}}
    return Response(body, status_code=no.status, media_type=MediaType.JSON)


def _answer_framework(_: Request[Any, Any, Any], no: Exception) -> Response[Any]:
    status = no.status_code if isinstance(no, HTTPException) else 500
    body = {"error": {"code": "not_served", "message": "This address takes no such request."}}
    return Response(body, status_code=status, media_type=MediaType.JSON)

"""A layer around the web app that counts and traces each request, and the page of the counts."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter
from typing import Any, Final, cast

import uvicorn
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import CONTENT_TYPE_LATEST

from coinwell.base import tracing
from coinwell.base.headers import stamp_of
from coinwell.base.metrics import HTTP_OPEN, HTTP_REQUESTS, HTTP_SECONDS

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE: Final = "(none)"
_SERVER_ERROR: Final = 500
_CUT: Final = 499  # Nothing was answered: the caller went away, or the app failed outright.


class Watched:
    """Counts, times and traces every request of the app inside.

    What it says of a request is the method, the template of its route and the status: a path
    may hold a token, a query anything at all.
    """

    def __init__(self, app: ASGIApp) -> None:
        """The outermost layer."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        status = _CUT

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        HTTP_OPEN.inc()
        began = perf_counter()
        try:
            if not tracing.is_on():
                await self._app(scope, receive, noting)
            else:
                with _request_span(scope, method) as span:
                    await self._app(scope, receive, noting)
                    _finish(span, scope, method, status)
        finally:
            HTTP_OPEN.dec()
            route = _route(scope)
            HTTP_REQUESTS.labels(method, route, str(status)).inc()
            HTTP_SECONDS.labels(method, route).observe(perf_counter() - began)


def _route(scope: Scope) -> str:
    # A route that the framework found has its template in the scope; a typed path never does.
    return str(cast("Any", scope).get("path_template") or _NO_ROUTE)


def _request_span(scope: Scope, method: str) -> Any:
    parent = ""
    for name, text in scope["headers"]:
        if name == b"traceparent":
            parent = text.decode("latin-1")
    return tracing.span(
        method,
        kind=SpanKind.SERVER,
        parent=parent,
        http__request__method=method,
        coinwell__request_id=stamp_of(scope).request_id,
    )


def _finish(span: Span, scope: Scope, method: str, status: int) -> None:
    route = _route(scope)
    span.update_name(f"{method} {route}")
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= _SERVER_ERROR:
        span.set_status(Status(StatusCode.ERROR))


class _Quiet(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the process's own affair."""
        yield


@asynccontextmanager
async def serving_metrics(
    host: str, port: int, page: Callable[[], Awaitable[bytes]]
) -> AsyncGenerator[int]:
    """Answer `/metrics` and `/healthz` on a port of this process until the block ends.

    With port 0 the system chooses one, which is yielded.
    """
    listener = socket.create_server((host, port), reuse_port=False)
    config = uvicorn.Config(
        _app_of(page),
        log_level="error",
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = _Quiet(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="metrics")
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        listener.close()


def _app_of(page: Callable[[], Awaitable[bytes]]) -> Any:
    async def app(scope: Any, _: Any, send: Any) -> None:
        path, method = scope["path"], scope["method"]
        status, kind, body = 404, "text/plain", b"not found\n"
        if path in {"/metrics", "/healthz"} and method not in {"GET", "HEAD"}:
            status, body = 405, b"only GET\n"
        elif path == "/metrics":
            status, kind, body = 200, CONTENT_TYPE_LATEST, await page()
        elif path == "/healthz":
            status, body = 200, b"ok"
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})

    return app

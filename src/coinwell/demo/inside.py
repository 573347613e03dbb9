"""The sandbox inside this process: the same program, asked without a socket, on a given clock."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx2
from litestar.types import ASGIApp, Receive, Scope, Send

_STARTED, _STOPPED = "lifespan.startup.complete", "lifespan.shutdown.complete"


@asynccontextmanager
async def alive(app: ASGIApp) -> AsyncGenerator[httpx2.AsyncBaseTransport]:
    """Run an app's lifespan and yield a way to ask it; it ends with the block."""
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    receive, send = cast("Receive", to_app.get), cast("Send", from_app.put)
    running = asyncio.ensure_future(app(cast("Scope", scope), receive, send))
    await to_app.put({"type": "lifespan.startup"})
    await _heard(from_app, running, _STARTED)
    try:
        # A web framework knows its app by a richer type than the client asks for.
        yield httpx2.ASGITransport(app=cast("Any", app))
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        await _heard(from_app, running, _STOPPED)
        await running


async def _heard(
    from_app: asyncio.Queue[dict[str, Any]], running: asyncio.Future[None], kind: str
) -> None:
    said = asyncio.ensure_future(from_app.get())
    await asyncio.wait({said, running}, return_when=asyncio.FIRST_COMPLETED)
    if not said.done():
        said.cancel()
        await running  # Raises what ended it.
        message = "the app ended without a word"
        raise RuntimeError(message)
    answer = said.result()
    assert answer["type"] == kind, answer

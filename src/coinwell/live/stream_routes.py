"""The room stream for browsers and programs, and its twin for who cannot hold a connection.

What a stream is ended with, beside the protocol's own codes: 4400 bad `after`, 4401 not signed
in, 4403 not permitted, 4404 no such room, 4408 come back with `after` as the reason says.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import WebSocket, get, websocket
from litestar.params import FromPath, QueryParameter
from litestar.types import ControllerRouterHandler
from psycopg import Error
from psycopg_pool import PoolTimeout

from coinwell.base.ending import end
from coinwell.base.given import Given
from coinwell.base.openapi import refuses
from coinwell.live.frames import RoomEvents
from coinwell.live.refusals import RoomUnknown
from coinwell.live.streaming import EVENTS_A_FRAME, NUMBER_MAX, Ending, Stage
from coinwell.users import ApiScope, Caller, NotPermitted

BAD_AFTER: Final = 4400
NOT_SIGNED_IN: Final = 4401
NOT_PERMITTED: Final = 4403
NO_SUCH_ROOM: Final = 4404
COME_BACK: Final = 4408
TRY_LATER: Final = 1013
_DONE: Final = 1000
_NO_ROOM: Final = (NO_SUCH_ROOM, "no such room")
_DIGITS_MAX: Final = 18  # What fits into the tables.
# Nobody watches for ever on a session that ended; an hour later they ask again.
STREAM_S_MAX: Final = 3_600
PAGE_EVENTS: Final = 100

Socket = WebSocket[Any, Any, Any]


@websocket("/v1/rooms/{room_id:str}/stream")
async def room_stream(
    socket: Socket, room_id: FromPath[str], listener: Given[Caller | None], stage: Given[Stage]
) -> None:
    """Every gift of a room as it arrives, numbered, from `after` on; see docs/build/stream.md."""
    await socket.accept()
    code, reason = await _watched(socket, room_id, listener, stage)
    if socket.connection_state != "disconnect":
        with suppress(RuntimeError):
            await socket.close(code=code, reason=reason)


async def _watched(
    socket: Socket, room_text: str, listener: Caller | None, stage: Stage
) -> tuple[int, str]:
    asked = _asked(room_text, socket.query_params.get("after"), listener)
    if not isinstance(asked, _Asked):
        return asked
    if stage.full:
        return TRY_LATER, "too many viewers here"
    try:
        return await _until_gone(socket, stage, asked)
    except RoomUnknown:
        return _NO_ROOM
    except (Error, PoolTimeout):
        return TRY_LATER, "come back in a moment"


def _asked(room: str, after: str | None, listener: Caller | None) -> "_Asked | tuple[int, str]":
    # What is asked for, or the code and reason of a no.
    if listener is None:
        return NOT_SIGNED_IN, "sign in, or send an API key"
    try:
        listener.demand(ApiScope.LIVE_READ)
        asked = _Asked(UUID(room), None if after is None else _number(after))
    except NotPermitted as no:
        return NOT_PERMITTED, f"needs {no.needs.value}"
    except ValueError:
        return _NO_ROOM
    except _BadAfter:
        return BAD_AFTER, "after is a number from 0 on"
    return asked


async def _until_gone(socket: Socket, stage: Stage, asked: "_Asked") -> tuple[int, str]:
    async def send(text: str) -> None:
        # The framework's own helper encodes what is encoded already.
        await socket.send({"type": "websocket.send", "text": text, "bytes": None})

    watching = asyncio.create_task(stage.watch(asked.room_id, asked.after, send))
    hearing = asyncio.create_task(_until_disconnected(socket))
    tasks = (watching, hearing)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=STREAM_S_MAX)
        if watching.done():
            ending, sent = watching.result()
            closed = ending is Ending.ROOM_CLOSED
            return (_DONE, ending.value) if closed else (COME_BACK, f"after={sent}")
        return COME_BACK, "come back after the last number"
    finally:
        await end(tasks)


async def _until_disconnected(socket: Socket) -> None:
    # Whatever a viewer says on the stream is passed over; gifts are sent to /v1/gifts.
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue


@dataclass(frozen=True, slots=True)
class _Asked:
    room_id: UUID
    after: int | None


class _BadAfter(Exception):
    """What is no number from 0 on."""


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise _BadAfter
    return int(text)


@get(
    "/v1/rooms/{room_id:uuid}/events",
    summary="Gifts of a room",
    tags=["live"],
    responses=refuses(RoomUnknown),
)
async def room_events(
    room_id: FromPath[UUID],
    caller: Given[Caller],
    stage: Given[Stage],
    after: Annotated[int, QueryParameter(ge=0, le=NUMBER_MAX)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=EVENTS_A_FRAME)] = PAGE_EVENTS,
) -> RoomEvents:
    """The room's gifts past the one numbered `after`, in order, and how the room stands now."""
    caller.demand(ApiScope.LIVE_READ)
    return await stage.page(room_id, after=after, limit=limit)


STREAM_ROUTES: Sequence[ControllerRouterHandler] = (room_stream, room_events)

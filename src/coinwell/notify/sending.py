"""Sends one webhook over HTTP: to a checked address, within bounds, following nothing.

No transaction is open while this runs, and what it comes to is a value, never an error.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from socket import SOCK_STREAM, gaierror
from time import monotonic_ns
from typing import Any, Final, cast

import httpcore2

from coinwell.base.clock import Clock
from coinwell.notify.addresses import allowed
from coinwell.notify.rules import retry_after
from coinwell.notify.types import Outcome

TIMEOUT_S: Final = 15
_TOO_SLOW: Final = f"The receiver did not answer within {TIMEOUT_S} seconds."
_CONNECT_TIMEOUT_S: Final = 5
_CONNECTIONS_MAX: Final = 512
_KEPT_FOR_S: Final = 30
_READ_BYTES_MAX: Final = 64 * 1024  # More than that ends the connection.
_SHOWN_CHARACTERS: Final = 500
_NS_PER_MS: Final = 1_000_000
# The whole sending has one bound of its own.
_TIMEOUTS: Final = {"timeout": {"connect": _CONNECT_TIMEOUT_S}}


class NotAllowedThere(httpcore2.ConnectError):
    """The name leads into a network that webhooks do not go to."""


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Resolves a name, checks every address, and connects to what was checked, nothing else."""

    def __init__(self, *, private: bool) -> None:
        """`private` lets everything through, for development."""
        self._private = private
        self._network = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature.
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers.

        TLS names the host of the URL afterwards, so certificates are checked as usual.
        """
        found = await self.resolve(host, port)
        addresses = allowed(found, private=self._private)
        if not addresses:
            raise NotAllowedThere("The name leads into a private network.")
        trouble: Exception | None = None
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                trouble = error
        assert trouble is not None
        raise trouble

    async def resolve(self, host: str, port: int) -> list[str]:
        """All addresses of a name."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=SOCK_STREAM)
        except (gaierror, UnicodeError) as error:
            raise httpcore2.ConnectError("The name is not known.") from error
        return list(dict.fromkeys(str(one[4][0]) for one in found))


class Sender:
    """Sends webhooks over kept connections."""

    def __init__(
        self, pool: httpcore2.AsyncConnectionPool, clock: Clock, *, within: timedelta
    ) -> None:
        """`clock` stamps what was sent; no sending takes longer than `within`."""
        self._pool = pool
        self._clock = clock
        self._within_s = within.total_seconds()

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Send once, and say what the receiver made of it."""
        at, begun_ns = self._clock.now(), monotonic_ns()
        status: int | None = None
        answer, asked = "", None
        try:
            async with asyncio.timeout(self._within_s):
                status, answer, said = await self._post(url, body, headers)
            trouble = "" if 200 <= status < 300 else f"The receiver answered {status}."  # noqa: PLR2004
            # Only who is too busy says when to come back.
            asked = retry_after(said, now=at) if status in {429, 503} else None
        except TimeoutError:
            trouble = _TOO_SLOW
        except Exception as error:  # noqa: BLE001 - a receiver can break the protocol in any way.
            trouble = _said_of(error)
        took_ms = (monotonic_ns() - begun_ns) // _NS_PER_MS
        return Outcome(status, trouble, answer, at, took_ms, asked)

    async def _post(
        self, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, str, str | None]:
        given = list(headers.items())
        read = bytearray()
        async with self._pool.stream(
            "POST", url, headers=given, content=body, extensions=_TIMEOUTS
        ) as response:
            asked = [text for name, text in response.headers if name.lower() == b"retry-after"]
            async for part in response.aiter_stream():
                read += part
                if len(read) > _READ_BYTES_MAX:
                    break
        shown = bytes(read[: _SHOWN_CHARACTERS * 4]).decode("utf-8", "replace")
        plain = "".join(one if one.isprintable() else " " for one in shown)
        said = asked[0].decode("ascii", "replace") if asked else None
        return response.status, plain[:_SHOWN_CHARACTERS], said


@asynccontextmanager
async def open_sender(
    clock: Clock, *, private: bool, within: timedelta = timedelta(seconds=TIMEOUT_S)
) -> AsyncGenerator[Sender]:
    """A sender with its connections; closed when the block ends."""
    async with httpcore2.AsyncConnectionPool(
        ssl_context=ssl.create_default_context(),
        max_connections=_CONNECTIONS_MAX,
        max_keepalive_connections=_CONNECTIONS_MAX,
        keepalive_expiry=_KEPT_FOR_S,
        network_backend=GuardedNetwork(private=private),
    ) as pool:
        yield Sender(pool, clock, within=within)


def _said_of(error: Exception) -> str:
    match error:
        case NotAllowedThere():
            return "The address is not on the open internet, so nothing was sent."
        case httpcore2.ConnectTimeout():
            return f"The receiver took no connection within {_CONNECT_TIMEOUT_S} seconds."
        case httpcore2.TimeoutException():
            return _TOO_SLOW
        case httpcore2.ConnectError():
            return f"No connection: {error}" if str(error) else "No connection."
        case httpcore2.NetworkError() | httpcore2.RemoteProtocolError():
            return "The connection was cut before an answer."
        case _:
            return f"Sending failed: {type(error).__name__}."

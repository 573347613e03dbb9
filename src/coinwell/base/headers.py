"""What every answer carries: a request id, and the headers that keep a browser strict.

A raw ASGI layer around the whole app, so that errors of the framework itself are covered too.
"""

from collections.abc import Iterable
from secrets import token_urlsafe
from typing import Any, Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from coinwell.base import audit

REQUEST_ID_HEADER: Final = "x-request-id"
_STATE: Final = "coinwell"
_Header = tuple[bytes, bytes]
_REQUEST_ID: Final = REQUEST_ID_HEADER.encode()
_POLICY: Final = b"content-security-policy"
# Encoded once, for every answer carries them.
_SAME: Final[tuple[_Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
_HTTPS: Final[tuple[_Header, ...]] = (
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
)


class Stamp:
    """The request's own id and the nonce of its page."""

    __slots__ = ("nonce", "request_id")

    def __init__(self) -> None:
        """Draw both at random."""
        self.request_id = token_urlsafe(12)
        self.nonce = token_urlsafe(16)


def stamp_of(scope: Scope) -> Stamp:
    """The stamp of the request at hand; made at the first asking."""
    state: dict[str, Any] = scope["state"] if "state" in scope else scope.setdefault("state", {})  # type: ignore[typeddict-item]
    stamp = state.get(_STATE)
    if not isinstance(stamp, Stamp):
        stamp = state[_STATE] = Stamp()
    return stamp


def policy(nonce: str, form_targets: str) -> str:
    """The content security policy of our pages.

    `form_targets` lists where a form may end up: a form that answers with a redirect to the
    payment page needs that host here, or the browser stops it.
    """
    return (
        "default-src 'none'; "
        f"script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; font-src 'self'; "
        f"connect-src 'self'; form-action 'self' {form_targets}; base-uri 'none'; "
        "object-src 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types coinwell"
    )


class StrictHeaders:
    """Adds the headers to every response of the app inside."""

    def __init__(self, app: ASGIApp, *, form_targets: str, https: bool) -> None:
        """`form_targets` are the payment pages' origins; `https` turns on HSTS."""
        self._app = app
        self._form_targets = form_targets
        self._same = [*_SAME, *(_HTTPS if https else ())]
        self._names = {_REQUEST_ID, _POLICY, *(name for name, _ in self._same)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers as its answer starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stamp = stamp_of(scope)
        audit.request_id.set(stamp.request_id)

        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._strict(message.get("headers", ()), stamp)
            await send(message)

        await self._app(scope, receive, send_strictly)

    def _strict(self, given: Iterable[tuple[bytes, bytes]], stamp: Stamp) -> list[_Header]:
        kept = [(name.lower(), text) for name, text in given]
        # Pages and answers hold money facts of one person; only the assets may be kept.
        if not any(name == b"cache-control" for name, _ in kept):
            kept.append((b"cache-control", b"no-store"))
        return [
            *(one for one in kept if one[0] not in self._names),
            *self._same,
            (_REQUEST_ID, stamp.request_id.encode()),
            (_POLICY, policy(stamp.nonce, self._form_targets).encode()),
        ]

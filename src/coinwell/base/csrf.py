"""Forged forms: a token in every form, and a look at where the request came from."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from secrets import token_urlsafe
from typing import ClassVar, Final

from coinwell.base.refusal import Kind, Refusal

CSRF_COOKIE: Final = "coinwell-csrf"
CSRF_FIELD: Final = "_csrf"


class FormForged(Refusal):
    """The form did not come from one of our pages, or the page was open for too long."""

    kind: ClassVar[Kind] = Kind.DENIED
    title: ClassVar[str] = "Open the page again"


def new_seed() -> str:
    """A random value for the cookie; useless without the secret."""
    return token_urlsafe(24)


def csrf_token(secret: str, seed: str) -> str:
    """The value of the hidden field that belongs to a cookie's seed."""
    return hmac.new(secret.encode(), f"csrf:{seed}".encode(), sha256).hexdigest()


def check(
    *, secret: str, seed: str | None, sent: str | None, headers: Mapping[str, str], host: str
) -> None:
    """Let a form through only when it is ours.

    Refuses: `FormForged` when the browser says that another site sent it, or the token is wrong.
    """
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise FormForged
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        raise FormForged
    if seed is None or sent is None:
        raise FormForged
    if not hmac.compare_digest(sent.encode(), csrf_token(secret, seed).encode()):
        raise FormForged

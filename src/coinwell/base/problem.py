"""Refusals as RFC 9457 problem documents; the only file that knows HTTP statuses."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from coinwell.base.refusal import Kind, Refusal

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[Kind, int]] = {
    Kind.BROKEN: 400,
    Kind.STRANGER: 401,
    Kind.SHORT: 402,
    Kind.DENIED: 403,
    Kind.ABSENT: 404,
    Kind.CLASH: 409,
    Kind.GONE: 410,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.WRONG: 422,
    Kind.LIMITED: 429,
    Kind.LATER: 503,
}
assert STATUS.keys() == set(Kind), "every kind has a status"

# What the framework itself can say no to, before any room is asked.
PLAIN: Final[Mapping[int, tuple[str, str, str]]] = {
    400: ("unreadable", "Unreadable request", "The request could not be read."),
    401: ("signed_out", "Not signed in", "Sign in, or send an API key."),
    403: ("forbidden", "Not allowed", "This caller may not do that."),
    404: ("not_found", "Not found", "There is nothing at this address."),
    405: ("method_not_allowed", "Method not allowed", "This address does not take that method."),
    408: ("too_slow", "Too slow", "The request took too long to arrive."),
    413: ("too_large", "Too large", "The request body is larger than this address takes."),
    415: ("wrong_media_type", "Wrong media type", "Send the body as application/json."),
    422: ("invalid", "Invalid content", "The request can be read but not accepted."),
    429: ("too_many", "Too many requests", "Slow down and try again later."),
    500: ("internal", "Something broke here", "Repeat the request with the same key."),
    503: ("unavailable", "Not available now", "Try again in a moment, with the same key."),
}


def status_of(no: Refusal) -> int:
    """The HTTP status of a refusal."""
    return STATUS[no.kind]


def problem(no: Refusal, *, instance: str, request_id: str) -> dict[str, Any]:
    """The problem document of a refusal: the RFC's members, then its facts."""
    facts = {name: _plain(fact) for name, fact in no.facts().items()}
    return facts | {
        "type": f"/problems/{no.code}",
        "title": no.title,
        "status": status_of(no),
        "detail": no.sentence(),
        "instance": instance,
        "code": no.code,
        "request_id": request_id,
    }


def plain_problem(
    status: int,
    *,
    instance: str,
    request_id: str,
    errors: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """The problem document of a no that comes from the framework, by status."""
    code, title, detail = PLAIN.get(status) or PLAIN[400 if status < 500 else 500]  # noqa: PLR2004
    document: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": request_id,
    }
    return document | {"errors": errors} if errors else document


def _plain(fact: Any) -> Any:
    match fact:
        case datetime():
            return fact.isoformat()
        case UUID():
            return str(fact)
        case Enum():
            return fact.value
        case _:
            return fact

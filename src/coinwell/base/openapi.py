"""What a route can refuse, for the API's own description."""

from typing import Final

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from coinwell.base.idempotency import KeyMissing, KeyReused, KeyUnreadable
from coinwell.base.problem import PROBLEM_MEDIA_TYPE, STATUS
from coinwell.base.refusal import Refusal


class FieldError(msgspec.Struct, forbid_unknown_fields=True):
    """One field that could not be accepted: where it is and what is wrong."""

    pointer: str
    detail: str


class Problem(msgspec.Struct):
    """An RFC 9457 problem; a refusal's own facts stand beside these members."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldError] | None = None


_EDGE: Final = {
    400: "The request cannot be read.",
    401: "No key, or a key that is not known.",
    403: "The key may not do that.",
    404: "No such thing.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "The request can be read but not accepted.",
    500: "Something broke here; repeat with the same key.",
    503: "The database does not answer at the moment.",
}


def refuses(*refusals: type[Refusal], write: bool = False) -> dict[int, ResponseSpec]:
    """The `responses` of a route: the edge's own, and those of the named refusals.

    `write` adds what every write can refuse for its Idempotency-Key.
    """
    keyed = (KeyMissing, KeyUnreadable, KeyReused) if write else ()
    said: dict[int, list[str]] = {status: [text] for status, text in _EDGE.items()}
    for refusal in (*refusals, *keyed):
        status = STATUS[refusal.kind]
        said.setdefault(status, []).append(f"{refusal.title}.")
    return {
        status: ResponseSpec(
            data_container=Problem,
            description=" ".join(texts),
            media_type=PROBLEM_MEDIA_TYPE,
            generate_examples=False,
        )
        for status, texts in sorted(said.items())
    }

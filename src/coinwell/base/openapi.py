"""What a route can refuse, for the API's own description; and what only we know about it."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from inspect import cleandoc
from typing import Any, Final

import msgspec
from litestar.enums import RequestEncodingType
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg

from coinwell.base.idempotency import KEY_LENGTH_MAX, KeyMissing, KeyReused, KeyUnreadable
from coinwell.base.problem import PROBLEM_MEDIA_TYPE, STATUS
from coinwell.base.refusal import Refusal


class FieldError(msgspec.Struct, forbid_unknown_fields=True):
    """One thing that could not be accepted: where it is and what is wrong.

    `pointer` leads into the body (RFC 6901); `parameter` names one of the address or a header.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None


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


def json_body(**example: Any) -> BodyKwarg:
    """A JSON body with an example, for `Annotated`; the document shows it and tests send it."""
    return BodyKwarg(media_type=RequestEncodingType.JSON, examples=[Example(value=example)])


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


_KEY_HEADER: Final = "Idempotency-Key"
_KEY_SCHEMA: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": KEY_LENGTH_MAX,
    "pattern": "^[\\x20-\\x7e]+$",
}
_SCHEMES: Final = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key of the host app."}
}
_OF_BODIES: Final = ("413", "415")
_NOTES: Final = ("\n\nSource:", "\n\nUnits:", "\n\nShape:", "\n\nLocks:")


def described(document: Mapping[str, Any]) -> dict[str, Any]:
    """The framework's document as we publish it, with what the framework cannot know.

    A write needs its key, and a read takes none; a body has no members but the named ones; every
    call is signed with an API key.
    """
    made: dict[str, Any] = deepcopy(dict(document))
    made["components"]["securitySchemes"] = _SCHEMES
    made["security"] = [{name: []} for name in _SCHEMES]
    schemas: dict[str, Any] = made["components"]["schemas"]
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = _for_callers(schema["description"])
    for method, operation in _operations(made):
        if method == "get":
            for status in _OF_BODIES:
                operation["responses"].pop(status, None)
        _say_whether_keyed(operation)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for name in _shapes_in(body, schemas, set()):
            if schemas[name].get("type") == "object":
                schemas[name]["additionalProperties"] = False
    return made


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in document["paths"].values():
        yield from path.items()


def _say_whether_keyed(operation: dict[str, Any]) -> None:
    keyed = KeyMissing.title in operation["responses"]["400"]["description"]
    given = operation.get("parameters", [])
    kept = [one for one in given if keyed or one["name"] != _KEY_HEADER]
    for parameter in kept:
        if parameter["name"] == _KEY_HEADER:
            parameter |= {"required": True, "schema": dict(_KEY_SCHEMA)}
    if kept:
        operation["parameters"] = kept
    else:
        operation.pop("parameters", None)


def _shapes_in(node: Any, schemas: Mapping[str, Any], seen: set[str]) -> set[str]:
    # The names of all schemas that a schema leads to.
    if isinstance(node, dict):
        for key, value in node.items():  # pyright: ignore[reportUnknownVariableType]
            if key != "$ref":
                _shapes_in(value, schemas, seen)
                continue
            name = str(value).rpartition("/")[2]  # pyright: ignore[reportUnknownArgumentType]
            if name not in seen:
                seen.add(name)
                _shapes_in(schemas[name], schemas, seen)
    elif isinstance(node, list):
        for part in node:  # pyright: ignore[reportUnknownVariableType]
            _shapes_in(part, schemas, seen)
    return seen


def _for_callers(text: str) -> str:
    said = cleandoc(text)
    for note in _NOTES:
        said = said.partition(note)[0]
    return said

"""Bodies of requests, read strictly: a number is a number, and a member is there once.

The framework would turn "70" into 70 and 1 into a date, which suits forms and query strings. In
JSON a wrong type is a mistake of the caller's program, and guessing hides it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Final, cast

import msgspec
from litestar import Request
from litestar.exceptions import ClientException, ValidationException
from litestar.typing import FieldDefinition

from coinwell.base.refusal import Kind, Refusal

_NUL: Final = b"\\u0000"  # The only way to write it in JSON.
_PLACE: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_MEMBER: Final = re.compile(r"(?:unknown|required) field `(?P<name>[^`]*)`")
_STEP: Final = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>[^\]]*)\]")


@dataclass(eq=False)
class MemberTwice(Refusal):
    """A JSON object has the same member twice, so that readers may differ about what it says."""

    kind: ClassVar[Kind] = Kind.BROKEN
    title: ClassVar[str] = "Member given twice"
    member: str


@dataclass(eq=False)
class NulInText(Refusal):
    """A text holds the character NUL, which can be neither kept nor searched for."""

    kind: ClassVar[Kind] = Kind.BROKEN
    title: ClassVar[str] = "NUL in a text"


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body is taken by the letter."""

    async def json(self) -> Any:
        """The body as what the handler asks for.

        Refuses: what is no JSON (400), and `MemberTwice`; content of another shape (422).
        """
        body = await self.body()
        try:
            msgspec.json.decode(body)
            json.loads(body, object_pairs_hook=_once_each)
        except (ValueError, RecursionError) as error:
            raise ClientException(str(error)) from error
        if _NUL in body and (places := list(_nuls(msgspec.json.decode(body)))):
            detail = "A text cannot hold the character NUL."
            raise ValidationException(
                extra=[{"pointer": place, "detail": detail} for place in places]
            )
        wanted: FieldDefinition | None = self.route_handler.parsed_data_field
        try:
            return _decoder(wanted.annotation if wanted else Any).decode(body)
        except msgspec.ValidationError as error:
            raise ValidationException(extra=[fault(str(error))]) from error


def fault(said: str) -> dict[str, str]:
    """What a decoder said, as a JSON Pointer (RFC 6901) and a sentence."""
    place = _PLACE.search(said)
    steps = [
        step["name"] if step["name"] is not None else step["index"]
        for step in _STEP.finditer(place["path"] if place else "")
    ]
    member = _MEMBER.search(said)
    if member:
        steps.append(member["name"])
    pointer = "".join(map(_step, steps))
    detail = said[: place.start()] if place else said
    return {"pointer": pointer, "detail": f"{detail.replace('`', '')}."}


def _step(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _nuls(value: Any, at: str = "") -> Iterator[str]:
    # Where texts with a NUL are; the name of a member counts as a text.
    match value:
        case str() if "\0" in value:
            yield at
        case dict():
            for name, part in cast("dict[str, Any]", value).items():
                if "\0" in name:
                    yield at
                yield from _nuls(part, at + _step(name))
        case list():
            for number, part in enumerate(cast("list[Any]", value)):
                yield from _nuls(part, f"{at}/{number}")
        case _:
            pass


@cache
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


def _once_each(members: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise MemberTwice(name[:100])
        seen.add(name)

"""Opaque cursors for pages of a list: the last row's key, not an offset."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from coinwell.base.refusal import Kind, Refusal

_LENGTH_MAX = 400


@dataclass(eq=False)
class BadCursor(Refusal):
    """The cursor is not one that this list handed out."""

    kind: ClassVar[Kind] = Kind.BROKEN
    title: ClassVar[str] = "Bad cursor"
    cursor: str


def encode(*parts: str | int) -> str:
    """Make a cursor of the last row's key."""
    return urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decode(text: str, kinds: Sequence[type]) -> tuple[Any, ...]:
    """Read a cursor back.

    Refuses: `BadCursor` if it was not made by `encode` from parts of these `kinds`.
    """
    shown = text[:_LENGTH_MAX]
    if len(text) > _LENGTH_MAX:
        raise BadCursor(shown)
    try:
        parts = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (Error, ValueError, RecursionError):
        raise BadCursor(shown) from None
    if not isinstance(parts, list) or len(parts) != len(kinds):  # pyright: ignore[reportUnknownArgumentType]
        raise BadCursor(shown)
    if any(type(part) is not kind for part, kind in zip(parts, kinds, strict=True)):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        raise BadCursor(shown)
    return tuple(parts)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

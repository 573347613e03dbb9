"""How ids are made: random for things, derived for effects that must happen once."""

from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID, uuid4

ID_MAX = 2**128 - 1
_TIME_BITS = 48
_HASH_BYTES = 10
_SEPARATOR = b"\x1f"

Part = str | int | UUID


def new_uuid() -> UUID:
    """A random id; says nothing about when or in which order things were made."""
    return uuid4()


def derived_id(*, at_ms: int, parts: Sequence[Part]) -> int:
    """A 128-bit id: 48 bits of time, then 80 bits of a hash of `parts`.

    The time keeps an index growing at its right edge; the hash makes the id a pure function of
    what it stands for, so that a repeat finds the first.

    Units: `at_ms` is milliseconds since 1970.
    """
    assert 0 <= at_ms < 2**_TIME_BITS
    digest = _hash(parts, _HASH_BYTES)
    made = (at_ms << (_HASH_BYTES * 8)) | int.from_bytes(digest)
    assert 0 < made < ID_MAX
    return made


def hashed_id(*parts: Part) -> int:
    """A 128-bit hash of `parts`, never 0 and never all ones: the ledger reserves both."""
    made = int.from_bytes(_hash(parts, 16))
    return min(max(made, 1), ID_MAX - 1)


def _hash(parts: Sequence[Part], size: int) -> bytes:
    # Each part carries its type and length, so that no two lists of parts can look alike.
    content = b""
    for part in parts:
        match part:
            case UUID():
                kind, raw = b"u", part.bytes
            case int():
                kind, raw = b"i", str(part).encode()
            case str():
                kind, raw = b"s", part.encode()
        content += kind + len(raw).to_bytes(4) + raw + _SEPARATOR
    return blake2b(content, digest_size=size).digest()

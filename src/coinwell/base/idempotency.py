"""A repeated request gets the first answer: the key and the answer commit with the effect."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar

import msgspec
from psycopg.types.json import Jsonb

from coinwell.base.db import Tx, row
from coinwell.base.refusal import Kind, Refusal

KEY_LENGTH_MAX = 255

# Taken before looking, so that a concurrent twin waits for the first and then finds its answer.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%(scope)s || chr(31) || %(key)s, 0))"
_FIND = """
    SELECT fingerprint, status, body FROM base.answer WHERE scope = %(scope)s AND key = %(key)s
"""
_KEEP = """
    INSERT INTO base.answer (scope, key, fingerprint, status, body, at)
    VALUES (%(scope)s, %(key)s, %(fingerprint)s, %(status)s, %(body)s, %(at)s)
"""


@dataclass(eq=False)
class KeyMissing(Refusal):
    """Every write needs an Idempotency-Key header, so that a lost answer can be asked for again."""

    kind: ClassVar[Kind] = Kind.BROKEN
    title: ClassVar[str] = "Idempotency-Key missing"


@dataclass(eq=False)
class KeyUnreadable(Refusal):
    """An Idempotency-Key is 1 to 255 printable ASCII characters."""

    kind: ClassVar[Kind] = Kind.BROKEN
    title: ClassVar[str] = "Idempotency-Key unreadable"


@dataclass(eq=False)
class KeyReused(Refusal):
    """The Idempotency-Key already names a request with other content."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Idempotency-Key reused"
    key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: an HTTP status and a JSON body; `replayed` on a repeat."""

    status: int
    body: Any
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class _Kept:
    fingerprint: bytes
    status: int
    body: Any


def read_key(header: str | None) -> str:
    """The key of a header, bare or as the quoted string of the IETF draft.

    Refuses: `KeyMissing`, `KeyUnreadable`.
    """
    if header is None or header == "":
        raise KeyMissing
    key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
    if not 0 < len(key) <= KEY_LENGTH_MAX or not (key.isascii() and key.isprintable()):
        raise KeyUnreadable
    return key


def fingerprint(*content: Any) -> bytes:
    """SHA-256 of a request's content, the same for the same values in the same order."""
    return sha256(msgspec.json.encode(content, order="deterministic")).digest()


async def once(
    tx: Tx,
    *,
    scope: str,
    key: str,
    content: bytes,
    now: datetime,
    do: Callable[[], Awaitable[Answer]],
) -> Answer:
    """Run `do` once per (scope, key) and give its answer to every repeat.

    A refusal raised by `do` rolls everything back and leaves no key: the repeat is tried afresh.

    Locks: an advisory lock on the key until `tx` ends.
    Refuses: `KeyReused` if the key was used for other content.
    """
    named = {"scope": scope, "key": key}
    await tx.execute(_LOCK, named)
    kept = await row(tx, _Kept, _FIND, named)
    if kept is not None:
        if bytes(kept.fingerprint) != content:
            raise KeyReused(key)
        return Answer(kept.status, kept.body, replayed=True)
    answer = await do()
    body = Jsonb(msgspec.to_builtins(answer.body))
    kept_as = {"fingerprint": content, "status": answer.status, "body": body, "at": now}
    await tx.execute(_KEEP, named | kept_as)
    return answer

"""The audit log: every act that somebody answers for, sealed to the act before it.

A row is written in the transaction of the act itself, so that there is no act without its row and
no row without its act. It names things by id and carries no free text: a note stands in a table of
its own, and the row holds its seal.

The head row is locked until that transaction ends, so the chain has no forks. Write the row last:
whoever waits for another lock while holding this one keeps everybody else waiting.
"""

import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_bytes
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from coinwell.base.db import Pool, Tx, row, rows, run, transaction
from coinwell.base.ids import new_uuid

request_id: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
"""The request at hand; the web app sets it, so that no verb has to pass it on."""

Fact = str | int | bool | None | Sequence[str]
NOTE_LENGTH_MAX: Final = 2_000
_PAGE: Final = 1_000
_SALT_BYTES: Final = 16

_LOCK = "SELECT number, hash FROM base.audit_head WHERE one FOR UPDATE"
_HEAD = "SELECT number, hash FROM base.audit_head WHERE one"
# One statement, one snapshot: the head and the last row are of the same moment.
_ENDS = """
    SELECT head.number, coalesce((SELECT max(number) FROM base.audit), 0) AS last
    FROM base.audit_head AS head WHERE one
"""
_ADD_NOTE = """
    INSERT INTO base.audit_note (id, salt, text, at)
    VALUES (%(id)s, %(salt)s, %(text)s, %(at)s)
"""
_ADD = """
    INSERT INTO base.audit (
        number, at, who, act, object, before_hash, after_hash, facts, reason_code, request_id,
        note_id, note_seal, previous, hash
    ) VALUES (
        %(number)s, %(at)s, %(who)s, %(act)s, %(object)s, %(before_hash)s, %(after_hash)s,
        %(facts)s, %(reason_code)s, %(request_id)s, %(note_id)s, %(note_seal)s, %(previous)s,
        %(hash)s
    )
"""
_MOVE = "UPDATE base.audit_head SET number = %(number)s, hash = %(hash)s WHERE one"
_ROWS = """
    SELECT audit.number, audit.at, audit.who, audit.act, audit.object, audit.before_hash,
        audit.after_hash, audit.facts, audit.reason_code, audit.request_id, audit.note_id,
        audit.note_seal, audit.previous, audit.hash, note.salt, note.text AS note
    FROM base.audit LEFT JOIN base.audit_note AS note ON note.id = audit.note_id
    WHERE audit.number > %(after)s ORDER BY audit.number LIMIT %(limit)s
"""
_FOUND = """
    SELECT audit.number, audit.at, audit.who, audit.act, audit.object, audit.before_hash,
        audit.after_hash, audit.facts, audit.reason_code, audit.request_id, audit.note_id,
        audit.note_seal, audit.previous, audit.hash, note.salt, note.text AS note
    FROM base.audit LEFT JOIN base.audit_note AS note ON note.id = audit.note_id
    WHERE (%(before)s::bigint IS NULL OR audit.number < %(before)s)
        AND (%(who)s::text IS NULL OR audit.who = %(who)s)
        AND (%(act)s::text IS NULL OR audit.act = %(act)s)
        AND (%(object)s::text IS NULL OR audit.object = %(object)s)
        AND (%(request)s::text IS NULL OR audit.request_id = %(request)s)
        AND (%(since)s::timestamptz IS NULL OR audit.at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR audit.at < %(until)s)
    ORDER BY audit.number DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody did, as it is to be written down.

    `who` is a caller's name, `object` a kind and an id (`user:…`), `act` what was done
    (`restriction.placed`). `facts` hold ids, codes and amounts, never names or free text; `note`
    is what a person typed. `before` and `after` are digests of what was changed.
    """

    who: str
    act: str
    object: str
    before: str | None = None
    after: str | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    reason_code: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One act as it stands in the log."""

    number: int
    at: datetime
    who: str
    act: str
    object: str
    before_hash: str | None
    after_hash: str | None
    facts: dict[str, Any]
    reason_code: str | None
    request_id: str | None
    note_id: UUID | None
    note_seal: bytes | None
    previous: bytes
    hash: bytes
    salt: bytes | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which acts are wanted; None takes all."""

    who: str | None = None
    act: str | None = None
    object: str | None = None
    request: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """What a walk along the chain found. `head` is the last hash, to be kept somewhere else."""

    sound: bool
    sentence: str
    count: int
    head: str


@dataclass(frozen=True, slots=True)
class _Head:
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class _Ends:
    number: int
    last: int


async def write(tx: Tx, act: Act, *, at: datetime) -> int:
    """Write down an act in the transaction that does it; its number.

    Locks: the head of the log, until `tx` ends.
    """
    note_id, seal = await _note(tx, act.note, at)
    head = await row(tx, _Head, _LOCK)
    assert head is not None, "the log has a head"
    content: dict[str, Any] = {
        "number": head.number + 1,
        "at": at,
        "who": act.who,
        "act": act.act,
        "object": act.object,
        "before_hash": act.before,
        "after_hash": act.after,
        "facts": dict(act.facts),
        "reason_code": act.reason_code,
        "request_id": request_id.get(),
        "note_id": note_id,
        "note_seal": seal,
        "previous": head.hash,
    }
    content["hash"] = _hash(content)
    await run(tx, _ADD, content | {"facts": Jsonb(content["facts"])})
    await run(tx, _MOVE, {"number": content["number"], "hash": content["hash"]})
    return head.number + 1


async def find(tx: Tx, wanted: Filter, *, before: int | None = None, limit: int = 50) -> list[Row]:
    """Acts, newest first, with a lower number than `before`."""
    asked = {
        "who": wanted.who,
        "act": wanted.act,
        "object": wanted.object,
        "request": wanted.request,
        "since": wanted.since,
        "until": wanted.until,
        "before": before,
        "limit": limit,
    }
    return await rows(tx, Row, _FOUND, asked)


async def verify(pool: Pool, *, kept_head: str | None = None) -> Chain:
    """Walk the chain from its first row; says that it is whole, or names the first bad row.

    Acts may be written meanwhile. Whoever can rewrite the whole table can make it look whole: with
    `kept_head`, a head that was written down elsewhere, the chain must pass through it.
    """
    async with transaction(pool) as tx:
        head = await row(tx, _Head, _HEAD)
    assert head is not None, "the log has a head"
    number, last, passed = 0, b"\0" * 32, kept_head is None
    while number < head.number:
        async with transaction(pool) as tx:
            page = await rows(tx, Row, _ROWS, {"after": number, "limit": _PAGE})
        for one in page[: head.number - number]:
            wrong = _wrong(one, number, last)
            if wrong:
                return _broken(wrong, number, last)
            number, last = one.number, bytes(one.hash)
            passed = passed or last.hex() == kept_head
        if not page:
            missing = f"Act {number + 1} is missing: the log ends before its head."
            return _broken(missing, number, last)
    if last != bytes(head.hash):
        return _broken(f"Act {number} is not the one that the head names.", number, last)
    if not passed:
        return _broken("The chain does not pass through the head that was kept.", number, last)
    async with transaction(pool) as tx:
        ends = await row(tx, _Ends, _ENDS)
    assert ends is not None
    if ends.last > ends.number:
        return _broken(f"Act {ends.number + 1} is past the head of the log.", number, last)
    sentence = f"The audit log is whole: {number:,} acts, head {last.hex()[:16]}."
    return Chain(sound=True, sentence=sentence, count=number, head=last.hex())


def digest(*content: object) -> str:
    """SHA-256 of some content, as it stands in `before` and `after`; the same for the same."""
    return sha256(canonical(list(content))).hexdigest()


def canonical(content: object) -> bytes:
    """Content as bytes that are the same for the same: ids, moments and words written out."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), default=_plain, ensure_ascii=True
    ).encode()


def _plain(part: object) -> object:
    match part:
        case datetime():
            return part.astimezone(UTC).isoformat(timespec="microseconds")
        case bytes():
            return part.hex()
        case UUID():
            return str(part)
        case _:
            raise TypeError(f"{type(part).__name__} has no place in the audit log")


async def _note(tx: Tx, text: str | None, at: datetime) -> tuple[UUID | None, bytes | None]:
    said = (text or "").strip()[:NOTE_LENGTH_MAX]
    if not said:
        return None, None
    salt, note_id = token_bytes(_SALT_BYTES), new_uuid()
    await run(tx, _ADD_NOTE, {"id": note_id, "salt": salt, "text": said, "at": at})
    return note_id, _seal(salt, said)


def _seal(salt: bytes, text: str) -> bytes:
    # Salted, so that a note that must go one day cannot be guessed from what stays.
    return sha256(salt + text.encode()).digest()


def _hash(content: Mapping[str, Any]) -> bytes:
    beside = {"hash", "note", "salt"}
    return sha256(canonical({name: content[name] for name in content.keys() - beside})).digest()


def _wrong(one: Row, number: int, last: bytes) -> str:
    """What is wrong with a row that should follow act `number`; empty when nothing is."""
    if one.number != number + 1:
        return f"Act {number + 1} is missing."
    if bytes(one.previous) != last:
        return f"Act {one.number} does not follow the act before it."
    content = {name: getattr(one, name) for name in Row.__dataclass_fields__}
    if _hash(content) != bytes(one.hash):
        return f"Act {one.number} was altered: {one.act} by {one.who}."
    if one.note_seal is not None:
        if one.salt is None or one.note is None:
            return f"The note of act {one.number} is missing."
        if _seal(bytes(one.salt), one.note) != bytes(one.note_seal):
            return f"The note of act {one.number} was altered."
    return ""


def _broken(sentence: str, number: int, last: bytes) -> Chain:
    return Chain(sound=False, sentence=sentence, count=number, head=last.hex())

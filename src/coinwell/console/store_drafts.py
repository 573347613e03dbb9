"""The only SQL over drafts and their revisions."""

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from coinwell.base.db import Tx, row, rows, run
from coinwell.console.types import KeptDraft

_ADD = """
    INSERT INTO console.draft (id, kind, title, base_version, begun_by, begun_at)
    VALUES (%(id)s, %(kind)s, %(title)s, %(base_version)s, %(begun_by)s, %(begun_at)s)
"""
_ADD_REVISION = """
    INSERT INTO console.draft_revision (draft_id, number, body, hash, changed_by, changed_at)
    VALUES (%(id)s, %(revision)s, %(body)s, %(hash)s, %(changed_by)s, %(changed_at)s)
    ON CONFLICT ON CONSTRAINT revisions_are_numbered DO NOTHING
"""
_ONE = """
    SELECT draft.id, draft.kind, draft.title, draft.base_version, draft.begun_by,
        draft.begun_at, draft.dropped_at, last.number AS revision, last.body, last.hash,
        last.changed_by, last.changed_at
    FROM console.draft
    JOIN console.draft_revision AS last ON last.draft_id = draft.id
    WHERE draft.id = %(id)s
    ORDER BY last.number DESC LIMIT 1
"""
_OPEN = """
    SELECT DISTINCT ON (draft.begun_at, draft.id) draft.id, draft.kind, draft.title,
        draft.base_version, draft.begun_by, draft.begun_at, draft.dropped_at,
        last.number AS revision, last.body, last.hash, last.changed_by, last.changed_at
    FROM console.draft
    JOIN console.draft_revision AS last ON last.draft_id = draft.id
    WHERE draft.kind = %(kind)s AND draft.dropped_at IS NULL
    ORDER BY draft.begun_at DESC, draft.id, last.number DESC LIMIT %(limit)s
"""
_DROP = """
    UPDATE console.draft SET dropped_at = %(now)s WHERE id = %(id)s AND dropped_at IS NULL
"""


async def add(tx: Tx, draft: KeptDraft) -> None:
    """Write a new draft with its first revision."""
    said = {
        "id": draft.id,
        "kind": draft.kind,
        "title": draft.title,
        "base_version": draft.base_version,
        "begun_by": draft.begun_by,
        "begun_at": draft.begun_at,
    }
    await run(tx, _ADD, said)
    assert await add_revision(tx, draft)


async def add_revision(tx: Tx, draft: KeptDraft) -> bool:
    """Write the next revision; False if somebody wrote that one first."""
    said = {
        "id": draft.id,
        "revision": draft.revision,
        "body": Jsonb(draft.body),
        "hash": draft.hash,
        "changed_by": draft.changed_by,
        "changed_at": draft.changed_at,
    }
    return await run(tx, _ADD_REVISION, said) == 1


async def draft(tx: Tx, draft_id: UUID) -> KeptDraft | None:
    """A draft with its newest revision."""
    return await row(tx, KeptDraft, _ONE, {"id": draft_id})


async def open_drafts(tx: Tx, kind: str, *, limit: int) -> list[KeptDraft]:
    """The drafts of a kind that nobody dropped, newest first."""
    return await rows(tx, KeptDraft, _OPEN, {"kind": kind, "limit": limit})


async def drop(tx: Tx, draft_id: UUID, *, now: datetime) -> bool:
    """Put a draft away; False if it was before."""
    return await run(tx, _DROP, {"id": draft_id, "now": now}) == 1

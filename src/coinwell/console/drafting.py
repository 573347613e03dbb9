"""Drafts of price lists: begun from the newest version, changed revision by revision.

A draft sells nothing. What it says goes on sale only by a proposal that a second person approves.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from coinwell.base import audit
from coinwell.base.db import Tx
from coinwell.base.ids import new_uuid
from coinwell.catalog import Draft, ListDraft, draft_of_plain, newest_draft, plain_draft
from coinwell.console import store_drafts
from coinwell.console.types import DraftMoved, DraftUnknown, KeptDraft, WrongDraft
from coinwell.users import OperatorCaller, Permission

PRICES: Final = "prices"
TITLE_LENGTH_MAX: Final = 80
_SHOWN: Final = 20


async def begin_draft(tx: Tx, title: str, *, by: OperatorCaller, now: datetime) -> KeptDraft:
    """Begin a draft that says what the newest version says.

    Refuses: `NotPermitted`; `WrongDraft` without a title; `CatalogEmpty`.
    """
    by.demand(Permission.PUBLISH)
    named = title.strip()
    if not 0 < len(named) <= TITLE_LENGTH_MAX or not named.isprintable():
        detail = f"A draft has a title of 1 to {TITLE_LENGTH_MAX} plain characters."
        raise WrongDraft([{"pointer": "/title", "detail": detail}])
    newest, draft = await newest_draft(tx)
    body = plain_draft(draft)
    begun = KeptDraft(
        id=new_uuid(),
        kind=PRICES,
        title=named,
        base_version=newest.version,
        begun_by=by.name,
        begun_at=now,
        dropped_at=None,
        revision=1,
        body=body,
        hash=audit.digest(body),
        changed_by=by.name,
        changed_at=now,
    )
    await store_drafts.add(tx, begun)
    await _note(tx, begun, "draft.begun", by=by, before=None)
    return begun


async def change_list(
    tx: Tx,
    draft_id: UUID,
    place: int,
    wanted: ListDraft,
    *,
    seen_revision: int,
    by: tuple[OperatorCaller, datetime],
) -> KeptDraft:
    """Write a new revision in which the list at `place` says what is wanted.

    What is wrong with it the lint says afterwards: a draft may be wrong, a publication may not.

    Refuses: `NotPermitted`, `DraftUnknown`; `DraftMoved` unless `seen_revision` is the newest.
    """
    operator, now = by
    operator.demand(Permission.PUBLISH)
    there = await draft_of(tx, draft_id)
    if there.revision != seen_revision:
        raise DraftMoved(there.revision)
    draft = content_of(there)
    if not 0 <= place < len(draft.lists):
        raise DraftUnknown(draft_id)
    lists = [*draft.lists[:place], wanted, *draft.lists[place + 1 :]]
    body = plain_draft(replace(draft, lists=tuple(lists)))
    changed = replace(
        there,
        revision=there.revision + 1,
        body=body,
        hash=audit.digest(body),
        changed_by=operator.name,
        changed_at=now,
    )
    if not await store_drafts.add_revision(tx, changed):
        raise DraftMoved(there.revision + 1)
    await _note(tx, changed, "draft.changed", by=operator, before=there.hash)
    return changed


async def drop_draft(tx: Tx, draft_id: UUID, *, by: OperatorCaller, now: datetime) -> None:
    """Put a draft away. Refuses: `NotPermitted`, `DraftUnknown`."""
    by.demand(Permission.PUBLISH)
    there = await draft_of(tx, draft_id)
    if not await store_drafts.drop(tx, draft_id, now=now):
        raise DraftUnknown(draft_id)
    await _note(tx, replace(there, changed_at=now), "draft.dropped", by=by, before=there.hash)


async def draft_of(tx: Tx, draft_id: UUID) -> KeptDraft:
    """A draft that nobody put away, with its newest revision. Refuses: `DraftUnknown`."""
    found = await store_drafts.draft(tx, draft_id)
    if found is None or found.dropped_at is not None:
        raise DraftUnknown(draft_id)
    return found


async def drafts(tx: Tx) -> Sequence[KeptDraft]:
    """The drafts that are there, newest first."""
    return await store_drafts.open_drafts(tx, PRICES, limit=_SHOWN)


def content_of(kept: KeptDraft) -> Draft:
    """What a draft says, for lint, diff and preview."""
    return draft_of_plain(kept.body)


async def _note(
    tx: Tx, kept: KeptDraft, act: str, *, by: OperatorCaller, before: str | None
) -> None:
    done = audit.Act(
        who=by.name,
        act=act,
        object=f"draft:{kept.id}",
        before=before,
        after=kept.hash,
        facts={"kind": kept.kind, "revision": kept.revision, "base_version": kept.base_version},
    )
    await audit.write(tx, done, at=kept.changed_at)

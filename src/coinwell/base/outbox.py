"""News for the outside, written in the transaction that makes it true, and taken out once.

A row's number is drawn when it is written. So a transaction that saw another's commit before it
wrote has the higher number, and the numbers of what is visible at one moment never put an effect
before its cause. A number may become visible after higher ones, when its transaction was slow to
commit; nothing is lost by that, for what is taken is removed, and no cursor runs past anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from coinwell.base.db import Tx, rows
from coinwell.base.ids import new_uuid

_RECORD = """
    INSERT INTO base.outbox (id, kind, subject, body, at)
    VALUES (%(id)s, %(kind)s, %(subject)s, %(body)s, %(at)s)
"""
# `ORDER BY` makes the numbers rise in the order given.
_RECORD_ALL = """
    INSERT INTO base.outbox (id, kind, subject, body, at)
    SELECT id, kind, subject, body::jsonb, at
    FROM unnest(
        %(ids)s::uuid[], %(kinds)s::text[], %(subjects)s::uuid[], %(bodies)s::jsonb[],
        %(ats)s::timestamptz[]
    ) WITH ORDINALITY AS given (id, kind, subject, body, at, place)
    ORDER BY place
"""
_TAKE = """
    WITH taken AS (
        DELETE FROM base.outbox
        WHERE number IN (SELECT number FROM base.outbox ORDER BY number LIMIT %(limit)s)
        RETURNING number, id, kind, subject, body, at
    )
    SELECT id, kind, subject, body, at FROM taken ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened to `subject`, a user."""

    id: UUID
    kind: str
    subject: UUID
    body: Mapping[str, Any]
    at: datetime


async def record(
    tx: Tx, *, kind: str, subject: UUID, body: Mapping[str, Any], at: datetime
) -> UUID:
    """Write one piece of news about `subject` (a user) and return its id.

    Units: `body` is JSON-ready; amounts are whole coins or minor units beside their currency.
    """
    news = new_uuid()
    await tx.execute(
        _RECORD,
        {"id": news, "kind": kind, "subject": subject, "body": Jsonb(dict(body)), "at": at},
    )
    return news


async def record_all(tx: Tx, news: Sequence[News]) -> None:
    """Write many pieces of news in one statement; they are told in this order."""
    if not news:
        return
    await tx.execute(
        _RECORD_ALL,
        {
            "ids": [one.id for one in news],
            "kinds": [one.kind for one in news],
            "subjects": [one.subject for one in news],
            "bodies": [Jsonb(dict(one.body)) for one in news],
            "ats": [one.at for one in news],
        },
    )


async def take(tx: Tx, *, limit: int) -> list[News]:
    """Take the oldest news out, in order; they are gone from here when `tx` commits.

    Whoever takes must be alone, holding a lock since an earlier statement of `tx`: the snapshot of
    this one has to see everything that the last taker left.
    """
    return await rows(tx, News, _TAKE, {"limit": limit})

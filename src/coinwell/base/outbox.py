"""News for the outside, written in the transaction that makes it true.

A row carries the transaction that wrote it, so that a reader can take rows in commit order and
never skip one that was slow to commit: it reads only rows of transactions older than every one
still running.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from coinwell.base.db import Tx
from coinwell.base.ids import new_uuid

_RECORD = """
    INSERT INTO base.outbox (id, kind, subject, body, at, transaction)
    VALUES (%(id)s, %(kind)s, %(subject)s, %(body)s, %(at)s, pg_current_xact_id())
"""


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

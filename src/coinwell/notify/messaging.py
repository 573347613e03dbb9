"""A user's inbox: what happened that concerns them, in plain words."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.notify import store_messages
from coinwell.notify.types import Message


async def messages(
    tx: Tx, user_id: UUID, *, before: int | None = None, limit: int = 20
) -> Sequence[Message]:
    """A user's messages, newest first; `before` is the id of the last one seen."""
    return await store_messages.messages(tx, user_id, before=before, limit=limit)


async def unread(tx: Tx, user_id: UUID) -> int:
    """How many messages a user has not read."""
    return await store_messages.unread(tx, user_id)


async def mark_read(tx: Tx, user_id: UUID, *, up_to: int, now: datetime) -> int:
    """Mark everything as read up to the message that was seen last; how many were not."""
    return await store_messages.read(tx, user_id, up_to=up_to, now=now)

"""Users by id, by the host app's id, and by the beginning of a name."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.users import store
from coinwell.users.types import User, UserUnknown

FOUND_MAX = 20
DEMO_PREFIX = "demo-"  # External ids of the made-up people; a host app's are its own.
_TEXT_LENGTH_MAX = 200


async def user(tx: Tx, user_id: UUID) -> User:
    """The user with this id.

    Refuses: `UserUnknown`.
    """
    found = await store.by_id(tx, user_id)
    if found is None:
        raise UserUnknown(str(user_id))
    return found


async def display_names(tx: Tx, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """What these users are called; unknown ones are left out."""
    return {one.id: one.display_name for one in await store.by_ids(tx, list(user_ids))}


async def user_by_external_id(tx: Tx, external_id: str) -> User:
    """The user whom the host app calls this.

    Refuses: `UserUnknown`.
    """
    found = None if "\0" in external_id else await store.by_external_id(tx, external_id)
    if found is None:
        raise UserUnknown(external_id[:_TEXT_LENGTH_MAX])
    return found


async def find_users(tx: Tx, text: str) -> list[User]:
    """Users by our id, the host app's id, or the beginning of a name; at most 20, by name."""
    text = text.strip()[:_TEXT_LENGTH_MAX]
    if not text or "\0" in text:
        return []
    try:
        user_id = UUID(text)
    except ValueError:
        user_id = None
    return await store.find(tx, text=text, user_id=user_id, limit=FOUND_MAX)


async def list_users(
    tx: Tx,
    *,
    country: str | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = FOUND_MAX,
) -> list[User]:
    """Users, newest first; `before` is the last one already seen."""
    return await store.listed(tx, country=country, before=before, limit=limit)


async def demo_users(tx: Tx) -> list[User]:
    """The made-up people of a demo, whom anyone may enter as."""
    return await store.by_prefix(tx, DEMO_PREFIX, limit=FOUND_MAX)

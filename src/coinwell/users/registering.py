"""Users come and change: `create_user` and `change_user`."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.base.ids import new_uuid
from coinwell.base.outbox import record
from coinwell.users import store
from coinwell.users.rules import faults_of_user, tidied
from coinwell.users.types import ExternalIdTaken, NewUser, User, UserUnknown, WrongUser

_CHANGEABLE = ("display_name", "birth_on", "age_evidence", "country", "language", "time_zone")


@dataclass(frozen=True, slots=True)
class UserChange:
    """Which of a user's fields to change, by name, and to what; a missing one stays."""

    values: dict[str, Any]

    def __post_init__(self) -> None:
        """An unknown field is a programmer's error: the edge has read the request."""
        assert set(self.values) <= set(_CHANGEABLE)


async def create_user(tx: Tx, new: NewUser, *, now: datetime) -> User:
    """Make a user of the host app known here.

    The same content again, at the same time or later, answers with the user that is there.

    Refuses: `WrongUser`; `ExternalIdTaken` if other things were said about this external id.
    """
    new = _accepted(new, now)
    user_id = new_uuid()
    if await store.add(tx, user_id, new, at=now):
        await record(tx, kind="users.created", subject=user_id, body=_news(new), at=now)
    found = await store.by_external_id(tx, new.external_id)
    assert found is not None, "it is there, or was written just now"
    if said_about(found) != new:
        raise ExternalIdTaken(new.external_id, found.id)
    return found


async def change_user(tx: Tx, user_id: UUID, change: UserChange, *, now: datetime) -> User:
    """Change what is said about a user; the external id stays for good.

    Locks: the person's row until `tx` ends, so that two changes do not overwrite each other.
    Refuses: `UserUnknown`, `WrongUser`.
    """
    user = await store.by_id_changing(tx, user_id)
    if user is None:
        raise UserUnknown(str(user_id))
    before = said_about(user)
    after = _accepted(replace(before, **change.values), now)
    if after == before:
        return user
    await store.change(tx, user_id, after)
    await record(tx, kind="users.changed", subject=user_id, body=_news(after), at=now)
    changed = await store.by_id(tx, user_id)
    assert changed is not None
    return changed


def said_about(user: User) -> NewUser:
    """What the host app has said about a user."""
    return NewUser(**{one.name: getattr(user, one.name) for one in fields(NewUser)})


def _accepted(new: NewUser, now: datetime) -> NewUser:
    new = tidied(new)
    faults = faults_of_user(new, now=now)
    if faults:
        raise WrongUser(faults)
    return new


def _news(said: NewUser) -> dict[str, Any]:
    # News goes to other systems: no name, no birth date, no evidence.
    return {"external_id": said.external_id, "country": said.country, "language": said.language}

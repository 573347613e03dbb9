"""What an account may do: restrictions placed and lifted, and the standing they make."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from coinwell.base import audit
from coinwell.base.db import Tx
from coinwell.base.ids import new_uuid
from coinwell.base.outbox import record
from coinwell.base.refusal import Refusal
from coinwell.users import store
from coinwell.users.rules import (
    faults_of_restriction,
    faults_of_words,
    refusal_of,
    standing,
    words_of,
)
from coinwell.users.types import (
    NewRestriction,
    Restriction,
    RestrictionLifted,
    RestrictionUnknown,
    Scope,
    User,
    UserUnknown,
    WrongRestriction,
)


async def restrict(tx: Tx, new: NewRestriction, *, by: str, now: datetime) -> Restriction:
    """Stop one thing for one account. From the commit on, `demand` refuses it.

    Locks: the person's row until `tx` ends; waits for those who were let through before.
    Refuses: `UserUnknown`, `WrongRestriction`.
    """
    faults = faults_of_restriction(new, now=now)
    if faults:
        raise WrongRestriction(faults)
    if await store.by_id_changing(tx, new.user_id) is None:
        raise UserUnknown(str(new.user_id))
    sentence, next_step = words_of(new)
    placed = Restriction(
        id=new_uuid(),
        user_id=new.user_id,
        scope=new.scope,
        reason_code=new.reason_code,
        sentence=sentence,
        next_step=next_step,
        expires_at=new.expires_at,
        placed_by=by,
        placed_at=now,
        lifted_at=None,
        lifted_by=None,
        lift_reason=None,
    )
    await store.add_restriction(tx, placed)
    await _tell(tx, "users.restricted", placed, now)
    await _note(tx, "restriction.placed", placed, by=by, now=now)
    return placed


async def lift(
    tx: Tx, restriction_id: UUID, *, user_id: UUID, by: str, reason: str, now: datetime
) -> Restriction:
    """End a restriction before its time; it stays on the record with who ended it and why.

    Locks: the restriction's row until `tx` ends.
    Refuses: `WrongRestriction` without a reason; `RestrictionUnknown` if this user has no such
        restriction; `RestrictionLifted` if it was lifted before.
    """
    faults = faults_of_words("/reason", reason)
    if faults:
        raise WrongRestriction(faults)
    found = await store.restriction(tx, restriction_id)
    if found is None or found.user_id != user_id:
        raise RestrictionUnknown(restriction_id)
    lifted_now = await store.lift(tx, restriction_id, by=by, reason=reason.strip(), at=now)
    found = await store.restriction(tx, restriction_id)
    assert found is not None
    assert found.lifted_at is not None
    assert found.lifted_by is not None
    if not lifted_now:
        raise RestrictionLifted(restriction_id, found.lifted_at, found.lifted_by)
    await _tell(tx, "users.restriction_lifted", found, now)
    await _note(tx, "restriction.lifted", found, by=by, now=now)
    return found


async def restrictions(
    tx: Tx, user_id: UUID, *, now: datetime, in_force: bool = False
) -> list[Restriction]:
    """A user's restrictions, newest first: all that ever were, or only those in force now."""
    found = await store.restrictions(tx, user_id)
    return [one for one in found if not in_force or one.in_force(now)]


async def demand(tx: Tx, user_id: UUID, scope: Scope, *, now: datetime) -> User:
    """Go on only if this account may do `scope` now; answers with the user.

    Locks: the person's row, shared, until `tx` ends: a restriction placed meanwhile waits.
    Refuses: `UserUnknown`; `AgeUnknown`, `UnderAge`, `AccountRestricted`.
    """
    user = await store.by_id_standing(tx, user_id)
    if user is None:
        raise UserUnknown(str(user_id))
    found = standing(user, await store.restrictions(tx, user_id), scope, now)
    if not found.allowed:
        raise refusal_of(found)
    return user


async def _note(tx: Tx, act: str, about: Restriction, *, by: str, now: datetime) -> None:
    done = audit.Act(
        who=by,
        act=act,
        object=f"user:{about.user_id}",
        facts={
            "restriction_id": str(about.id),
            "scope": about.scope.value,
            "until": None if about.expires_at is None else about.expires_at.isoformat(),
        },
        reason_code=about.reason_code.value,
        note=about.lift_reason or about.sentence,
    )
    await audit.write(tx, done, at=now)


async def demand_each(
    tx: Tx, user_ids: Collection[UUID], scope: Scope, *, now: datetime
) -> dict[UUID, User | Refusal]:
    """What `demand` says of each of many accounts, in two queries: the user, or the refusal.

    Nothing is locked: what begins after a restriction's commit sees it, and what was let through
    before may still be on its way.
    """
    ids = list(set(user_ids))
    placed: dict[UUID, list[Restriction]] = {}
    # Users first: whoever reads a user reads the restrictions as they are then, or newer.
    found = {user.id: user for user in await store.by_ids(tx, ids)}
    for one in await store.restrictions_of(tx, ids, scope):
        placed.setdefault(one.user_id, []).append(one)
    said: dict[UUID, User | Refusal] = {}
    for user_id in ids:
        user = found.get(user_id)
        if user is None:
            said[user_id] = UserUnknown(str(user_id))
            continue
        stands = standing(user, placed.get(user_id, ()), scope, now)
        said[user_id] = user if stands.allowed else refusal_of(stands)
    return said


async def _tell(tx: Tx, kind: str, about: Restriction, now: datetime) -> None:
    body = {
        "restriction_id": str(about.id),
        "scope": about.scope.value,
        "reason_code": about.reason_code.value,
        "expires_at": None if about.expires_at is None else about.expires_at.isoformat(),
    }
    await record(tx, kind=kind, subject=about.user_id, body=body, at=now)

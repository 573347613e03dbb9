"""API keys: made and shown once, recognised by a keyed hash, revoked at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from coinwell.base import audit
from coinwell.base.db import Tx
from coinwell.base.ids import new_uuid
from coinwell.base.refusal import Kind, Refusal
from coinwell.users import store_access
from coinwell.users.callers import ApiKey, ApiScope, KeyCaller, KeyUnknown, Seal
from coinwell.users.rules import is_plain
from coinwell.users.sealing import key_hash, looks_like_key, new_key

NAME_LENGTH_MAX: Final = 80
_HINT_LENGTH: Final = 4


@dataclass(eq=False)
class WrongKey(Refusal):
    """The key cannot be made as asked."""

    title: ClassVar[str] = "Wrong key"
    reason: str

    def sentence(self) -> str:
        """What is wrong with it."""
        return self.reason


@dataclass(eq=False)
class NoSuchKey(Refusal):
    """There is no API key with this id."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "No such key"
    key_id: UUID


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be made. Without scopes it may do nothing."""

    name: str
    scopes: Collection[ApiScope] = ()
    expires_at: datetime | None = None


async def create_api_key(
    tx: Tx, new: NewKey, *, seal: Seal, by: str, now: datetime
) -> tuple[ApiKey, str]:
    """Make a key; the plain text beside it is to be shown once and is kept nowhere.

    Refuses: `WrongKey`.
    """
    if not 0 < len(new.name.strip()) <= NAME_LENGTH_MAX or not is_plain(new.name):
        raise WrongKey(f"A key's name is 1 to {NAME_LENGTH_MAX} plain characters.")
    if new.expires_at is not None and new.expires_at <= now:
        raise WrongKey("A key ends in the future, or never.")
    plain = new_key(seal.environment)
    key = ApiKey(
        id=new_uuid(),
        name=new.name.strip(),
        environment=seal.environment,
        hint=plain[-_HINT_LENGTH:],
        scopes=frozenset(new.scopes),
        created_by=by,
        created_at=now,
        expires_at=new.expires_at,
        last_used_at=None,
        revoked_at=None,
    )
    await store_access.add_key(tx, key, key_hash=key_hash(plain, seal.key_secret))
    made = audit.Act(
        who=by,
        act="key.created",
        object=f"key:{key.id}",
        facts={"scopes": sorted(key.scopes), "environment": key.environment},
    )
    await audit.write(tx, made, at=now)
    return key, plain


async def caller_of_key(tx: Tx, plain: str, *, seal: Seal, now: datetime) -> KeyCaller:
    """Who calls with this key. Its last use is noted to the minute.

    Refuses: `KeyUnknown`, the same for a key that never was, has ended or was revoked.
    """
    if not looks_like_key(plain, seal.environment):
        raise KeyUnknown
    key = await store_access.key_by_hash(tx, key_hash(plain, seal.key_secret))
    if key is None or key.environment != seal.environment or key.revoked_at is not None:
        raise KeyUnknown
    if key.expires_at is not None and key.expires_at <= now:
        raise KeyUnknown
    minute = now.replace(second=0, microsecond=0)
    if key.last_used_at is None or key.last_used_at < minute:
        await store_access.use_key(tx, key.id, minute=minute)
    return KeyCaller(key.id, key.name, key.scopes)


async def callers_of_keys(
    tx: Tx, plains: Collection[str], *, seal: Seal, now: datetime
) -> dict[str, KeyCaller | None]:
    """Who calls with each of many keys, asked once a key; None where `caller_of_key` refuses."""
    found: dict[str, KeyCaller | None] = {}
    for plain in set(plains):
        try:
            found[plain] = await caller_of_key(tx, plain, seal=seal, now=now)
        except KeyUnknown:
            found[plain] = None
    return found


async def api_keys(tx: Tx) -> Sequence[ApiKey]:
    """All keys there ever were, oldest first."""
    return await store_access.keys(tx)


async def revoke_api_key(tx: Tx, key_id: UUID, *, now: datetime, by: str = "command line") -> None:
    """End a key for good; the first request after the commit is refused.

    Refuses: `NoSuchKey`.
    """
    if not await store_access.revoke_key(tx, key_id, now=now):
        raise NoSuchKey(key_id)
    revoked = audit.Act(who=by, act="key.revoked", object=f"key:{key_id}")
    await audit.write(tx, revoked, at=now)

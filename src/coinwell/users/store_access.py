"""The SQL over what lets people in: links, sessions, API keys, operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx, row, rows, run, value
from coinwell.users.callers import ApiKey, ApiScope, HandOff, Landing, Operator, Role

_ADD_HAND_OFF = """
    INSERT INTO users.hand_off (id, user_id, landing, expires_at)
    VALUES (%(id)s, %(user_id)s, %(landing)s, %(expires_at)s)
"""

_HAND_OFF = """
    SELECT id, user_id, landing, expires_at, used_at FROM users.hand_off WHERE id = %(id)s
"""

# The row is the one use: of any number of twins, one finds it unused.
_USE_HAND_OFF = """
    UPDATE users.hand_off SET used_at = %(now)s
    WHERE id = %(id)s AND used_at IS NULL AND expires_at > %(now)s
"""

_FORGET_HAND_OFFS = "DELETE FROM users.hand_off WHERE expires_at < %(before)s"

_ADD_SESSION = """
    INSERT INTO users.session (token_hash, user_id, operator_id, began_at, seen_at)
    VALUES (%(token_hash)s, %(user_id)s, %(operator_id)s, %(now)s, %(now)s)
"""

_SESSION = """
    SELECT user_id, operator_id, began_at, seen_at, ended_at
    FROM users.session WHERE token_hash = %(token_hash)s
"""

_SEE_SESSION = """
    UPDATE users.session SET seen_at = %(now)s
    WHERE token_hash = %(token_hash)s AND seen_at < %(now)s
"""

_END_SESSION = """
    UPDATE users.session SET ended_at = %(now)s
    WHERE token_hash = %(token_hash)s AND ended_at IS NULL
"""

_END_SESSIONS = """
    UPDATE users.session SET ended_at = %(now)s
    WHERE (user_id = %(owner)s OR operator_id = %(owner)s) AND ended_at IS NULL
"""

_FORGET_SESSIONS = "DELETE FROM users.session WHERE seen_at < %(before)s"

_ADD_KEY = """
    INSERT INTO users.api_key (
        id, name, environment, hint, key_hash, scopes, created_by, created_at, expires_at
    ) VALUES (
        %(id)s, %(name)s, %(environment)s, %(hint)s, %(key_hash)s, %(scopes)s, %(created_by)s,
        %(created_at)s, %(expires_at)s
    )
"""

_KEY_BY_HASH = """
    SELECT id, name, environment, hint, scopes, created_by, created_at, expires_at,
        last_used_at, revoked_at
    FROM users.api_key WHERE key_hash = %(key_hash)s
"""

_KEYS = """
    SELECT id, name, environment, hint, scopes, created_by, created_at, expires_at,
        last_used_at, revoked_at
    FROM users.api_key ORDER BY created_at, id
"""

_USE_KEY = """
    UPDATE users.api_key SET last_used_at = %(minute)s
    WHERE id = %(id)s AND (last_used_at IS NULL OR last_used_at < %(minute)s)
"""

_REVOKE_KEY = """
    UPDATE users.api_key SET revoked_at = coalesce(revoked_at, %(now)s) WHERE id = %(id)s
"""

_ADD_OPERATOR = """
    INSERT INTO users.operator (
        id, email, display_name, role, password_hash, created_by, created_at
    ) VALUES (
        %(id)s, %(email)s, %(display_name)s, %(role)s, %(password_hash)s, %(created_by)s,
        %(created_at)s
    )
    ON CONFLICT (email) DO NOTHING
"""

_OPERATOR = """
    SELECT id, email, display_name, role, created_by, created_at, disabled_at
    FROM users.operator WHERE id = %(id)s
"""

_OPERATOR_BY_EMAIL = """
    SELECT id, email, display_name, role, created_by, created_at, disabled_at
    FROM users.operator WHERE email = %(email)s
"""

_OPERATORS = """
    SELECT id, email, display_name, role, created_by, created_at, disabled_at
    FROM users.operator ORDER BY email
"""

_ARGON_HASH = """
    SELECT password_hash FROM users.operator WHERE email = %(email)s AND disabled_at IS NULL
"""

_DISABLE = """
    UPDATE users.operator SET disabled_at = coalesce(disabled_at, %(now)s) WHERE id = %(id)s
"""

# Taken before counting, so that attempts on one e-mail are counted one after the other.
_LOCK_EMAIL = """
    SELECT pg_advisory_xact_lock(hashtextextended('sign-in:' || encode(%(hash)s, 'hex'), 0))
"""

_FORGET_ATTEMPTS = "DELETE FROM users.sign_in_attempt WHERE at <= %(since)s"

_ATTEMPTS = """
    SELECT at FROM users.sign_in_attempt
    WHERE email_hash = %(hash)s AND at > %(since)s ORDER BY at
"""

_ADD_ATTEMPT = """
    INSERT INTO users.sign_in_attempt (id, email_hash, at) VALUES (%(id)s, %(hash)s, %(at)s)
"""

_CLEAR_ATTEMPTS = "DELETE FROM users.sign_in_attempt WHERE email_hash = %(hash)s"


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session as it is kept: whose, since when, last seen when."""

    user_id: UUID | None
    operator_id: UUID | None
    began_at: datetime
    seen_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class _HandOff:
    id: UUID
    user_id: UUID
    landing: str
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Key:
    id: UUID
    name: str
    environment: str
    hint: str
    scopes: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def key(self) -> ApiKey:
        return ApiKey(
            id=self.id,
            name=self.name,
            environment=self.environment,
            hint=self.hint,
            scopes=frozenset(ApiScope(scope) for scope in self.scopes),
            created_by=self.created_by,
            created_at=self.created_at,
            expires_at=self.expires_at,
            last_used_at=self.last_used_at,
            revoked_at=self.revoked_at,
        )


@dataclass(frozen=True, slots=True)
class _Operator:
    id: UUID
    email: str
    display_name: str
    role: str
    created_by: str
    created_at: datetime
    disabled_at: datetime | None

    def operator(self) -> Operator:
        return Operator(
            id=self.id,
            email=self.email,
            display_name=self.display_name,
            role=Role(self.role),
            created_by=self.created_by,
            created_at=self.created_at,
            disabled_at=self.disabled_at,
        )


async def add_hand_off(tx: Tx, link: HandOff) -> None:
    """Write a link down."""
    said = {"id": link.id, "user_id": link.user_id, "landing": link.landing.value}
    await run(tx, _ADD_HAND_OFF, said | {"expires_at": link.expires_at})


async def hand_off(tx: Tx, link_id: UUID) -> HandOff | None:
    """A link as it was written down."""
    found = await row(tx, _HandOff, _HAND_OFF, {"id": link_id})
    if found is None:
        return None
    return HandOff(found.id, found.user_id, Landing(found.landing), found.expires_at, found.used_at)


async def use_hand_off(tx: Tx, link_id: UUID, *, now: datetime) -> bool:
    """Use a link up; False if it was used before or has ended.

    Locks: the link's row until `tx` ends.
    """
    return await run(tx, _USE_HAND_OFF, {"id": link_id, "now": now}) == 1


async def forget_hand_offs(tx: Tx, *, before: datetime) -> None:
    """Delete the links that ended before."""
    await run(tx, _FORGET_HAND_OFFS, {"before": before})


async def add_session(
    tx: Tx, token_hash: bytes, *, user_id: UUID | None, operator_id: UUID | None, now: datetime
) -> None:
    """Write a session of a user or of an operator."""
    owner = {"user_id": user_id, "operator_id": operator_id}
    await run(tx, _ADD_SESSION, owner | {"token_hash": token_hash, "now": now})


async def kept_session(tx: Tx, token_hash: bytes) -> KeptSession | None:
    """The session of a token, be it over or not."""
    return await row(tx, KeptSession, _SESSION, {"token_hash": token_hash})


async def see_session(tx: Tx, token_hash: bytes, *, now: datetime) -> None:
    """Note that a session was used."""
    await run(tx, _SEE_SESSION, {"token_hash": token_hash, "now": now})


async def end_session(tx: Tx, token_hash: bytes, *, now: datetime) -> None:
    """End one session, if it is not over."""
    await run(tx, _END_SESSION, {"token_hash": token_hash, "now": now})


async def end_sessions(tx: Tx, owner: UUID, *, now: datetime) -> int:
    """End all sessions of a user or an operator; says how many."""
    return await run(tx, _END_SESSIONS, {"owner": owner, "now": now})


async def forget_sessions(tx: Tx, *, before: datetime) -> None:
    """Delete the sessions that were last seen before."""
    await run(tx, _FORGET_SESSIONS, {"before": before})


async def add_key(tx: Tx, key: ApiKey, *, key_hash: bytes) -> None:
    """Write a key down, without the key."""
    await run(
        tx,
        _ADD_KEY,
        {
            "id": key.id,
            "name": key.name,
            "environment": key.environment,
            "hint": key.hint,
            "key_hash": key_hash,
            "scopes": sorted(scope.value for scope in key.scopes),
            "created_by": key.created_by,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
        },
    )


async def key_by_hash(tx: Tx, key_hash: bytes) -> ApiKey | None:
    """The key with this hash, be it over or not."""
    found = await row(tx, _Key, _KEY_BY_HASH, {"key_hash": key_hash})
    return None if found is None else found.key()


async def keys(tx: Tx) -> Sequence[ApiKey]:
    """All keys, oldest first."""
    return [found.key() for found in await rows(tx, _Key, _KEYS)]


async def use_key(tx: Tx, key_id: UUID, *, minute: datetime) -> None:
    """Note that a key was used, to the minute."""
    await run(tx, _USE_KEY, {"id": key_id, "minute": minute})


async def revoke_key(tx: Tx, key_id: UUID, *, now: datetime) -> bool:
    """End a key; False if there is none. The time of the first revocation stays."""
    return await run(tx, _REVOKE_KEY, {"id": key_id, "now": now}) == 1


async def add_operator(tx: Tx, operator: Operator, *, password_hash: str) -> bool:
    """Write an operator; False if the e-mail is there already."""
    said = {
        "id": operator.id,
        "email": operator.email,
        "display_name": operator.display_name,
        "role": operator.role.value,
        "password_hash": password_hash,
        "created_by": operator.created_by,
        "created_at": operator.created_at,
    }
    return await run(tx, _ADD_OPERATOR, said) == 1


async def operator(tx: Tx, operator_id: UUID) -> Operator | None:
    """One operator."""
    found = await row(tx, _Operator, _OPERATOR, {"id": operator_id})
    return None if found is None else found.operator()


async def operator_by_email(tx: Tx, email: str) -> Operator | None:
    """The operator with this e-mail, in lower case."""
    found = await row(tx, _Operator, _OPERATOR_BY_EMAIL, {"email": email})
    return None if found is None else found.operator()


async def operators(tx: Tx) -> Sequence[Operator]:
    """All operators, by e-mail."""
    return [found.operator() for found in await rows(tx, _Operator, _OPERATORS)]


async def password_hash(tx: Tx, email: str) -> str | None:
    """The hash of the password of an operator who may sign in."""
    return await value(tx, _ARGON_HASH, {"email": email})


async def disable_operator(tx: Tx, operator_id: UUID, *, now: datetime) -> None:
    """Note that an operator may not sign in any more."""
    await run(tx, _DISABLE, {"id": operator_id, "now": now})


async def lock_email(tx: Tx, email_hash: bytes) -> None:
    """Wait for other attempts on this e-mail.

    Locks: an advisory lock on the e-mail until `tx` ends.
    """
    await tx.execute(_LOCK_EMAIL, {"hash": email_hash})


async def attempts(tx: Tx, email_hash: bytes, *, since: datetime) -> list[datetime]:
    """When this e-mail was tried without success, oldest first; older ones are forgotten."""
    await run(tx, _FORGET_ATTEMPTS, {"since": since})
    cursor = await tx.execute(_ATTEMPTS, {"hash": email_hash, "since": since})
    return [found[0] for found in await cursor.fetchall()]


async def add_attempt(tx: Tx, attempt_id: UUID, email_hash: bytes, *, at: datetime) -> None:
    """Write an attempt down, before it is known how it ends."""
    await run(tx, _ADD_ATTEMPT, {"id": attempt_id, "hash": email_hash, "at": at})


async def clear_attempts(tx: Tx, email_hash: bytes) -> None:
    """Forget the attempts on this e-mail: one of them succeeded."""
    await run(tx, _CLEAR_ATTEMPTS, {"hash": email_hash})

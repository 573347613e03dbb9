"""Sessions: a random token in a cookie, its hash here, an end by idleness and by age."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.users import store, store_access
from coinwell.users.callers import OperatorCaller, UserCaller
from coinwell.users.sealing import new_session_token, session_hash
from coinwell.users.store_access import KeptSession

TOKEN_LENGTH_MAX: Final = 100
SEEN_EVERY: Final = timedelta(minutes=1)  # A session is not written at every request.


@dataclass(frozen=True, slots=True)
class _Life:
    idle: timedelta
    absolute: timedelta


USER_LIFE: Final = _Life(idle=timedelta(days=14), absolute=timedelta(days=90))
OPERATOR_LIFE: Final = _Life(idle=timedelta(minutes=30), absolute=timedelta(hours=12))


async def begin_session(
    tx: Tx, *, now: datetime, user_id: UUID | None = None, operator_id: UUID | None = None
) -> str:
    """Begin a session of a user or of an operator; the token is told once and never kept."""
    assert (user_id is None) != (operator_id is None)
    token = new_session_token()
    await store_access.forget_sessions(tx, before=now - USER_LIFE.absolute)
    await store_access.add_session(
        tx, session_hash(token), user_id=user_id, operator_id=operator_id, now=now
    )
    return token


async def session(tx: Tx, token: str, *, now: datetime) -> UserCaller | OperatorCaller | None:
    """Who a session's token stands for, or None if there is no such session any more.

    Being seen keeps it from ending by idleness; that is noted once a minute.
    """
    if len(token) > TOKEN_LENGTH_MAX:
        return None
    hashed = session_hash(token)
    kept = await store_access.kept_session(tx, hashed)
    if kept is None or _is_over(kept, now):
        return None
    caller = await _caller(tx, kept)
    if caller is not None and kept.seen_at + SEEN_EVERY <= now:
        await store_access.see_session(tx, hashed, now=now)
    return caller


async def end_session(tx: Tx, token: str, *, now: datetime) -> None:
    """End one session; a token that stands for none is no fault."""
    await store_access.end_session(tx, session_hash(token), now=now)


async def end_sessions(tx: Tx, owner_id: UUID, *, now: datetime) -> int:
    """Sign a user or an operator out everywhere; says how many sessions ended."""
    return await store_access.end_sessions(tx, owner_id, now=now)


def _is_over(kept: KeptSession, now: datetime) -> bool:
    life = USER_LIFE if kept.operator_id is None else OPERATOR_LIFE
    return (
        kept.ended_at is not None
        or now >= kept.seen_at + life.idle
        or now >= kept.began_at + life.absolute
    )


async def _caller(tx: Tx, kept: KeptSession) -> UserCaller | OperatorCaller | None:
    if kept.operator_id is None:
        assert kept.user_id is not None
        user = await store.by_id(tx, kept.user_id)
        assert user is not None
        return UserCaller(user)
    operator = await store_access.operator(tx, kept.operator_id)
    assert operator is not None
    if operator.disabled_at is not None:
        return None
    return OperatorCaller(operator.id, operator.email, operator.display_name, operator.role)

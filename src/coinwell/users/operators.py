"""Operators: made by another operator or at the command line, signed in by password.

Passkeys will come before passwords; until then an admin's password is the only way in.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar, Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from coinwell.base import audit
from coinwell.base.db import Pool, Tx, transaction
from coinwell.base.ids import new_uuid
from coinwell.base.refusal import Kind, Refusal
from coinwell.users import store_access
from coinwell.users.callers import NewOperator, Operator
from coinwell.users.rules import is_plain
from coinwell.users.sessions import begin_session, end_session, end_sessions

PASSWORD_LENGTH_MIN: Final = 12
PASSWORD_LENGTH_MAX: Final = 200
EMAIL_LENGTH_MAX: Final = 254
NAME_LENGTH_MAX: Final = 80
FAILURES_MAX: Final = 5
FAILURES_WITHIN: Final = timedelta(minutes=15)
_HASHER: Final = PasswordHasher()
_EMAIL: Final = re.compile(r"[!-?A-~]+@[a-z0-9.-]+", re.ASCII)
# Long enough, and tried first by everyone who guesses.
_COMMON: Final = frozenset(
    {"password1234", "passwordpassword", "123456789012", "qwertyuiop12", "administrator"}
)


@dataclass(eq=False)
class WrongOperator(Refusal):
    """The operator cannot be made as asked."""

    title: ClassVar[str] = "Wrong operator"
    reason: str

    def sentence(self) -> str:
        """What is wrong."""
        return self.reason


@dataclass(eq=False)
class OperatorExists(Refusal):
    """There is an operator with this e-mail already."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Operator exists"
    email: str


@dataclass(eq=False)
class OperatorUnknown(Refusal):
    """There is no operator with this e-mail."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "No such operator"
    email: str


@dataclass(eq=False)
class SignInFailed(Refusal):
    """The e-mail and the password do not go together."""

    # Not 401, which asks a browser for HTTP authentication: this is a form to fill in again.
    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Not signed in"


@dataclass(eq=False)
class SignInThrottled(Refusal):
    """Too many failed attempts on this e-mail. Wait, then try again."""

    kind: ClassVar[Kind] = Kind.LIMITED
    title: ClassVar[str] = "Too many attempts"
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """What somebody typed at the console's door, and the session their browser had."""

    email: str
    password: str = field(repr=False)
    old_token: str | None = field(default=None, repr=False)


async def create_operator(tx: Tx, new: NewOperator, *, by: str, now: datetime) -> Operator:
    """Let somebody work here.

    Refuses: `WrongOperator`, `OperatorExists`.
    """
    email = new.email.strip().lower()
    _check(new, email)
    hashed = await asyncio.to_thread(_HASHER.hash, new.password)
    operator = Operator(
        id=new_uuid(),
        email=email,
        display_name=new.display_name.strip(),
        role=new.role,
        created_by=by,
        created_at=now,
        disabled_at=None,
    )
    if not await store_access.add_operator(tx, operator, password_hash=hashed):
        raise OperatorExists(email)
    await _note(tx, "operator.created", operator, who=by, at=now)
    return operator


async def disable_operator(
    tx: Tx, email: str, *, now: datetime, by: str = "command line"
) -> Operator:
    """Let an operator in no more, and sign them out everywhere.

    Refuses: `OperatorUnknown`.
    """
    found = await store_access.operator_by_email(tx, email.strip().lower())
    if found is None:
        raise OperatorUnknown(email)
    await store_access.disable_operator(tx, found.id, now=now)
    await end_sessions(tx, found.id, now=now)
    await _note(tx, "operator.disabled", found, who=by, at=now)
    return found


async def operators(tx: Tx) -> Sequence[Operator]:
    """Everyone who works or worked here, by e-mail."""
    return await store_access.operators(tx)


async def sign_in_operator(pool: Pool, said: SignIn, *, now: datetime) -> str:
    """Check e-mail and password, begin a session, and answer with its token.

    Opens its own transactions: an attempt is written down before the password is looked at and
    taken back when it was right, so that attempts made at once are all counted, and a refusal
    does not undo the count. The slow hash holds no transaction open.

    Refuses: `SignInThrottled` after five failures in 15 minutes, for any e-mail, known or not;
        `SignInFailed`, which does not say whether the e-mail is known.
    """
    email = said.email.strip().lower()
    email_hash = sha256(email.encode()).digest()
    kept = await _count(pool, email, email_hash, now)
    right = await asyncio.to_thread(_matches, kept, said.password)
    async with transaction(pool) as tx:
        operator = await store_access.operator_by_email(tx, email) if right else None
        if operator is not None and operator.disabled_at is None:
            await store_access.clear_attempts(tx, email_hash)
            if said.old_token is not None:
                await end_session(tx, said.old_token, now=now)
            token = await begin_session(tx, operator_id=operator.id, now=now)
            who = f"operator:{operator.email}"
            await _note(tx, "operator.signed_in", operator, who=who, at=now)
            return token
        await _note_failure(tx, kept, email, now)
    raise SignInFailed


async def _count(pool: Pool, email: str, email_hash: bytes, now: datetime) -> str | None:
    """Write the attempt down if there may be one more, and fetch the hash to compare with."""
    async with transaction(pool) as tx:
        await store_access.lock_email(tx, email_hash)
        before = await store_access.attempts(tx, email_hash, since=now - FAILURES_WITHIN)
        if len(before) >= FAILURES_MAX:
            raise SignInThrottled(before[-FAILURES_MAX] + FAILURES_WITHIN)
        await store_access.add_attempt(tx, new_uuid(), email_hash, at=now)
        known = "\0" not in email and len(email) <= EMAIL_LENGTH_MAX
        return await store_access.password_hash(tx, email) if known else None


async def _note_failure(tx: Tx, kept: str | None, email: str, now: datetime) -> None:
    # Only where it concerns somebody who works here: a stranger must not be able to fill the log,
    # and an e-mail that was typed may be anybody's.
    aimed_at = None if kept is None else await store_access.operator_by_email(tx, email)
    if aimed_at is not None:
        await _note(tx, "operator.sign_in_failed", aimed_at, who="nobody", at=now)


async def _note(tx: Tx, act: str, operator: Operator, *, who: str, at: datetime) -> None:
    facts = {"role": operator.role.value}
    done = audit.Act(who=who, act=act, object=f"operator:{operator.id}", facts=facts)
    await audit.write(tx, done, at=at)


def _matches(kept: str | None, password: str) -> bool:
    # For an unknown e-mail the same work is done, so that time does not tell it apart.
    if kept is None or len(password) > PASSWORD_LENGTH_MAX:
        _HASHER.hash(password[:PASSWORD_LENGTH_MAX])
        return False
    try:
        return _HASHER.verify(kept, password)
    except VerifyMismatchError:
        return False


def _check(new: NewOperator, email: str) -> None:
    if len(email) > EMAIL_LENGTH_MAX or _EMAIL.fullmatch(email) is None:
        raise WrongOperator("An operator has an e-mail address.")
    name = new.display_name.strip()
    if not 0 < len(name) <= NAME_LENGTH_MAX or not is_plain(name):
        raise WrongOperator(f"A name is 1 to {NAME_LENGTH_MAX} plain characters.")
    if not PASSWORD_LENGTH_MIN <= len(new.password) <= PASSWORD_LENGTH_MAX:
        raise WrongOperator(
            f"A password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters."
        )
    guess = new.password.lower()
    if guess in _COMMON or email.partition("@")[0] == guess or email == guess:
        raise WrongOperator("This password would be guessed first.")
    if len(set(new.password)) < 5:  # noqa: PLR2004
        raise WrongOperator("A password has at least five different characters.")

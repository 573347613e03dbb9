"""The SQL over people and their restrictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from coinwell.base.db import Tx, row, rows, run
from coinwell.users.types import (
    AgeEvidence,
    AgeMethod,
    NewUser,
    ReasonCode,
    Restriction,
    Scope,
    User,
)

# A twin that comes at the same time waits here and then finds the first.
_ADD = """
    INSERT INTO users.person (
        id, external_id, display_name, birth_on, age_method, age_reference, age_at, age_min,
        country, language, time_zone, created_at
    ) VALUES (
        %(id)s, %(external_id)s, %(display_name)s, %(birth_on)s, %(age_method)s,
        %(age_reference)s, %(age_at)s, %(age_min)s, %(country)s, %(language)s, %(time_zone)s,
        %(created_at)s
    )
    ON CONFLICT (external_id) DO NOTHING
"""

_CHANGE = """
    UPDATE users.person
    SET display_name = %(display_name)s, birth_on = %(birth_on)s, age_method = %(age_method)s,
        age_reference = %(age_reference)s, age_at = %(age_at)s, age_min = %(age_min)s,
        country = %(country)s, language = %(language)s, time_zone = %(time_zone)s
    WHERE id = %(id)s
"""

_BY_ID = """
    SELECT id, external_id, display_name, birth_on, age_method, age_reference, age_at, age_min,
        country, language, time_zone, created_at
    FROM users.person WHERE id = %(id)s
"""

# Placing a restriction waits for whatever was let through before it, and holds up what comes.
_BY_ID_STANDING = """
    SELECT id, external_id, display_name, birth_on, age_method, age_reference, age_at, age_min,
        country, language, time_zone, created_at
    FROM users.person WHERE id = %(id)s FOR SHARE
"""

_BY_ID_CHANGING = """
    SELECT id, external_id, display_name, birth_on, age_method, age_reference, age_at, age_min,
        country, language, time_zone, created_at
    FROM users.person WHERE id = %(id)s FOR NO KEY UPDATE
"""

_BY_IDS = """
    SELECT id, external_id, display_name, birth_on, age_method, age_reference, age_at, age_min,
        country, language, time_zone, created_at
    FROM users.person WHERE id = ANY (%(ids)s)
"""

_BY_EXTERNAL_ID = """
    SELECT id, external_id, display_name, birth_on, age_method, age_reference, age_at, age_min,
        country, language, time_zone, created_at
    FROM users.person WHERE external_id = %(external_id)s
"""

_FIND = """
    SELECT id, external_id, display_name, birth_on, age_method, age_reference, age_at, age_min,
        country, language, time_zone, created_at
    FROM users.person
    WHERE id = %(id)s::uuid OR external_id = %(text)s OR lower(display_name) LIKE %(pattern)s
    ORDER BY lower(display_name), id LIMIT %(limit)s
"""

_BY_EXTERNAL_IDS = """
    SELECT id, external_id, display_name, birth_on, age_method, age_reference, age_at, age_min,
        country, language, time_zone, created_at
    FROM users.person WHERE external_id LIKE %(pattern)s ORDER BY external_id LIMIT %(limit)s
"""

_LISTED = """
    SELECT id, external_id, display_name, birth_on, age_method, age_reference, age_at, age_min,
        country, language, time_zone, created_at
    FROM users.person
    WHERE (%(country)s::text IS NULL OR country = %(country)s)
        AND (
            %(before_at)s::timestamptz IS NULL
            OR (created_at, id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
        )
    ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""

_ADD_RESTRICTION = """
    INSERT INTO users.restriction (
        id, user_id, scope, reason_code, sentence, next_step, expires_at, placed_by, placed_at
    ) VALUES (
        %(id)s, %(user_id)s, %(scope)s, %(reason_code)s, %(sentence)s, %(next_step)s,
        %(expires_at)s, %(placed_by)s, %(placed_at)s
    )
"""

_LIFT = """
    UPDATE users.restriction
    SET lifted_at = %(at)s, lifted_by = %(by)s, lift_reason = %(reason)s
    WHERE id = %(id)s AND lifted_at IS NULL
"""

_RESTRICTION = """
    SELECT id, user_id, scope, reason_code, sentence, next_step, expires_at, placed_by,
        placed_at, lifted_at, lifted_by, lift_reason
    FROM users.restriction WHERE id = %(id)s
"""

_RESTRICTIONS = """
    SELECT id, user_id, scope, reason_code, sentence, next_step, expires_at, placed_by,
        placed_at, lifted_at, lifted_by, lift_reason
    FROM users.restriction WHERE user_id = %(user_id)s ORDER BY placed_at DESC, id
"""

_RESTRICTIONS_OF = """
    SELECT id, user_id, scope, reason_code, sentence, next_step, expires_at, placed_by,
        placed_at, lifted_at, lifted_by, lift_reason
    FROM users.restriction
    WHERE user_id = ANY (%(ids)s) AND scope = %(scope)s AND lifted_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class _Person:
    id: UUID
    external_id: str
    display_name: str
    birth_on: date | None
    age_method: str | None
    age_reference: str | None
    age_at: datetime | None
    age_min: int | None
    country: str
    language: str
    time_zone: str
    created_at: datetime

    def user(self) -> User:
        evidence = None
        if self.age_method is not None:
            assert self.age_reference is not None
            assert self.age_at is not None
            assert self.age_min is not None
            evidence = AgeEvidence(
                method=AgeMethod(self.age_method),
                reference=self.age_reference,
                at=self.age_at,
                age_min=self.age_min,
            )
        return User(
            id=self.id,
            external_id=self.external_id,
            display_name=self.display_name,
            birth_on=self.birth_on,
            age_evidence=evidence,
            country=self.country,
            language=self.language,
            time_zone=self.time_zone,
            created_at=self.created_at,
        )


@dataclass(frozen=True, slots=True)
class _Restriction:
    id: UUID
    user_id: UUID
    scope: str
    reason_code: str
    sentence: str
    next_step: str
    expires_at: datetime | None
    placed_by: str
    placed_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None

    def restriction(self) -> Restriction:
        return Restriction(
            id=self.id,
            user_id=self.user_id,
            scope=Scope(self.scope),
            reason_code=ReasonCode(self.reason_code),
            sentence=self.sentence,
            next_step=self.next_step,
            expires_at=self.expires_at,
            placed_by=self.placed_by,
            placed_at=self.placed_at,
            lifted_at=self.lifted_at,
            lifted_by=self.lifted_by,
            lift_reason=self.lift_reason,
        )


def _content(said: NewUser) -> dict[str, Any]:
    evidence = said.age_evidence
    return {
        "external_id": said.external_id,
        "display_name": said.display_name,
        "birth_on": said.birth_on,
        "age_method": None if evidence is None else evidence.method.value,
        "age_reference": None if evidence is None else evidence.reference,
        "age_at": None if evidence is None else evidence.at,
        "age_min": None if evidence is None else evidence.age_min,
        "country": said.country,
        "language": said.language,
        "time_zone": said.time_zone,
    }


async def add(tx: Tx, user_id: UUID, said: NewUser, *, at: datetime) -> bool:
    """Write a user; False if the external id is there already."""
    return await run(tx, _ADD, _content(said) | {"id": user_id, "created_at": at}) == 1


async def change(tx: Tx, user_id: UUID, said: NewUser) -> None:
    """Write what is now said about a user."""
    changed = await run(tx, _CHANGE, _content(said) | {"id": user_id})
    assert changed == 1


async def by_id(tx: Tx, user_id: UUID) -> User | None:
    """The user with this id."""
    found = await row(tx, _Person, _BY_ID, {"id": user_id})
    return None if found is None else found.user()


async def by_ids(tx: Tx, user_ids: Sequence[UUID]) -> list[User]:
    """Those users that exist."""
    return [one.user() for one in await rows(tx, _Person, _BY_IDS, {"ids": user_ids})]


async def by_id_standing(tx: Tx, user_id: UUID) -> User | None:
    """The user with this id, whose standing cannot change until `tx` ends.

    Locks: the person's row, shared.
    """
    found = await row(tx, _Person, _BY_ID_STANDING, {"id": user_id})
    return None if found is None else found.user()


async def by_id_changing(tx: Tx, user_id: UUID) -> User | None:
    """The user with this id, who is about to be changed.

    Locks: the person's row, against others who change it or rely on it, until `tx` ends.
    """
    found = await row(tx, _Person, _BY_ID_CHANGING, {"id": user_id})
    return None if found is None else found.user()


async def by_external_id(tx: Tx, external_id: str) -> User | None:
    """The user whom the host app calls this."""
    found = await row(tx, _Person, _BY_EXTERNAL_ID, {"external_id": external_id})
    return None if found is None else found.user()


async def find(tx: Tx, *, text: str, user_id: UUID | None, limit: int) -> list[User]:
    """Users by our id, the host app's id, or the beginning of the name."""
    asked = {"text": text, "id": user_id, "pattern": _beginning(text.lower()), "limit": limit}
    return [one.user() for one in await rows(tx, _Person, _FIND, asked)]


async def by_prefix(tx: Tx, prefix: str, *, limit: int) -> list[User]:
    """Users whose external id begins like this."""
    asked = {"pattern": _beginning(prefix), "limit": limit}
    return [one.user() for one in await rows(tx, _Person, _BY_EXTERNAL_IDS, asked)]


async def listed(
    tx: Tx, *, country: str | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[User]:
    """Users, newest first, made known before `before`."""
    before_at, before_id = before or (None, None)
    asked = {
        "country": country,
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit,
    }
    return [one.user() for one in await rows(tx, _Person, _LISTED, asked)]


def _beginning(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"


async def add_restriction(tx: Tx, placed: Restriction) -> None:
    """Write a restriction."""
    await run(
        tx,
        _ADD_RESTRICTION,
        {
            "id": placed.id,
            "user_id": placed.user_id,
            "scope": placed.scope.value,
            "reason_code": placed.reason_code.value,
            "sentence": placed.sentence,
            "next_step": placed.next_step,
            "expires_at": placed.expires_at,
            "placed_by": placed.placed_by,
            "placed_at": placed.placed_at,
        },
    )


async def lift(tx: Tx, restriction_id: UUID, *, by: str, reason: str, at: datetime) -> bool:
    """End a restriction; False if it was lifted before or is not there."""
    said = {"id": restriction_id, "by": by, "reason": reason, "at": at}
    return await run(tx, _LIFT, said) == 1


async def restriction(tx: Tx, restriction_id: UUID) -> Restriction | None:
    """One restriction."""
    found = await row(tx, _Restriction, _RESTRICTION, {"id": restriction_id})
    return None if found is None else found.restriction()


async def restrictions(tx: Tx, user_id: UUID) -> list[Restriction]:
    """All restrictions of a user, the lifted and the ended too, newest first."""
    found = await rows(tx, _Restriction, _RESTRICTIONS, {"user_id": user_id})
    return [one.restriction() for one in found]


async def restrictions_of(tx: Tx, user_ids: Sequence[UUID], scope: Scope) -> list[Restriction]:
    """The restrictions of one scope on any of these users that nobody lifted."""
    asked = {"ids": user_ids, "scope": scope.value}
    return [one.restriction() for one in await rows(tx, _Restriction, _RESTRICTIONS_OF, asked)]

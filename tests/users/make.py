"""Small builders for people and what lets them in."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.users import (
    AgeEvidence,
    AgeMethod,
    NewRestriction,
    NewUser,
    ReasonCode,
    Restriction,
    Scope,
    Seal,
    User,
    create_user,
)

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
SEAL = Seal("a link secret", "a key secret", "coinwell", "test")


def new_user(**changes: Any) -> NewUser:
    """A grown-up in Germany, unless told otherwise."""
    said: dict[str, Any] = {
        "external_id": "ana",
        "display_name": "Ana",
        "country": "DE",
        "language": "de",
        "time_zone": "Europe/Berlin",
        "birth_on": date(1995, 5, 5),
    }
    return NewUser(**(said | changes))


def a_user(**changes: Any) -> User:
    """The same as a user, without a database."""
    said = new_user(**changes)
    return User(
        id=UUID(int=1),
        external_id=said.external_id,
        display_name=said.display_name,
        birth_on=said.birth_on,
        age_evidence=said.age_evidence,
        country=said.country,
        language=said.language,
        time_zone=said.time_zone,
        created_at=NOON,
    )


def evidence(**changes: Any) -> AgeEvidence:
    """A document was checked this summer and proved 18."""
    said: dict[str, Any] = {
        "method": AgeMethod.DOCUMENT,
        "reference": "check-1",
        "at": datetime(2026, 7, 1, tzinfo=UTC),
        "age_min": 18,
    }
    return AgeEvidence(**(said | changes))


def a_restriction(**changes: Any) -> Restriction:
    """An open restriction of recharges, without a database."""
    said: dict[str, Any] = {
        "id": UUID(int=7),
        "user_id": UUID(int=1),
        "scope": Scope.RECHARGE,
        "reason_code": ReasonCode.IDENTITY_CHECK,
        "sentence": "We have to check.",
        "next_step": "Wait.",
        "expires_at": None,
        "placed_by": "operator:o@example.org",
        "placed_at": NOON,
        "lifted_at": None,
        "lifted_by": None,
        "lift_reason": None,
    }
    return Restriction(**(said | changes))


def new_restriction(user: User, **changes: Any) -> NewRestriction:
    """Recharges stopped for an identity check, openly."""
    said: dict[str, Any] = {
        "user_id": user.id,
        "scope": Scope.RECHARGE,
        "reason_code": ReasonCode.IDENTITY_CHECK,
    }
    return NewRestriction(**(said | changes))


async def person(tx: Tx, external_id: str = "ana", **changes: Any) -> User:
    """A user in the database."""
    return await create_user(tx, new_user(external_id=external_id, **changes), now=NOON)

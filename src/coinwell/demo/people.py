"""The made-up people of the demo, made through the same door as everyone else."""

from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import click

from coinwell.base.clock import SystemClock
from coinwell.base.db import Pool, Tx, open_pool, transaction
from coinwell.settings import Settings
from coinwell.users import (
    DEMO_PREFIX,
    NewOperator,
    NewRestriction,
    NewUser,
    OperatorExists,
    ReasonCode,
    Role,
    Scope,
    create_operator,
    create_user,
    restrict,
    restrictions,
)

OPERATOR_EMAIL: Final = "operator@demo.example"

PEOPLE: Final = (
    NewUser(f"{DEMO_PREFIX}ana", "Ana", "DE", "en", "Europe/Berlin", date(1996, 3, 14)),
    NewUser(f"{DEMO_PREFIX}brad", "Brad", "US", "en", "America/New_York", date(1989, 11, 2)),
    NewUser(f"{DEMO_PREFIX}haruka", "Haruka", "JP", "en", "Asia/Tokyo", date(2000, 7, 21)),
    NewUser(f"{DEMO_PREFIX}igor", "Igor, restricted", "BR", "en", "America/Sao_Paulo",
            date(1992, 1, 30)),
    NewUser(f"{DEMO_PREFIX}mina", "Mina, 15 years old", "KR", "en", "Asia/Seoul",
            date(2011, 9, 9)),
    NewUser(f"{DEMO_PREFIX}nobody-knows", "Noa, age unknown", "GB", "en", "Europe/London"),
)  # fmt: skip
_RESTRICTED_DAYS: Final = 14


def operator_password(settings: Settings) -> str:
    """The password of this demo's operator: its own, for it is drawn from the demo's secret."""
    return settings.derived_secret("demo operator")[:16]


async def populate(settings: Settings) -> None:
    """Make the people and the operator that are not there yet, and say how to sign in."""
    now = SystemClock().now()
    async with open_pool(settings.database, max_size=1) as pool:
        await make_people(pool, settings, now=now)
    click.echo(
        f"  Console: {settings.public_url}/console\n"
        f"           {OPERATOR_EMAIL}, password {operator_password(settings)}"
    )


async def make_people(pool: Pool, settings: Settings, *, now: datetime) -> None:
    """Make the demo's people and its operator; whoever is there already stays as they are."""
    async with transaction(pool) as tx:
        for new in PEOPLE:
            user = await create_user(tx, new, now=now)
            if "restricted" in new.display_name:
                await _restrict_once(tx, user.id, now)
    password = operator_password(settings)
    operator = NewOperator(OPERATOR_EMAIL, "Demo operator", Role.ADMIN, password)
    with suppress(OperatorExists):
        async with transaction(pool) as tx:
            await create_operator(tx, operator, by="demo", now=now)


async def _restrict_once(tx: Tx, user_id: UUID, now: datetime) -> None:
    if await restrictions(tx, user_id, now=now):
        return
    placed = NewRestriction(
        user_id=user_id,
        scope=Scope.RECHARGE,
        reason_code=ReasonCode.UNUSUAL_ACTIVITY,
        expires_at=now + timedelta(days=_RESTRICTED_DAYS),
    )
    await restrict(tx, placed, by="demo", now=now)

"""The made-up people of the demo, made through the same door as everyone else."""

from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Final
from uuid import UUID

import click

from coinwell.base.clock import SystemClock
from coinwell.base.db import Pool, Tx, open_pool, transaction
from coinwell.demo.casting import PEOPLE
from coinwell.demo.history import make_history
from coinwell.demo.types import Size
from coinwell.live import RoomOpenAlready, open_room
from coinwell.settings import Settings
from coinwell.users import (
    DEMO_PREFIX,
    NewOperator,
    NewRestriction,
    OperatorExists,
    ReasonCode,
    Role,
    Scope,
    create_operator,
    create_user,
    restrict,
    restrictions,
    user_by_external_id,
)

OPERATOR_EMAIL: Final = "operator@demo.example"
COLLEAGUE_EMAIL: Final = "colleague@demo.example"
# Two of them are live when the demo starts, with a room of this title.
LIVES: Final = (
    (f"{DEMO_PREFIX}luz", "Evening songs by the window"),
    (f"{DEMO_PREFIX}kofi", "Sketching the harbour"),
)
_RESTRICTED_DAYS: Final = 14
_BUDGET_S: Final = 15.0


def operator_password(settings: Settings, email: str = OPERATOR_EMAIL) -> str:
    """The password of one of this demo's operators, drawn from the demo's own secret."""
    purpose = "demo operator" if email == OPERATOR_EMAIL else f"demo operator {email}"
    return settings.derived_secret(purpose)[:16]


async def populate(settings: Settings, *, size: Size | None = None) -> None:
    """Make the history, the people and the operator that are not there yet; say how to sign in."""
    await _make_history(settings, size or Size())
    now = SystemClock().now()
    async with open_pool(settings.database, max_size=1) as pool:
        await make_people(pool, settings, now=now)
        await open_lives(pool, now=now)
    click.echo(
        f"  Console: {settings.public_url}/console\n"
        f"           {OPERATOR_EMAIL}, password {operator_password(settings)}\n"
        f"           {COLLEAGUE_EMAIL}, password "
        f"{operator_password(settings, COLLEAGUE_EMAIL)} (approves what the other proposes)"
    )


async def make_people(pool: Pool, settings: Settings, *, now: datetime) -> None:
    """Make the demo's people and its two operators; whoever is there already stays as they are."""
    async with transaction(pool) as tx:
        for new in PEOPLE:
            user = await create_user(tx, new, now=now)
            if "restricted" in new.display_name:
                await _restrict_once(tx, user.id, now)
    for email, name, role in (
        (OPERATOR_EMAIL, "Demo operator", Role.ADMIN),
        (COLLEAGUE_EMAIL, "Demo colleague", Role.FINANCE),
    ):
        operator = NewOperator(email, name, role, operator_password(settings, email))
        with suppress(OperatorExists):
            async with transaction(pool) as tx:
                await create_operator(tx, operator, by="demo", now=now)


async def open_lives(pool: Pool, *, now: datetime) -> None:
    """Have the demo's creators go live; a room that is open stays."""
    for external_id, title in LIVES:
        async with transaction(pool) as tx:
            creator = await user_by_external_id(tx, external_id)
            with suppress(RoomOpenAlready):
                await open_room(tx, creator_id=creator.id, title=title, now=now)


async def _make_history(settings: Settings, size: Size) -> None:
    begun = monotonic()
    with click.progressbar(length=size.days, label="  Living through four months") as bar:
        made = await make_history(
            settings,
            now=SystemClock().now(),
            size=size,
            progress=lambda done, _of: bar.update(done - bar.pos),
            budget_s=_BUDGET_S,
        )
        bar.update(size.days - bar.pos)
    if made is not None:
        click.echo(
            f"  {made.days} days, {made.gifts:,} gifts, {made.purchases:,} recharges"
            f" in {monotonic() - begun:.0f} s."
        )


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

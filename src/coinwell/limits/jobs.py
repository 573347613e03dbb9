"""Background work of limits: what is due stands in the rows, so a lost queue loses seconds."""

from typing import Final

from coinwell.base.db import transaction
from coinwell.base.jobs import Job
from coinwell.limits import store, store_money
from coinwell.limits.counting import open_windows
from coinwell.limits.deps import LimitsDeps
from coinwell.limits.reserving import finish_recharge

_AT_ONCE: Final = 200


async def count(deps: LimitsDeps) -> None:
    """Bring the windows of everybody up to date who spent, or whose limits changed."""
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        due = await store.due(tx, now=now, limit=_AT_ONCE)
    errors: list[Exception] = []
    for person in due:
        try:
            await open_windows(deps.pool, deps.ledger, person.user_id, now=now)
            async with transaction(deps.pool) as tx:
                await store.mark_counted(tx, person)
        except Exception as error:  # noqa: BLE001 - told below, once the others are served.
            errors.append(error)
    if errors:
        raise ExceptionGroup("some could not be counted", errors)


async def recharges(deps: LimitsDeps) -> None:
    """Have the ledger follow what became of recharges whose process died in between."""
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        due = await store_money.due(tx, now=now, limit=_AT_ONCE)
    errors: list[Exception] = []
    for one in due:
        try:
            await finish_recharge(deps.pool, deps.ledger, one.id, now=now)
        except Exception as error:  # noqa: BLE001 - told below, once the others are served.
            errors.append(error)
    if errors:
        raise ExceptionGroup("some could not be finished", errors)


JOBS: Final[tuple[Job, ...]] = (
    Job("limits.count", count, cron="* * * * * */5"),
    Job("limits.recharges", recharges, cron="* * * * * */30"),
)

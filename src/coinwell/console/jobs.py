"""Background work of the console; what is due stands in the rows, so a run may be late or twice."""

from typing import Final

import structlog

from coinwell.base import audit
from coinwell.base.db import transaction
from coinwell.base.jobs import Job
from coinwell.console import store
from coinwell.console.carrying import carry_out
from coinwell.console.lapsing import lapse_overdue
from coinwell.recharge import Deps

_AT_ONCE: Final = 50


async def proposals(deps: Deps) -> None:
    """Carry out what was approved and not finished, and let lapse what nobody decided."""
    async with transaction(deps.pool) as tx:
        await lapse_overdue(tx, now=deps.clock.now())
        due = await store.due(tx, now=deps.clock.now(), limit=_AT_ONCE)
    errors: list[Exception] = []
    for proposal_id in due:
        try:
            await carry_out(deps, proposal_id)
        except Exception as error:  # noqa: BLE001 - raised below, once the others are served.
            errors.append(error)
    if errors:
        raise ExceptionGroup("some proposals could not be carried out", errors)


async def audit_head(deps: Deps) -> None:
    """Print the head of the audit log into the logs: a copy that the database cannot change."""
    log = structlog.get_logger()
    chain = await audit.verify(deps.pool)
    say = log.info if chain.sound else log.error
    say("audit log", sound=chain.sound, acts=chain.count, head=chain.head, says=chain.sentence)


JOBS: Final[tuple[Job, ...]] = (
    Job("console.proposals", proposals, cron="* * * * * */30"),
    Job("console.audit_head", audit_head, cron="15 3 * * *"),
)

"""Background work beside the dispatcher: what is old enough is let go; events stay."""

from typing import Final

from coinwell.base.db import transaction
from coinwell.base.jobs import Job
from coinwell.notify import store_log, store_messages
from coinwell.notify.deps import NotifyDeps
from coinwell.notify.rules import LOG_KEPT, MESSAGES_KEPT

_AT_ONCE: Final = 5_000


async def prune(deps: NotifyDeps) -> None:
    """Remove the log of what was over 30 days ago, and messages of half a year ago."""
    now = deps.clock.now()
    for store, kept in ((store_log, LOG_KEPT), (store_messages, MESSAGES_KEPT)):
        gone = _AT_ONCE
        while gone == _AT_ONCE:
            async with transaction(deps.pool) as tx:
                gone = await store.prune(tx, before=now - kept, limit=_AT_ONCE)


JOBS: Final[tuple[Job, ...]] = (Job("notify.prune", prune, cron="17 3 * * *"),)

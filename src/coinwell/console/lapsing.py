"""Proposals that nobody decided in time lapse, with a row in the audit log."""

from datetime import datetime

from coinwell.base import audit
from coinwell.base.db import Tx
from coinwell.console import store


async def lapse_overdue(tx: Tx, *, now: datetime, subject: str | None = None) -> int:
    """Mark what has lapsed (about one subject, or all); says how many."""
    marked = 0
    for proposal_id in await store.overdue(tx, now=now, subject=subject):
        if await store.lapse(tx, proposal_id, now=now):
            marked += 1
            lapsed = audit.Act(
                who="system", act="proposal.lapsed", object=f"proposal:{proposal_id}"
            )
            await audit.write(tx, lapsed, at=now)
    return marked

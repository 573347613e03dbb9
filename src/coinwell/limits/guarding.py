"""Asks what limits a spend has to respect: one query for all who spend at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.limits import store
from coinwell.limits.store import GuardRow
from coinwell.limits.types import GuardWindow, Period, SpendGuard


async def spend_guards(
    tx: Tx, user_ids: Sequence[UUID], *, now: datetime
) -> Mapping[UUID, SpendGuard]:
    """What the *stop me* coin limits of these users ask of a spend at `now`; in one query.

    Users without such a limit do not appear. A guard whose `opened` is False has a window that
    has no account yet: `await open_windows(…)` for that user, then ask again.

    The chain of the spend must carry the guard's legs: each leg's transfer is made by
    `leg.transfer(id, spend_id=…)` and linked behind the spend. When the ledger answers
    EXCEEDS_CREDITS for a leg, `guard.refused(…)` is the refusal to give.
    """
    if not user_ids:
        return {}
    found = await store.guards(tx, user_ids, now=now)
    return {
        user_id: _guard(user_id, list(rows))
        for user_id, rows in groupby(found, key=lambda row: row.user_id)
    }


def _guard(user_id: UUID, rows: Sequence[GuardRow]) -> SpendGuard:
    windows: list[GuardWindow] = []
    purchase: int | None = None
    opened, zone = True, "UTC"
    for row in rows:
        if row.period == Period.PURCHASE:
            purchase = row.amount
        elif row.ends_at is None or row.account_id is None or row.used_account_id is None:
            opened = False
        else:
            zone = row.time_zone or zone
            windows.append(
                GuardWindow(
                    period=Period(row.period),
                    limit=row.amount,
                    ends_at=row.ends_at,
                    account_id=int(row.account_id),
                    used_account_id=int(row.used_account_id),
                )
            )
    return SpendGuard(user_id, zone, purchase, tuple(windows), opened)

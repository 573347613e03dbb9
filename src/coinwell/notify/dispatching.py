"""The dispatcher: takes news out and carries it, for as long as the process lives.

Any number of them may run. One at a time takes news; lanes are claimed by whoever comes first.
Each endpoint has a carrier of its own, so that one that is slow or down holds up no other.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

from psycopg import Error as DatabaseTrouble
from psycopg_pool import PoolTimeout

from coinwell.base.db import transaction
from coinwell.base.ending import end
from coinwell.notify import store_lanes
from coinwell.notify.carrying import carry
from coinwell.notify.deps import NotifyDeps
from coinwell.notify.sending import Sender, open_sender
from coinwell.notify.taking import take

_LOG: Final = logging.getLogger("coinwell.notify")
_TICK_S: Final = timedelta(milliseconds=200).total_seconds()
_TROUBLE_S: Final = 2
_ENDS_WITHIN_S: Final = 8


async def dispatch(deps: NotifyDeps, *, stopping: asyncio.Event) -> None:
    """Tell everything that is to be told until `stopping` is set; what was begun is finished."""
    carriers: dict[UUID, asyncio.Task[int]] = {}
    async with open_sender(deps.clock, private=deps.settings.private) as sender:
        while not stopping.is_set():
            pause = await _turn(deps, sender, carriers, stopping)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)
        if carriers:
            await asyncio.wait(carriers.values(), timeout=_ENDS_WITHIN_S)
        await end(list(carriers.values()))


async def _turn(
    deps: NotifyDeps,
    sender: Sender,
    carriers: dict[UUID, asyncio.Task[int]],
    stopping: asyncio.Event,
) -> float:
    """Take news once and see that every endpoint that is due has a carrier; how long to pause."""
    for endpoint_id in [one for one, carrier in carriers.items() if carrier.done()]:
        _note_end(carriers.pop(endpoint_id))
    try:
        taken = await take(deps)
        async with transaction(deps.pool) as tx:
            due = await store_lanes.endpoints_due(tx, now=deps.clock.now())
    except (DatabaseTrouble, PoolTimeout) as trouble:
        _LOG.warning("The dispatcher waits for the database: %s", trouble)
        return _TROUBLE_S
    except Exception:  # noqa: BLE001 - whatever it is, telling goes on.
        # One piece of news that cannot be told must not keep silent what is on its way already.
        _LOG.exception("The dispatcher stumbled and tries again.")
        return _TROUBLE_S
    for endpoint_id in due:
        if endpoint_id not in carriers:
            carriers[endpoint_id] = asyncio.create_task(
                carry(deps, sender, endpoint_id, stopping=stopping)
            )
    return 0 if taken else _TICK_S


def _note_end(carrier: asyncio.Task[int]) -> None:
    # Claims of a carrier that stumbled end by themselves, and another one begins at the next turn.
    error = None if carrier.cancelled() else carrier.exception()
    if error is not None:
        _LOG.warning("A carrier stumbled: %s", type(error).__name__, exc_info=error)


async def settle(deps: NotifyDeps, sender: Sender) -> int:
    """Take all news and send all that is due at this moment; how many attempts were made."""
    attempts = 0
    while True:
        taken = await take(deps)
        async with transaction(deps.pool) as tx:
            due = await store_lanes.endpoints_due(tx, now=deps.clock.now())
        made = await asyncio.gather(*(carry(deps, sender, one) for one in due))
        attempts += sum(made)
        if not taken and not any(made):
            return attempts

"""Background work of recharges; each job is safe to run twice, at once, or late.

What is due stands in the rows, so a lost queue loses minutes and no money.
"""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from coinwell.base.db import transaction
from coinwell.base.jobs import Job
from coinwell.recharge import store, store_inbox, store_refunds
from coinwell.recharge.deps import Deps
from coinwell.recharge.providers.types import Capability, InboundEvent, ProviderTrouble
from coinwell.recharge.receiving import put, work_on
from coinwell.recharge.refunding import continue_refund, refund_order
from coinwell.recharge.refusals import CannotRefund
from coinwell.recharge.syncing import sync_order

_AT_ONCE: Final = 200
_EVENTS_OVERLAP: Final = timedelta(hours=1, minutes=15)
_EVENTS_OVERLAP_FULL: Final = timedelta(hours=72)
_EVENTS_A_BATCH: Final = 100


async def sync(deps: Deps, *, order_id: str) -> None:
    """Look at one order."""
    await sync_order(deps, UUID(order_id))


async def message(deps: Deps, *, item_id: int) -> None:
    """Act on one provider message."""
    await work_on(deps, item_id)


async def poll(deps: Deps) -> None:
    """Look at every order whose time has come: lost messages, quotes that ran out, open ends."""
    async with transaction(deps.pool) as tx:
        due = await store.due(tx, now=deps.clock.now(), limit=_AT_ONCE)
    await _each(due, lambda order_id: sync_order(deps, order_id))


async def refunds(deps: Deps) -> None:
    """Go on with every refund that waits for the ledger or the provider."""
    async with transaction(deps.pool) as tx:
        due = await store_refunds.due(tx, now=deps.clock.now(), limit=_AT_ONCE)
    await _each(due, lambda refund_id: continue_refund(deps, refund_id))


async def inbox(deps: Deps) -> None:
    """Act on messages that nobody acted on."""
    async with transaction(deps.pool) as tx:
        due = await store_inbox.due(tx, now=deps.clock.now(), limit=_AT_ONCE)
    await _each(due, lambda item_id: work_on(deps, item_id))


async def reviews(deps: Deps) -> None:
    """Money that nobody decided about in time goes back by itself, never silently."""
    async with transaction(deps.pool) as tx:
        overdue = await store.overdue_reviews(tx, now=deps.clock.now(), limit=_AT_ONCE)
    await _each(overdue, lambda order_id: _give_back(deps, order_id))


async def _give_back(deps: Deps, order_id: UUID) -> None:
    # Somebody may have decided while the others were served, or the doubt be gone.
    with suppress(CannotRefund):
        await refund_order(
            deps,
            order_id,
            operator="system",
            reason="nobody decided in time",
            if_in_review=True,
        )


async def events(deps: Deps) -> None:
    """Catch up with messages that never came, over the last hour."""
    await _backfill(deps, deps.clock.now() - _EVENTS_OVERLAP)


async def events_nightly(deps: Deps) -> None:
    """The same over three days."""
    await _backfill(deps, deps.clock.now() - _EVENTS_OVERLAP_FULL)


async def catch_up(deps: Deps, *, since: str) -> None:
    """Ask every provider for all it told since a moment: after a restore, since the backup.

    Raises a provider's trouble, so that the queue tries again; `events` takes what it can get.
    """
    await _backfill(deps, datetime.fromisoformat(since), patient=False)


async def _backfill(deps: Deps, since: datetime, *, patient: bool = True) -> None:
    for name, provider in deps.providers.items():
        if Capability.LIST_EVENTS not in provider.capabilities:
            continue
        batch: list[InboundEvent] = []
        try:
            async for event in provider.list_events(since):
                batch.append(event)
                if len(batch) >= _EVENTS_A_BATCH:
                    await _put(deps, name, batch)
                    batch = []
        except ProviderTrouble:
            # What came before the trouble is kept; the next run has the rest.
            await _put(deps, name, batch)
            if not patient:
                raise
        else:
            await _put(deps, name, batch)


async def _put(deps: Deps, name: str, batch: list[InboundEvent]) -> None:
    async with transaction(deps.pool) as tx:
        await put(tx, deps, name, batch, body=b"", headers={}, via="poll")


async def _each(things: Iterable[Any], do: Callable[[Any], Awaitable[object]]) -> None:
    """Do all of them; one that fails does not keep the others waiting, and is told at the end."""
    errors: list[Exception] = []
    for thing in things:
        try:
            await do(thing)
        except Exception as error:  # noqa: BLE001 - raised below, once the others are served.
            errors.append(error)
    if errors:
        raise ExceptionGroup("some could not be worked on", errors)


JOBS: Final[tuple[Job, ...]] = (
    Job("recharge.sync", sync),
    Job("recharge.message", message),
    Job("recharge.catch_up", catch_up),
    Job("recharge.poll", poll, cron="* * * * * */30"),
    Job("recharge.refunds", refunds, cron="* * * * * */30"),
    Job("recharge.inbox", inbox, cron="* * * * *"),
    Job("recharge.reviews", reviews, cron="*/10 * * * *"),
    Job("recharge.events", events, cron="*/15 * * * *"),
    Job("recharge.events_nightly", events_nightly, cron="40 3 * * *"),
)

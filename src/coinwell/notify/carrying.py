"""Carries what waits for one endpoint: claim, send, record, until nothing is due.

A lane (one endpoint, one user) is sent strictly in order and stops at the first failure. Lanes do
not wait for each other. Whoever dies in the middle leaves a claim that ends by itself, and the
same webhook is sent again under the same id.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from secrets import randbelow
from time import monotonic
from typing import Final
from uuid import UUID

from coinwell.base.db import Tx, transaction
from coinwell.base.ids import new_uuid
from coinwell.notify import store, store_lanes
from coinwell.notify.deps import NotifyDeps
from coinwell.notify.rules import (
    JITTER_RANGE,
    REST_AFTER,
    body_of,
    health_after,
    reason_to_stop,
    what_next,
)
from coinwell.notify.sending import TIMEOUT_S, Sender
from coinwell.notify.signing import headers_of, secrets_of
from coinwell.notify.types import (
    DeliveryState,
    Due,
    Endpoint,
    Health,
    Lane,
    Outcome,
    Ran,
    Sent,
    Switch,
)

LANES_MAX: Final = 24  # Of one endpoint at a time, in one process.
_LANES_WORTH_ASKING: Final = 6
_EACH: Final = 25
# A lane begins nothing new after this, so that its last answer is in before the claim ends.
_LANE_RUNS_S: Final = 30
CLAIM_HOLDS: Final = timedelta(seconds=_LANE_RUNS_S + 2 * TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class _Batch:
    endpoint: Endpoint
    secrets: Sequence[str]
    lanes: Sequence[Lane]


async def carry(
    deps: NotifyDeps, sender: Sender, endpoint_id: UUID, *, stopping: asyncio.Event | None = None
) -> int:
    """Send everything that is due to an endpoint, and what comes due meanwhile; how many attempts.

    When `stopping` is set, what was begun is finished and nothing new is.
    """
    running: set[asyncio.Task[Ran]] = set()
    attempts = 0
    try:
        while True:
            free = LANES_MAX - len(running)
            open_ = stopping is None or not stopping.is_set()
            if open_ and (not running or free >= _LANES_WORTH_ASKING):
                batch = await _claim(deps, endpoint_id, free)
                if batch is not None:
                    running |= {
                        asyncio.create_task(_run(deps, sender, batch, lane, stopping))
                        for lane in batch.lanes
                    }
            if not running:
                return attempts
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            ran = [task.result() for task in done]
            await _record(deps, endpoint_id, ran)
            attempts += sum(len(one.sent) for one in ran)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _claim(deps: NotifyDeps, endpoint_id: UUID, free: int) -> _Batch | None:
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        endpoint = await store.endpoint(tx, endpoint_id)
        if endpoint is None or endpoint.state is Switch.OFF:
            return None
        if endpoint.resting_until is not None and now < endpoint.resting_until:
            return None
        # An endpoint that did nothing but fail is asked by one webhook, not by all.
        probe = endpoint.failures >= REST_AFTER
        lanes = await store_lanes.claim(
            tx,
            endpoint_id,
            as_=new_uuid(),
            now=now,
            until=now + CLAIM_HOLDS,
            lanes=1 if probe else free,
            each=1 if probe else _EACH,
        )
    secrets = secrets_of(endpoint, master=deps.settings.master, now=now)
    return _Batch(endpoint, secrets, lanes) if lanes else None


async def _run(
    deps: NotifyDeps, sender: Sender, batch: _Batch, lane: Lane, stopping: asyncio.Event | None
) -> Ran:
    begun = monotonic()
    sent: list[Sent] = []
    for due in lane.due:
        one = await _send(deps, sender, batch, due)
        sent.append(one)
        if one.state is DeliveryState.WAITING:
            assert one.due_at is not None
            return Ran(lane, sent, one.due_at)
        if monotonic() - begun > _LANE_RUNS_S or (stopping is not None and stopping.is_set()):
            break
    return Ran(lane, sent, deps.clock.now())


async def _send(deps: NotifyDeps, sender: Sender, batch: _Batch, due: Due) -> Sent:
    body = body_of(due.event)
    headers = headers_of(str(due.event.id), body, secrets=batch.secrets, at=deps.clock.now())
    outcome = await sender.send(batch.endpoint.url, body, headers)
    number = due.attempts + 1
    state, due_at = what_next(
        outcome,
        attempts=number,
        first_at=due.first_at or outcome.at,
        jitter=randbelow(JITTER_RANGE),
    )
    return Sent(due.delivery_id, number, outcome, state, due_at)


async def _record(deps: NotifyDeps, endpoint_id: UUID, ran: Sequence[Ran]) -> None:
    outcomes = [sent.outcome for one in ran for sent in one.sent]
    async with transaction(deps.pool) as tx:
        back = bool(outcomes) and await note_health(tx, endpoint_id, outcomes)
        await store_lanes.record(tx, endpoint_id, ran)
    if back:
        # What waits for a later step of the ladder need not wait any longer.
        async with transaction(deps.pool) as tx:
            await store_lanes.bring_forward(tx, endpoint_id, now=deps.clock.now())


async def note_health(tx: Tx, endpoint_id: UUID, outcomes: Sequence[Outcome]) -> bool:
    """Write down how the endpoint does now; switch it off when it is time.

    True when it is back after a rest.

    Locks: the endpoint's row until `tx` ends, where something is to be written; before any lane.
    """
    well = all(outcome.taken for outcome in outcomes)
    seen = await store.endpoint(tx, endpoint_id)
    if seen is None or (well and not _ails(seen)):
        return False
    before = await store.endpoint(tx, endpoint_id, lock=True)
    if before is None or before.state is Switch.OFF:
        return False
    health = Health(before.failures, before.failing_since, before.resting_until)
    after = health_after(health, outcomes, jitter=randbelow(JITTER_RANGE))
    await store.set_health(tx, endpoint_id, after)
    reason = reason_to_stop(after, outcomes)
    if reason is not None:
        now = max(outcome.at for outcome in outcomes)
        await store.switch_off(tx, endpoint_id, reason=reason, now=now)
    return before.failures >= REST_AFTER and after.failures == 0


def _ails(endpoint: Endpoint) -> bool:
    return endpoint.failures > 0 or endpoint.resting_until is not None

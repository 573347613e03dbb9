"""Tells again: a range, one delivery, or a test; and shows the log."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from coinwell.base import audit
from coinwell.base.db import Tx, transaction
from coinwell.base.ids import new_uuid
from coinwell.notify import store, store_lanes, store_log
from coinwell.notify.carrying import note_health
from coinwell.notify.deps import NotifyDeps
from coinwell.notify.enlisting import act_on, endpoint
from coinwell.notify.refusals import DeliveryUnknown, EndpointOff, NothingToResend, WrongRange
from coinwell.notify.rules import TEST_KIND, trial_body
from coinwell.notify.sending import open_sender
from coinwell.notify.signing import headers_of, secrets_of
from coinwell.notify.types import (
    Attempt,
    Cause,
    Delivery,
    DeliveryState,
    Event,
    Span,
    Switch,
)


async def replay(tx: Tx, endpoint_id: UUID, span: Span, *, by: str, now: datetime) -> int:
    """Send every event of a range again that the endpoint asks for; how many.

    They go behind what waits, each under the id it always had, so that a receiver knows them.

    Refuses: `EndpointUnknown`, `EndpointOff`, `WrongRange`.
    """
    _check(span)
    await _on(tx, endpoint_id)
    first, last, _ = await store.span(tx, span)
    made = await store_lanes.add_again(
        tx,
        endpoint_id,
        cause=Cause.REPLAY.value,
        first=first,
        last=last,
        now=now,
        since=span.since,
        until=span.until,
    )
    replayed = act_on(
        endpoint_id,
        "replayed",
        by=by,
        count=len(made),
        since=None if span.since is None else span.since.isoformat(),
        until=None if span.until is None else span.until.isoformat(),
        first=span.first,
        last=span.last,
    )
    await audit.write(tx, replayed, at=now)
    return len(made)


async def resend(tx: Tx, delivery_id: int, *, by: str, now: datetime) -> Delivery:
    """Send one again. One that still waits is tried now, with all that waits behind it.

    Refuses: `DeliveryUnknown`, `EndpointUnknown`, `EndpointOff`, `NothingToResend`.
    """
    found = await delivery(tx, delivery_id)
    await _on(tx, found.endpoint_id)
    if found.position is None or found.user_id is None:
        raise NothingToResend(delivery_id)
    if found.state is DeliveryState.WAITING:
        await store.rest_no_more(tx, found.endpoint_id)
        await store_lanes.bring_forward(tx, found.endpoint_id, now=now, user_id=found.user_id)
        sent_as = found
    else:
        made = await store_lanes.add_again(
            tx,
            found.endpoint_id,
            cause=Cause.RESEND.value,
            first=found.position,
            last=found.position,
            now=now,
        )
        sent_as = await delivery(tx, made[0])
    resent = act_on(found.endpoint_id, "resent", by=by, delivery_id=delivery_id, sent_as=sent_as.id)
    await audit.write(tx, resent, at=now)
    return sent_as


async def try_out(deps: NotifyDeps, endpoint_id: UUID, *, by: str) -> Delivery:
    """Send a test now, whatever waits, and note in the log what the receiver made of it.

    A success counts as a sign of life; a failure is not held against the endpoint.

    Refuses: `EndpointUnknown`, `EndpointOff`.
    """
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        await _on(tx, endpoint_id)
        found = await endpoint(tx, endpoint_id)
    body = trial_body(now)
    secrets = secrets_of(found, master=deps.settings.master, now=now)
    headers = headers_of(str(new_uuid()), body, secrets=secrets, at=now)
    async with open_sender(deps.clock, private=deps.settings.private) as sender:
        outcome = await sender.send(found.url, body, headers)
    async with transaction(deps.pool) as tx:
        delivery_id = await store_log.add_test(tx, endpoint_id, TEST_KIND, outcome)
        back = outcome.taken and await note_health(tx, endpoint_id, [outcome])
        if back:
            await store_lanes.bring_forward(tx, endpoint_id, now=outcome.at)
        tested = act_on(
            endpoint_id,
            "tested",
            by=by,
            delivery_id=delivery_id,
            taken=outcome.taken,
            status=outcome.status,
        )
        await audit.write(tx, tested, at=outcome.at)
        return await delivery(tx, delivery_id)


async def delivery(tx: Tx, delivery_id: int) -> Delivery:
    """One line of the log.

    Refuses: `DeliveryUnknown`.
    """
    found = await store_log.delivery(tx, delivery_id)
    if found is None:
        raise DeliveryUnknown(delivery_id)
    return found


async def deliveries(
    tx: Tx,
    endpoint_id: UUID,
    *,
    before: int | None = None,
    state: DeliveryState | None = None,
    limit: int = 50,
) -> Sequence[Delivery]:
    """The log of an endpoint, newest first; `before` is the id of the last one seen.

    Refuses: `EndpointUnknown`.
    """
    await endpoint(tx, endpoint_id)
    return await store_log.deliveries(tx, endpoint_id, before=before, state=state, limit=limit)


async def attempts(tx: Tx, delivery_id: int) -> Sequence[Attempt]:
    """Every sending of a delivery, oldest first."""
    return await store_log.attempts(tx, delivery_id)


async def event_at(tx: Tx, position: int) -> Event | None:
    """The event at a position."""
    return await store.event(tx, position)


async def events(
    tx: Tx, *, after: int = 0, user_id: UUID | None = None, limit: int = 100
) -> Sequence[Event]:
    """All events past a position, oldest first: for a receiver that wants to be sure."""
    return await store.events(tx, after=after, user_id=user_id, limit=limit)


async def _on(tx: Tx, endpoint_id: UUID) -> None:
    if (await endpoint(tx, endpoint_id)).state is Switch.OFF:
        raise EndpointOff(endpoint_id)


def _check(span: Span) -> None:
    errors: list[dict[str, str]] = []
    if span.since is None and span.first is None:
        errors.append({"pointer": "", "detail": "Say from which time or position on."})
    if span.since is not None and span.until is not None and span.until < span.since:
        errors.append({"pointer": "/until", "detail": "The range ends before it begins."})
    if span.first is not None and span.last is not None and span.last < span.first:
        errors.append({"pointer": "/last", "detail": "The range ends before it begins."})
    if errors:
        raise WrongRange(errors)

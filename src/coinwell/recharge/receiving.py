"""Takes in what providers send: verify, store, enqueue, and only then say thank you.

A message is a hint to ask. It moves nothing by itself, and losing it loses nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from coinwell.base.db import Tx, transaction
from coinwell.base.jobs import defer
from coinwell.recharge import store, store_events, store_inbox
from coinwell.recharge.deps import Deps
from coinwell.recharge.providers.types import Forged, InboundEvent, PaymentState, ProviderTrouble
from coinwell.recharge.refusals import ProviderUnknown, WebhookForged, WebhookTooLarge
from coinwell.recharge.syncing import sync_order
from coinwell.recharge.types import AttemptState, InboxItem, Order

BODY_BYTES_MAX: Final = 256 * 1024
_HEADERS_KEPT: Final = frozenset(
    {"content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"}
)
_KIND_KNOWN: Final = ("payment.", "refund.", "dispute.")
_ORPHANED_AFTER: Final = timedelta(hours=72)
_WAITS: Final = (10, 30, 120, 600, 3600)


async def receive(deps: Deps, provider: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Verify and store a message; returns how many of its events were new.

    Refuses: `ProviderUnknown`; `WebhookTooLarge`; `WebhookForged`: then nothing is stored.
    """
    known = deps.providers.get(provider)
    if known is None:
        raise ProviderUnknown(provider)
    if len(body) > BODY_BYTES_MAX:
        raise WebhookTooLarge(BODY_BYTES_MAX)
    now = deps.clock.now()
    try:
        events = known.verify_webhook(body, headers, now)
    except Forged as forged:
        raise WebhookForged(provider) from forged
    kept = {name.lower(): text for name, text in headers.items() if name.lower() in _HEADERS_KEPT}
    async with transaction(deps.pool) as tx:
        return await put(tx, deps, provider, events, body=body, headers=kept, via="push")


async def put(  # noqa: PLR0913 - a message, and how it came.
    tx: Tx,
    deps: Deps,
    provider: str,
    events: Sequence[InboundEvent],
    *,
    body: bytes,
    headers: Mapping[str, str],
    via: str,
) -> int:
    """Store events that are new and enqueue the looking; returns how many were new."""
    now, new = deps.clock.now(), 0
    for event in events:
        order_id = await _order_of(tx, provider, event)
        ignored = event.environment != deps.settings.environment or not _matters(event)
        waiting = "pending" if order_id is not None else "parked"
        message = {
            "source": provider,
            "environment": event.environment,
            "external_id": event.external_id,
            "kind": event.kind,
            "payment_id": event.payment_id,
            "order_id": order_id,
            "body": body,
            "now": now,
            "occurred_at": event.occurred_at,
            "state": "ignored" if ignored else waiting,
            "next_attempt_at": now,
            "via": via,
        }
        item_id = await store_inbox.put(tx, message, headers)
        if item_id is None:
            continue
        new += 1
        if order_id is not None:
            await _note(tx, order_id, event.kind, event.external_id, event.payment_id, now)
        if not ignored:
            lock = f"order:{order_id}" if order_id else f"inbox:{item_id}"
            await defer(tx, "recharge.message", lock=lock, item_id=item_id)
    return new


async def work_on(deps: Deps, item_id: int) -> None:
    """Act on one message by looking at its order; safe to run twice."""
    async with transaction(deps.pool) as tx:
        item = await store_inbox.item(tx, item_id)
    if item is None or item.state not in {"pending", "parked"}:
        return
    order_id = item.order_id or await _adopt(deps, item)
    if order_id is None:
        await _park(deps, item)
        return
    await sync_order(deps, order_id)
    # The look may have been overtaken by one that began before this message came.
    async with transaction(deps.pool) as tx:
        if (left := await store_inbox.item(tx, item_id)) and left.state in {"pending", "parked"}:
            await _again(tx, deps, left, order_id)


async def _order_of(tx: Tx, provider: str, event: InboundEvent) -> UUID | None:
    if event.payment_id is None:
        return None
    return await store.order_of_payment(
        tx, provider=provider, environment=event.environment, payment_id=event.payment_id
    )


async def _adopt(deps: Deps, item: InboxItem) -> UUID | None:
    """Whose payment it is: as we know by now, or as the provider says.

    The message may have been quicker than our own commit, or the answer to us was lost.
    """
    if item.payment_id is None or item.source not in deps.providers:
        return None
    async with transaction(deps.pool) as tx:
        order_id = await store.order_of_payment(
            tx,
            provider=item.source,
            environment=item.environment,
            payment_id=item.payment_id,
        )
    if order_id is None:
        try:
            snapshot = await deps.providers[item.source].fetch(item.payment_id)
        except ProviderTrouble:
            return None
        order_id = None if snapshot.state is PaymentState.NONE else snapshot.order_ref
    if order_id is None:
        return None
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order = await store.locked(tx, order_id)
        if order is None or (order.provider, order.environment) != (item.source, item.environment):
            return None
        await _count_in(tx, order, item.payment_id, now)
        await store_inbox.move(tx, item.id, "pending", order_id=order_id, next_attempt_at=now)
        await _note(tx, order_id, item.kind, item.external_id, item.payment_id, now)
    return order_id


async def _count_in(tx: Tx, order: Order, payment_id: str, now: datetime) -> None:
    """Have the looks see a payment of this order that none of its attempts stands for.

    It is the attempt's whose answer was lost. Without one the provider began another payment by
    itself; whoever pays that was charged, too.
    """
    attempts = await store.attempts(tx, order.id)
    if any(one.payment_id == payment_id for one in attempts):
        return
    bare = [
        one for one in attempts if one.payment_id is None and one.state is not AttemptState.REFUSED
    ]
    if not bare:
        await store.insert_attempt(tx, order, len(attempts) + 1, now=now)
        bare = await store.attempts(tx, order.id)
    await store.know(tx, bare[-1], payment_id, None)


async def _park(deps: Deps, item: InboxItem) -> None:
    """Nobody's payment, as far as anyone knows: ask again later, then leave it to a person."""
    now = deps.clock.now()
    old = now >= item.received_at + _ORPHANED_AFTER
    async with transaction(deps.pool) as tx:
        await store_inbox.move(
            tx,
            item.id,
            "failed" if old else "parked",
            order_id=None,
            next_attempt_at=now + _wait(item.attempts),
        )


async def _again(tx: Tx, deps: Deps, item: InboxItem, order_id: UUID) -> None:
    again_at = deps.clock.now() + _wait(item.attempts)
    await store_inbox.move(tx, item.id, "pending", order_id=order_id, next_attempt_at=again_at)


def _wait(attempts: int) -> timedelta:
    return timedelta(seconds=_WAITS[min(attempts, len(_WAITS) - 1)])


def _matters(event: InboundEvent) -> bool:
    return event.kind.startswith(_KIND_KNOWN)


async def _note(
    tx: Tx, order_id: UUID, kind: str, external_id: str, payment_id: str | None, now: datetime
) -> None:
    body = {"message": external_id, "kind": kind}
    refs = [external_id, payment_id]
    await store_events.add(
        tx, order_id, at=now, source="provider", kind="message", body=body, refs=refs
    )

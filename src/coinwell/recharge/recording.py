"""Records what the ledger made of a frozen step, in the transaction that settles the intent."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.ledger import Intent, IntentState, Recorder
from coinwell.recharge import postings, store, store_events, store_refunds
from coinwell.recharge.noting import tell
from coinwell.recharge.types import Order, OrderState, Refund, RefundState

_RETRY_AFTER: Final = timedelta(seconds=30)
_PERSON_AFTER: Final = timedelta(hours=1)


async def record(tx: Tx, intent: Intent) -> None:
    """Record the outcome of one of this room's intents; safe to run twice.

    Locks: the order's row, until `tx` ends.
    """
    assert intent.room == postings.ROOM
    assert intent.settled_at is not None
    now = intent.settled_at
    order = await store.locked(tx, UUID(intent.subject))
    assert order is not None, "an order is never deleted"
    posted = intent.state is IntentState.POSTED
    await _note(tx, order, intent, now)
    if intent.step == postings.CREDIT:
        await _credit(tx, order, intent, posted=posted, now=now)
        return
    _, number, part = intent.step.split(":")
    refunds = await store_refunds.of_order(tx, order.id)
    refund = next(one for one in refunds if one.number == int(number))
    match part:
        case "reserve":
            await _reserve(tx, order, refund, posted=posted, now=now)
        case "post":
            await _post(tx, order, refund, posted=posted, now=now)
        case _:
            await _release(tx, order, refund, failed=part == "void", now=now)


RECORDERS: Final[Mapping[str, Recorder]] = MappingProxyType({postings.ROOM: record})
"""What the ledger's sweeper calls to finish this room's intents."""


async def _note(tx: Tx, order: Order, intent: Intent, now: datetime) -> None:
    status = "none" if intent.status is None else intent.status.name
    transfers = [str(transfer.id) for transfer in intent.transfers]
    body = {
        "step": intent.step,
        "attempt": intent.attempt,
        "status": status,
        "transfers": transfers,
    }
    await store_events.add(
        tx,
        order.id,
        at=now,
        source="us",
        kind=f"intent_{intent.state.value}",
        body=body,
        refs=[str(intent.id), *transfers],
    )


async def _credit(tx: Tx, order: Order, intent: Intent, *, posted: bool, now: datetime) -> None:
    if not posted:
        # Captured money is not given up: the next look freezes another attempt.
        await store.mark_credit_refused(tx, order.id, intent.id, again_at=now + _RETRY_AFTER)
        return
    if await store.mark_credited(tx, order.id, intent.id, now=now):
        await tell(tx, order, OrderState.CREDITED, now=now)


async def _reserve(tx: Tx, order: Order, refund: Refund, *, posted: bool, now: datetime) -> None:
    if refund.state is not RefundState.RESERVING:
        return
    if posted:
        await store_refunds.move(tx, refund.id, RefundState.RESERVED, next_check_at=now)
        return
    await store_refunds.move(
        tx, refund.id, RefundState.REFUSED, next_check_at=None, finished_at=now
    )
    await _stays_credited(tx, order, now)


async def _post(tx: Tx, order: Order, refund: Refund, *, posted: bool, now: datetime) -> None:
    if refund.state is not RefundState.POSTING:
        return
    if not posted:
        # The money is back with the buyer and the coins are not: a person has to look.
        again_at = now + _PERSON_AFTER
        await store_refunds.move(tx, refund.id, RefundState.POSTING, next_check_at=again_at)
        return
    await store_refunds.move(tx, refund.id, RefundState.DONE, next_check_at=None, finished_at=now)
    await store.take(tx, order.id, coins=refund.coins, state=OrderState.REVERSED, now=now)
    await tell(tx, order, OrderState.REVERSED, now=now, more={"refund_id": str(refund.id)})


async def _release(tx: Tx, order: Order, refund: Refund, *, failed: bool, now: datetime) -> None:
    if refund.state is not RefundState.VOIDING:
        return
    state = RefundState.FAILED if failed else RefundState.REFUSED
    await store_refunds.move(tx, refund.id, state, next_check_at=None, finished_at=now)
    await _stays_credited(tx, order, now)


async def _stays_credited(tx: Tx, order: Order, now: datetime) -> None:
    """The coins stay; the next look says whether anything else is to be said."""
    await store.set_state(tx, order.id, OrderState.CREDITED, now=now, next_check_at=now)

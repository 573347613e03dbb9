"""Everything known about one recharge, in order: our steps, the provider's news, the postings."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from coinwell.base.clock import from_ns
from coinwell.base.db import Pool, transaction
from coinwell.ledger import Kind, Ledger, TransferFlags, currency_of_ledger, intents
from coinwell.recharge import postings, store_events
from coinwell.recharge.reading import order_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline. `source` is user, operator, us, provider or ledger."""

    at: datetime
    source: str
    kind: str
    facts: dict[str, Any]


async def timeline(pool: Pool, ledger: Ledger, order_id: UUID) -> list[Entry]:
    """The whole story of an order, oldest first; of one instant, in the order it was written.

    Refuses: `RechargeUnknown`.
    """
    async with transaction(pool) as tx:
        await order_of(tx, order_id)
        told = await store_events.of_order(tx, order_id)
        frozen = await intents(tx, room=postings.ROOM, subject=str(order_id))
    ids = [transfer.id for intent in frozen for transfer in intent.transfers]
    posted = await ledger.lookup_transfers(ids) if ids else []
    entries = [Entry(one.at, one.source, one.kind, one.body) for one in told]
    entries += [
        Entry(
            from_ns(one.timestamp),
            "ledger",
            "transfer",
            {
                "id": str(one.id),
                "what": Kind(one.code).name.lower(),
                "amount": one.amount,
                "of": currency_of_ledger(one.ledger) or "coins",
                "phase": _phase(one.flags),
            },
        )
        for one in posted
    ]
    return sorted(entries, key=lambda entry: entry.at)


def _phase(flags: TransferFlags) -> str:
    if flags & TransferFlags.PENDING:
        return "held"
    if flags & TransferFlags.VOID_PENDING_TRANSFER:
        return "released"
    return "moved"

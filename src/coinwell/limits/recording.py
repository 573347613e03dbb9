"""Records what the ledger made of this room's intents, in the transaction that settles them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.ledger import Intent, IntentState, Recorder
from coinwell.limits import postings, store, store_money
from coinwell.limits.store_money import State

ROOM_STEP: Final = "room"
HOLD_STEP: Final = "hold"
TAKE_STEP: Final = "take"
FREE_STEP: Final = "free"


async def record(tx: Tx, intent: Intent) -> None:
    """Record the outcome of one of this room's intents; safe to run twice.

    Locks: the rows of the windows, or of the recharge and its person, until `tx` ends.
    """
    assert intent.room == postings.ROOM
    assert intent.settled_at is not None
    posted = intent.state is IntentState.POSTED
    if intent.step == ROOM_STEP:
        await store.mark_adjusted(tx, intent.subject, opened=posted, now=intent.settled_at)
        return
    recharge_id = UUID(intent.subject)
    one = await store_money.recharge(tx, recharge_id)
    assert one is not None, "a recharge is never deleted"
    if intent.step == HOLD_STEP:
        await store_money.mark_held(tx, recharge_id, State.HELD if posted else State.REFUSED)
        if not posted:
            await store_money.end_holds(tx, recharge_id, State.FREE)
        return
    # Ending a hold is never refused: it names what is there, and nobody else ends it.
    assert posted, "a hold ends once"
    ended = State.TAKEN if intent.step == TAKE_STEP else State.FREE
    await store.mark_adjusted(tx, intent.subject, opened=True, now=intent.settled_at)
    await store_money.end_holds(tx, recharge_id, ended)
    await store.mark(tx, one.user_id, now=intent.settled_at)


RECORDERS: Final[Mapping[str, Recorder]] = MappingProxyType({postings.ROOM: record})
"""What the ledger's sweeper calls to finish this room's intents."""

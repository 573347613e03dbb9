"""Takes news out of the outbox and makes events of it, with all that follows from them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from coinwell.base import outbox
from coinwell.base.db import Tx, transaction
from coinwell.base.outbox import News
from coinwell.notify import store, store_lanes, store_messages
from coinwell.notify.deps import NotifyDeps
from coinwell.notify.types import Event
from coinwell.notify.words import WORDS

AT_ONCE: Final = 500


async def take(deps: NotifyDeps, *, limit: int = AT_ONCE) -> int:
    """Make events of the oldest news, number them, and say who is to be told; how many.

    All in one transaction: news is either still in the outbox, or it is an event with its
    deliveries and its message.

    Locks: the head's row; who finds it taken goes away with nothing.
    """
    async with transaction(deps.pool) as tx:
        position = await store.try_head(tx)
        if position is None:
            return 0
        news = await outbox.take(tx, limit=limit)
        if not news:
            return 0
        counts = await store.count_on(tx, [one.subject for one in news])
        events = _numbered(news, position, counts)
        await store.add_events(tx, events)
        await store.move_head(tx, events[-1].position)
        await _tell(tx, events, deps.clock.now())
    return len(events)


def _numbered(news: Sequence[News], position: int, counts: Mapping[UUID, int]) -> list[Event]:
    """Number news on from `position`, and each user's on from before what `counts` ends with."""
    told = Counter(one.subject for one in news)
    sequences = {user_id: counts[user_id] - told[user_id] for user_id in told}
    events: list[Event] = []
    for place, one in enumerate(news, start=position + 1):
        sequences[one.subject] += 1
        events.append(
            Event(place, one.id, one.subject, sequences[one.subject], one.kind, one.body, one.at)
        )
    return events


async def _tell(tx: Tx, events: Sequence[Event], now: datetime) -> None:
    first, last = events[0].position, events[-1].position
    await store_lanes.add_for_events(tx, first=first, last=last, now=now)
    concerning = [event for event in events if event.kind in WORDS]
    if concerning:
        await store_messages.add(tx, concerning)

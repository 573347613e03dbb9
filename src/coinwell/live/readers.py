"""The readers of the ledger's feed that this room has: what it shows, and whom it tells.

`live.rooms` can be made again at any time. `live.news` tells the host app, once for each gift.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from coinwell.base.clock import from_ns
from coinwell.base.db import Tx
from coinwell.base.ids import hashed_id
from coinwell.base.outbox import News, record_all
from coinwell.catalog import Gift, gifts_of
from coinwell.ledger import Reader
from coinwell.live import store_events
from coinwell.live.projecting import FedGift, gifts_among, project

_NEWS_AT_ONCE: Final = 1_000


async def tell_news(tx: Tx, gifts: Sequence[FedGift]) -> None:
    """Write down for the host app that each gift was sent, and that it was received."""
    versions = await gifts_of(tx, {one.gift_number for one in gifts})
    news: list[News] = []
    for one in gifts:
        body, at = _body(one, versions), from_ns(one.at_ns)
        for kind, about in (("gift.sent", one.sender_id), ("gift.received", one.creator_id)):
            # A function of the gift, so that what is told again after a restore is known again.
            id_ = UUID(int=hashed_id(kind, one.transfer_id))
            news.append(News(id_, kind, UUID(int=about), body, at))
    await record_all(tx, news)


def _body(one: FedGift, versions: Mapping[int, Gift]) -> dict[str, Any]:
    # Whoever writes to the ledger by hand can name a gift that never was; it is told all the same.
    version = versions.get(one.gift_number)
    return {
        "gift_transfer_id": str(UUID(int=one.transfer_id)),
        "room_id": str(UUID(int=one.room_id)),
        "sender_id": str(UUID(int=one.sender_id)),
        "creator_id": str(UUID(int=one.creator_id)),
        "gift_id": None if version is None else version.id,
        "gift_name": None if version is None else version.name,
        "count": one.count,
        "coins": one.coins,
        "at": from_ns(one.at_ns).isoformat(),
    }


READERS: Final[tuple[Reader, ...]] = (
    Reader("live.rooms", project, store_events.clear, learn=gifts_among),
    Reader("live.news", tell_news, None, batch_max=_NEWS_AT_ONCE, learn=gifts_among),
)

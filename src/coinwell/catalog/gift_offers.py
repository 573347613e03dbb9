"""Which gifts are on offer now, and what any gift ever given was."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.catalog import store_gifts
from coinwell.catalog.types import Gift, GiftOffer, Publication


async def gifts(tx: Tx, *, now: datetime) -> tuple[Gift, ...]:
    """The gifts on offer, in the order of the panel; empty before any are published."""
    found = await gift_offer(tx, now=now)
    return (found.gifts or ()) if found else ()


async def gift_offer(tx: Tx, *, now: datetime, known: Collection[UUID] = ()) -> GiftOffer | None:
    """The publication in force, and its gifts unless it is one of those `known` already."""
    publication_id = await store_gifts.gift_publication_in_force(tx, now)
    if publication_id is None:
        return None
    if publication_id in known:
        return GiftOffer(publication_id, None)
    found = await store_gifts.gifts_of_publication(tx, publication_id)
    return GiftOffer(publication_id, tuple(found))


async def gift_of(tx: Tx, number: int) -> Gift | None:
    """The version of that number, on offer or not."""
    return (await gifts_of(tx, [number])).get(number)


async def gifts_of(tx: Tx, numbers: Collection[int]) -> Mapping[int, Gift]:
    """The versions of those numbers, by number; what was never published is left out."""
    if not numbers:
        return {}
    found = await store_gifts.gifts_by_numbers(tx, sorted(set(numbers)))
    return {gift.number: gift for gift in found}


async def gift_publications(tx: Tx, *, limit: int = 20) -> list[Publication]:
    """The last publications of gifts, newest first."""
    return await store_gifts.gift_publications(tx, limit=limit)


async def gifts_of_publication(tx: Tx, publication: Publication) -> tuple[Gift, ...]:
    """Everything that one publication put on offer."""
    return tuple(await store_gifts.gifts_of_publication(tx, publication.id))

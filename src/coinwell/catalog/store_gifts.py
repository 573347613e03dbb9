"""The SQL over gifts: versions that never change, and which of them are on offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Tx, row, rows, run
from coinwell.catalog.types import Gift, Publication

# Publishing is rare; one at a time keeps the versions counted.
_LOCK = "LOCK TABLE catalog.gift_publication IN SHARE ROW EXCLUSIVE MODE"

_PUBLICATIONS = """
    SELECT id, version, digest, valid_from, published_at, published_by
    FROM catalog.gift_publication ORDER BY version DESC LIMIT %(limit)s
"""

_ADD_PUBLICATION = """
    INSERT INTO catalog.gift_publication
        (id, version, digest, valid_from, published_at, published_by)
    VALUES (%(id)s, %(version)s, %(digest)s, %(valid_from)s, %(published_at)s, %(published_by)s)
"""

# A version that is there already is the same gift: its number is a hash of what it is.
_ADD_GIFTS = """
    INSERT INTO catalog.gift (number, id, name, coins, art, published_at)
    SELECT number, id, name, coins, art, %(at)s FROM unnest(
        %(numbers)s::bigint[], %(ids)s::text[], %(names)s::text[], %(coins)s::bigint[],
        %(arts)s::text[]
    ) AS wanted (number, id, name, coins, art)
    ON CONFLICT (number) DO NOTHING
"""

_ADD_OFFERS = """
    INSERT INTO catalog.gift_offer (publication_id, place, id, number)
    SELECT %(publication_id)s, place, id, number
    FROM unnest(%(ids)s::text[], %(numbers)s::bigint[]) WITH ORDINALITY
        AS wanted (id, number, place)
"""

_PUBLICATION_IN_FORCE = """
    SELECT id FROM catalog.gift_publication WHERE valid_from <= %(now)s
    ORDER BY valid_from DESC, version DESC LIMIT 1
"""

_OF_PUBLICATION = """
    SELECT gift.number, gift.id, gift.name, gift.coins, gift.art
    FROM catalog.gift_offer AS offer JOIN catalog.gift USING (number)
    WHERE offer.publication_id = %(id)s ORDER BY offer.place
"""

_BY_NUMBERS = """
    SELECT number, id, name, coins, art FROM catalog.gift WHERE number = ANY (%(numbers)s)
"""


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


async def lock_gifts(tx: Tx) -> None:
    """Let nobody else publish gifts until `tx` ends.

    Locks: the table of gift publications, against other writers only.
    """
    await run(tx, _LOCK)


async def gift_publications(tx: Tx, *, limit: int) -> list[Publication]:
    """The last publications of gifts, newest first."""
    return await rows(tx, Publication, _PUBLICATIONS, {"limit": limit})


async def add_gift_publication(tx: Tx, head: Publication, gifts: Sequence[Gift]) -> None:
    """Write a publication, the versions that are new with it, and what it puts on offer."""
    await run(
        tx,
        _ADD_PUBLICATION,
        {
            "id": head.id,
            "version": head.version,
            "digest": head.digest,
            "valid_from": head.valid_from,
            "published_at": head.published_at,
            "published_by": head.published_by,
        },
    )
    wanted = {
        "publication_id": head.id,
        "at": head.published_at,
        "numbers": [gift.number for gift in gifts],
        "ids": [gift.id for gift in gifts],
        "names": [gift.name for gift in gifts],
        "coins": [gift.coins for gift in gifts],
        "arts": [gift.art for gift in gifts],
    }
    await run(tx, _ADD_GIFTS, wanted)
    await run(tx, _ADD_OFFERS, wanted)


async def gift_publication_in_force(tx: Tx, now: datetime) -> UUID | None:
    """The id of the publication of gifts that holds now."""
    found = await row(tx, _Id, _PUBLICATION_IN_FORCE, {"now": now})
    return None if found is None else found.id


async def gifts_of_publication(tx: Tx, publication_id: UUID) -> list[Gift]:
    """What one publication puts on offer, in its order."""
    return await rows(tx, Gift, _OF_PUBLICATION, {"id": publication_id})


async def gifts_by_numbers(tx: Tx, numbers: Sequence[int]) -> list[Gift]:
    """Those versions that exist, on offer or not."""
    return await rows(tx, Gift, _BY_NUMBERS, {"numbers": list(numbers)})

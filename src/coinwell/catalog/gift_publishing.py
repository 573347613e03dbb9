"""Puts gifts on offer: a new version of everything, nothing ever changed."""

from datetime import datetime
from importlib import resources

from coinwell.base import audit
from coinwell.base.db import Tx
from coinwell.base.ids import new_uuid
from coinwell.catalog import store, store_gifts
from coinwell.catalog.gift_drafts import drawings, gift_from, lint_gifts, read_gifts
from coinwell.catalog.publishing import SEED
from coinwell.catalog.types import (
    Finding,
    Gift,
    GiftsDraft,
    GiftsFaulty,
    PriceList,
    Publication,
    StartsInThePast,
)


async def publish_gifts(
    tx: Tx, draft: GiftsDraft, *, now: datetime, by: str, valid_from: datetime | None = None
) -> Publication:
    """Publish a draft as the next version, in force from `valid_from` (at once, if not given).

    A gift that is as it was keeps its number; what was given keeps naming its version.

    Locks: the table of gift publications against other publishers, until `tx` ends.
    Refuses: `GiftsFaulty` if lint finds anything; `StartsInThePast`.
    """
    await store_gifts.lock_gifts(tx)
    wanted = [gift_from(gift) for gift in draft.gifts]
    findings = lint_gifts(draft, lists=await _lists(tx), art=drawings())
    findings += await _taken(tx, wanted)
    if findings:
        raise GiftsFaulty(findings)
    begins_at = valid_from or now
    if begins_at < now:
        raise StartsInThePast(begins_at)
    last = await store_gifts.gift_publications(tx, limit=1)
    head = Publication(
        id=new_uuid(),
        version=last[0].version + 1 if last else 1,
        digest=draft.digest,
        valid_from=begins_at,
        published_at=now,
        published_by=by,
    )
    await store_gifts.add_gift_publication(tx, head, wanted)
    published = audit.Act(
        who=by,
        act="gifts.published",
        object=f"gift_publication:{head.id}",
        after=draft.digest,
        facts={"version": head.version, "valid_from": begins_at.isoformat()},
    )
    await audit.write(tx, published, at=now)
    return head


async def seed_gifts(tx: Tx, now: datetime) -> Publication | None:
    """Publish the gifts that ship with Coinwell, where that is wanted.

    It is when none are on offer yet, and again when the shipped file has changed and nobody has
    published gifts of their own since. Returns None if there was nothing to do.
    """
    await store_gifts.lock_gifts(tx)
    draft = seed_gifts_draft()
    last = await store_gifts.gift_publications(tx, limit=1)
    if last and (last[0].published_by != SEED or last[0].digest == draft.digest):
        return None
    return await publish_gifts(tx, draft, now=now, by=SEED)


def seed_gifts_draft() -> GiftsDraft:
    """The gifts that ship with Coinwell."""
    return read_gifts(resources.files("coinwell.catalog").joinpath("gifts.toml").read_bytes())


async def _lists(tx: Tx) -> list[PriceList]:
    # The newest, in force or still to come: what is being published is for then.
    newest = await store.publications(tx, limit=1)
    return await store.price_lists_of(tx, newest[0].id) if newest else []


async def _taken(tx: Tx, wanted: list[Gift]) -> list[Finding]:
    """Codes: gift_number_taken."""
    known = await store_gifts.gifts_by_numbers(tx, [gift.number for gift in wanted])
    by_number = {gift.number: gift for gift in known}
    return [
        Finding("gift_number_taken", gift.id, "An older gift has the same number.")
        for gift in wanted
        if by_number.get(gift.number, gift) != gift
    ]

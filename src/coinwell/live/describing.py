"""What a statement says of gifts: what, how many, to whom."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.catalog import gifts_of
from coinwell.ledger import Kind, Transfer
from coinwell.live import store
from coinwell.live.rules import count_of, number_of
from coinwell.users import display_names
from coinwell.wallet import Describer


async def gift_words(tx: Tx, transfers: Sequence[Transfer]) -> Mapping[int, str]:
    """Plain words for the gifts among a page's transfers, in three queries."""
    versions = await gifts_of(tx, {number_of(transfer) for transfer in transfers})
    held = {UUID(int=transfer.user_data_128) for transfer in transfers}
    rooms = {room.id.int: room for room in await store.by_ids(tx, held)}
    names = await display_names(tx, {room.creator_id for room in rooms.values()})
    words: dict[int, str] = {}
    for transfer in transfers:
        gift = versions.get(number_of(transfer))
        room = rooms.get(transfer.user_data_128)
        if gift is None or room is None:
            continue
        count = count_of(transfer)
        # The sign people read, not the letter.
        named = gift.name if count == 1 else f"{gift.name} \N{MULTIPLICATION SIGN} {count:,}"
        words[transfer.id] = f"{named} to {names[room.creator_id]}"
    return words


DESCRIBERS: Mapping[int, Describer] = {int(Kind.GIFT): gift_words}

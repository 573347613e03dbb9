"""Writes down what coins cost, in the transaction that freezes the purchase."""

from collections.abc import Sequence
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.wallet import store
from coinwell.wallet.types import Lot, LotClash


async def name_lot(tx: Tx, lot: Lot) -> None:
    """Write the terms of a lot, once; the same again changes nothing.

    The credit transfer must carry the lot's id in `user_data_128`, with the code RECHARGE for
    paid coins and another one (BONUS) for promotional ones.

    Refuses: `LotClash` if the order has a lot of that kind with other terms.
    """
    if await store.add(tx, lot):
        return
    # A later attempt has another transfer and another moment, but the same terms.
    for known in await store.of_orders(tx, [lot.id]):
        if known.kind is lot.kind and _terms(known) != _terms(lot):
            raise LotClash(lot.id)


async def lots_of_orders(tx: Tx, ids: Sequence[UUID]) -> list[Lot]:
    """The terms of some orders' lots, in no particular order."""
    return await store.of_orders(tx, ids)


async def lots_of_user(tx: Tx, user_id: UUID) -> list[Lot]:
    """The terms of all lots of a user, in no particular order."""
    return await store.of_user(tx, user_id)


def _terms(lot: Lot) -> tuple[object, ...]:
    return lot.user_id, lot.coins, lot.price

"""The only SQL over the wallet's table: the terms of lots."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from coinwell.base.db import Tx, rows, run, value
from coinwell.base.money import Money
from coinwell.wallet.types import Lot, LotKind

_ADD = """
    INSERT INTO wallet.lot (
        id, kind, user_id, coins, price_minor, currency, granted_at, transfer_id
    ) VALUES (
        %(id)s, %(kind)s, %(user_id)s, %(coins)s, %(price_minor)s, %(currency)s,
        %(granted_at)s, %(transfer_id)s
    ) ON CONFLICT ON CONSTRAINT an_order_makes_one_lot_of_a_kind DO NOTHING
"""

_OF_ORDERS = """
    SELECT id, kind, user_id, coins, price_minor, currency, granted_at, transfer_id
    FROM wallet.lot WHERE id = ANY (%(ids)s)
"""

_OF_USER = """
    SELECT id, kind, user_id, coins, price_minor, currency, granted_at, transfer_id
    FROM wallet.lot WHERE user_id = %(user_id)s
"""

_COUNT_OF_USER = "SELECT count(*) FROM wallet.lot WHERE user_id = %(user_id)s"


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    kind: str
    user_id: UUID
    coins: int
    price_minor: int | None
    currency: str | None
    granted_at: datetime
    transfer_id: Decimal


async def add(tx: Tx, lot: Lot) -> bool:
    """Write a lot's terms; False if the order already has a lot of that kind."""
    written = await run(
        tx,
        _ADD,
        {
            "id": lot.id,
            "kind": lot.kind.value,
            "user_id": lot.user_id,
            "coins": lot.coins,
            "price_minor": lot.price.minor if lot.price else None,
            "currency": lot.price.currency if lot.price else None,
            "granted_at": lot.granted_at,
            "transfer_id": lot.transfer_id,
        },
    )
    return written == 1


async def of_orders(tx: Tx, ids: Sequence[UUID]) -> list[Lot]:
    """The lots of some orders, in no particular order."""
    return [_lot(row) for row in await rows(tx, _Row, _OF_ORDERS, {"ids": list(ids)})]


async def of_user(tx: Tx, user_id: UUID) -> list[Lot]:
    """All lots of a user, in no particular order."""
    return [_lot(row) for row in await rows(tx, _Row, _OF_USER, {"user_id": user_id})]


async def count_of_user(tx: Tx, user_id: UUID) -> int:
    """How many lots a user has."""
    return await value(tx, _COUNT_OF_USER, {"user_id": user_id})


def _lot(row: _Row) -> Lot:
    price = None
    if row.price_minor is not None and row.currency is not None:
        price = Money(row.price_minor, row.currency)
    return Lot(
        id=row.id,
        user_id=row.user_id,
        kind=LotKind(row.kind),
        coins=row.coins,
        price=price,
        granted_at=row.granted_at,
        transfer_id=int(row.transfer_id),
    )

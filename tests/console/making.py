"""Operators and things to decide about, for the console's tests."""

from dataclasses import dataclass
from uuid import UUID

from coinwell.base.db import Pool, transaction, value
from coinwell.console.proposing import adjust_wanted, propose, refund_wanted
from coinwell.console.types import Proposal
from coinwell.recharge import Order, order_of, sync_order
from coinwell.users import NewOperator, OperatorCaller, Role, create_operator
from tests.recharge.making import House
from tests.users.make import NOON

NOTE = "They wrote twice."


async def operator(pool: Pool, name: str, role: Role = Role.FINANCE) -> OperatorCaller:
    """Somebody who works here."""
    new = NewOperator(f"{name}@example.org", name.title(), role, "a long enough password")
    async with transaction(pool) as tx:
        made = await create_operator(tx, new, by="test", now=NOON)
    return OperatorCaller(made.id, made.email, made.display_name, made.role)


@dataclass
class Desk:
    """A house with two people at the console, and one who may only look."""

    house: House
    ana: OperatorCaller
    ben: OperatorCaller
    sue: OperatorCaller

    async def credited(self, key: str = "key-1", pack: str = "coins-350") -> Order:
        """A recharge that is paid and credited."""
        order = await self.house.begin(key, pack_id=pack)
        assert order.payment_id is not None
        self.house.provider.payments[order.payment_id].capture()
        return await sync_order(self.house.deps, order.id)

    async def adjustment(self, coins: int, by: OperatorCaller | None = None) -> Proposal:
        """A proposal to give or take coins of the house's viewer."""
        wanted = adjust_wanted(self.house.viewer.id, coins, reason_code="compensation", note=NOTE)
        async with transaction(self.house.deps.pool) as tx:
            return await propose(tx, wanted, by=by or self.ana, now=self.house.deps.clock.now())

    async def refund(self, order: Order, by: OperatorCaller | None = None) -> Proposal:
        """A proposal to refund a recharge."""
        async with transaction(self.house.deps.pool) as tx:
            there = await order_of(tx, order.id)
            wanted = refund_wanted(there, reason_code="asked", note=NOTE)
            return await propose(tx, wanted, by=by or self.ana, now=self.house.deps.clock.now())

    async def acts(self, act: str) -> int:
        """How many acts of one kind the audit log has."""
        async with transaction(self.house.deps.pool) as tx:
            sql = "SELECT count(*) FROM base.audit WHERE act = %(act)s"
            return int(await value(tx, sql, {"act": act}))


async def open_desk(house: House) -> Desk:
    """Two of finance and one of support."""
    pool = house.deps.pool
    return Desk(
        house,
        await operator(pool, "ana"),
        await operator(pool, "ben"),
        await operator(pool, "sue", Role.SUPPORT),
    )


def subject(order_id: UUID) -> str:
    """How a recharge is named as what a proposal is about."""
    return f"recharge:{order_id}"

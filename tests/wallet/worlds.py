"""Wallets in a real ledger: recharges, spendings, refunds as the rooms above would post them."""

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.base.ids import hashed_id
from coinwell.base.money import Money
from coinwell.ledger import (
    AMOUNT_MAX,
    LEDGER_COINS,
    Code,
    CreateTransferStatus,
    Kind,
    Ledger,
    Transfer,
    TransferFlags,
    account_id,
    debt_account,
    platform_account,
    wallet_account,
)
from coinwell.wallet import Lot, LotKind, name_lot


@dataclass
class World:
    pool: Pool
    ledger: Ledger
    clock: StillClock
    user_id: UUID = field(default_factory=uuid4)
    opened: bool = False

    @property
    def wallet(self) -> int:
        return wallet_account(self.user_id).id

    async def open(self) -> None:
        if not self.opened:
            platform = [Code.ISSUED, Code.REDEEMED, Code.RETURNED]
            accounts = [platform_account(code, LEDGER_COINS) for code in platform]
            await self.ledger.create_accounts(
                [*accounts, wallet_account(self.user_id), debt_account(self.user_id)]
            )
            self.opened = True

    async def post(self, *transfers: Transfer) -> None:
        await self.open()
        self.clock.advance(seconds=1)
        results = await self.ledger.create_transfers(transfers)
        assert {result.status for result in results} == {CreateTransferStatus.CREATED}

    async def recharge(self, coins: int, minor: int, currency: str = "USD", bonus: int = 0) -> UUID:
        order = uuid4()
        now = self.clock.now()
        price = Money(minor, currency)
        async with transaction(self.pool) as tx:
            lot = Lot(order, self.user_id, LotKind.PAID, coins, price, now, order.int)
            await name_lot(tx, lot)
            if bonus:
                free = Lot(order, self.user_id, LotKind.PROMOTIONAL, bonus, None, now, order.int)
                await name_lot(tx, free)
        chain = [self.transfer(Code.ISSUED, self.wallet, coins, Kind.RECHARGE, order)]
        if bonus:
            chain.append(self.transfer(Code.ISSUED, self.wallet, bonus, Kind.BONUS, order))
        await self.post(*chain)
        return order

    async def spend(self, coins: int) -> int:
        moved = self.transfer(self.wallet, Code.REDEEMED, coins, Kind.SPEND, None)
        await self.post(moved)
        return moved.id

    async def hold(self, coins: int, *, for_s: int = 0) -> int:
        moved = self.transfer(
            self.wallet, Code.REDEEMED, coins, Kind.SPEND, None,
            flags=TransferFlags.PENDING, timeout=for_s,
        )  # fmt: skip
        await self.post(moved)
        return moved.id

    async def end(self, hold_id: int, *, keep: int = 0) -> None:
        flag = TransferFlags.POST_PENDING_TRANSFER if keep else TransferFlags.VOID_PENDING_TRANSFER
        made = hashed_id("end", hold_id)
        await self.post(Transfer(id=made, pending_id=hold_id, amount=keep, flags=flag))

    async def reserve(self, order: UUID, coins: int) -> int:
        moved = self.transfer(
            self.wallet, Code.RETURNED, coins, Kind.REFUND, order, flags=TransferFlags.PENDING
        )
        await self.post(moved)
        return moved.id

    async def refund(self, order: UUID, coins: int) -> None:
        debt = debt_account(self.user_id).id
        await self.post(
            self.transfer(debt, Code.RETURNED, coins, Kind.REFUND, order,
                          flags=TransferFlags.LINKED),
            self.transfer(self.wallet, debt, AMOUNT_MAX, Kind.RECOVERY, order,
                          flags=TransferFlags.BALANCING_DEBIT | TransferFlags.BALANCING_CREDIT),
        )  # fmt: skip

    def transfer(
        self,
        debit: int | Code,
        credit: int | Code,
        amount: int,
        kind: Kind,
        order: UUID | None,
        *,
        flags: TransferFlags = TransferFlags.NONE,
        timeout: int = 0,
    ) -> Transfer:
        def of(side: int | Code) -> int:
            if isinstance(side, Code):
                return account_id(side, "platform", LEDGER_COINS)
            return side

        return Transfer(
            id=uuid4().int,
            debit_account_id=of(debit),
            credit_account_id=of(credit),
            amount=amount,
            user_data_128=order.int if order else 0,
            ledger=LEDGER_COINS,
            code=int(kind),
            flags=flags,
            timeout=timeout,
        )

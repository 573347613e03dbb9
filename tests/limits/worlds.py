"""People with coins who spend as a room above would: guard, chain, legs; and what came of it."""

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID, uuid4

from msgspec.structs import replace

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.base.money import Money
from coinwell.catalog import seed
from coinwell.ledger import (
    LEDGER_COINS,
    Account,
    Code,
    CreateTransferStatus,
    Kind,
    Ledger,
    Transfer,
    TransferFlags,
    advance,
    owned_account,
    platform_account,
    sweep,
    wallet_account,
)
from coinwell.limits import (
    READER,
    RECORDERS,
    Change,
    Limit,
    LimitKind,
    LimitName,
    LimitsDeps,
    Mode,
    Period,
    SpendGuard,
    confirm_raise,
    finish_recharge,
    hold_recharge,
    limits_of,
    open_windows,
    recharge_room,
    reserve_recharge,
    set_limit,
    spend_guards,
)
from coinwell.limits import jobs as limits_jobs
from coinwell.users import NewUser, create_user

RICH = 10**9


@dataclass
class World:
    """One user with a billion coins, and a creator who gets the gifts."""

    pool: Pool
    ledger: Ledger
    clock: StillClock
    zone: str = "UTC"
    user_id: UUID = field(default_factory=uuid4)
    creator_id: UUID = field(default_factory=uuid4)

    async def begin(self) -> "World":
        """Register the user and fill the wallet."""
        new = NewUser(
            external_id=f"ana-{self.user_id}",
            display_name="Ana",
            country="DE",
            time_zone=self.zone,
            birth_on=date(1995, 5, 5),
        )
        async with transaction(self.pool) as tx:
            self.user_id = (await create_user(tx, new, now=self.clock.now())).id
            await seed(tx, now=self.clock.now())
        return await self.fill()

    async def fill(self) -> "World":
        """A billion coins for a user who is registered already."""
        issued = platform_account(Code.ISSUED, LEDGER_COINS)
        await self.ledger.create_accounts([issued, self.wallet, self.earned])
        full = Transfer(
            id=uuid4().int,
            debit_account_id=issued.id,
            credit_account_id=self.wallet.id,
            amount=RICH,
            ledger=LEDGER_COINS,
            code=int(Kind.RECHARGE),
        )
        await self.ledger.create_transfers([full])
        return self

    @property
    def wallet(self) -> Account:
        return wallet_account(self.user_id)

    @property
    def earned(self) -> Account:
        return owned_account(Code.EARNED, self.creator_id)

    @property
    def deps(self) -> LimitsDeps:
        return LimitsDeps(self.pool, self.ledger, self.clock)

    def name(self, period: Period = Period.DAY, kind: LimitKind = LimitKind.COINS) -> LimitName:
        return LimitName(self.user_id, kind, period)

    async def set(
        self,
        amount: int,
        period: Period = Period.DAY,
        mode: Mode = Mode.STOP,
        kind: LimitKind = LimitKind.COINS,
        currency: str | None = None,
    ) -> Change:
        return await set_limit(
            self.pool,
            self.ledger,
            self.name(period, kind),
            mode,
            amount,
            now=self.clock.now(),
            currency=currency,
        )

    async def confirm(self, period: Period = Period.DAY, kind: LimitKind = LimitKind.COINS) -> None:
        now = self.clock.now()
        await confirm_raise(self.pool, self.ledger, self.name(period, kind), now=now)

    async def limits(self) -> list[Limit]:
        return await limits_of(self.pool, self.ledger, self.user_id, now=self.clock.now())

    async def only(self) -> Limit:
        (found,) = await self.limits()
        return found

    async def guard(self) -> SpendGuard | None:
        """What a sender reads before it sends: its windows are opened if need be."""
        for _ in range(10):
            async with transaction(self.pool) as tx:
                found = await spend_guards(tx, [self.user_id], now=self.clock.now())
            guard = found.get(self.user_id)
            if guard is None or guard.opened:
                return guard
            await open_windows(self.pool, self.ledger, self.user_id, now=self.clock.now())
        raise AssertionError("the windows do not open")

    def chain(self, guard: SpendGuard | None, coins: int) -> list[Transfer]:
        """A gift and its legs, linked."""
        gift = Transfer(
            id=uuid4().int,
            debit_account_id=self.wallet.id,
            credit_account_id=self.earned.id,
            amount=coins,
            ledger=LEDGER_COINS,
            code=int(Kind.GIFT),
        )
        legs = () if guard is None else guard.legs(coins)
        whole = [gift, *(leg.transfer(uuid4().int, spend_id=gift.id) for leg in legs)]
        linked = [replace(one, flags=one.flags | TransferFlags.LINKED) for one in whole[:-1]]
        return [*linked, whole[-1]]

    async def post(self, chain: list[Transfer]) -> bool:
        """Whether the ledger took it; no other refusal than the limit's is expected."""
        results = [one.status for one in await self.ledger.create_transfers(chain)]
        if results[0] is CreateTransferStatus.CREATED:
            return True
        assert CreateTransferStatus.EXCEEDS_CREDITS in results[1:], results
        return False

    async def spend(self, coins: int) -> bool:
        """Send a gift with whatever the user's limits ask; False when they refuse."""
        return await self.post(self.chain(await self.guard(), coins))

    async def count(self) -> None:
        """What the worker does: read the feed, then count whoever is marked."""
        await advance(self.pool, self.ledger, READER)
        await limits_jobs.count(self.deps)
        await limits_jobs.recharges(self.deps)

    async def sweep(self) -> None:
        """What the worker does with intents that a crash left open."""
        now = self.clock.now()
        await sweep(self.pool, self.ledger, RECORDERS, older_than=now, now=now)

    async def recharge(self, minor: int, currency: str = "EUR") -> UUID:
        """Begin a recharge up to where a provider would be asked."""
        now, order_id = self.clock.now(), uuid4()
        room = await recharge_room(self.pool, self.ledger, self.user_id, now=now)
        async with transaction(self.pool) as tx:
            await reserve_recharge(
                tx,
                user_id=self.user_id,
                recharge_id=order_id,
                price=Money(minor, currency),
                room=room,
                now=now,
            )
        await hold_recharge(self.pool, self.ledger, order_id, now=now)
        return order_id

    async def finish(self, order_id: UUID) -> None:
        await finish_recharge(self.pool, self.ledger, order_id, now=self.clock.now())

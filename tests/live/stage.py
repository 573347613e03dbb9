"""A stage for gifts: people, a room, gifts on offer and coins, on a real ledger and database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from uuid import UUID, uuid4

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction, value
from coinwell.base.ids import hashed_id
from coinwell.base.refusal import Refusal
from coinwell.catalog import GiftDraft, GiftsDraft, publish_gifts, seed, seed_gifts
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    CreateTransferStatus,
    Kind,
    Ledger,
    Transfer,
    account_id,
    platform_account,
    verify,
    wallet_account,
)
from coinwell.live import GiftSent, GiftWish, LiveDeps, Room, close_room, open_room, send_gifts
from coinwell.users import (
    NewRestriction,
    NewUser,
    ReasonCode,
    Restriction,
    Scope,
    create_user,
    lift,
    restrict,
)
from coinwell.wallet import balance

Said = GiftSent | Refusal
ISSUED = platform_account(Code.ISSUED, LEDGER_COINS)


@dataclass
class Stage:
    """What a test of gifts works with."""

    pool: Pool
    ledger: Ledger
    clock: StillClock
    deps: LiveDeps
    creator_id: UUID
    viewer_id: UUID
    room: Room
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def wish(self, key: str = "key", gift_id: str = "rose", **changes: object) -> GiftWish:
        """One rose of the viewer in the room, unless told otherwise."""
        said: dict[str, object] = {"sender_id": self.viewer_id, "room_id": self.room.id}
        return GiftWish(key=key, gift_id=gift_id, **(said | changes))  # type: ignore[arg-type]

    async def send(self, *wishes: GiftWish) -> list[Said]:
        """Send them as one batch."""
        return await send_gifts(self.deps, wishes)

    async def send_one(self, wish: GiftWish) -> Said:
        """Send one by itself."""
        (said,) = await send_gifts(self.deps, [wish])
        return said

    async def fund(self, user_id: UUID, coins: int) -> None:
        """Give a user coins, as a recharge would."""
        await self.ledger.create_accounts([ISSUED, wallet_account(user_id)])
        (result,) = await self.ledger.create_transfers([self._fund(user_id, coins)])
        assert result.status is CreateTransferStatus.CREATED

    def _fund(self, user_id: UUID, coins: int) -> Transfer:
        return Transfer(
            id=hashed_id("fund", next(self.numbers), user_id),
            debit_account_id=ISSUED.id,
            credit_account_id=wallet_account(user_id).id,
            amount=coins,
            user_data_128=uuid4().int,
            ledger=LEDGER_COINS,
            code=int(Kind.RECHARGE),
        )

    async def audience(self, coins: Sequence[int]) -> list[UUID]:
        """Many viewers at once, each with so many coins."""
        now = self.clock.now()
        news = [
            NewUser(f"viewer-{number}", f"Viewer {number}", "DE", birth_on=date(1990, 1, 1))
            for number in range(len(coins))
        ]
        async with transaction(self.pool) as tx:
            viewers = [(await create_user(tx, new, now=now)).id for new in news]
        await self.ledger.create_accounts([ISSUED, *map(wallet_account, viewers)])
        results = await self.ledger.create_transfers(
            [self._fund(viewer, many) for viewer, many in zip(viewers, coins, strict=True)]
        )
        assert {result.status for result in results} == {CreateTransferStatus.CREATED}
        return viewers

    async def coins(self, user_id: UUID | None = None) -> int:
        """What a user (the viewer) can spend."""
        return (await balance(self.ledger, user_id or self.viewer_id)).coins

    async def earned(self, creator_id: UUID | None = None) -> int:
        """What a creator was given."""
        owner = creator_id or self.creator_id
        found = await self.ledger.lookup_accounts([account_id(Code.EARNED, owner, LEDGER_COINS)])
        return sum(one.credits_posted - one.debits_posted for one in found)

    async def person(self, name: str, **changes: object) -> UUID:
        """A grown-up in Germany, unless told otherwise."""
        said: dict[str, object] = {
            "display_name": name.title(),
            "country": "DE",
            "time_zone": "Europe/Berlin",
            "birth_on": date(1995, 5, 5),
        }
        new = NewUser(external_id=name, **(said | changes))  # type: ignore[arg-type]
        async with transaction(self.pool) as tx:
            return (await create_user(tx, new, now=self.clock.now())).id

    async def open(self, creator_id: UUID) -> Room:
        """Another room."""
        async with transaction(self.pool) as tx:
            return await open_room(tx, creator_id=creator_id, title="Live", now=self.clock.now())

    async def close(self, room_id: UUID | None = None) -> None:
        """Close the room."""
        async with transaction(self.pool) as tx:
            await close_room(tx, room_id or self.room.id, now=self.clock.now())

    async def offer(self, *gifts: tuple[str, int]) -> None:
        """Put other gifts on offer: ids and prices, cheapest first."""
        drafts = tuple(GiftDraft(id_, id_.title(), coins, "rose.svg") for id_, coins in gifts)
        draft = GiftsDraft(drafts, f"test {next(self.numbers)}")
        async with transaction(self.pool) as tx:
            await publish_gifts(tx, draft, now=self.clock.now(), by="test")

    async def restrict(self, user_id: UUID | None = None) -> Restriction:
        """Stop the viewer's gifts."""
        new = NewRestriction(user_id or self.viewer_id, Scope.GIFT, ReasonCode.RULES_BROKEN)
        async with transaction(self.pool) as tx:
            return await restrict(tx, new, by="test", now=self.clock.now())

    async def lift(self, placed: Restriction) -> None:
        """Let gifts pass again."""
        async with transaction(self.pool) as tx:
            await lift(
                tx,
                placed.id,
                user_id=placed.user_id,
                by="test",
                reason="cleared",
                now=self.clock.now(),
            )

    async def gift_rows(self) -> int:
        """How many gifts stand in the ledger."""
        async with transaction(self.pool) as tx:
            return await value(tx, "SELECT count(*) FROM ledger.transfer WHERE code = 21")

    async def books_balance(self) -> None:
        """The ledger proves itself."""
        verdict = await verify(self.pool)
        assert verdict.balanced, verdict.sentence


async def open_stage(pool: Pool, ledger: Ledger, clock: StillClock, *, coins: int = 1_000) -> Stage:
    """A creator with an open room, and a viewer with coins."""
    async with transaction(pool) as tx:
        await seed(tx, clock.now())
        await seed_gifts(tx, clock.now())
    nobody = UUID(int=0)
    deps = LiveDeps(pool=pool, ledger=ledger, clock=clock)
    unset = Room(nobody, nobody, "none", clock.now(), None)
    stage = Stage(pool, ledger, clock, deps, nobody, nobody, unset)
    stage.creator_id, stage.viewer_id = await stage.person("ana"), await stage.person("ben")
    stage.room = await stage.open(stage.creator_id)
    await stage.fund(stage.viewer_id, coins)
    return stage


def refused(said: Sequence[Said]) -> list[str]:
    """The codes of the refusals, and "sent" for what was sent."""
    return [one.code if isinstance(one, Refusal) else "sent" for one in said]

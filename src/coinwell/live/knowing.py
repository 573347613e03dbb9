"""What a gift has to know before it is posted, read for all gifts that arrived meanwhile.

Whatever can change (a restriction, a room that closes, a price, a limit) is read after the gift
arrived, each in one query for all. What cannot change (the versions of gifts) is remembered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from coinwell.base.clock import Clock
from coinwell.base.db import Pool, Tx, transaction
from coinwell.base.gathering import Gathering
from coinwell.catalog import Gift, gift_offer, gifts_of
from coinwell.ledger import Account, Ledger, installation_id
from coinwell.limits import spend_guards
from coinwell.live import store
from coinwell.live.judging import Known
from coinwell.live.types import GiftWish
from coinwell.users import Scope, demand_each

# So many creators' accounts are known to exist; forgetting one costs one look more.
_ACCOUNTS_MAX: Final = 100_000


@dataclass(slots=True)
class LiveDeps:
    """What the verbs of this room need, and what a process remembers between gifts."""

    pool: Pool
    ledger: Ledger
    clock: Clock
    known: Gathering[Sequence[GiftWish], Known] = field(init=False)
    _installation: UUID | None = None
    _offers: dict[UUID, Mapping[str, Gift]] = field(default_factory=dict[UUID, Mapping[str, Gift]])
    _gifts: dict[int, Gift] = field(default_factory=dict[int, Gift])
    _accounts: dict[int, None] = field(default_factory=dict[int, None])

    def __post_init__(self) -> None:
        """Open the way to ask."""
        self.known = Gathering(self._read)

    async def installation(self) -> UUID:
        """The id of the books, which goes into every transfer's id."""
        if self._installation is None:
            async with transaction(self.pool) as tx:
                self._installation = await installation_id(tx)
        return self._installation

    async def ensure(self, accounts: Sequence[Account]) -> None:
        """Create those of the accounts that are not known to exist; answered after the commit."""
        missing = [account for account in accounts if account.id not in self._accounts]
        if not missing:
            return
        await self.ledger.create_accounts(missing)
        for account in missing:
            self._accounts[account.id] = None
        while len(self._accounts) > _ACCOUNTS_MAX:
            del self._accounts[next(iter(self._accounts))]

    async def gift_versions(self, numbers: set[int]) -> Mapping[int, Gift]:
        """The versions of these numbers; each is read once, for it never changes."""
        missing = numbers - self._gifts.keys()
        if missing:
            async with transaction(self.pool) as tx:
                self._gifts |= await gifts_of(tx, missing)
        return self._gifts

    async def _read(self, asked: Sequence[Sequence[GiftWish]]) -> Sequence[Known]:
        wishes = [wish for several in asked for wish in several]
        senders = {wish.sender_id for wish in wishes}
        now = self.clock.now()
        async with transaction(self.pool) as tx:
            known = Known(
                senders=await demand_each(tx, senders, Scope.GIFT, now=now),
                rooms={
                    room.id: room
                    for room in await store.by_ids(tx, {wish.room_id for wish in wishes})
                },
                offer=await self._offer(tx),
                guards=await spend_guards(tx, list(senders), now=now),
            )
        return [known] * len(asked)

    async def _offer(self, tx: Tx) -> Mapping[str, Gift]:
        # Only the newest is kept, and it never changes.
        found = await gift_offer(tx, now=self.clock.now(), known=self._offers.keys())
        if found is None:
            return {}
        if found.gifts is not None:
            self._offers = {found.publication_id: {gift.id: gift for gift in found.gifts}}
        return self._offers[found.publication_id]

"""Which purchase a coin came from: a pure fold over the changes of one wallet.

Credits make lots. Spending takes promotional coins first, then the oldest paid ones. A debit that
names an order takes what is left of its lots, then other paid lots, then promotional ones. A hold
takes its coins when it is made and gives back to the same lots. Nothing of this is stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from uuid import UUID

from coinwell.base.money import Money
from coinwell.wallet.types import Holding, Lot, LotKind, Move, MoveKind

_HUNDRED = 100


@dataclass(frozen=True, slots=True)
class Share:
    """The part of one change that fell on one lot.

    Units: `coins` and `cost` are positive where coins left the lot, negative where they came
    back. `cost` is None for coins that cost nothing.
    """

    credit_id: int  # The transfer that made the lot.
    lot_id: UUID | None  # None for coins that came without terms.
    kind: LotKind
    coins: int
    cost: Money | None


@dataclass(frozen=True, slots=True)
class LotState:
    """What became of one lot; `available + held + spent == coins`."""

    credit_id: int
    lot_id: UUID | None
    kind: LotKind
    coins: int
    price: Money | None
    available: int
    held: int
    spent: int

    @property
    def spent_cost(self) -> int:
        """What the spent coins did cost, in minor units: cumulative, so no cent is lost."""
        return 0 if self.price is None else cost_of_first(self.spent, self.coins, self.price.minor)


@dataclass(frozen=True, slots=True)
class Fold:
    """What a wallet's changes say about its lots.

    Shape: `lots` in the order they were credited; `shares` by the transfer that spent coins or
    brought them back; `held` by the id of a hold that is still open.
    """

    lots: tuple[LotState, ...]
    shares: Mapping[int, tuple[Share, ...]]
    held: Mapping[int, tuple[Share, ...]]

    def of_order(self, order_id: UUID) -> tuple[LotState, ...]:
        """The lots that an order brought: paid, promotional or both."""
        return tuple(lot for lot in self.lots if lot.lot_id == order_id)

    def unspent(self, order_id: UUID) -> int:
        """How many coins of an order are not spent, held ones included."""
        return sum(lot.available + lot.held for lot in self.of_order(order_id))

    def cost(self, transfer_id: int) -> tuple[Money, ...]:
        """What the coins of one change did cost, by currency."""
        return summed(share.cost for share in self.shares.get(transfer_id, ()))

    def holding(self) -> Holding:
        """What the coins that are not spent did cost."""
        paid = [lot for lot in self.lots if lot.price is not None]
        cost = summed(
            Money(lot.price.minor - lot.spent_cost, lot.price.currency)
            for lot in paid
            if lot.price is not None and lot.spent < lot.coins
        )
        coins_of = {
            money.currency: sum(
                lot.available + lot.held
                for lot in paid
                if lot.price is not None and lot.price.currency == money.currency
            )
            for money in cost
        }
        return Holding(
            coins=sum(lot.available + lot.held for lot in self.lots),
            promotional_coins=sum(
                lot.available + lot.held for lot in self.lots if lot.kind is LotKind.PROMOTIONAL
            ),
            cost=cost,
            per_hundred=tuple(
                Money(-(-money.minor * _HUNDRED // coins_of[money.currency]), money.currency)
                for money in cost
            ),
        )


def fold(lots: Iterable[Lot], moves: Iterable[Move], *, as_of_ns: int) -> Fold:
    """Work out the lots of one wallet from all its changes.

    Shape: `lots` are the terms that are known, in any order; `moves` are in the ledger's order
    and complete up to `as_of_ns`. Holds past their time have given back by then.
    """
    book = _Book({(lot.id.int, lot.kind): lot for lot in lots})
    for move in moves:
        book.apply(move)
    book.expire(as_of_ns)
    return book.close()


def cost_of_first(coins: int, lot_coins: int, price_minor: int) -> int:
    """What the first `coins` of a lot cost: rounded down, so differences add up to the price."""
    assert 0 <= coins <= lot_coins
    return price_minor * coins // lot_coins


def summed(costs: Iterable[Money | None]) -> tuple[Money, ...]:
    """Amounts added up by currency, in alphabetical order; None counts for nothing."""
    total: dict[str, int] = {}
    for cost in costs:
        if cost is not None:
            total[cost.currency] = total.get(cost.currency, 0) + cost.minor
    return tuple(Money(minor, currency) for currency, minor in sorted(total.items()))


@dataclass(slots=True)
class _Open:
    """A lot while the fold runs."""

    index: int
    credit_id: int
    terms: Lot | None
    kind: LotKind
    coins: int
    available: int
    held: int = 0
    queued: bool = False

    @property
    def spent(self) -> int:
        return self.coins - self.available - self.held

    def cost_at(self, spent: int) -> int:
        if self.terms is None or self.terms.price is None:
            return 0
        return cost_of_first(spent, self.coins, self.terms.price.minor)

    def share(self, coins: int, cost_minor: int | None) -> Share:
        price = self.terms.price if self.terms else None
        cost = None if price is None or cost_minor is None else Money(cost_minor, price.currency)
        lot_id = self.terms.id if self.terms else None
        return Share(self.credit_id, lot_id, self.kind, coins, cost)


_Taken = list[tuple[_Open, int]]


@dataclass(slots=True)
class _Book:
    terms: Mapping[tuple[int, LotKind], Lot]
    lots: list[_Open] = field(default_factory=list[_Open])
    named: dict[int, list[_Open]] = field(default_factory=dict[int, list[_Open]])
    queues: dict[LotKind, list[int]] = field(
        default_factory=lambda: {kind: list[int]() for kind in LotKind}
    )
    holds: dict[int, _Taken] = field(default_factory=dict[int, _Taken])
    ends: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    spent: dict[int, _Taken] = field(default_factory=dict[int, _Taken])
    shares: dict[int, tuple[Share, ...]] = field(default_factory=dict[int, tuple[Share, ...]])

    def apply(self, move: Move) -> None:
        self.expire(move.at_ns)
        match move.kind:
            case MoveKind.CREDIT:
                self._credit(move)
            case MoveKind.DEBIT:
                self._spend(move.id, self._take(move))
            case MoveKind.HOLD:
                taken = self._take(move)
                for lot, coins in taken:
                    lot.held += coins
                self.holds[move.id] = taken
                if move.expires_ns:
                    heappush(self.ends, (move.expires_ns, move.id))
            case MoveKind.POST:
                self._spend(move.id, self._release(move.holds, keep=move.coins))
            case MoveKind.VOID:
                self._release(move.holds, keep=0)

    def expire(self, now_ns: int) -> None:
        while self.ends and self.ends[0][0] <= now_ns:
            _, hold_id = heappop(self.ends)
            if hold_id in self.holds:
                self._release(hold_id, keep=0)

    def close(self) -> Fold:
        held = {
            hold_id: tuple(lot.share(coins, None) for lot, coins in taken)
            for hold_id, taken in self.holds.items()
        }
        states = tuple(
            LotState(
                lot.credit_id,
                lot.terms.id if lot.terms else None,
                lot.kind,
                lot.coins,
                lot.terms.price if lot.terms else None,
                lot.available,
                lot.held,
                lot.spent,
            )
            for lot in self.lots
        )
        return Fold(states, self.shares, held)

    def _credit(self, move: Move) -> None:
        """New coins make a lot; coins that come back go where they came from."""
        kind = LotKind.PROMOTIONAL if move.promotional else LotKind.PAID
        terms = self.terms.get((move.names, kind))
        if terms is not None and all(lot.kind != kind for lot in self.named.get(move.names, ())):
            self._open(move, terms, kind, move.coins)
            return
        back = _Taken()
        if move.names in self.spent:
            # The last ones taken return first: the ones that are most likely to have cost money.
            back = list(reversed(self.spent[move.names]))
        elif move.names in self.named:
            back = [(lot, lot.spent) for lot in _paid_first(self.named[move.names])]
        left = move.coins
        shares: list[Share] = []
        for lot, most in back:
            coins = min(left, most, lot.spent)
            if coins:
                cost = lot.cost_at(lot.spent - coins) - lot.cost_at(lot.spent)
                self._give(lot, coins)
                shares.append(lot.share(-coins, cost))
                left -= coins
        if shares:
            self.shares[move.id] = tuple(shares)
        if move.names in self.spent:
            self._forget(move.names, move.coins - left)
        if left:
            self._open(move, None, kind, left)

    def _forget(self, debit_id: int, coins: int) -> None:
        """What came back of a debit cannot come back a second time."""
        taken = self.spent[debit_id]
        while coins:
            lot, most = taken.pop()
            if most > coins:
                taken.append((lot, most - coins))
            coins -= min(coins, most)

    def _open(self, move: Move, terms: Lot | None, kind: LotKind, coins: int) -> None:
        lot = _Open(len(self.lots), move.id, terms, kind, coins, available=0)
        self.lots.append(lot)
        if terms is not None:
            self.named.setdefault(terms.id.int, []).append(lot)
        self._give(lot, coins)

    def _give(self, lot: _Open, coins: int) -> None:
        lot.available += coins
        if not lot.queued:
            heappush(self.queues[lot.kind], lot.index)
            lot.queued = True

    def _take(self, move: Move) -> _Taken:
        """Choose the coins of a debit or hold, lot by lot."""
        taken, left = _Taken(), move.coins
        order = (LotKind.PROMOTIONAL, LotKind.PAID)
        if move.names:
            order = (LotKind.PAID, LotKind.PROMOTIONAL)
            for lot in _paid_first(self.named.get(move.names, ())):
                left -= self._take_from(lot, left, taken)
        for kind in order:
            queue = self.queues[kind]
            while left and queue:
                lot = self.lots[queue[0]]
                left -= self._take_from(lot, left, taken)
                if not lot.available:
                    heappop(queue)
                    lot.queued = False
        assert left == 0, "the ledger never lets a wallet pay more than it has"
        return taken

    @staticmethod
    def _take_from(lot: _Open, coins: int, taken: _Taken) -> int:
        part = min(coins, lot.available)
        if part:
            lot.available -= part
            taken.append((lot, part))
        return part

    def _release(self, hold_id: int, *, keep: int) -> _Taken:
        """End a hold: the first `keep` coins stay taken, the rest goes back."""
        kept = _Taken()
        for lot, coins in self.holds.pop(hold_id):
            stays = min(coins, keep)
            keep -= stays
            lot.held -= coins
            self._give(lot, coins - stays)
            if stays:
                kept.append((lot, stays))
        assert keep == 0, "the ledger never posts more than was held"
        return kept

    def _spend(self, transfer_id: int, taken: _Taken) -> None:
        """Price what a transfer took; `taken` is no longer available nor held."""
        shares: list[Share] = []
        for lot, coins in taken:
            # `spent` counts these coins already.
            cost = lot.cost_at(lot.spent) - lot.cost_at(lot.spent - coins)
            shares.append(lot.share(coins, cost))
        if taken:
            self.spent[transfer_id] = taken
            self.shares[transfer_id] = tuple(shares)


def _paid_first(lots: Iterable[_Open]) -> list[_Open]:
    return sorted(lots, key=lambda lot: lot.kind is not LotKind.PAID)

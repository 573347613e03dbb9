"""What is said about lots: what became of each, and which of them paid for which change.

The saying is pure and never changes; `folding.py` works it out.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from coinwell.base.money import Money
from coinwell.wallet.types import Holding, Lot, LotKind

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


@dataclass(slots=True, eq=False)
class OpenLot:
    """A lot while the fold runs."""

    index: int
    credit_id: int
    terms: Lot | None
    kind: LotKind
    coins: int
    available: int
    held: int = 0
    queued: bool = False
    price_minor: int = 0

    @property
    def spent(self) -> int:
        """What was taken for good."""
        return self.coins - self.available - self.held

    def cost_at(self, spent: int) -> int:
        """What the first `spent` coins cost, in minor units."""
        return self.price_minor * spent // self.coins

    def share(self, coins: int, cost_minor: int | None) -> Share:
        """The part of a change that fell on this lot."""
        price = self.terms.price if self.terms else None
        cost = None if price is None or cost_minor is None else Money(cost_minor, price.currency)
        return Share(self.credit_id, self.terms.id if self.terms else None, self.kind, coins, cost)

    def state(self, freed: int) -> LotState:
        """What became of it, with `freed` held coins given back."""
        return LotState(
            self.credit_id,
            self.terms.id if self.terms else None,
            self.kind,
            self.coins,
            self.terms.price if self.terms else None,
            self.available + freed,
            self.held - freed,
            self.spent,
        )


@dataclass(slots=True, eq=False)
class Records:
    """Who took what from which lot, one change after another: columns, for there are many.

    Never changed but by adding at the end.
    """

    lots: list[OpenLot] = field(default_factory=list[OpenLot])
    numbers: dict[int, int] = field(default_factory=dict[int, int])  # By transfer id.
    ends: "array[int]" = field(default_factory=lambda: array("q", [0]))
    lot: "array[int]" = field(default_factory=lambda: array("q"))
    coins: "array[int]" = field(default_factory=lambda: array("q"))
    cost: "array[int]" = field(default_factory=lambda: array("q"))

    def part(self, lot: OpenLot, coins: int, cost: int) -> None:
        """Add one part to the change that is being written."""
        self.lot.append(lot.index)
        self.coins.append(coins)
        self.cost.append(cost)

    def close(self, transfer_id: int) -> None:
        """All parts of this change are written."""
        self.numbers[transfer_id] = len(self.ends) - 1
        self.ends.append(len(self.lot))

    def rows(self, transfer_id: int) -> range:
        """Where the parts of a change are; none if it took nothing."""
        number = self.numbers.get(transfer_id)
        return range(0) if number is None else range(self.ends[number], self.ends[number + 1])

    def taken(self, transfer_id: int) -> list[tuple[OpenLot, int]]:
        """What a debit took, lot by lot; nothing for a change that gave back."""
        return [
            (self.lots[self.lot[row]], self.coins[row])
            for row in self.rows(transfer_id)
            if self.coins[row] > 0
        ]


class Shares(Mapping[int, tuple[Share, ...]]):
    """The shares of each change that took coins or gave some back, as they were at one moment.

    What a change took never changes afterwards, so a later moment only has more of them.
    """

    __slots__ = ("_count", "_records")

    def __init__(self, records: Records) -> None:
        """Those that are written now."""
        self._records = records
        self._count = len(records.numbers)

    def __getitem__(self, transfer_id: int) -> tuple[Share, ...]:
        """The shares of one change."""
        records = self._records
        if records.numbers[transfer_id] >= self._count:
            raise KeyError(transfer_id)
        return tuple(
            records.lots[records.lot[row]].share(records.coins[row], records.cost[row])
            for row in records.rows(transfer_id)
        )

    def __iter__(self) -> Iterator[int]:
        """The ids of the changes, oldest first."""
        return iter(list(self._records.numbers)[: self._count])

    def __len__(self) -> int:
        """How many changes."""
        return self._count

    def cost(self, transfer_id: int) -> tuple[Money, ...]:
        """What the coins of one change did cost, by currency."""
        return summed(share.cost for share in self.get(transfer_id, ()))


@dataclass(frozen=True, slots=True)
class Fold:
    """What a wallet's changes say about its lots.

    Shape: `lots` in the order they were credited; `shares` by the transfer that spent coins or
    brought them back; `held` by the id of a hold that is still open.
    """

    lots: tuple[LotState, ...]
    shares: Shares
    held: Mapping[int, tuple[Share, ...]]

    def of_order(self, order_id: UUID) -> tuple[LotState, ...]:
        """The lots that an order brought: paid, promotional or both."""
        return tuple(lot for lot in self.lots if lot.lot_id == order_id)

    def unspent(self, order_id: UUID) -> int:
        """How many coins of an order are not spent, held ones included."""
        return sum(lot.available + lot.held for lot in self.of_order(order_id))

    def cost(self, transfer_id: int) -> tuple[Money, ...]:
        """What the coins of one change did cost, by currency."""
        return self.shares.cost(transfer_id)

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

"""A second opinion on lots: one object per coin, no cleverness, written from the rules alone."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from coinwell.wallet import Lot, LotKind, Move

FREE, HELD, SPENT = "free", "held", "spent"


@dataclass(eq=False)
class Pile:
    """The coins of one credit and what each next one costs."""

    credit_id: int
    order: int | None
    kind: LotKind
    number: int
    currency: str | None
    prices: list[int]
    spent: int = 0

    def spend(self) -> int:
        self.spent += 1
        return self.prices[self.spent - 1]

    def unspend(self) -> int:
        self.spent -= 1
        return -self.prices[self.spent]


@dataclass(eq=False)
class Coin:
    pile: Pile
    state: str = FREE
    spender: int = 0


@dataclass
class Oracle:
    terms: list[Lot]
    piles: list[Pile] = field(default_factory=list)
    coins: list[Coin] = field(default_factory=list)
    holds: dict[int, list[Coin]] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    spendings: dict[int, list[Coin]] = field(default_factory=dict)
    costs: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    counts: dict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def free(self) -> int:
        return sum(coin.state == FREE for coin in self.coins)

    def held(self) -> int:
        return sum(coin.state == HELD for coin in self.coins)

    def apply(self, move: Move) -> None:
        self.tick(move.at_ns)
        getattr(self, move.kind.value)(move)

    def tick(self, now_ns: int) -> None:
        for hold_id in [each for each, end in self.ends.items() if end <= now_ns]:
            for coin in self.holds.pop(hold_id, []):
                coin.state = FREE
            del self.ends[hold_id]

    def credit(self, move: Move) -> None:
        kind = LotKind.PROMOTIONAL if move.promotional else LotKind.PAID
        known = [lot for lot in self.terms if lot.id.int == move.names and lot.kind is kind]
        opened = [pile for pile in self.piles if pile.order == move.names and pile.kind is kind]
        if known and not opened:
            self.pile(move, known[0], kind, move.coins)
            return
        left = move.coins
        for coin in self.returning(move.names):
            if left and coin.state == SPENT:
                coin.state = FREE
                self.book(move.id, coin, -1, coin.pile.unspend())
                left -= 1
        if left:
            self.pile(move, None, kind, left)

    def returning(self, name: int) -> list[Coin]:
        if name in self.spendings:
            return [coin for coin in self.spendings[name][::-1] if coin.spender == name]
        mine = [coin for coin in self.coins if name and coin.pile.order == name]
        return sorted(mine, key=lambda coin: coin.pile.kind is LotKind.PROMOTIONAL)

    def debit(self, move: Move) -> None:
        self.spend(move.id, self.choose(move))

    def hold(self, move: Move) -> None:
        self.holds[move.id] = self.choose(move)
        for coin in self.holds[move.id]:
            coin.state = HELD
        if move.expires_ns:
            self.ends[move.id] = move.expires_ns

    def post(self, move: Move) -> None:
        coins = self.holds.pop(move.holds)
        self.ends.pop(move.holds, None)
        for coin in coins[move.coins :]:
            coin.state = FREE
        self.spend(move.id, coins[: move.coins])

    def void(self, move: Move) -> None:
        self.ends.pop(move.holds, None)
        for coin in self.holds.pop(move.holds):
            coin.state = FREE

    def choose(self, move: Move) -> list[Coin]:
        def rank(coin: Coin) -> tuple[int, int, int]:
            promotional = coin.pile.kind is LotKind.PROMOTIONAL
            if move.names:
                return (int(coin.pile.order != move.names), int(promotional), coin.pile.number)
            return (0, int(not promotional), coin.pile.number)

        free = sorted((coin for coin in self.coins if coin.state == FREE), key=rank)
        assert len(free) >= move.coins
        return free[: move.coins]

    def spend(self, transfer_id: int, coins: list[Coin]) -> None:
        self.spendings[transfer_id] = coins
        for coin in coins:
            coin.state, coin.spender = SPENT, transfer_id
            self.book(transfer_id, coin, 1, coin.pile.spend())

    def book(self, transfer_id: int, coin: Coin, count: int, cost: int) -> None:
        self.counts[transfer_id][coin.pile.credit_id] += count
        if coin.pile.currency:
            self.costs[transfer_id][coin.pile.currency] += cost

    def pile(self, move: Move, terms: Lot | None, kind: LotKind, coins: int) -> None:
        minor = terms.price.minor if terms and terms.price else 0
        prices = [minor * (n + 1) // coins - minor * n // coins for n in range(coins)]
        currency = terms.price.currency if terms and terms.price else None
        order = terms.id.int if terms else None
        made = Pile(move.id, order, kind, len(self.piles), currency, prices)
        self.piles.append(made)
        self.coins += [Coin(made) for _ in range(coins)]

"""Which purchase a coin came from: a pure fold over the changes of one wallet.

Credits make lots. Spending takes promotional coins first, then the oldest paid ones. A debit that
names an order takes what is left of its lots, then other paid lots, then promotional ones. A hold
takes its coins when it is made and gives back to the same lots. Nothing of this is stored.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from coinwell.wallet.lots import Fold, OpenLot, Records, Shares
from coinwell.wallet.types import Lot, LotKind, Move, MoveKind

_Taken = list[tuple[OpenLot, int]]
_NEVER = 2**127
LOT_WEIGHT = 3  # A lot, its terms or an open hold takes about the memory of so many rows.


def fold(lots: Iterable[Lot], moves: Iterable[Move], *, as_of_ns: int) -> Fold:
    """Work out the lots of one wallet from all its changes.

    Shape: `lots` are the terms that are known, in any order; `moves` are in the ledger's order
    and complete up to `as_of_ns`. Holds past their time have given back by then.
    """
    folding = Folding(lots)
    folding.add(moves)
    return folding.seen(as_of_ns)


class Folding:
    """A fold that goes on: it takes moves in the ledger's order, and can be looked at between.

    A look changes nothing. A move that comes later may be older than the moment of a look (some
    other process wrote it, on its own clock), so holds give back in earnest only when a move that
    comes after their end says that they have.
    """

    def __init__(self, lots: Iterable[Lot]) -> None:
        """Nothing has happened yet; `lots` are the terms that are known so far."""
        self._terms = {(lot.id.int, lot.kind): lot for lot in lots}
        self._missed: set[tuple[int, LotKind]] = set()  # Credits whose terms nobody knew.
        self._named: dict[int, list[OpenLot]] = {}
        self._paid: list[int] = []  # Heaps: lots with coins to spend, the oldest on top.
        self._promotional: list[int] = []
        self._holds: dict[int, _Taken] = {}
        self._ends: list[tuple[int, int]] = []
        self._returned: dict[int, int] = {}  # Coins of a debit that came back.
        self._records = Records()
        self._lots = self._records.lots
        self._last: tuple[int, int, Fold] | None = None  # A look, and from when until when it holds

    def learn(self, lots: Iterable[Lot]) -> bool:
        """Take in terms that were named since; False if a credit went by that needed them.

        Then the fold must begin anew.
        """
        fresh = {(lot.id.int, lot.kind): lot for lot in lots}
        if not self._missed.isdisjoint(fresh):
            return False
        self._terms |= fresh
        return True

    def terms(self, order_id: int) -> Lot | None:
        """The terms of an order's paid lot, if known."""
        return self._terms.get((order_id, LotKind.PAID))

    @property
    def weight(self) -> int:
        """About how many rows' memory it takes beside one for each move that was taken in."""
        records = self._records
        lots = len(self._terms) + len(self._lots) + len(self._holds)
        return len(records.lot) - len(records.numbers) + len(self._missed) + LOT_WEIGHT * lots

    def add(self, moves: Iterable[Move]) -> None:
        """Take in what happened next."""
        debit, credit, hold, post = (
            MoveKind.DEBIT, MoveKind.CREDIT, MoveKind.HOLD, MoveKind.POST,
        )  # fmt: skip
        self._last = None
        for move in moves:
            if self._ends:
                self._expire(move.at_ns)
            kind = move.kind
            if kind is debit:
                self._spend(move.id, self._take(move))
            elif kind is credit:
                self._credit(move)
            elif kind is hold:
                self._hold(move)
            else:
                keep = move.coins if kind is post else 0
                self._spend(move.id, self._release(move.holds, keep=keep))

    def seen(self, as_of_ns: int) -> Fold:
        """What all moves so far say at a moment that none of them comes after."""
        if self._last and self._last[0] <= as_of_ns < self._last[1]:
            return self._last[2]
        due: set[int] = set()
        since, until = 0, _NEVER
        for end, hold_id in self._ends:
            if hold_id in self._holds:
                if end <= as_of_ns:
                    since = max(since, end)
                    due.add(hold_id)
                else:
                    until = min(until, end)
        freed = [0] * len(self._lots)
        for hold_id in due:
            for lot, coins in self._holds[hold_id]:
                freed[lot.index] += coins
        held = {
            hold_id: tuple(lot.share(coins, None) for lot, coins in taken)
            for hold_id, taken in self._holds.items()
            if hold_id not in due
        }
        states = tuple(lot.state(back) for lot, back in zip(self._lots, freed, strict=True))
        found = Fold(states, Shares(self._records), held)
        self._last = (since, until, found)
        return found

    def _expire(self, now_ns: int) -> None:
        while self._ends and self._ends[0][0] <= now_ns:
            _, hold_id = heappop(self._ends)
            if hold_id in self._holds:
                self._release(hold_id, keep=0)

    def _credit(self, move: Move) -> None:
        """New coins make a lot; coins that come back go where they came from."""
        kind = LotKind.PROMOTIONAL if move.promotional else LotKind.PAID
        terms = self._terms.get((move.names, kind))
        if terms is None:
            if move.names:
                self._missed.add((move.names, kind))
        elif all(lot.kind != kind for lot in self._named.get(move.names, ())):
            self._open(move, terms, kind, move.coins)
            return
        left = move.coins
        for lot, most in self._ways_back(move.names):
            coins = min(left, most, lot.spent)
            if coins:
                cost = lot.cost_at(lot.spent - coins) - lot.cost_at(lot.spent)
                self._give(lot, coins)
                self._records.part(lot, -coins, cost)
                left -= coins
        if left != move.coins:
            if move.names in self._records.numbers:
                # What came back of a debit cannot come back a second time.
                back = self._returned.get(move.names, 0)
                self._returned[move.names] = back + move.coins - left
            self._records.close(move.id)
        if left:
            self._open(move, None, kind, left)

    def _ways_back(self, name: int) -> Iterator[tuple[OpenLot, int]]:
        """Where coins that come back may go, and how many to each."""
        if taken := self._records.taken(name):
            # The last ones taken return first: the ones that are most likely to have cost money.
            gone = self._returned.get(name, 0)
            for lot, most in reversed(taken):
                yield lot, max(0, most - gone)
                gone = max(0, gone - most)
        elif name in self._named:
            yield from [(lot, lot.spent) for lot in _paid_first(self._named[name])]

    def _open(self, move: Move, terms: Lot | None, kind: LotKind, coins: int) -> None:
        lot = OpenLot(len(self._lots), move.id, terms, kind, coins, available=0)
        if terms is not None:
            lot.price_minor = terms.price.minor if terms.price else 0
            self._named.setdefault(terms.id.int, []).append(lot)
        self._lots.append(lot)
        self._give(lot, coins)

    def _give(self, lot: OpenLot, coins: int) -> None:
        lot.available += coins
        if not lot.queued:
            heappush(self._paid if lot.kind is LotKind.PAID else self._promotional, lot.index)
            lot.queued = True

    def _take(self, move: Move) -> _Taken:
        """Choose the coins of a debit or hold, lot by lot."""
        taken, left = _Taken(), move.coins
        queues = (self._promotional, self._paid)
        if move.names:
            queues = (self._paid, self._promotional)
            for lot in _paid_first(self._named.get(move.names, ())):
                left -= _take_from(lot, left, taken)
        for queue in queues:
            while left and queue:
                lot = self._lots[queue[0]]
                left -= _take_from(lot, left, taken)
                if not lot.available:
                    heappop(queue)
                    lot.queued = False
        assert left == 0, "the ledger never lets a wallet pay more than it has"
        return taken

    def _hold(self, move: Move) -> None:
        taken = self._take(move)
        for lot, coins in taken:
            lot.held += coins
        self._holds[move.id] = taken
        if move.expires_ns:
            heappush(self._ends, (move.expires_ns, move.id))

    def _release(self, hold_id: int, *, keep: int) -> _Taken:
        """End a hold: the first `keep` coins stay taken, the rest goes back."""
        kept = _Taken()
        for lot, coins in self._holds.pop(hold_id):
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
        for lot, coins in taken:
            # `spent` counts these coins already.
            spent = lot.spent
            self._records.part(lot, coins, lot.cost_at(spent) - lot.cost_at(spent - coins))
        if taken:
            self._records.close(transfer_id)


def _take_from(lot: OpenLot, coins: int, taken: _Taken) -> int:
    part = min(coins, lot.available)
    if part:
        lot.available -= part
        taken.append((lot, part))
    return part


def _paid_first(lots: Iterable[OpenLot]) -> list[OpenLot]:
    return sorted(lots, key=lambda lot: lot.kind is not LotKind.PAID)

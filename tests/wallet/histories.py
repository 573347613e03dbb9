"""Made-up wallets: any sequence of moves that a ledger would have let happen."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from coinwell.base.money import Money
from coinwell.wallet import Lot, LotKind, Move, MoveKind
from tests.wallet.oracle import Oracle

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANA = UUID(int=1)


def paid(order: int, coins: int, minor: int, currency: str = "EUR") -> Lot:
    price = Money(minor, currency)
    return Lot(UUID(int=order), ANA, LotKind.PAID, coins, price, AT, order)


def promotional(order: int, coins: int) -> Lot:
    return Lot(UUID(int=order), ANA, LotKind.PROMOTIONAL, coins, None, AT, order)


@dataclass
class History:
    lots: list[Lot] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    oracle: Oracle = field(init=False)
    now_ns: int = 1

    def __post_init__(self) -> None:
        self.oracle = Oracle(self.lots)

    def add(self, kind: MoveKind, coins: int, **more: Any) -> Move:
        move = Move(1000 + len(self.moves), kind, coins, self.now_ns, **more)
        self.moves.append(move)
        self.oracle.apply(move)
        return move

    def recharge(self, lot: Lot) -> Move:
        self.lots.append(lot)
        promo = lot.kind is LotKind.PROMOTIONAL
        return self.add(MoveKind.CREDIT, lot.coins, names=lot.id.int, promotional=promo)


@st.composite
def histories(draw: st.DrawFn, *, give_back: str = "debit") -> History:
    """A wallet's life; `give_back` says whether returns name a debit or an order."""
    history = History()
    steps = draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 10**6)), max_size=40))
    for what, number in steps:
        history.now_ns += 1 + number % 3
        history.oracle.tick(history.now_ns)
        _step(history, what, number, give_back)
    return history


def _step(history: History, what: int, number: int, give_back: str) -> None:
    if what <= 2:
        _arrive(history, what, number)
    elif what <= 6:
        _leave(history, what, number)
    elif what <= 8:
        _settle(history, what, number)
    else:
        _return(history, number, give_back)


def _arrive(history: History, what: int, number: int) -> None:
    order = 100 + len(history.moves)
    if what == 2:
        history.add(MoveKind.CREDIT, 1 + number % 9, promotional=bool(number % 2))
        return
    history.recharge(paid(order, 1 + number % 23, 1 + number % 997, "EUR" if number % 3 else "JPY"))
    if what == 1:
        history.recharge(promotional(order, 1 + number % 7))


def _leave(history: History, what: int, number: int) -> None:
    if not history.oracle.free():
        return
    coins = 1 + number % history.oracle.free()
    if what == 6:
        ends = history.now_ns + number % 12 if number % 2 else 0
        history.add(MoveKind.HOLD, coins, expires_ns=0 if ends == history.now_ns else ends)
    elif what == 5 and history.lots:
        named = history.lots[number % len(history.lots)]
        history.add(MoveKind.DEBIT, coins, names=named.id.int)
    else:
        history.add(MoveKind.DEBIT, coins)


def _settle(history: History, what: int, number: int) -> None:
    holds = history.oracle.holds
    if not holds:
        return
    hold_id = sorted(holds)[number % len(holds)]
    if what == 7:
        history.add(MoveKind.POST, number % (len(holds[hold_id]) + 1), holds=hold_id)
    else:
        history.add(MoveKind.VOID, len(holds[hold_id]), holds=hold_id)


def _return(history: History, number: int, give_back: str) -> None:
    names = [lot.id.int for lot in history.lots]
    if give_back == "debit":
        names = sorted(history.oracle.spendings)
    if names:
        name = names[number % len(names)]
        history.add(MoveKind.CREDIT, 1 + number % 15, names=name, promotional=True)

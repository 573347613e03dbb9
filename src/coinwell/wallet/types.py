"""The words of the wallet: lots, movements, what a fold of them says, lines of a statement."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from coinwell.base.money import Money
from coinwell.base.refusal import Kind, Refusal


class LotKind(StrEnum):
    """Paid coins cost money; promotional coins cost nothing and are spent first."""

    PAID = "paid"
    PROMOTIONAL = "promotional"


@dataclass(frozen=True, slots=True)
class Lot:
    """The terms on which some coins came: how many, for what price. Written once.

    `id` is the order that brought them (an order with bonus coins has two lots, one of each
    kind). The ledger's credit transfer carries it in `user_data_128`; that is how a lot finds
    its coins, and how a later debit names the lot it takes back.
    """

    id: UUID
    user_id: UUID
    kind: LotKind
    coins: int
    price: Money | None  # None for promotional coins.
    granted_at: datetime
    transfer_id: int

    def __post_init__(self) -> None:
        """A paid lot has a price, a promotional one has none."""
        assert self.coins > 0
        assert (self.price is None) == (self.kind is LotKind.PROMOTIONAL)
        assert self.price is None or self.price.minor > 0


@dataclass(eq=False)
class LotClash(Refusal):
    """The lot was named before with other terms; what coins cost never changes afterwards."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "The lot has other terms"
    lot_id: UUID


class MoveKind(StrEnum):
    """What can happen to the coins of a wallet."""

    CREDIT = "credit"  # Coins arrive: a new lot, or back into what `names` says.
    DEBIT = "debit"  # Coins leave.
    HOLD = "hold"  # Coins are set aside: a pending transfer.
    POST = "post"  # Some or all held coins leave; the rest goes back.
    VOID = "void"  # All held coins go back.


class Move(Struct, frozen=True, gc=False):
    """One change of a wallet, as the fold sees it. A struct: a long history makes many.

    Units: `coins` is positive; `at_ns` is the ledger's timestamp.
    """

    id: int  # Of the transfer.
    kind: MoveKind
    coins: int
    at_ns: int
    names: int = 0  # A lot's order or an earlier debit, as the 128-bit number; 0 for none.
    holds: int = 0  # POST and VOID: the id of the hold.
    expires_ns: int = 0  # HOLD: when the held coins go back by themselves; 0 for never.
    promotional: bool = False  # CREDIT without known terms: coins that cost nothing.
    clawback: bool = False  # DEBIT, POST: taken back, by a refund or an operator, and not spent.


@dataclass(frozen=True, slots=True)
class Balance:
    """What one user holds, straight from the ledger's counters."""

    coins: int  # Free to spend now.
    held: int  # Set aside by pending transfers.
    debt: int  # What a refund or lost dispute could not take back yet.
    # Coins that ever came and went. It only rises: of two readings the higher one is the newer.
    moved: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A recharge on its way: paid or being paid, not yet credited."""

    order_id: UUID
    coins: int
    price: Money
    words: str  # One plain sentence: what we know.
    href: str  # Its status page.


class LineStatus(StrEnum):
    """How far a statement line has come."""

    DONE = "done"
    HELD = "held"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement.

    Units: `coins` is signed: what it added to or took from the coins owned.
    """

    transfer_id: int
    at: datetime
    code: int
    words: str
    coins: int
    held_coins: int  # Set aside by this line; 0 but for a hold.
    paid: tuple[Money, ...]  # Money really paid for these coins, by currency; never negative.
    paid_known: bool  # False where a very long history makes it a job for later.
    status: LineStatus
    order_id: UUID | None  # The recharge that the line belongs to.


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines of a statement, newest first, and where the older ones begin."""

    lines: tuple[Line, ...]
    cursor: str | None  # Older lines; None at the end.


@dataclass(frozen=True, slots=True)
class MonthLine:
    """The present calendar month of a user in one line.

    Units: `starts_on` is a day in the user's own time zone.
    """

    starts_on: date
    money_in: tuple[Money, ...]
    coins_in: int
    coins_out: int  # Spent; not what refunds took back.
    coins_returned: int  # Taken back: a recharge was refunded, or an operator decided so.


@dataclass(frozen=True, slots=True)
class Holding:
    """What the coins held now did cost."""

    coins: int
    promotional_coins: int
    cost: tuple[Money, ...]  # By currency.
    per_hundred: tuple[Money, ...]  # Average paid for 100 paid coins, rounded up, by currency.

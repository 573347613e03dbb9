"""Coins in and out of one wallet between any two moments, without going through its history."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from coinwell.wallet.types import Move, MoveKind


@dataclass(frozen=True, slots=True)
class Sums:
    """What came and went between two moments; `order_ids` are the recharges that brought coins."""

    coins_in: int
    coins_out: int
    coins_returned: int
    order_ids: frozenset[int]

    def __add__(self, other: "Sums") -> "Sums":
        """What came and went in both spans together."""
        return Sums(
            self.coins_in + other.coins_in,
            self.coins_out + other.coins_out,
            self.coins_returned + other.coins_returned,
            self.order_ids | other.order_ids,
        )


@dataclass(slots=True, eq=False)
class Tally:
    """Running sums after each move, in columns; a difference of two is what came in between.

    Coins that were held and given back are in none of them; coins that a refund took back are
    counted apart, because nobody spent them.
    """

    at_ns: "array[int]" = field(default_factory=lambda: array("q"))
    coins_in: "array[int]" = field(default_factory=lambda: array("q", [0]))
    coins_out: "array[int]" = field(default_factory=lambda: array("q", [0]))
    coins_returned: "array[int]" = field(default_factory=lambda: array("q", [0]))
    orders_at_ns: "array[int]" = field(default_factory=lambda: array("q"))
    order_ids: list[int] = field(default_factory=list[int])

    def add(self, moves: Iterable[Move]) -> None:
        """Take in what happened next, in the ledger's order."""
        credit, debit, post = MoveKind.CREDIT, MoveKind.DEBIT, MoveKind.POST
        came, went, back = self.coins_in[-1], self.coins_out[-1], self.coins_returned[-1]
        for move in moves:
            if move.kind is credit:
                came += move.coins
                if not move.promotional:
                    self.orders_at_ns.append(move.at_ns)
                    self.order_ids.append(move.names)
            elif move.kind is not debit and move.kind is not post:
                continue
            elif move.clawback:
                back += move.coins
            else:
                went += move.coins
            self.at_ns.append(move.at_ns)
            self.coins_in.append(came)
            self.coins_out.append(went)
            self.coins_returned.append(back)

    def between(self, first_ns: int, last_ns: int) -> Sums:
        """What came and went from the first to the last moment, both included."""
        begin, end = bisect_left(self.at_ns, first_ns), bisect_right(self.at_ns, last_ns)
        return Sums(
            self.coins_in[end] - self.coins_in[begin],
            self.coins_out[end] - self.coins_out[begin],
            self.coins_returned[end] - self.coins_returned[begin],
            frozenset(
                self.order_ids[
                    bisect_left(self.orders_at_ns, first_ns) : bisect_right(
                        self.orders_at_ns, last_ns
                    )
                ]
            ),
        )

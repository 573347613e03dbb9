"""Sums between two moments are the sums of the moves between them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from coinwell.wallet import Move, MoveKind
from coinwell.wallet.tallying import Tally
from tests.profile import scale

MOVES = st.lists(
    st.builds(
        Move,
        id=st.integers(1, 99),
        kind=st.sampled_from(MoveKind),
        coins=st.integers(0, 99),
        at_ns=st.integers(1, 50),
        names=st.integers(0, 3),
        promotional=st.booleans(),
        clawback=st.booleans(),
    ),
    max_size=30,
)


@settings(max_examples=scale(200, 5_000))
@given(moves=MOVES, cut=st.integers(0, 30), first=st.integers(0, 51), last=st.integers(0, 51))
def test_sums_between_two_moments_are_those_of_the_moves(
    moves: list[Move], cut: int, first: int, last: int
) -> None:
    moves.sort(key=lambda move: move.at_ns)
    last = max(first, last)
    tally = Tally()
    tally.add(moves[:cut])
    tally.add(moves[cut:])
    found = tally.between(first, last)
    within = [move for move in moves if first <= move.at_ns <= last]
    came = [move for move in within if move.kind is MoveKind.CREDIT]
    went = [move for move in within if move.kind in {MoveKind.DEBIT, MoveKind.POST}]
    assert found.coins_in == sum(move.coins for move in came)
    assert found.coins_out == sum(move.coins for move in went if not move.clawback)
    assert found.coins_returned == sum(move.coins for move in went if move.clawback)
    assert found.order_ids == {move.names for move in came if not move.promotional}
    first_part, rest = Tally(), Tally()
    first_part.add(moves[:cut])
    rest.add(moves[cut:])
    assert first_part.between(first, last) + rest.between(first, last) == found

"""A fold that goes on says at every point what a fold from zero says there."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from coinwell.base.money import Money
from coinwell.wallet import Lot, Move, MoveKind, Share, fold
from coinwell.wallet.folding import Folding
from coinwell.wallet.lots import Shares
from tests.profile import scale
from tests.wallet.histories import History, histories, paid
from tests.wallet.oracle import Oracle

EITHER = st.one_of(histories(give_back="debit"), histories(give_back="order"))


def terms_for(history: History, moves: list[Move]) -> list[Lot]:
    """The terms that are named when these moves have happened: each just before its credit."""
    names = {move.names for move in moves if move.kind is MoveKind.CREDIT}
    return [lot for lot in history.lots if lot.id.int in names]


@settings(max_examples=scale(150, 5_000))
@given(history=EITHER, ahead=st.integers(0, 20))
def test_split_anywhere_it_ends_where_one_reading_ends(history: History, ahead: int) -> None:
    whole = fold(history.lots, history.moves, as_of_ns=history.now_ns)
    for split in range(len(history.moves) + 1):
        before, after = history.moves[:split], history.moves[split:]
        folding = Folding(terms_for(history, before))
        folding.add(before)
        at_ns = before[-1].at_ns if before else 0
        # A look into the future ends holds only for whoever looks.
        folding.seen(at_ns + ahead)
        assert folding.seen(at_ns) == fold(history.lots, before, as_of_ns=at_ns)
        assert folding.learn(history.lots)
        folding.add(after)
        assert folding.seen(history.now_ns) == whole


@settings(max_examples=scale(150, 5_000))
@given(history=EITHER, ahead=st.integers(0, 20))
def test_move_by_move_it_agrees_with_counting_coin_by_coin(history: History, ahead: int) -> None:
    folding, oracle = Folding(history.lots), Oracle(history.lots)
    for move in history.moves:
        folding.add([move])
        oracle.apply(move)
        seen = folding.seen(move.at_ns)
        states = Counter((coin.pile.credit_id, coin.state) for coin in oracle.coins)
        for lot in seen.lots:
            assert lot.available == states[lot.credit_id, "free"]
            assert lot.held == states[lot.credit_id, "held"]
            assert lot.spent == states[lot.credit_id, "spent"]
        cost = {money.currency: money.minor for money in seen.cost(move.id)}
        assert cost == dict(oracle.costs.get(move.id, {}))
        assert set(seen.held) == set(oracle.holds)
        folding.seen(move.at_ns + ahead)


@settings(max_examples=scale(100, 2_000))
@given(history=EITHER)
def test_what_a_change_took_never_changes_afterwards(history: History) -> None:
    folding = Folding(history.lots)
    earlier: list[tuple[Shares, dict[int, tuple[Share, ...]]]] = []
    for move in history.moves:
        folding.add([move])
        shares = folding.seen(move.at_ns).shares
        earlier.append((shares, dict(shares)))
    for shares, then in earlier:
        assert dict(shares) == then
        assert all(shares.get(move.id) == then.get(move.id) for move in history.moves)


def test_a_hold_that_a_look_saw_ended_can_still_be_posted_by_an_older_move() -> None:
    folding = Folding([paid(1, 10, 100)])
    folding.add([Move(1, MoveKind.CREDIT, 10, 1, names=1)])
    folding.add([Move(2, MoveKind.HOLD, 6, 2, expires_ns=50)])
    assert [folding.seen(at_ns).lots[0].held for at_ns in (49, 50, 49)] == [6, 0, 6]
    assert folding.seen(60).held == {}
    folding.add([Move(3, MoveKind.POST, 4, 30, holds=2)])
    seen = folding.seen(60)
    assert (seen.lots[0].spent, seen.lots[0].available) == (4, 6)
    assert seen.cost(3) == (Money(40, "EUR"),)


def test_terms_that_come_too_late_are_noticed() -> None:
    lot = paid(7, 10, 100)
    folding = Folding(())
    folding.add([Move(1, MoveKind.CREDIT, 10, 1, names=7)])
    assert folding.learn([paid(8, 1, 1)])
    assert not folding.learn([lot])
    assert folding.seen(1).lots[0].price is None
    # Those of another kind were not missed: that credit was of paid coins.
    assert folding.learn([replace(lot, id=UUID(int=9))])

"""Lots: every coin knows its purchase, and no cent of it is lost."""

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from coinwell.base.money import Money
from coinwell.wallet import Fold, LotKind, Move, MoveKind, fold
from coinwell.wallet.lots import cost_of_first, summed
from tests.profile import scale
from tests.wallet.histories import History, histories, paid, promotional

EITHER = st.one_of(histories(give_back="debit"), histories(give_back="order"))


def folded(history: History) -> Fold:
    history.oracle.tick(history.now_ns)
    return fold(history.lots, history.moves, as_of_ns=history.now_ns)


def eur(minor: int) -> tuple[Money, ...]:
    return (Money(minor, "EUR"),)


@settings(max_examples=scale(400, 10_000))
@given(history=EITHER)
def test_the_fold_agrees_with_counting_coin_by_coin(history: History) -> None:
    found, oracle = folded(history), history.oracle
    states = Counter((coin.pile.credit_id, coin.state) for coin in oracle.coins)
    for lot in found.lots:
        assert lot.available == states[lot.credit_id, "free"]
        assert lot.held == states[lot.credit_id, "held"]
        assert lot.spent == states[lot.credit_id, "spent"]
    assert sum(lot.coins for lot in found.lots) == len(oracle.coins)
    for move in history.moves:
        shares = found.shares.get(move.id, ())
        counts = Counter[int]()
        for share in shares:
            counts[share.credit_id] += share.coins
        assert counts == oracle.counts.get(move.id, Counter())
        cost = {money.currency: money.minor for money in found.cost(move.id)}
        assert cost == dict(oracle.costs.get(move.id, {}))


@settings(max_examples=scale(200, 5_000))
@given(history=EITHER)
def test_what_remains_is_the_balance(history: History) -> None:
    found = folded(history)
    assert sum(lot.available for lot in found.lots) == history.oracle.free()
    assert sum(lot.held for lot in found.lots) == history.oracle.held()
    assert sum(share.coins for held in found.held.values() for share in held) == sum(
        lot.held for lot in found.lots
    )
    assert found.holding().coins == history.oracle.free() + history.oracle.held()


@settings(max_examples=scale(200, 5_000))
@given(history=EITHER)
def test_money_of_all_lines_is_the_money_of_the_lots(history: History) -> None:
    found = folded(history)
    lines = summed(money for move in history.moves for money in found.cost(move.id))
    spent = summed(
        Money(lot.spent_cost, lot.price.currency) for lot in found.lots if lot.price is not None
    )
    assert [money for money in lines if money.minor] == [money for money in spent if money.minor]
    prices = summed(lot.price for lot in found.lots)
    assert summed([*spent, *found.holding().cost]) == prices


@given(parts=st.lists(st.integers(1, 20), min_size=1, max_size=12), minor=st.integers(1, 10**6))
def test_a_spent_lot_cost_exactly_its_price_however_it_was_cut(
    parts: list[int], minor: int
) -> None:
    history = History()
    history.recharge(paid(7, sum(parts), minor))
    for part in parts:
        history.add(MoveKind.DEBIT, part)
    found = folded(history)
    assert summed(money for move in history.moves for money in found.cost(move.id)) == eur(minor)
    assert found.holding().cost == ()


@settings(max_examples=scale(100, 2_000))
@given(history=EITHER, cut=st.integers(1, 10**6), which=st.integers(0, 10**6))
def test_one_debit_takes_what_two_halves_of_it_take(history: History, cut: int, which: int) -> None:
    debits = [n for n, move in enumerate(history.moves) if move.kind is MoveKind.DEBIT]
    if not debits:
        return
    at = debits[which % len(debits)]
    whole = history.moves[at]
    if whole.coins < 2 or any(move.names == whole.id for move in history.moves):
        return
    first = 1 + cut % (whole.coins - 1)
    halves = [replace(whole, id=1, coins=first), replace(whole, id=2, coins=whole.coins - first)]
    moves = [*history.moves[:at], *halves, *history.moves[at + 1 :]]
    once, twice = folded(history), fold(history.lots, moves, as_of_ns=history.now_ns)
    assert once.lots == twice.lots
    assert once.cost(whole.id) == summed([*twice.cost(1), *twice.cost(2)])


@given(history=EITHER)
def test_terms_may_come_in_any_order(history: History) -> None:
    backward = fold(history.lots[::-1], history.moves, as_of_ns=history.now_ns)
    assert backward == folded(history)


@pytest.mark.parametrize("end", ["void", "expiry"])
@given(history=EITHER, part=st.integers(0, 10**6))
def test_a_hold_that_ends_leaves_the_lots_as_they_were(
    history: History, part: int, end: str
) -> None:
    if not history.oracle.free():
        return
    before = folded(history)
    now_ns = history.now_ns
    coins = 1 + part % history.oracle.free()
    hold = Move(1, MoveKind.HOLD, coins, now_ns, expires_ns=now_ns + 5 if end == "expiry" else 0)
    void = Move(2, MoveKind.VOID, coins, now_ns, holds=1)
    moves = [*history.moves, hold] + ([void] if end == "void" else [])
    during = fold(history.lots, [*history.moves, hold], as_of_ns=now_ns)
    assert sum(share.coins for share in during.held[1]) == coins
    after = fold(history.lots, moves, as_of_ns=now_ns + 5)
    later = fold(history.lots, history.moves, as_of_ns=now_ns + 5)
    assert after == later
    assert sum(lot.coins for lot in before.lots) == sum(lot.coins for lot in after.lots)


def test_promotional_coins_go_first_then_the_oldest_paid() -> None:
    history = History()
    history.recharge(paid(1, 10, 100))
    history.recharge(paid(2, 10, 200))
    history.recharge(promotional(2, 5))
    spend = history.add(MoveKind.DEBIT, 18)
    found = folded(history)
    assert [(share.kind, share.coins) for share in found.shares[spend.id]] == [
        (LotKind.PROMOTIONAL, 5),
        (LotKind.PAID, 10),
        (LotKind.PAID, 3),
    ]
    assert found.cost(spend.id) == eur(160)
    assert found.unspent(UUID(int=1)) == 0
    assert found.unspent(UUID(int=2)) == 7
    assert found.holding().per_hundred == eur(2000)


def test_a_refund_takes_its_own_coins_then_other_paid_ones_then_promotional() -> None:
    history = History()
    history.recharge(paid(1, 10, 100))
    history.recharge(promotional(1, 4))
    history.recharge(paid(2, 10, 300))
    history.add(MoveKind.DEBIT, 10)  # 4 promotional, 6 of the first
    history.recharge(promotional(3, 9))
    back = history.add(MoveKind.DEBIT, 20, names=1)
    shares = folded(history).shares[back.id]
    assert [(share.lot_id, share.coins) for share in shares] == [
        (UUID(int=1), 4),
        (UUID(int=2), 10),
        (UUID(int=3), 6),
    ]


def test_a_refund_that_failed_gives_the_coins_back_to_their_order() -> None:
    history = History()
    history.recharge(paid(1, 10, 99))
    history.recharge(paid(2, 10, 300))
    history.add(MoveKind.DEBIT, 10, names=2)
    history.add(MoveKind.CREDIT, 10, names=2)
    found = folded(history)
    assert [lot.available for lot in found.lots] == [10, 10]
    assert found.holding().cost == eur(399)


def test_what_came_back_of_a_debit_cannot_come_back_again() -> None:
    history = History()
    history.recharge(paid(1, 10, 100))
    spend = history.add(MoveKind.DEBIT, 6)
    history.add(MoveKind.CREDIT, 4, names=spend.id)
    history.add(MoveKind.DEBIT, 8)
    again = history.add(MoveKind.CREDIT, 5, names=spend.id, promotional=True)
    found = folded(history)
    assert [share.coins for share in found.shares[again.id]] == [-2]
    assert [(lot.kind, lot.available) for lot in found.lots] == [
        (LotKind.PAID, 2),
        (LotKind.PROMOTIONAL, 3),
    ]


def test_part_of_a_hold_is_kept_and_the_rest_returns() -> None:
    history = History()
    history.recharge(paid(1, 3, 100))
    history.recharge(paid(2, 10, 1000))
    hold = history.add(MoveKind.HOLD, 8)
    post = history.add(MoveKind.POST, 4, holds=hold.id)
    found = folded(history)
    assert found.cost(post.id) == eur(100 + 100)
    assert [lot.available for lot in found.lots] == [0, 9]
    assert found.held == {}


def test_later_prices_leave_lots_alone() -> None:
    history = History()
    history.recharge(paid(1, 10, 100))
    spend = history.add(MoveKind.DEBIT, 4)
    before = folded(history)
    history.recharge(paid(2, 10, 9_999))
    after = folded(history)
    assert after.lots[0] == before.lots[0]
    assert after.cost(spend.id) == before.cost(spend.id) == eur(40)


def test_a_wallet_without_coins_holds_nothing() -> None:
    found = fold([], [], as_of_ns=1)
    assert found.holding().coins == 0
    assert found.holding().cost == ()
    assert found.unspent(UUID(int=1)) == 0


@given(coins=st.integers(1, 10**6), minor=st.integers(1, 10**9), cut=st.integers(0, 10**6))
def test_the_cost_of_some_coins_grows_to_the_price(coins: int, minor: int, cut: int) -> None:
    some = cut % coins
    assert 0 <= cost_of_first(some, coins, minor) <= cost_of_first(some + 1, coins, minor)
    assert cost_of_first(coins, coins, minor) == minor
    assert abs(cost_of_first(some, coins, minor) * coins - minor * some) < coins

"""Linked chains: all or nothing, with an exact undo, and what a repeat answers."""

import pytest

from coinwell.ledger.machine import Writes, create_transfers
from coinwell.ledger.types import AMOUNT_MAX, NS_PER_S, AccountFlags, Transfer
from tests.ledger.book import Book, F, S, copied, resolving, transfer

POST, VOID = F.POST_PENDING_TRANSFER, F.VOID_PENDING_TRANSFER


@pytest.fixture
def book() -> Book:
    """Accounts 1 to 5, of which 4 cannot go below nothing; 9 to 11 are pending, two close."""
    book = Book()
    book.open(1, 2, 3, 5)
    book.open(4, flags=AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
    held = transfer(9, 1, 2, 10, flags=F.PENDING, timeout=60)
    closing = transfer(10, 3, 1, 10, flags=F.PENDING | F.CLOSING_DEBIT)
    closing_too = transfer(11, 1, 5, 0, flags=F.PENDING | F.CLOSING_CREDIT)
    assert book.post(held, closing, closing_too) == [S.CREATED] * 3
    return book


def test_members_of_a_chain_see_those_before_them(book: Book) -> None:
    chain = [transfer(20, 1, 4, 5, flags=F.LINKED), transfer(21, 4, 2, 5)]
    assert book.post(*chain) == [S.CREATED, S.CREATED]
    assert book.counters(4) == (0, 5, 0, 5)


def test_a_broken_chain_names_its_first_fault_and_leaves_its_neighbours(book: Book) -> None:
    batch = [
        transfer(19),
        transfer(20, flags=F.LINKED),
        transfer(21, flags=F.LINKED, code=0),
        transfer(22, flags=F.LINKED, ledger=0),
        transfer(23),
        transfer(24),
    ]
    assert book.post(*batch) == [
        S.CREATED,
        S.LINKED_EVENT_FAILED,
        S.CODE_MUST_NOT_BE_ZERO,
        S.LINKED_EVENT_FAILED,
        S.LINKED_EVENT_FAILED,
        S.CREATED,
    ]
    assert set(book.state.transfers) == {9, 10, 11, 19, 24}


def test_the_members_of_a_broken_chain_keep_their_own_times(book: Book) -> None:
    base = book.now_ns = book.now_ns + 1_000
    chain = [transfer(20, flags=F.LINKED), transfer(21, flags=F.LINKED), transfer(22, code=0)]
    assert [result.timestamp for result in book.results(*chain)] == [base, base + 1, base + 2]


@pytest.mark.parametrize(
    "member",
    [
        transfer(20, 1, 2, 7),
        transfer(20, 1, 2, 7, flags=F.PENDING, timeout=4),
        transfer(20, 1, 2, 7, flags=F.PENDING | F.CLOSING_DEBIT | F.CLOSING_CREDIT),
        transfer(20, 1, 2, AMOUNT_MAX, flags=F.BALANCING_CREDIT),
        resolving(20, 9, POST, 4),
        resolving(20, 9, POST, AMOUNT_MAX),
        resolving(20, 9, VOID),
        resolving(20, 10, VOID),
        resolving(20, 11, VOID),
    ],
)
def test_a_broken_chain_leaves_no_trace(book: Book, member: Transfer) -> None:
    before = copied(book.state)
    linked = Transfer(
        **{name: getattr(member, name) for name in member.__struct_fields__}
        | {"flags": member.flags | F.LINKED}
    )

    results, writes = create_transfers(
        book.state, [linked, transfer(21, code=0)], book.now_ns + NS_PER_S
    )

    assert [result.status for result in results] == [
        S.LINKED_EVENT_FAILED,
        S.CODE_MUST_NOT_BE_ZERO,
    ]
    assert book.state.timestamp > before.timestamp
    before.timestamp = book.state.timestamp
    assert book.state == before
    assert writes == Writes(timestamp=book.state.timestamp)


def test_a_long_chain_over_the_same_accounts_is_undone_whole(book: Book) -> None:
    before = copied(book.state)
    linked = F.LINKED
    chain = [
        resolving(20, 10, VOID | linked),
        transfer(21, 3, 4, 5, flags=F.PENDING | linked | F.CLOSING_CREDIT),
        transfer(22, 1, 3, 6, flags=linked),
        resolving(23, 21, VOID | linked),
        transfer(24, 3, 4, 50, flags=F.PENDING | linked),
        resolving(25, 24, POST | linked, 20),
        resolving(26, 9, POST | linked, 3),
        transfer(27, 4, 1, 20, flags=linked),
        transfer(28, 4, 1, 1),
    ]
    assert book.post(*chain) == [S.LINKED_EVENT_FAILED] * 8 + [S.EXCEEDS_CREDITS]
    assert book.state.failed == {28: S.EXCEEDS_CREDITS}
    before.timestamp, before.failed = book.state.timestamp, book.state.failed
    assert book.state == before


def test_a_chain_left_open_falls_even_when_it_is_broken_already(book: Book) -> None:
    open_chain = [transfer(20, flags=F.LINKED), transfer(21, flags=F.LINKED)]
    assert book.post(*open_chain) == [S.LINKED_EVENT_FAILED, S.LINKED_EVENT_CHAIN_OPEN]
    broken = [transfer(20, flags=F.LINKED, code=0), transfer(21, flags=F.LINKED)]
    assert book.post(*broken) == [S.CODE_MUST_NOT_BE_ZERO, S.LINKED_EVENT_CHAIN_OPEN]
    assert book.post(transfer(20, flags=F.LINKED)) == [S.LINKED_EVENT_CHAIN_OPEN]
    assert set(book.state.transfers) == {9, 10, 11}


def test_a_repeated_chain_answers_exists_first_and_stands(book: Book) -> None:
    chain = [transfer(20, flags=F.LINKED), transfer(21)]
    first = book.results(*chain)
    book.now_ns += NS_PER_S
    again = book.results(*chain)
    assert [result.status for result in again] == [S.EXISTS, S.LINKED_EVENT_FAILED]
    assert again[0].timestamp == first[0].timestamp
    assert {20, 21} <= set(book.state.transfers)
    assert book.counters(1) == (10, 20, 10, 0)


def test_an_id_spent_inside_a_chain_stays_spent(book: Book) -> None:
    chain = [transfer(20, flags=F.LINKED), transfer(21, 4, 1, 5)]
    assert book.post(*chain) == [S.LINKED_EVENT_FAILED, S.EXCEEDS_CREDITS]
    assert book.one(transfer(22, 1, 4, 5)) is S.CREATED
    assert book.post(*chain) == [S.LINKED_EVENT_FAILED, S.ID_ALREADY_FAILED]
    assert book.one(transfer(20)) is S.CREATED, "the first was never at fault"


def test_one_id_twice_in_a_batch_happens_once(book: Book) -> None:
    twice = [transfer(20), transfer(20), transfer(20, amount=11)]
    assert book.post(*twice) == [S.CREATED, S.EXISTS, S.EXISTS_WITH_DIFFERENT_AMOUNT]
    assert book.counters(1) == (10, 10, 10, 0)


def test_a_member_of_a_broken_chain_does_not_exist_for_those_after_it(book: Book) -> None:
    batch = [
        transfer(20, flags=F.LINKED | F.PENDING),
        transfer(21, code=0),
        resolving(22, 20, POST, 1),
        transfer(20),
    ]
    assert book.post(*batch) == [
        S.LINKED_EVENT_FAILED,
        S.CODE_MUST_NOT_BE_ZERO,
        S.PENDING_TRANSFER_NOT_FOUND,
        S.CREATED,
    ]


def test_chains_end_with_their_batch_however_many_are_gathered(book: Book) -> None:
    writes = Writes()
    first, _ = create_transfers(book.state, [transfer(20, flags=F.LINKED)], book.now_ns, writes)
    second, _ = create_transfers(book.state, [transfer(21)], book.now_ns, writes)
    assert [result.status for result in first] == [S.LINKED_EVENT_CHAIN_OPEN]
    assert [result.status for result in second] == [S.CREATED]
    assert [made.id for made in writes.transfers] == [21]
    assert second[0].timestamp == first[0].timestamp + 1
    assert writes.timestamp == second[0].timestamp


def test_a_broken_chain_undoes_nothing_of_a_batch_gathered_before(book: Book) -> None:
    writes = Writes()
    create_transfers(book.state, [transfer(20)], book.now_ns, writes)
    chain = [transfer(21, flags=F.LINKED), transfer(22, code=0)]
    create_transfers(book.state, chain, book.now_ns, writes)
    assert [made.id for made in writes.transfers] == [20]
    assert 20 in book.state.transfers

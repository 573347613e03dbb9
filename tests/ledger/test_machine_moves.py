"""Plain transfers: every status in its order, limits, balancing, overflow, and repeats."""

import pytest
from msgspec.structs import replace

from coinwell.ledger.machine import State, needs
from coinwell.ledger.types import (
    AMOUNT_MAX,
    COUNTER_MAX,
    ID_MAX,
    TIMESTAMP_MAX,
    AccountFlags,
    Transfer,
    TransferFlags,
)
from tests.ledger.book import START_NS, Book, F, S, transfer

MAX = COUNTER_MAX
LIMITED = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
RECEIVING_LIMITED = AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS


@pytest.fixture
def book() -> Book:
    """Accounts 1 and 2 on ledger 1, 3 on ledger 2."""
    book = Book()
    book.open(1, 2)
    book.open(3, ledger=2)
    book.now_ns += 1_000
    return book


def test_a_transfer_debits_one_account_and_credits_the_other(book: Book) -> None:
    asked = transfer(9, 1, 2, 10, user_data_128=1, user_data_64=2, user_data_32=3)

    (result,) = book.results(asked)

    assert (result.timestamp, result.status) == (book.now_ns, S.CREATED)
    assert book.counters(1) == (0, 10, 0, 0)
    assert book.counters(2) == (0, 0, 0, 10)
    assert book.state.transfers[9] == replace(asked, timestamp=book.now_ns)


def test_nothing_at_all_may_be_moved(book: Book) -> None:
    assert book.one(transfer(9, amount=0)) is S.CREATED
    assert book.state.transfers[9].amount == 0


def test_what_is_wrong_with_a_transfer_is_said_in_order(book: Book) -> None:
    book.open(4, flags=LIMITED)
    book.open(5, flags=RECEIVING_LIMITED)
    wrong = Transfer(
        id=0,
        amount=COUNTER_MAX + 1,
        pending_id=3,
        timeout=2**32 - 1,
        flags=TransferFlags(1 << 9 | F.CLOSING_DEBIT),
        timestamp=4,
    )
    steps: list[tuple[S, dict[str, int]]] = [
        (S.TIMESTAMP_MUST_BE_ZERO, {"timestamp": 0}),
        (S.RESERVED_FLAG, {"flags": F.CLOSING_DEBIT}),
        (S.ID_MUST_NOT_BE_ZERO, {"id": ID_MAX}),
        (S.ID_MUST_NOT_BE_INT_MAX, {"id": 9}),
        (S.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO, {"debit_account_id": ID_MAX}),
        (S.DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX, {"debit_account_id": 1}),
        (S.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO, {"credit_account_id": ID_MAX}),
        (S.CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX, {"credit_account_id": 1}),
        (S.ACCOUNTS_MUST_BE_DIFFERENT, {"debit_account_id": 77, "credit_account_id": 78}),
        (S.PENDING_ID_MUST_BE_ZERO, {"pending_id": 0}),
        (S.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER, {"timeout": 0}),
        (S.CLOSING_TRANSFER_MUST_BE_PENDING, {"flags": F.PENDING, "timeout": 2**32 - 1}),
        (S.LEDGER_MUST_NOT_BE_ZERO, {"ledger": 6}),
        (S.CODE_MUST_NOT_BE_ZERO, {"code": 7}),
        # A transient refusal spends the id, so from here on each try has a new one.
        (S.DEBIT_ACCOUNT_NOT_FOUND, {"id": 10, "debit_account_id": 4}),
        (S.CREDIT_ACCOUNT_NOT_FOUND, {"id": 11, "credit_account_id": 3}),
        (S.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER, {"credit_account_id": 5}),
        (S.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS, {"ledger": 1}),
        (S.OVERFLOWS_DEBITS_PENDING, {"amount": 1}),
        (S.OVERFLOWS_TIMEOUT, {"timeout": 1}),
        (S.EXCEEDS_CREDITS, {"id": 12, "debit_account_id": 1}),
        (S.EXCEEDS_DEBITS, {"id": 13, "credit_account_id": 2}),
    ]
    book.now_ns = TIMESTAMP_MAX - 2 * 1_000_000_000
    for status, repair in steps:
        assert book.one(wrong) is status
        wrong = replace(wrong, **repair)
    assert book.one(wrong) is S.CREATED


def test_a_closed_account_is_said_before_what_would_not_fit(book: Book) -> None:
    book.open(4, 5, flags=AccountFlags.CLOSED)
    too_much = AMOUNT_MAX
    assert book.one(transfer(9, 4, 5, too_much)) is S.DEBIT_ACCOUNT_ALREADY_CLOSED
    assert book.one(transfer(10, 1, 5, too_much)) is S.CREDIT_ACCOUNT_ALREADY_CLOSED
    assert book.one(transfer(11, 1, 2, too_much)) is S.OVERFLOWS_DEBITS_POSTED


def test_a_counter_ends_at_its_greatest_number(book: Book) -> None:
    assert book.one(transfer(9, 1, 2, COUNTER_MAX)) is S.CREATED
    assert book.counters(1) == (0, COUNTER_MAX, 0, 0)
    assert book.one(transfer(10, 1, 2, 1)) is S.OVERFLOWS_DEBITS_POSTED
    assert book.one(transfer(11, 1, 2, 0)) is S.CREATED


def test_each_counter_that_would_overflow_is_named_in_order(book: Book) -> None:
    book.open(4, 5, 6, 7, 8)
    assert book.one(transfer(20, 4, 5, COUNTER_MAX, flags=F.PENDING)) is S.CREATED
    assert book.one(transfer(21, 6, 7, COUNTER_MAX)) is S.CREATED

    assert book.one(transfer(30, 4, 5, 1, flags=F.PENDING)) is S.OVERFLOWS_DEBITS_PENDING
    assert book.one(transfer(31, 8, 5, 1, flags=F.PENDING)) is S.OVERFLOWS_CREDITS_PENDING
    assert book.one(transfer(32, 6, 7, 1, flags=F.PENDING)) is S.OVERFLOWS_DEBITS_POSTED
    assert book.one(transfer(33, 8, 7, 1)) is S.OVERFLOWS_CREDITS_POSTED
    assert book.one(transfer(34, 4, 5, 1)) is S.OVERFLOWS_DEBITS
    assert book.one(transfer(35, 8, 5, 1)) is S.OVERFLOWS_CREDITS


@pytest.mark.parametrize(
    ("debits", "credits_", "flags", "status"),
    [
        # Pending and posted of each side before one more is asked; one too many somewhere.
        ((MAX - 1, 0), (MAX - 1, 0), F.PENDING, S.CREATED),
        ((MAX - 1, 0), (MAX, 0), F.PENDING, S.OVERFLOWS_CREDITS_PENDING),
        ((0, MAX), (MAX - 1, 0), F.PENDING, S.OVERFLOWS_DEBITS_POSTED),
        ((0, MAX - 1), (0, MAX), F.NONE, S.OVERFLOWS_CREDITS_POSTED),
        ((2, MAX - 2), (0, MAX - 1), F.NONE, S.OVERFLOWS_DEBITS),
        ((MAX - 2, 2), (0, MAX - 1), F.NONE, S.OVERFLOWS_DEBITS),
        ((1, MAX - 2), (2, MAX - 2), F.NONE, S.OVERFLOWS_CREDITS),
        ((1, 5), (MAX - 5, 5), F.NONE, S.OVERFLOWS_CREDITS),
        ((5, MAX - 6), (6, MAX - 7), F.PENDING, S.CREATED),
    ],
)
def test_a_counter_may_be_full_but_not_more(
    book: Book,
    debits: tuple[int, int],
    credits_: tuple[int, int],
    flags: TransferFlags,
    status: S,
) -> None:
    debit, credit = book.state.accounts[1], book.state.accounts[2]
    debit.debits_pending, debit.debits_posted = debits
    credit.credits_pending, credit.credits_posted = credits_
    assert book.one(transfer(9, 1, 2, 1, flags=flags)) is status


def test_a_limited_account_gives_only_what_it_has(book: Book) -> None:
    book.open(4, flags=LIMITED)
    assert book.one(transfer(9, 1, 4, 10)) is S.CREATED
    assert book.one(transfer(10, 4, 2, 11)) is S.EXCEEDS_CREDITS
    assert book.one(transfer(11, 4, 2, 7, flags=F.PENDING)) is S.CREATED
    assert book.one(transfer(12, 4, 2, 4)) is S.EXCEEDS_CREDITS
    assert book.one(transfer(13, 4, 2, 3)) is S.CREATED
    assert book.counters(4) == (7, 3, 0, 10)


def test_a_limited_account_does_not_spend_what_is_only_pending_for_it(book: Book) -> None:
    book.open(4, flags=LIMITED)
    assert book.one(transfer(9, 1, 4, 10, flags=F.PENDING)) is S.CREATED
    assert book.one(transfer(10, 4, 2, 1)) is S.EXCEEDS_CREDITS


def test_an_account_limited_the_other_way_takes_only_what_it_gave(book: Book) -> None:
    book.open(4, flags=RECEIVING_LIMITED)
    assert book.one(transfer(9, 4, 2, 10)) is S.CREATED
    assert book.one(transfer(10, 1, 4, 6, flags=F.PENDING)) is S.CREATED
    assert book.one(transfer(11, 1, 4, 5)) is S.EXCEEDS_DEBITS
    assert book.one(transfer(12, 1, 4, 4)) is S.CREATED


def test_two_spends_race_for_the_last_coin_within_a_batch(book: Book) -> None:
    book.open(4, flags=LIMITED)
    fund, *spends = transfer(9, 1, 4, 1), transfer(10, 4, 2, 1), transfer(11, 4, 2, 1)
    assert book.post(*spends[:1], fund, *spends) == [
        S.EXCEEDS_CREDITS,
        S.CREATED,
        S.ID_ALREADY_FAILED,
        S.CREATED,
    ]


@pytest.mark.parametrize(("asked", "moved"), [(4, 4), (10, 10), (11, 10), (AMOUNT_MAX, 10), (0, 0)])
def test_a_balancing_debit_moves_what_is_there(book: Book, asked: int, moved: int) -> None:
    assert book.one(transfer(9, 2, 1, 12)) is S.CREATED
    assert book.one(transfer(10, 1, 2, 2, flags=F.PENDING)) is S.CREATED
    assert book.one(transfer(11, 1, 2, asked, flags=F.BALANCING_DEBIT)) is S.CREATED
    assert book.state.transfers[11].amount == moved
    assert book.counters(1) == (2, moved, 0, 12)


def test_a_balancing_transfer_counts_what_went_before(book: Book) -> None:
    assert book.post(transfer(9, 2, 1, 12), transfer(10, 1, 2, 3)) == [S.CREATED, S.CREATED]
    assert book.one(transfer(11, 1, 2, AMOUNT_MAX, flags=F.BALANCING_CREDIT)) is S.CREATED
    assert book.state.transfers[11].amount == 9
    assert book.one(transfer(12, 2, 1, AMOUNT_MAX, flags=F.BALANCING_DEBIT)) is S.CREATED
    assert book.state.transfers[12].amount == 0


@pytest.mark.parametrize(("asked", "moved"), [(4, 4), (11, 10), (AMOUNT_MAX, 10)])
def test_a_balancing_credit_moves_what_is_owed(book: Book, asked: int, moved: int) -> None:
    assert book.one(transfer(9, 2, 1, 12)) is S.CREATED
    assert book.one(transfer(10, 1, 2, 2, flags=F.PENDING)) is S.CREATED
    assert book.one(transfer(11, 1, 2, asked, flags=F.BALANCING_CREDIT)) is S.CREATED
    assert book.counters(2) == (0, 12, 2, moved)


def test_balancing_both_ways_moves_the_lesser(book: Book) -> None:
    book.open(4, 5)
    assert book.post(transfer(9, 4, 1, 8), transfer(10, 2, 5, 5)) == [S.CREATED, S.CREATED]
    both = F.BALANCING_DEBIT | F.BALANCING_CREDIT
    assert book.one(transfer(11, 1, 2, AMOUNT_MAX, flags=both)) is S.CREATED
    assert book.state.transfers[11].amount == 5


def test_balancing_an_account_that_owes_already_moves_nothing(book: Book) -> None:
    assert book.one(transfer(9, 1, 2, 5)) is S.CREATED
    assert book.one(transfer(10, 1, 2, AMOUNT_MAX, flags=F.BALANCING_DEBIT)) is S.CREATED
    assert book.state.transfers[10].amount == 0


def test_all_of_it_means_nothing_to_a_plain_transfer(book: Book) -> None:
    assert book.one(transfer(9, 1, 2, AMOUNT_MAX)) is S.OVERFLOWS_DEBITS_POSTED


def test_how_a_repeat_differs_is_said_in_order_and_before_its_mistakes(book: Book) -> None:
    asked = transfer(9, 1, 2, 10, flags=F.PENDING, timeout=5, user_data_128=1, user_data_64=2)
    asked = replace(asked, user_data_32=3)
    assert book.one(asked) is S.CREATED
    first_at = book.now_ns
    again = Transfer(id=9, pending_id=9, flags=F.BALANCING_DEBIT)
    steps: list[tuple[S, dict[str, int]]] = [
        (S.EXISTS_WITH_DIFFERENT_FLAGS, {"flags": F.PENDING}),
        (S.EXISTS_WITH_DIFFERENT_PENDING_ID, {"pending_id": 0}),
        (S.EXISTS_WITH_DIFFERENT_TIMEOUT, {"timeout": 5}),
        (S.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID, {"debit_account_id": 1}),
        (S.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID, {"credit_account_id": 2}),
        (S.EXISTS_WITH_DIFFERENT_AMOUNT, {"amount": 10}),
        (S.EXISTS_WITH_DIFFERENT_USER_DATA_128, {"user_data_128": 1}),
        (S.EXISTS_WITH_DIFFERENT_USER_DATA_64, {"user_data_64": 2}),
        (S.EXISTS_WITH_DIFFERENT_USER_DATA_32, {"user_data_32": 3}),
        (S.EXISTS_WITH_DIFFERENT_LEDGER, {"ledger": 1}),
        (S.EXISTS_WITH_DIFFERENT_CODE, {"code": 7}),
    ]
    book.now_ns += 1_000
    for status, repair in steps:
        assert book.one(again) is status
        again = replace(again, **repair)
    (result,) = book.results(again)
    assert (result.timestamp, result.status) == (first_at, S.EXISTS)
    assert book.counters(1) == (10, 0, 0, 0)


@pytest.mark.parametrize("flag", [F.BALANCING_DEBIT, F.BALANCING_CREDIT])
def test_a_repeated_balancing_transfer_is_the_same_if_it_could_have_moved_that(
    book: Book, flag: TransferFlags
) -> None:
    assert book.one(transfer(9, 2, 1, 12)) is S.CREATED
    assert book.one(transfer(10, 1, 2, 20, flags=flag)) is S.CREATED
    for asked, status in [
        (20, S.EXISTS),
        (12, S.EXISTS),
        (AMOUNT_MAX, S.EXISTS),
        (11, S.EXISTS_WITH_DIFFERENT_AMOUNT),
    ]:
        assert book.one(transfer(10, 1, 2, asked, flags=flag)) is status


def test_a_transient_refusal_spends_the_id_for_ever(book: Book) -> None:
    assert book.one(transfer(9, 1, 99, 1)) is S.CREDIT_ACCOUNT_NOT_FOUND
    book.open(99)
    assert book.one(transfer(9, 1, 99, 1)) is S.ID_ALREADY_FAILED
    assert book.one(transfer(9, 1, 2, 5, code=0)) is S.ID_ALREADY_FAILED
    assert book.one(transfer(10, 1, 99, 1)) is S.CREATED


def test_a_mistake_in_a_transfer_spends_no_id(book: Book) -> None:
    assert book.one(transfer(9, 1, 2, 5, code=0)) is S.CODE_MUST_NOT_BE_ZERO
    assert book.one(transfer(9, 1, 2, AMOUNT_MAX)) is S.OVERFLOWS_DEBITS_POSTED
    assert book.one(transfer(9, 1, 2, 5)) is S.CREATED


def test_an_import_is_checked_as_a_batch_of_its_own_and_then_refused(book: Book) -> None:
    flag = F.IMPORTED
    batch = [
        transfer(9, flags=flag, timestamp=0),
        transfer(9, flags=flag, timestamp=2**63),
        transfer(9, flags=flag, timestamp=2**63 - 1),
        transfer(9, flags=flag, timestamp=book.now_ns + 5),
        transfer(9, flags=flag, timestamp=book.now_ns + 4),
        transfer(9),
    ]
    assert book.post(*batch) == [
        S.IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE,
        S.IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE,
        S.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE,
        S.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE,
        S.RESERVED_FLAG,
        S.IMPORTED_EVENT_EXPECTED,
    ]
    assert book.post(transfer(9), batch[4]) == [S.CREATED, S.IMPORTED_EVENT_NOT_EXPECTED]


def test_what_to_load_are_the_accounts_and_transfers_that_a_batch_names() -> None:
    batch = [transfer(9, 1, 2), Transfer(id=10, pending_id=8, debit_account_id=3)]
    assert needs(batch) == ({1, 2, 3}, {8, 9, 10})
    assert needs([]) == (set(), set())


def test_timestamps_rise_though_the_clock_steps_back(book: Book) -> None:
    first = book.results(transfer(9), transfer(10), transfer(11, code=0))
    book.now_ns = 5
    second = book.results(transfer(12))
    stamps = [result.timestamp for result in [*first, *second]]
    assert stamps == [START_NS + 1_000 + step for step in range(4)]


def test_an_empty_batch_changes_nothing(book: Book) -> None:
    before = State(timestamp=book.state.timestamp)
    assert book.results() == []
    assert book.state.timestamp == before.timestamp

"""Pending transfers: posting in part or whole, voiding, expiring, closing accounts."""

import pytest
from msgspec.structs import replace

from coinwell.ledger.machine import Pending
from coinwell.ledger.types import (
    AMOUNT_MAX,
    ID_MAX,
    NS_PER_S,
    TIMESTAMP_MAX,
    AccountFlags,
    PendingStatus,
    Transfer,
    TransferFlags,
)
from tests.ledger.book import START_NS, Book, F, S, resolving, transfer

POST, VOID = F.POST_PENDING_TRANSFER, F.VOID_PENDING_TRANSFER
HELD = transfer(
    9, 1, 2, 10, flags=F.PENDING, timeout=5, user_data_128=1, user_data_64=2, user_data_32=3
)


@pytest.fixture
def book() -> Book:
    """Accounts 1 and 2, and transfer 9 that holds 10 from 1 for 2 during five seconds."""
    book = Book()
    book.open(1, 2)
    book.now_ns += 1_000
    assert book.one(HELD) is S.CREATED
    return book


def status_of(book: Book, key: int = 9) -> PendingStatus:
    return book.state.pendings[key].status


def test_a_pending_transfer_holds_on_both_sides(book: Book) -> None:
    assert book.counters(1) == (10, 0, 0, 0)
    assert book.counters(2) == (0, 0, 10, 0)
    expires_at = START_NS + 1_000 + 5 * NS_PER_S
    assert book.state.pendings == {9: Pending(PendingStatus.OPEN, expires_at)}


def test_a_pending_transfer_without_timeout_never_expires(book: Book) -> None:
    assert book.one(replace(HELD, id=10, timeout=0)) is S.CREATED
    book.now_ns = 2**62
    book.pulse()
    assert (status_of(book, 9), status_of(book, 10)) == (PendingStatus.EXPIRED, PendingStatus.OPEN)
    assert book.one(resolving(11, 10, POST, AMOUNT_MAX)) is S.CREATED


@pytest.mark.parametrize(("asked", "moved"), [(AMOUNT_MAX, 10), (10, 10), (4, 4), (0, 0)])
def test_posting_moves_a_part_or_all_and_lets_the_rest_go(
    book: Book, asked: int, moved: int
) -> None:
    book.now_ns += 7

    assert book.one(resolving(10, 9, POST, asked)) is S.CREATED

    assert book.counters(1) == (0, moved, 0, 0)
    assert book.counters(2) == (0, 0, 0, moved)
    expires_at = START_NS + 1_000 + 5 * NS_PER_S
    assert book.state.pendings[9] == Pending(PendingStatus.POSTED, expires_at, book.now_ns)


@pytest.mark.parametrize("asked", [0, 10])
def test_voiding_lets_all_of_it_go(book: Book, asked: int) -> None:
    assert book.one(resolving(10, 9, VOID, asked)) is S.CREATED
    assert book.counters(1) == book.counters(2) == (0, 0, 0, 0)
    assert status_of(book) is PendingStatus.VOIDED
    assert book.state.transfers[10].amount == 10


def test_what_a_post_leaves_open_comes_from_the_pending_transfer(book: Book) -> None:
    book.now_ns += 7
    assert book.one(resolving(10, 9, POST, 4, user_data_64=20)) is S.CREATED
    assert book.state.transfers[10] == Transfer(
        id=10,
        debit_account_id=1,
        credit_account_id=2,
        amount=4,
        pending_id=9,
        user_data_128=1,
        user_data_64=20,
        user_data_32=3,
        ledger=1,
        code=7,
        flags=POST,
        timestamp=book.now_ns,
    )


@pytest.mark.parametrize("ending", [POST, VOID])
def test_what_is_wrong_with_an_ending_is_said_in_order(book: Book, ending: TransferFlags) -> None:
    assert book.one(transfer(8)) is S.CREATED
    wrong = Transfer(
        id=0,
        debit_account_id=3,
        credit_account_id=3,
        amount=11,
        timeout=1,
        ledger=3,
        code=3,
        flags=TransferFlags(POST | VOID | 1 << 9),
        timestamp=1,
    )
    steps: list[tuple[S, dict[str, int]]] = [
        (S.TIMESTAMP_MUST_BE_ZERO, {"timestamp": 0}),
        (S.RESERVED_FLAG, {"flags": POST | VOID}),
        (S.ID_MUST_NOT_BE_ZERO, {"id": ID_MAX}),
        (S.ID_MUST_NOT_BE_INT_MAX, {"id": 20}),
        (S.FLAGS_ARE_MUTUALLY_EXCLUSIVE, {"flags": ending}),
        (S.PENDING_ID_MUST_NOT_BE_ZERO, {"pending_id": ID_MAX}),
        (S.PENDING_ID_MUST_NOT_BE_INT_MAX, {"pending_id": 20}),
        (S.PENDING_ID_MUST_BE_DIFFERENT, {"pending_id": 77}),
        (S.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER, {"timeout": 0}),
        (S.PENDING_TRANSFER_NOT_FOUND, {"id": 21, "pending_id": 8}),
        (S.PENDING_TRANSFER_NOT_PENDING, {"pending_id": 9}),
        (S.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID, {"debit_account_id": 1}),
        (S.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID, {"credit_account_id": 2}),
        (S.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER, {"ledger": 1}),
        (S.PENDING_TRANSFER_HAS_DIFFERENT_CODE, {"code": 7}),
        (S.EXCEEDS_PENDING_TRANSFER_AMOUNT, {"amount": 9}),
    ]
    for status, repair in steps:
        assert book.one(wrong) is status
        wrong = replace(wrong, **repair)
    if ending == VOID:
        assert book.one(wrong) is S.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
        wrong = replace(wrong, amount=10)
    assert book.one(wrong) is S.CREATED


@pytest.mark.parametrize(
    "flag",
    [F.PENDING, F.BALANCING_DEBIT, F.BALANCING_CREDIT, F.CLOSING_DEBIT, F.CLOSING_CREDIT],
)
def test_an_ending_is_nothing_else_besides(book: Book, flag: TransferFlags) -> None:
    for ending in (POST, VOID):
        wanted = resolving(10, 9, ending | flag, 10)
        assert book.one(wanted) is S.FLAGS_ARE_MUTUALLY_EXCLUSIVE


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (POST, S.PENDING_TRANSFER_ALREADY_POSTED),
        (VOID, S.PENDING_TRANSFER_ALREADY_VOIDED),
    ],
)
def test_a_pending_transfer_ends_once(book: Book, ending: TransferFlags, status: S) -> None:
    assert book.one(resolving(10, 9, ending, 10)) is S.CREATED
    assert book.one(resolving(11, 9, POST, 10)) is status
    assert book.one(resolving(12, 9, VOID)) is status
    assert book.one(resolving(13, 9, POST, 11)) is S.EXCEEDS_PENDING_TRANSFER_AMOUNT


@pytest.mark.parametrize(
    ("late_ns", "status"),
    [(-1, S.CREATED), (0, S.PENDING_TRANSFER_EXPIRED), (1, S.PENDING_TRANSFER_EXPIRED)],
)
@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("ending", [POST, VOID])
def test_expiry_is_exact_to_the_nanosecond_swept_or_not(
    book: Book, *, ending: TransferFlags, swept: bool, late_ns: int, status: S
) -> None:
    book.now_ns = book.state.pendings[9].expires_at + late_ns
    if swept:
        book.pulse()
    assert book.one(resolving(10, 9, ending, 10)) is status


def test_a_later_member_of_one_batch_can_be_too_late(book: Book) -> None:
    assert book.one(replace(HELD, id=8)) is S.CREATED
    for key in (8, 9):
        pending = book.state.pendings[key]
        book.state.pendings[key] = Pending(pending.status, book.now_ns + 2_001)
    book.now_ns += 2_000
    assert book.post(resolving(10, 9, POST, 1), resolving(11, 8, POST, 1)) == [
        S.CREATED,
        S.PENDING_TRANSFER_EXPIRED,
    ]


def test_a_pulse_takes_back_what_expired_and_nothing_else(book: Book) -> None:
    assert book.one(replace(HELD, id=10, timeout=6)) is S.CREATED
    expires_at = book.state.pendings[9].expires_at
    book.now_ns = expires_at - 1
    assert book.pulse().pendings == {}
    book.now_ns = expires_at

    writes = book.pulse()

    expired = Pending(PendingStatus.EXPIRED, expires_at, expires_at)
    assert writes.pendings == {9: expired}
    assert book.counters(1) == (10, 0, 0, 0)
    assert writes.accounts_changed == {1: book.state.accounts[1], 2: book.state.accounts[2]}
    assert writes.timestamp == book.state.timestamp == expires_at
    assert book.pulse().pendings == {}, "and only once"


def test_pulses_expire_the_earliest_first_then_the_older(book: Book) -> None:
    assert book.one(replace(HELD, id=7, timeout=4)) is S.CREATED
    batch = [replace(HELD, id=key, timeout=3) for key in (6, 5)]
    assert book.post(*batch) == [S.CREATED, S.CREATED]
    early = book.state.pendings[6].expires_at
    book.state.pendings[5] = Pending(PendingStatus.OPEN, early)
    book.now_ns += 60 * NS_PER_S

    writes = book.pulse()

    assert list(writes.pendings) == [6, 5, 7, 9]
    times = [pending.resolved_at for pending in writes.pendings.values()]
    assert times == [book.now_ns + step for step in range(4)]
    assert book.counters(1) == (0, 0, 0, 0)


def test_a_pulse_at_a_moment_already_used_takes_the_next(book: Book) -> None:
    book.now_ns = book.state.timestamp = book.state.pendings[9].expires_at
    assert book.pulse().pendings[9].resolved_at == book.now_ns + 1


def test_a_hold_may_last_until_the_end_of_time_and_no_longer(book: Book) -> None:
    book.now_ns = TIMESTAMP_MAX - NS_PER_S
    longest = transfer(20, flags=F.PENDING, timeout=1)
    assert book.post(longest, replace(longest, id=21)) == [S.CREATED, S.OVERFLOWS_TIMEOUT]
    assert book.state.pendings[20].expires_at == TIMESTAMP_MAX


def test_a_pulse_that_finds_nothing_uses_no_timestamp(book: Book) -> None:
    before = book.state.timestamp
    book.now_ns += 1
    assert book.pulse().timestamp == book.state.timestamp == before


@pytest.mark.parametrize("ending", [POST, VOID])
def test_how_a_repeated_ending_differs_is_said_in_order(book: Book, ending: TransferFlags) -> None:
    done = resolving(10, 9, ending, 10, user_data_128=11, user_data_64=12, user_data_32=13)
    assert book.one(transfer(8, flags=F.PENDING)) is S.CREATED
    assert book.one(done) is S.CREATED
    first_at = book.state.timestamp
    again = Transfer(
        id=10,
        debit_account_id=2,
        credit_account_id=1,
        amount=9,
        pending_id=8,
        timeout=1,
        ledger=2,
        code=8,
        flags=(VOID if ending == POST else POST),
    )
    steps: list[tuple[S, dict[str, int]]] = [
        (S.EXISTS_WITH_DIFFERENT_FLAGS, {"flags": ending}),
        (S.EXISTS_WITH_DIFFERENT_PENDING_ID, {"pending_id": 9}),
        (S.EXISTS_WITH_DIFFERENT_TIMEOUT, {"timeout": 0}),
        (S.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID, {"debit_account_id": 1}),
        (S.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID, {"credit_account_id": 2}),
        (S.EXISTS_WITH_DIFFERENT_AMOUNT, {"amount": 10}),
        # Left at zero they would be those of the pending transfer, which this one replaced.
        (S.EXISTS_WITH_DIFFERENT_USER_DATA_128, {"user_data_128": 11}),
        (S.EXISTS_WITH_DIFFERENT_USER_DATA_64, {"user_data_64": 12}),
        (S.EXISTS_WITH_DIFFERENT_USER_DATA_32, {"user_data_32": 13}),
        (S.EXISTS_WITH_DIFFERENT_LEDGER, {"ledger": 1}),
        (S.EXISTS_WITH_DIFFERENT_CODE, {"code": 7}),
    ]
    for status, repair in steps:
        assert book.one(again) is status
        again = replace(again, **repair)
    (result,) = book.results(again)
    assert (result.timestamp, result.status) == (first_at, S.EXISTS)


@pytest.mark.parametrize(
    ("ending", "first", "again", "status"),
    [
        (POST, AMOUNT_MAX, 10, S.EXISTS),
        (POST, 10, AMOUNT_MAX, S.EXISTS),
        (POST, 4, AMOUNT_MAX, S.EXISTS_WITH_DIFFERENT_AMOUNT),
        (POST, 4, 0, S.EXISTS_WITH_DIFFERENT_AMOUNT),
        (POST, 0, 0, S.EXISTS),
        (VOID, 0, 10, S.EXISTS),
        (VOID, 10, 0, S.EXISTS),
        (VOID, 0, AMOUNT_MAX, S.EXISTS_WITH_DIFFERENT_AMOUNT),
    ],
)
def test_a_repeat_may_say_the_whole_amount_either_way(
    book: Book, ending: TransferFlags, first: int, again: int, status: S
) -> None:
    assert book.one(resolving(10, 9, ending, first)) is S.CREATED
    assert book.one(resolving(10, 9, ending, again)) is status


def test_an_ending_refused_because_nothing_was_held_spends_its_id(book: Book) -> None:
    assert book.one(resolving(10, 77, POST, 1)) is S.PENDING_TRANSFER_NOT_FOUND
    assert book.one(transfer(77, flags=F.PENDING)) is S.CREATED
    assert book.one(resolving(10, 77, POST, 1)) is S.ID_ALREADY_FAILED


def test_a_refused_ending_that_could_be_right_elsewhere_spends_no_id(book: Book) -> None:
    book.now_ns = book.state.pendings[9].expires_at
    assert book.one(resolving(10, 9, POST, 1)) is S.PENDING_TRANSFER_EXPIRED
    assert book.one(transfer(10)) is S.CREATED


def test_a_hold_can_be_made_and_ended_within_one_batch(book: Book) -> None:
    batch = [transfer(20, amount=6, flags=F.PENDING), resolving(21, 20, POST, 2)]
    assert book.post(*batch) == [S.CREATED, S.CREATED]
    assert book.counters(1) == (10, 2, 0, 0)


def test_a_closing_transfer_closes_and_its_void_opens_again(book: Book) -> None:
    closing = transfer(10, 1, 2, 0, flags=F.PENDING | F.CLOSING_DEBIT | F.CLOSING_CREDIT)
    assert book.one(closing) is S.CREATED
    assert book.flags(1) == book.flags(2) == AccountFlags.CLOSED
    assert book.one(transfer(11)) is S.DEBIT_ACCOUNT_ALREADY_CLOSED
    assert book.one(resolving(12, 9, POST, 1)) is S.DEBIT_ACCOUNT_ALREADY_CLOSED
    assert book.one(resolving(13, 9, VOID)) is S.CREATED, "what it holds can still be let go"
    assert book.flags(1) == AccountFlags.CLOSED
    assert book.one(resolving(14, 10, VOID)) is S.CREATED
    assert book.flags(1) == book.flags(2) == AccountFlags.NONE
    assert book.one(transfer(15)) is S.CREATED


def test_only_the_side_that_is_said_closes(book: Book) -> None:
    assert book.one(transfer(10, flags=F.PENDING | F.CLOSING_CREDIT)) is S.CREATED
    assert (book.flags(1), book.flags(2)) == (AccountFlags.NONE, AccountFlags.CLOSED)
    assert book.one(resolving(11, 9, POST, 1)) is S.CREDIT_ACCOUNT_ALREADY_CLOSED


def test_an_account_closed_for_a_time_opens_when_that_is_over(book: Book) -> None:
    closing = transfer(10, 1, 2, 3, flags=F.PENDING | F.CLOSING_DEBIT, timeout=1)
    assert book.one(closing) is S.CREATED
    book.now_ns = book.state.pendings[10].expires_at
    book.pulse()
    assert book.flags(1) == AccountFlags.NONE
    assert book.counters(1) == (10, 0, 0, 0)

"""Cases written by hand, each event with the status that the data model's description gives it.

They reach what chance rarely does (every overflow at its exact edge, the order of refusals, the
odd corners of chains and replays) and check the oracle itself: it must agree with this table
before it may judge anyone.
"""

from collections.abc import Iterator

from coinwell.ledger import Account, AccountFlags, Transfer, TransferFlags
from tests.ledger.generate import (
    RESERVED_ACCOUNT_FLAG,
    RESERVED_TRANSFER_FLAG,
    START_NS,
    Step,
)
from tests.ledger.oracle import (
    ALL,
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSED,
    CLOSING_CREDIT,
    CLOSING_DEBIT,
    CREDITS_CAPPED,
    DEBITS_CAPPED,
    LARGEST,
    LINKED,
    PENDING,
    POST,
    SECOND,
    VOID,
)

AccountCases = tuple[tuple[Account, str], ...]
TransferCases = tuple[tuple[Transfer, str], ...]
ACCOUNT_LINKED = AccountFlags.LINKED
NO_FLAGS = TransferFlags.NONE
LAST_SECONDS_NS = LARGEST - 3 * SECOND


def account(id_: int, flags: AccountFlags = AccountFlags.NONE, **fields: int) -> Account:
    """An account of ledger 1 unless the fields say otherwise."""
    return Account(**{"id": id_, "ledger": 1, "code": 1, **fields}, flags=flags)


def move(
    id_: int, debit: int, credit: int, amount: int, flags: TransferFlags = NO_FLAGS, **fields: int
) -> Transfer:
    """A transfer on ledger 1 unless the fields say otherwise."""
    between = {"debit_account_id": debit, "credit_account_id": credit}
    about = {"id": id_, "amount": amount, "ledger": 1, "code": 1}
    return Transfer(**{**about, **between, **fields}, flags=flags)


def resolve(id_: int, pending_id: int, amount: int, flags: TransferFlags, **f: int) -> Transfer:
    """A post or void that leaves unsaid all it may."""
    return move(id_, 0, 0, amount, flags, **{"ledger": 0, "code": 0, "pending_id": pending_id, **f})


BOTH_CAPS = DEBITS_CAPPED | CREDITS_CAPPED
ACCOUNTS: AccountCases = (
    (
        account(0, BOTH_CAPS | RESERVED_ACCOUNT_FLAG, timestamp=1, ledger=0),
        "TIMESTAMP_MUST_BE_ZERO",
    ),
    (account(0, BOTH_CAPS | RESERVED_ACCOUNT_FLAG, ledger=0), "RESERVED_FLAG"),
    (account(0, BOTH_CAPS, ledger=0), "ID_MUST_NOT_BE_ZERO"),
    (account(ALL, BOTH_CAPS, ledger=0), "ID_MUST_NOT_BE_INT_MAX"),
    (account(1, BOTH_CAPS, ledger=0, debits_pending=1), "FLAGS_ARE_MUTUALLY_EXCLUSIVE"),
    (account(1, debits_pending=1, debits_posted=1), "DEBITS_PENDING_MUST_BE_ZERO"),
    (account(1, debits_posted=1, credits_pending=1), "DEBITS_POSTED_MUST_BE_ZERO"),
    (account(1, credits_pending=1, credits_posted=1), "CREDITS_PENDING_MUST_BE_ZERO"),
    (account(1, credits_posted=1, ledger=0), "CREDITS_POSTED_MUST_BE_ZERO"),
    (account(1, ledger=0, code=0), "LEDGER_MUST_NOT_BE_ZERO"),
    (account(1, code=0), "CODE_MUST_NOT_BE_ZERO"),
    (account(1, user_data_128=1, user_data_64=2, user_data_32=3), "CREATED"),
    (account(1, DEBITS_CAPPED, ledger=2, code=2), "EXISTS_WITH_DIFFERENT_FLAGS"),
    (account(1, ledger=2, code=2), "EXISTS_WITH_DIFFERENT_USER_DATA_128"),
    (account(1, user_data_128=1, ledger=2), "EXISTS_WITH_DIFFERENT_USER_DATA_64"),
    (account(1, user_data_128=1, user_data_64=2), "EXISTS_WITH_DIFFERENT_USER_DATA_32"),
    (
        account(1, user_data_128=1, user_data_64=2, user_data_32=3, ledger=2, code=2),
        "EXISTS_WITH_DIFFERENT_LEDGER",
    ),
    (
        account(1, user_data_128=1, user_data_64=2, user_data_32=3, code=2),
        "EXISTS_WITH_DIFFERENT_CODE",
    ),
    (
        account(1, user_data_128=1, user_data_64=2, user_data_32=3, debits_posted=5),
        "EXISTS",
    ),
    (account(2), "CREATED"),
    (account(3, DEBITS_CAPPED), "CREATED"),
    (account(4, CREDITS_CAPPED), "CREATED"),
    (account(5, ledger=2), "CREATED"),
    (account(6, ACCOUNT_LINKED), "LINKED_EVENT_FAILED"),
    (account(7, ACCOUNT_LINKED, code=0), "CODE_MUST_NOT_BE_ZERO"),
    (account(8), "LINKED_EVENT_FAILED"),
    (account(6), "CREATED"),
    (account(7), "CREATED"),
    (account(8), "CREATED"),
    (account(9), "CREATED"),
    (account(10), "CREATED"),
    (account(13, CLOSED), "CREATED"),
    (account(14), "CREATED"),
    (account(15), "CREATED"),
    (account(16, AccountFlags.HISTORY), "RESERVED_FLAG"),
    (account(11, ACCOUNT_LINKED), "LINKED_EVENT_FAILED"),
    (account(12, ACCOUNT_LINKED), "LINKED_EVENT_CHAIN_OPEN"),
)

BROKEN_FROM_THE_FIRST: AccountCases = (
    (account(310, ACCOUNT_LINKED), "LINKED_EVENT_FAILED"),
    (account(311, ACCOUNT_LINKED), "LINKED_EVENT_FAILED"),
    (account(312, code=0), "CODE_MUST_NOT_BE_ZERO"),
    (account(310), "CREATED"),
)

EVERYTHING = PENDING | POST | VOID | BALANCING_DEBIT | BALANCING_CREDIT
FIRST_REFUSALS: TransferCases = (
    (move(0, 0, 0, 1, EVERYTHING | RESERVED_TRANSFER_FLAG, timestamp=1), "TIMESTAMP_MUST_BE_ZERO"),
    (move(0, 0, 0, 1, EVERYTHING | RESERVED_TRANSFER_FLAG), "RESERVED_FLAG"),
    (move(0, 0, 0, 1, EVERYTHING), "ID_MUST_NOT_BE_ZERO"),
    (move(ALL, 0, 0, 1, EVERYTHING), "ID_MUST_NOT_BE_INT_MAX"),
    (move(1, 0, 0, 1, pending_id=1, ledger=0), "DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO"),
    (move(1, ALL, 0, 1, pending_id=1, ledger=0), "DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX"),
    (move(1, 77, 0, 1, pending_id=1, ledger=0), "CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO"),
    (move(1, 77, ALL, 1, pending_id=1, ledger=0), "CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX"),
    (move(1, 77, 77, 1, pending_id=1, ledger=0), "ACCOUNTS_MUST_BE_DIFFERENT"),
    (move(1, 77, 78, 1, pending_id=1, timeout=1, ledger=0), "PENDING_ID_MUST_BE_ZERO"),
    (move(1, 77, 78, 1, timeout=1, ledger=0), "TIMEOUT_RESERVED_FOR_PENDING_TRANSFER"),
    (move(1, 77, 78, 1, CLOSING_CREDIT, ledger=0), "CLOSING_TRANSFER_MUST_BE_PENDING"),
    (move(1, 77, 78, 1, ledger=0, code=0), "LEDGER_MUST_NOT_BE_ZERO"),
    (move(1, 77, 78, 1, code=0), "CODE_MUST_NOT_BE_ZERO"),
    (move(1, 77, 78, 1, ledger=9), "DEBIT_ACCOUNT_NOT_FOUND"),
    (move(1, 1, 2, 1), "ID_ALREADY_FAILED"),
    (move(2, 1, 78, 1, ledger=9), "CREDIT_ACCOUNT_NOT_FOUND"),
    (move(2, 1, 2, 1), "ID_ALREADY_FAILED"),
    (move(2, 0, 0, 1, EVERYTHING), "ID_ALREADY_FAILED"),
    (move(3, 1, 5, 1, ledger=9), "ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER"),
    (move(3, 1, 2, 1, ledger=9), "TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS"),
    (move(3, 3, 2, 1), "EXCEEDS_CREDITS"),
    (move(3, 1, 2, 1), "ID_ALREADY_FAILED"),
    (move(4, 1, 4, 1), "EXCEEDS_DEBITS"),
    (move(4, 1, 2, 1), "ID_ALREADY_FAILED"),
    (move(5, 3, 4, 0), "CREATED"),
)

REPLAYS: TransferCases = (
    (move(10, 1, 2, 50, user_data_128=1, user_data_64=2, user_data_32=3), "CREATED"),
    (move(10, 2, 1, 9, PENDING, pending_id=9), "EXISTS_WITH_DIFFERENT_FLAGS"),
    (move(10, 2, 1, 9, pending_id=9, timeout=9), "EXISTS_WITH_DIFFERENT_PENDING_ID"),
    (move(10, 2, 1, 9, timeout=9), "EXISTS_WITH_DIFFERENT_TIMEOUT"),
    (move(10, 2, 1, 9, code=9), "EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID"),
    (move(10, 1, 3, 9, code=9), "EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID"),
    (move(10, 1, 2, 51, code=9), "EXISTS_WITH_DIFFERENT_AMOUNT"),
    (move(10, 1, 2, 49, code=9), "EXISTS_WITH_DIFFERENT_AMOUNT"),
    (move(10, 1, 2, ALL, code=9), "EXISTS_WITH_DIFFERENT_AMOUNT"),
    (move(10, 1, 2, 50, code=9), "EXISTS_WITH_DIFFERENT_USER_DATA_128"),
    (move(10, 1, 2, 50, user_data_128=1), "EXISTS_WITH_DIFFERENT_USER_DATA_64"),
    (
        move(10, 1, 2, 50, user_data_128=1, user_data_64=2),
        "EXISTS_WITH_DIFFERENT_USER_DATA_32",
    ),
    (
        move(10, 1, 2, 50, user_data_128=1, user_data_64=2, user_data_32=3, ledger=9, code=9),
        "EXISTS_WITH_DIFFERENT_LEDGER",
    ),
    (
        move(10, 1, 2, 50, user_data_128=1, user_data_64=2, user_data_32=3, code=9),
        "EXISTS_WITH_DIFFERENT_CODE",
    ),
    (move(10, 1, 2, 50, user_data_128=1, user_data_64=2, user_data_32=3), "EXISTS"),
)

# Account 3 may not go below zero and account 4 not above; 1 and 2 take whatever comes.
BALANCES: TransferCases = (
    (move(20, 1, 3, 100), "CREATED"),
    (move(21, 4, 2, 70), "CREATED"),
    (move(22, 3, 4, 101), "EXCEEDS_CREDITS"),
    (move(23, 3, 4, 71), "EXCEEDS_DEBITS"),
    (move(24, 3, 4, 70, PENDING), "CREATED"),
    (move(25, 3, 4, ALL, BALANCING_CREDIT), "CREATED"),
    (move(26, 3, 2, 31), "EXCEEDS_CREDITS"),
    (move(27, 3, 2, ALL, BALANCING_DEBIT), "CREATED"),
    (move(27, 3, 2, 30, BALANCING_DEBIT), "EXISTS"),
    (move(27, 3, 2, 29, BALANCING_DEBIT), "EXISTS_WITH_DIFFERENT_AMOUNT"),
    (move(28, 3, 2, 5, BALANCING_DEBIT), "CREATED"),
    (resolve(29, 24, 0, VOID), "CREATED"),
    (move(30, 3, 4, ALL, BALANCING_DEBIT | BALANCING_CREDIT | PENDING), "CREATED"),
    (move(31, 3, 4, 1), "EXCEEDS_CREDITS"),
    (resolve(32, 30, 69, POST), "CREATED"),
    (move(33, 3, 4, 2), "EXCEEDS_CREDITS"),
    (move(34, 3, 4, 1), "CREATED"),
    (move(35, 2, 4, ALL, BALANCING_DEBIT), "EXCEEDS_DEBITS"),
    (move(36, 2, 4, ALL, BALANCING_DEBIT | BALANCING_CREDIT), "CREATED"),
)

HOLDS: TransferCases = (
    (move(40, 6, 7, 15), "CREATED"),
    (move(41, 6, 7, 15, PENDING, timeout=1000, user_data_128=7, user_data_64=8), "CREATED"),
    (move(42, 6, 7, 15, PENDING, timeout=50), "CREATED"),
    (move(43, 6, 7, 15, PENDING, timeout=1), "CREATED"),
    (move(44, 6, 7, 7, PENDING), "CREATED"),
    (move(45, 6, 7, 1, PENDING), "CREATED"),
    (move(46, 6, 7, 15, PENDING, timeout=1), "CREATED"),
)

RESOLUTIONS: TransferCases = (
    (resolve(50, 0, 1, POST | VOID | PENDING), "FLAGS_ARE_MUTUALLY_EXCLUSIVE"),
    (resolve(50, 0, 1, POST | PENDING), "FLAGS_ARE_MUTUALLY_EXCLUSIVE"),
    (resolve(50, 0, 1, VOID | BALANCING_DEBIT), "FLAGS_ARE_MUTUALLY_EXCLUSIVE"),
    (resolve(50, 0, 1, POST | BALANCING_CREDIT), "FLAGS_ARE_MUTUALLY_EXCLUSIVE"),
    (resolve(50, 0, 1, POST | CLOSING_DEBIT), "FLAGS_ARE_MUTUALLY_EXCLUSIVE"),
    (resolve(50, 0, 1, POST, timeout=1), "PENDING_ID_MUST_NOT_BE_ZERO"),
    (resolve(50, ALL, 1, VOID, timeout=1), "PENDING_ID_MUST_NOT_BE_INT_MAX"),
    (resolve(50, 50, 1, VOID, timeout=1), "PENDING_ID_MUST_BE_DIFFERENT"),
    (resolve(50, 77, 1, VOID, timeout=1), "TIMEOUT_RESERVED_FOR_PENDING_TRANSFER"),
    (resolve(50, 77, 1, VOID), "PENDING_TRANSFER_NOT_FOUND"),
    (resolve(50, 42, 15, VOID), "ID_ALREADY_FAILED"),
    (resolve(51, 40, 16, VOID), "PENDING_TRANSFER_NOT_PENDING"),
    (
        resolve(51, 42, 16, VOID, debit_account_id=7, credit_account_id=6),
        "PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID",
    ),
    (
        resolve(51, 42, 16, VOID, credit_account_id=6, ledger=9),
        "PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID",
    ),
    (resolve(51, 42, 16, VOID, ledger=9, code=9), "PENDING_TRANSFER_HAS_DIFFERENT_LEDGER"),
    (resolve(51, 42, 16, VOID, code=9), "PENDING_TRANSFER_HAS_DIFFERENT_CODE"),
    (resolve(51, 42, 16, VOID), "EXCEEDS_PENDING_TRANSFER_AMOUNT"),
    (resolve(51, 42, ALL, VOID), "EXCEEDS_PENDING_TRANSFER_AMOUNT"),
    (resolve(51, 42, LARGEST + 1, POST), "EXCEEDS_PENDING_TRANSFER_AMOUNT"),
    (resolve(51, 42, 14, VOID), "PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT"),
    (resolve(51, 41, 13, POST, user_data_32=9), "CREATED"),
    (resolve(52, 41, 13, POST), "PENDING_TRANSFER_ALREADY_POSTED"),
    (resolve(52, 42, 15, VOID), "CREATED"),
    (resolve(53, 42, 16, POST), "EXCEEDS_PENDING_TRANSFER_AMOUNT"),
    (resolve(53, 42, 13, POST), "PENDING_TRANSFER_ALREADY_VOIDED"),
    (resolve(53, 43, 15, VOID), "PENDING_TRANSFER_EXPIRED"),
    (resolve(53, 44, ALL, POST), "CREATED"),
    (resolve(54, 45, 0, POST), "CREATED"),
    # What was left unsaid, said again, and contradicted.
    (resolve(51, 41, 13, VOID, user_data_32=9), "EXISTS_WITH_DIFFERENT_FLAGS"),
    (resolve(51, 42, 13, POST, user_data_32=9), "EXISTS_WITH_DIFFERENT_PENDING_ID"),
    (resolve(51, 41, 13, POST, timeout=1), "EXISTS_WITH_DIFFERENT_TIMEOUT"),
    (resolve(51, 41, 14, POST, user_data_32=9), "EXISTS_WITH_DIFFERENT_AMOUNT"),
    (resolve(51, 41, ALL, POST, user_data_32=9), "EXISTS_WITH_DIFFERENT_AMOUNT"),
    (resolve(51, 41, 13, POST, user_data_128=1), "EXISTS_WITH_DIFFERENT_USER_DATA_128"),
    (resolve(51, 41, 13, POST, user_data_64=1), "EXISTS_WITH_DIFFERENT_USER_DATA_64"),
    (resolve(51, 41, 13, POST), "EXISTS_WITH_DIFFERENT_USER_DATA_32"),
    (resolve(51, 41, 13, POST, user_data_32=9, user_data_128=7), "EXISTS"),
    (resolve(51, 41, 13, POST, user_data_32=9, ledger=1, code=1), "EXISTS"),
    (resolve(51, 41, 13, POST, user_data_32=9, debit_account_id=6), "EXISTS"),
    (resolve(51, 41, 13, POST, user_data_32=9, code=9), "EXISTS_WITH_DIFFERENT_CODE"),
    (resolve(52, 42, 0, VOID), "EXISTS"),
    (resolve(52, 42, 14, VOID), "EXISTS_WITH_DIFFERENT_AMOUNT"),
    (resolve(53, 44, 7, POST), "EXISTS"),
    (resolve(53, 44, 8, POST), "EXISTS_WITH_DIFFERENT_AMOUNT"),
    (resolve(54, 45, ALL, POST), "EXISTS_WITH_DIFFERENT_AMOUNT"),
    (resolve(54, 45, 0, POST), "EXISTS"),
)

CHAINS: TransferCases = (
    (move(60, 8, 9, 5, LINKED), "LINKED_EVENT_FAILED"),
    (move(61, 8, 9, 5, LINKED | PENDING), "LINKED_EVENT_FAILED"),
    (resolve(62, 61, ALL, POST | LINKED), "LINKED_EVENT_FAILED"),
    (move(63, 3, 9, 5000, LINKED), "EXCEEDS_CREDITS"),
    (move(64, 77, 9, 5), "LINKED_EVENT_FAILED"),
    # Only the culprit's id is spent; the chain left nothing else behind.
    (resolve(62, 61, ALL, POST), "PENDING_TRANSFER_NOT_FOUND"),
    (move(63, 8, 9, 5), "ID_ALREADY_FAILED"),
    (move(60, 8, 9, 5), "CREATED"),
    (move(64, 8, 9, 5), "CREATED"),
    # An existing member breaks a chain like any refusal.
    (move(65, 8, 9, 5, LINKED), "LINKED_EVENT_FAILED"),
    (move(60, 8, 9, 5), "EXISTS"),
    (move(66, 8, 9, 5, LINKED | PENDING), "CREATED"),
    (resolve(67, 66, 3, POST | LINKED), "CREATED"),
    (move(68, 9, 8, 3), "CREATED"),
    (move(66, 8, 9, 5, LINKED | PENDING), "EXISTS"),
    (resolve(67, 66, 3, POST | LINKED), "LINKED_EVENT_FAILED"),
    (move(68, 9, 8, 3), "LINKED_EVENT_FAILED"),
    # A void undone by its chain leaves the hold as it was.
    (move(69, 8, 9, 4, PENDING), "CREATED"),
    (resolve(70, 69, 0, VOID | LINKED), "LINKED_EVENT_FAILED"),
    (move(71, 8, 8, 4), "ACCOUNTS_MUST_BE_DIFFERENT"),
    (resolve(70, 69, 0, VOID), "CREATED"),
    # An undone hold is no hold: its id may come back as something else.
    (move(75, 8, 9, 4, PENDING | LINKED), "LINKED_EVENT_FAILED"),
    (move(76, 8, 8, 4), "ACCOUNTS_MUST_BE_DIFFERENT"),
    (move(75, 8, 9, 4), "CREATED"),
    (resolve(76, 75, 0, VOID), "PENDING_TRANSFER_NOT_PENDING"),
    (move(72, 8, 8, 4, LINKED), "ACCOUNTS_MUST_BE_DIFFERENT"),
    (move(73, 8, 9, 4, LINKED), "LINKED_EVENT_FAILED"),
    (move(74, 8, 9, 4, LINKED), "LINKED_EVENT_CHAIN_OPEN"),
)

SHUT = PENDING | CLOSING_DEBIT
CLOSINGS: TransferCases = (
    (move(110, 13, 14, ALL), "DEBIT_ACCOUNT_ALREADY_CLOSED"),
    (move(110, 14, 15, 1), "ID_ALREADY_FAILED"),
    (move(111, 14, 13, ALL), "CREDIT_ACCOUNT_ALREADY_CLOSED"),
    (move(111, 14, 15, 1), "ID_ALREADY_FAILED"),
    (move(112, 14, 15, 9, PENDING), "CREATED"),
    (move(113, 14, 15, 0, SHUT), "CREATED"),
    (move(113, 14, 15, 0, SHUT), "EXISTS"),
    (move(114, 14, 15, 1), "DEBIT_ACCOUNT_ALREADY_CLOSED"),
    (move(115, 15, 14, 1), "CREDIT_ACCOUNT_ALREADY_CLOSED"),
    # A closed account lets holds go, but takes nothing more; not even what closed it.
    (resolve(116, 112, 9, POST), "DEBIT_ACCOUNT_ALREADY_CLOSED"),
    (resolve(117, 113, 0, POST), "DEBIT_ACCOUNT_ALREADY_CLOSED"),
    (resolve(118, 112, 0, VOID), "CREATED"),
    (resolve(119, 113, 0, VOID), "CREATED"),
    (move(120, 14, 15, 1), "CREATED"),
    (move(121, 14, 15, 9, PENDING), "CREATED"),
    (move(122, 14, 15, 3, PENDING | CLOSING_CREDIT), "CREATED"),
    (resolve(123, 121, 9, POST), "CREDIT_ACCOUNT_ALREADY_CLOSED"),
    (resolve(124, 122, 0, VOID | LINKED), "LINKED_EVENT_FAILED"),
    (move(125, 14, 14, 1), "ACCOUNTS_MUST_BE_DIFFERENT"),
    (move(126, 14, 15, 1), "CREDIT_ACCOUNT_ALREADY_CLOSED"),
    (resolve(124, 122, 3, VOID), "CREATED"),
    (move(127, 14, 15, 3, SHUT | CLOSING_CREDIT | LINKED), "LINKED_EVENT_FAILED"),
    (move(128, 14, 15, 3), "DEBIT_ACCOUNT_ALREADY_CLOSED"),
    (resolve(129, 121, 9, POST), "CREATED"),
    (move(130, 14, 15, 3, SHUT, timeout=1), "CREATED"),
)
REOPENED: TransferCases = (
    (move(131, 14, 15, 3), "CREATED"),
    (resolve(132, 130, 3, VOID), "PENDING_TRANSFER_EXPIRED"),
)

# Account 101 has 100 held and 200 posted on its debit side, account 103 has 110 and 210 on its
# credit side, so each sum gives way one coin before the next.
OVERFLOW_ACCOUNTS: AccountCases = tuple((account(100 + n), "CREATED") for n in range(1, 5))
OVERFLOWS: TransferCases = (
    (move(80, 101, 102, 100, PENDING), "CREATED"),
    (move(81, 101, 102, 200), "CREATED"),
    (move(82, 104, 103, 110, PENDING), "CREATED"),
    (move(83, 104, 103, 210), "CREATED"),
    (move(84, 101, 103, LARGEST - 99, PENDING), "OVERFLOWS_DEBITS_PENDING"),
    (move(84, 101, 103, LARGEST - 109, PENDING), "OVERFLOWS_CREDITS_PENDING"),
    (move(84, 101, 103, LARGEST - 110, PENDING), "OVERFLOWS_DEBITS_POSTED"),
    (move(84, 101, 103, LARGEST - 109), "OVERFLOWS_DEBITS_POSTED"),
    (move(84, 101, 103, LARGEST - 199), "OVERFLOWS_DEBITS_POSTED"),
    (move(84, 101, 103, LARGEST - 200), "OVERFLOWS_CREDITS_POSTED"),
    (move(84, 101, 103, LARGEST - 209), "OVERFLOWS_CREDITS_POSTED"),
    (move(84, 101, 103, LARGEST - 210), "OVERFLOWS_DEBITS"),
    (move(84, 101, 103, LARGEST - 299), "OVERFLOWS_DEBITS"),
    (move(84, 101, 103, LARGEST - 300), "OVERFLOWS_CREDITS"),
    (move(84, 101, 103, LARGEST - 319), "OVERFLOWS_CREDITS"),
    (move(84, 101, 103, ALL), "OVERFLOWS_DEBITS_POSTED"),
    (move(84, 101, 103, 2**64, PENDING), "OVERFLOWS_DEBITS_PENDING"),
    (move(84, 101, 103, LARGEST - 320), "CREATED"),
    (move(85, 104, 102, LARGEST - 320, PENDING), "CREATED"),
    (resolve(86, 85, ALL, POST), "CREATED"),
    (move(87, 103, 104, ALL, BALANCING_DEBIT | BALANCING_CREDIT), "CREATED"),
)

IMPORTED = TransferFlags.IMPORTED
NOT_YET = IMPORTED | LINKED
IMPORTS: TransferCases = (
    (move(140, 8, 9, 1, IMPORTED), "IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE"),
    (move(140, 8, 9, 1, IMPORTED, timestamp=LARGEST + 1), "IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE"),
    (move(140, 8, 9, 1, IMPORTED, timestamp=LARGEST), "IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE"),
    (move(140, 8, 9, 1), "IMPORTED_EVENT_EXPECTED"),
    (move(140, 8, 9, 1, timestamp=1), "IMPORTED_EVENT_EXPECTED"),
    (move(140, 8, 9, 1, NOT_YET, timestamp=1), "RESERVED_FLAG"),
    (move(141, 8, 9, 1, IMPORTED, timestamp=2), "LINKED_EVENT_FAILED"),
)
NOT_IMPORTS: TransferCases = (
    (move(142, 8, 9, 1), "CREATED"),
    (move(143, 8, 9, 1, IMPORTED, timestamp=1), "IMPORTED_EVENT_NOT_EXPECTED"),
    (move(143, 8, 9, 1, timestamp=1), "TIMESTAMP_MUST_BE_ZERO"),
    (move(143, 8, 9, 1), "CREATED"),
)
OLD = AccountFlags.IMPORTED
ACCOUNT_IMPORTS: AccountCases = (
    (account(300, OLD), "IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE"),
    (account(300, OLD, timestamp=LARGEST + 1), "IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE"),
    (account(300, OLD, timestamp=LARGEST), "IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE"),
    (account(300), "IMPORTED_EVENT_EXPECTED"),
    (account(300, OLD, timestamp=1), "RESERVED_FLAG"),
)
ACCOUNT_NOT_IMPORTS: AccountCases = (
    (account(300), "CREATED"),
    (account(301, OLD, timestamp=1), "IMPORTED_EVENT_NOT_EXPECTED"),
)

# At the end of time each member's nanosecond is known, so edges in time can be met exactly.
LATE: TransferCases = (
    (move(90, 6, 7, 1, PENDING, timeout=3), "CREATED"),
    (move(91, 6, 7, 1, PENDING, timeout=1), "CREATED"),
    (move(92, 6, 7, 1, PENDING, timeout=3), "OVERFLOWS_TIMEOUT"),
    (move(93, 6, 7, 1, PENDING, timeout=1), "CREATED"),
    (move(94, 6, 7, 1, PENDING, timeout=2**32 - 1), "OVERFLOWS_TIMEOUT"),
    (move(94, 6, 7, 1, PENDING), "CREATED"),
)
A_SECOND_LATER: TransferCases = (
    (move(95, 6, 7, 1), "CREATED"),
    (resolve(96, 91, 1, POST), "PENDING_TRANSFER_EXPIRED"),
    (resolve(96, 93, 1, POST), "CREATED"),
)


def directed_steps() -> Iterator[tuple[Step, list[str]]]:
    """The whole script in order, each step with the statuses it must get."""
    now = START_NS
    yield _accounts(ACCOUNTS, now)
    yield _accounts(BROKEN_FROM_THE_FIRST, now)
    yield _accounts(OVERFLOW_ACCOUNTS, now)
    yield _transfers(FIRST_REFUSALS, now)
    yield _transfers(REPLAYS, now)
    yield _transfers(BALANCES, now)
    yield _transfers(HOLDS, now)
    yield Step("pulse", now + SECOND // 2), []
    # One hold has run out by now though nothing has swept it up yet; then it is swept.
    yield _transfers(RESOLUTIONS, now + 2 * SECOND)
    yield Step("pulse", now), []
    swept = ((resolve(55, 46, 0, VOID), "PENDING_TRANSFER_EXPIRED"),)
    yield Step("pulse", now + 2 * SECOND), []
    yield _transfers(swept, now)
    yield _transfers(CHAINS, now + 2 * SECOND)
    yield _transfers(OVERFLOWS, now + 2 * SECOND)
    yield _transfers(CLOSINGS, now + 2 * SECOND)
    yield Step("pulse", now + 4 * SECOND), []
    yield _transfers(REOPENED, now + 4 * SECOND)
    yield _transfers(IMPORTS, now + 4 * SECOND)
    yield _transfers(NOT_IMPORTS, now + 4 * SECOND)
    yield _accounts(ACCOUNT_IMPORTS, now + 4 * SECOND)
    yield _accounts(ACCOUNT_NOT_IMPORTS, now + 4 * SECOND)
    yield Step("transfers", now), []
    yield Step("accounts", now), []


def late_steps() -> Iterator[tuple[Step, list[str]]]:
    """The end of time, to be run last: the clock never comes back from it."""
    yield _transfers(LATE, LAST_SECONDS_NS)
    yield _transfers(A_SECOND_LATER, LAST_SECONDS_NS + SECOND)
    yield Step("pulse", LARGEST - SECOND // 2), []
    yield Step("pulse", LARGEST - 1), []
    yield Step("pulse", LARGEST), []


def _accounts(cases: AccountCases, now_ns: int) -> tuple[Step, list[str]]:
    step = Step("accounts", now_ns, accounts=tuple(event for event, _ in cases))
    return step, [status for _, status in cases]


def _transfers(cases: TransferCases, now_ns: int) -> tuple[Step, list[str]]:
    step = Step("transfers", now_ns, transfers=tuple(event for event, _ in cases), alone=True)
    return step, [status for _, status in cases]

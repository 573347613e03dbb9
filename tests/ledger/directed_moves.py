"""Transfers written by hand that stand alone or in chains: refusals, replays, caps, overflows."""

from coinwell.ledger import Transfer, TransferFlags
from tests.ledger.oracle_books import (
    ALL,
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSING_CREDIT,
    LARGEST,
    LINKED,
    PENDING,
    POST,
    VOID,
)
from tests.ledger.spoilers import RESERVED_TRANSFER_FLAG

TransferCases = tuple[tuple[Transfer, str], ...]
NO_FLAGS = TransferFlags.NONE


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

# Account 101 has 100 held and 200 posted on its debit side, account 103 has 110 and 210 on its
# credit side, so each sum gives way one coin before the next.
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

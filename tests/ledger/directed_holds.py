"""Holds written by hand: posted, voided, run out, closing accounts, and met at the end of time."""

from tests.ledger.directed_moves import TransferCases, move, resolve
from tests.ledger.oracle_books import (
    ALL,
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSING_CREDIT,
    CLOSING_DEBIT,
    LARGEST,
    LINKED,
    PENDING,
    POST,
    VOID,
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

SWEPT: TransferCases = ((resolve(55, 46, 0, VOID), "PENDING_TRANSFER_EXPIRED"),)

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

"""Accounts written by hand, each with the status that the description gives it."""

from coinwell.ledger import Account, AccountFlags
from tests.ledger.oracle_books import ALL, CLOSED, CREDITS_CAPPED, DEBITS_CAPPED, LARGEST
from tests.ledger.spoilers import RESERVED_ACCOUNT_FLAG

AccountCases = tuple[tuple[Account, str], ...]
ACCOUNT_LINKED = AccountFlags.LINKED


def account(id_: int, flags: AccountFlags = AccountFlags.NONE, **fields: int) -> Account:
    """An account of ledger 1 unless the fields say otherwise."""
    return Account(**{"id": id_, "ledger": 1, "code": 1, **fields}, flags=flags)


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

# For the overflows: no cap, so that only the largest sum stops them.
OVERFLOW_ACCOUNTS: AccountCases = tuple((account(100 + n), "CREATED") for n in range(1, 5))

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

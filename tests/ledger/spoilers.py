"""Faults to put into a sound request, one at a time: each forces some fields or adds some flags."""

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from coinwell.ledger import Account, AccountFlags, Transfer, TransferFlags
from tests.ledger.oracle_books import (
    ALL,
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSED,
    CLOSING_DEBIT,
    CREDITS_CAPPED,
    DEBITS_CAPPED,
    LARGEST,
    PENDING,
    POST,
    VOID,
)

E = TypeVar("E", Account, Transfer)

RESERVED_ACCOUNT_FLAG = AccountFlags(1 << 9)
RESERVED_TRANSFER_FLAG = TransferFlags(1 << 12)
UNKNOWN_IDS = (777, 778, 2**100)


def _set(**fields: int) -> Callable[[E], E]:
    """A fault: these fields forced to these values."""
    return lambda event: replace(event, **fields)


def _flag(flags: int) -> Callable[[E], E]:
    """A fault: these flags added."""
    return lambda event: replace(event, flags=event.flags | flags)


ACCOUNT_SPOILERS: tuple[Callable[[Account], Account], ...] = (
    _set(id=0),
    _set(id=ALL),
    _set(timestamp=1),
    _set(ledger=0),
    _set(ledger=9),
    _set(code=0),
    _set(code=99),
    _set(user_data_128=5),
    _set(user_data_64=5),
    _set(user_data_32=5),
    _set(debits_pending=1),
    _set(debits_posted=1),
    _set(credits_pending=1),
    _set(credits_posted=1),
    _flag(RESERVED_ACCOUNT_FLAG),
    _flag(CLOSED),
    _flag(AccountFlags.IMPORTED),
    lambda a: replace(a, flags=a.flags | AccountFlags.IMPORTED, timestamp=1),
    _flag(AccountFlags.HISTORY),
    _flag(DEBITS_CAPPED),
    _flag(DEBITS_CAPPED | CREDITS_CAPPED),
)

TRANSFER_SPOILERS: tuple[Callable[[Transfer], Transfer], ...] = (
    _set(id=0),
    _set(id=ALL),
    _set(timestamp=1),
    _set(debit_account_id=0),
    _set(debit_account_id=ALL),
    _set(debit_account_id=UNKNOWN_IDS[0]),
    _set(debit_account_id=202),
    _set(credit_account_id=0),
    _set(credit_account_id=ALL),
    _set(credit_account_id=UNKNOWN_IDS[1]),
    _set(credit_account_id=UNKNOWN_IDS[2]),
    _set(credit_account_id=202),
    lambda transfer: replace(transfer, credit_account_id=transfer.debit_account_id),
    _set(pending_id=0),
    _set(pending_id=ALL),
    _set(pending_id=UNKNOWN_IDS[0]),
    lambda transfer: replace(transfer, pending_id=transfer.id),
    _set(timeout=1),
    _set(ledger=0),
    _set(ledger=2),
    _set(ledger=9),
    _set(code=0),
    _set(code=8),
    _set(user_data_128=5),
    _set(user_data_64=5),
    _set(user_data_32=5),
    _set(amount=0),
    _set(amount=LARGEST + 1),
    _set(amount=ALL),
    _flag(RESERVED_TRANSFER_FLAG),
    _flag(TransferFlags.IMPORTED),
    lambda t: replace(t, flags=t.flags | TransferFlags.IMPORTED, timestamp=1),
    _flag(CLOSING_DEBIT),
    _flag(PENDING),
    _flag(POST),
    _flag(VOID),
    _flag(POST | VOID),
    _flag(BALANCING_DEBIT),
    _flag(BALANCING_CREDIT),
)

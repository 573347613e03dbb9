"""Rows as the records of the ledger: ids are numbers, flags are flags."""

from collections.abc import Callable, Sequence
from typing import Any

from psycopg import AsyncConnection, adapters
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.rows import TupleRow

from coinwell.ledger.machine import Pending
from coinwell.ledger.types import (
    Account,
    AccountFlags,
    CreateTransferStatus,
    PendingStatus,
    Transfer,
    TransferFlags,
)

Connection = AsyncConnection[TupleRow]
Row = Sequence[Any]

_UNSIGNED = 2**64 - 1
_BYTEA = 17  # The type's number in every PostgreSQL.
# To look a flag up is several times cheaper than to make it.
_ACCOUNT_FLAGS = {bits: AccountFlags(bits) for bits in range(2 ** len(AccountFlags))}
_TRANSFER_FLAGS = {bits: TransferFlags(bits) for bits in range(2 ** len(TransferFlags))}


class _IdLoader(Loader):
    """A uuid column as the 128-bit number it stands for."""

    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        """The sixteen bytes, most significant first."""
        return int.from_bytes(data)


def speak_in_ids(connection: Connection) -> None:
    """Make this connection give ids as numbers."""
    connection.adapters.register_loader("uuid", _IdLoader)


def speak_in_bytes(context: AdaptContext) -> None:
    """Make this cursor give ids as the sixteen bytes they are sent as, for `transfer_of_bytes`.

    The driver then calls nothing of ours for them, which is half the time of a long history.
    """
    if as_bytes := adapters.get_loader(_BYTEA, Format.BINARY):
        context.adapters.register_loader("uuid", as_bytes)


def account_of(row: Row) -> Account:
    """An account, from its columns in the order of the record's fields."""
    (key, debits_pending, debits_posted, credits_pending, credits_posted, user_data_128,
     user_data_64, user_data_32, ledger, code, flags, timestamp) = row  # fmt: skip
    return Account(
        key, debits_pending, debits_posted, credits_pending, credits_posted, user_data_128,
        user_data_64 & _UNSIGNED, user_data_32, ledger, code, _ACCOUNT_FLAGS[flags], timestamp,
    )  # fmt: skip


def transfer_of(row: Row) -> Transfer:
    """A transfer, from its columns in the order of the record's fields."""
    (key, debit, credit, amount, pending_id, user_data_128, user_data_64, user_data_32,
     timeout, ledger, code, flags, timestamp) = row  # fmt: skip
    return Transfer(
        key, debit, credit, amount, pending_id, user_data_128, user_data_64 & _UNSIGNED,
        user_data_32, timeout, ledger, code, _TRANSFER_FLAGS[flags], timestamp,
    )  # fmt: skip


def transfer_of_bytes(row: Row, number: Callable[[bytes], int] = int.from_bytes) -> Transfer:
    """The same, from a cursor that gives ids as bytes."""
    (key, debit, credit, amount, pending_id, user_data_128, user_data_64, user_data_32,
     timeout, ledger, code, flags, timestamp) = row  # fmt: skip
    return Transfer(
        number(key), number(debit), number(credit), amount, number(pending_id),
        number(user_data_128), user_data_64 & _UNSIGNED, user_data_32, timeout, ledger, code,
        _TRANSFER_FLAGS[flags], timestamp,
    )  # fmt: skip


def pending_of(row: Row) -> Pending:
    """What became of a pending transfer: its status and two times."""
    status, expires_at, resolved_at = row
    return Pending(PendingStatus(status), expires_at, resolved_at)


def failed_of(row: Row) -> tuple[int, CreateTransferStatus]:
    """A spent id and the status that spent it."""
    return row[0], CreateTransferStatus(row[1])

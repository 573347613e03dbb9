"""Rows as bytes: what COPY sends, and what a row's seal is made of.

Every field has a fixed width and its place, so no two rows can look alike. A seal hashes the row
together with the seal before it: a changed row, a missing one and an added one are all found, and
by name.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from struct import Struct

from coinwell.ledger.types import Account, AccountFlags, CreateTransferStatus, Transfer

SEAL_BYTES = 16
FIRST_SEAL = bytes(SEAL_BYTES)
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"

# COPY's binary form: the number of fields, then each with its length. An unsigned 64-bit number
# goes into a signed column bit by bit.
_ID, _WIDE, _UNSIGNED, _NARROW = "i16s", "iq", "iQ", "ii"
_SEAL = Struct(">i16s")
_NAMED = Struct(">h" + _ID)
_TRANSFER = Struct(">h" + 3 * _ID + _WIDE + 2 * _ID + _UNSIGNED + 3 * _WIDE + 2 * _NARROW + _WIDE)
_COUNTERS = Struct(">h" + _ID + 4 * _WIDE)
_TERMS = Struct(">" + _ID + _UNSIGNED + 2 * _WIDE + 2 * _NARROW + _WIDE)
_FAILED = Struct(">h" + _ID + _NARROW + _WIDE)
_CHANGING = ~int(AccountFlags.CLOSED)

Failed = tuple[int, CreateTransferStatus, int]


def transfer_row(transfer: Transfer) -> bytes:
    """The fields of a transfer, ready for COPY, without the seal."""
    return _TRANSFER.pack(
        14,
        16, transfer.id.to_bytes(16),
        16, transfer.debit_account_id.to_bytes(16),
        16, transfer.credit_account_id.to_bytes(16),
        8, transfer.amount,
        16, transfer.pending_id.to_bytes(16),
        16, transfer.user_data_128.to_bytes(16),
        8, transfer.user_data_64,
        8, transfer.user_data_32,
        8, transfer.timeout,
        8, transfer.ledger,
        4, transfer.code,
        4, transfer.flags,
        8, transfer.timestamp,
    )  # fmt: skip


def failed_row(failed: Failed) -> bytes:
    """The fields of a spent id, ready for COPY, without the seal."""
    spent, status, timestamp = failed
    return _FAILED.pack(4, 16, spent.to_bytes(16), 4, status, 8, timestamp)


def account_terms(account: Account, *, closed: int = 0) -> bytes:
    """What never changes in an account, ready for COPY: all but the counters and `closed`."""
    return _TERMS.pack(
        16, account.user_data_128.to_bytes(16),
        8, account.user_data_64,
        8, account.user_data_32,
        8, account.ledger,
        4, account.code,
        4, account.flags & _CHANGING | closed,
        8, account.timestamp,
    )  # fmt: skip


def account_counters(account: Account) -> bytes:
    """The id and the four counters of an account, ready for COPY."""
    return _COUNTERS.pack(
        13,
        16, account.id.to_bytes(16),
        8, account.debits_pending,
        8, account.debits_posted,
        8, account.credits_pending,
        8, account.credits_posted,
    )  # fmt: skip


def seal_of(before: bytes, content: bytes) -> bytes:
    """The seal of a row, from the one before it and what the row says."""
    return blake2b(before + content, digest_size=SEAL_BYTES).digest()


def sealed_account(before: bytes, account: Account) -> bytes:
    """The seal of an account: of its id and of what never changes in it.

    Shape: as COPY would send these eight fields and the seal.
    """
    named = _NAMED.pack(9, 16, account.id.to_bytes(16))
    return seal_of(before, named + account_terms(account))


def copied(rows: Iterable[bytes], before: bytes) -> tuple[bytes, bytes]:
    """The rows sealed, as one COPY; and the last seal."""
    seal = before
    parts = [COPY_HEADER]
    pack = _SEAL.pack
    for row in rows:
        seal = blake2b(seal + row, digest_size=SEAL_BYTES).digest()
        parts += (row, pack(SEAL_BYTES, seal))
    parts.append(COPY_TRAILER)
    return b"".join(parts), seal


def copied_accounts(accounts: Sequence[Account], before: bytes) -> tuple[bytes, bytes]:
    """New accounts sealed, as one COPY; and the last seal."""
    seal = before
    parts = [COPY_HEADER]
    for account in accounts:
        seal = sealed_account(seal, account)
        closed = int(account.flags & AccountFlags.CLOSED)
        terms = account_terms(account, closed=closed)
        parts += (account_counters(account), terms, _SEAL.pack(SEAL_BYTES, seal))
    parts.append(COPY_TRAILER)
    return b"".join(parts), seal


def uuids(ids: Iterable[int]) -> str:
    """Ids as the text of an array of uuid: PostgreSQL reads that faster than Python can pack."""
    return "{" + ",".join([f"{number:032x}" for number in ids]) + "}"


def numbers(values: Iterable[int]) -> str:
    """Numbers as the text of an array."""
    return "{" + ",".join(map(str, values)) + "}"

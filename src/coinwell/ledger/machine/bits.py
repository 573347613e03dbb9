"""The flags as plain numbers: an `&` of two `IntFlag`s costs more than deciding a transfer."""

from typing import Final

from coinwell.ledger.types import AccountFlags, TransferFlags

LINKED: Final = int(TransferFlags.LINKED)
PENDING: Final = int(TransferFlags.PENDING)
POST: Final = int(TransferFlags.POST_PENDING_TRANSFER)
VOID: Final = int(TransferFlags.VOID_PENDING_TRANSFER)
RESOLVE: Final = POST | VOID
BALANCING_DEBIT: Final = int(TransferFlags.BALANCING_DEBIT)
BALANCING_CREDIT: Final = int(TransferFlags.BALANCING_CREDIT)
BALANCING: Final = BALANCING_DEBIT | BALANCING_CREDIT
CLOSING_DEBIT: Final = int(TransferFlags.CLOSING_DEBIT)
CLOSING_CREDIT: Final = int(TransferFlags.CLOSING_CREDIT)
CLOSING: Final = CLOSING_DEBIT | CLOSING_CREDIT
IMPORTED: Final = int(TransferFlags.IMPORTED)
# What a post or a void must not have.
NOT_RESOLVE: Final = PENDING | BALANCING | CLOSING
TRANSFER_KNOWN: Final = LINKED | PENDING | RESOLVE | BALANCING | CLOSING

DEBITS_LIMITED: Final = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
CREDITS_LIMITED: Final = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
BOTH_LIMITED: Final = DEBITS_LIMITED | CREDITS_LIMITED
CLOSED: Final = int(AccountFlags.CLOSED)
ACCOUNT_LINKED: Final = int(AccountFlags.LINKED)
ACCOUNT_IMPORTED: Final = int(AccountFlags.IMPORTED)
ACCOUNT_KNOWN: Final = ACCOUNT_LINKED | BOTH_LIMITED | CLOSED

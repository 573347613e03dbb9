"""The oracle's memory: what there is to remember, and how a sound request changes it.

Whether a request is sound is for the oracle itself to say; here nothing is refused. The names for
flags and limits are here too, for everybody who speaks of them.
"""

from dataclasses import dataclass, field

from msgspec.structs import replace

from coinwell.ledger import Account, AccountFlags, Transfer, TransferFlags

LARGEST = 2**63 - 1
ALL = 2**128 - 1
SECOND = 1_000_000_000

LINKED = TransferFlags.LINKED
PENDING = TransferFlags.PENDING
POST = TransferFlags.POST_PENDING_TRANSFER
VOID = TransferFlags.VOID_PENDING_TRANSFER
BALANCING_DEBIT = TransferFlags.BALANCING_DEBIT
BALANCING_CREDIT = TransferFlags.BALANCING_CREDIT
CLOSING_DEBIT = TransferFlags.CLOSING_DEBIT
CLOSING_CREDIT = TransferFlags.CLOSING_CREDIT
CLOSING = CLOSING_DEBIT | CLOSING_CREDIT
BALANCING = BALANCING_DEBIT | BALANCING_CREDIT
DEBITS_CAPPED = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
CLOSED = AccountFlags.CLOSED
CREDITS_CAPPED = AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS


@dataclass
class Books:
    """All there is to remember.

    `fate` says what became of each pending transfer, `ended` when it was resolved or expired.
    """

    accounts: dict[int, Account] = field(default_factory=dict)
    transfers: dict[int, Transfer] = field(default_factory=dict)
    fate: dict[int, str] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)

    def copy(self) -> "Books":
        # The values never change in place, so copying the dictionaries copies everything.
        return Books(dict(self.accounts), dict(self.transfers), dict(self.fate), dict(self.ended))

    def move(self, t: Transfer, at: int) -> None:
        debit = self.accounts[t.debit_account_id]
        credit = self.accounts[t.credit_account_id]
        amount = moved_by(t, debit, credit)
        if t.flags & PENDING:
            debit = replace(debit, debits_pending=debit.debits_pending + amount)
            credit = replace(credit, credits_pending=credit.credits_pending + amount)
            self.fate[t.id] = "pending"
            if t.flags & CLOSING_DEBIT:
                debit = replace(debit, flags=debit.flags | CLOSED)
            if t.flags & CLOSING_CREDIT:
                credit = replace(credit, flags=credit.flags | CLOSED)
        else:
            debit = replace(debit, debits_posted=debit.debits_posted + amount)
            credit = replace(credit, credits_posted=credit.credits_posted + amount)
        self.accounts |= {debit.id: debit, credit.id: credit}
        self.transfers[t.id] = replace(t, amount=amount, timestamp=at)

    def resolve(self, t: Transfer, at: int) -> None:
        pending = self.transfers[t.pending_id]
        stored = replace(filled_in(t, pending), timestamp=at)
        self.release(pending)
        if t.flags & POST:
            debit = self.accounts[pending.debit_account_id]
            credit = self.accounts[pending.credit_account_id]
            debit = replace(debit, debits_posted=debit.debits_posted + stored.amount)
            credit = replace(credit, credits_posted=credit.credits_posted + stored.amount)
            self.accounts |= {debit.id: debit, credit.id: credit}
        self.fate[pending.id] = "posted" if t.flags & POST else "voided"
        self.ended[pending.id] = at
        self.transfers[t.id] = stored

    def release(self, pending: Transfer) -> None:
        """Gives back what was held, and opens again what the hold had closed."""
        debit = self.accounts[pending.debit_account_id]
        credit = self.accounts[pending.credit_account_id]
        debit = replace(debit, debits_pending=debit.debits_pending - pending.amount)
        credit = replace(credit, credits_pending=credit.credits_pending - pending.amount)
        if pending.flags & CLOSING_DEBIT:
            debit = replace(debit, flags=debit.flags & ~CLOSED)
        if pending.flags & CLOSING_CREDIT:
            credit = replace(credit, flags=credit.flags & ~CLOSED)
        self.accounts |= {debit.id: debit, credit.id: credit}


def moved_by(t: Transfer, debit: Account, credit: Account) -> int:
    """The amount a transfer really moves: a balancing one stops where an account is even."""
    amount = t.amount
    if t.flags & BALANCING_DEBIT:
        room = debit.credits_posted - debit.debits_pending - debit.debits_posted
        amount = min(amount, max(room, 0))
    if t.flags & BALANCING_CREDIT:
        room = credit.debits_posted - credit.credits_pending - credit.credits_posted
        amount = min(amount, max(room, 0))
    return amount


def filled_in(t: Transfer, pending: Transfer) -> Transfer:
    """A posting or voiding transfer with all it left unsaid taken from the pending one."""
    unsaid = 0 if t.flags & VOID else ALL
    return replace(
        t,
        debit_account_id=t.debit_account_id or pending.debit_account_id,
        credit_account_id=t.credit_account_id or pending.credit_account_id,
        amount=pending.amount if t.amount == unsaid else t.amount,
        user_data_128=t.user_data_128 or pending.user_data_128,
        user_data_64=t.user_data_64 or pending.user_data_64,
        user_data_32=t.user_data_32 or pending.user_data_32,
        ledger=t.ledger or pending.ledger,
        code=t.code or pending.code,
    )

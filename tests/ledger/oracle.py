"""A second, naive telling of the ledger's rules, to hold against the real one.

It was written from the public description of the data model alone, knows nothing of the machine
or the engine, and borrows only their vocabulary (the types). One event at a time, plain
dictionaries, and a copy of everything to return to when a chain breaks: slow, short, obvious.

Each family of rules is a list of (what is wrong, what it is called) in order of precedence; the
first one that holds is the answer.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from msgspec.structs import replace

from coinwell.ledger import (
    Account,
    AccountFlags,
    CreateAccountStatus,
    CreateTransferStatus,
    Transfer,
    TransferFlags,
)
from tests.ledger.oracle_books import (
    ALL,
    BALANCING,
    CLOSED,
    CLOSING,
    CREDITS_CAPPED,
    DEBITS_CAPPED,
    LARGEST,
    LINKED,
    PENDING,
    POST,
    SECOND,
    VOID,
    Books,
    filled_in,
    moved_by,
)

A = CreateAccountStatus
T = CreateTransferStatus

# The wire format names 6 bits for accounts and 9 for transfers. Of these, Coinwell does not take
# HISTORY and IMPORTED yet and answers them like a bit without a name.
ACCOUNT_FLAGS_KNOWN = 0b11_1111 & ~int(AccountFlags.HISTORY | AccountFlags.IMPORTED)
TRANSFER_FLAGS_KNOWN = 0b1_1111_1111 & ~int(TransferFlags.IMPORTED)

# Refusals that time could heal; an id that met one is spent.
TRANSIENT = frozenset(
    {
        T.DEBIT_ACCOUNT_NOT_FOUND,
        T.CREDIT_ACCOUNT_NOT_FOUND,
        T.PENDING_TRANSFER_NOT_FOUND,
        T.DEBIT_ACCOUNT_ALREADY_CLOSED,
        T.CREDIT_ACCOUNT_ALREADY_CLOSED,
        T.EXCEEDS_CREDITS,
        T.EXCEEDS_DEBITS,
    }
)

E = TypeVar("E", Account, Transfer)
S = TypeVar("S", CreateAccountStatus, CreateTransferStatus)
AccountFaults = Iterator[tuple[bool, CreateAccountStatus]]
TransferFaults = Iterator[tuple[bool, CreateTransferStatus]]


class Oracle:
    """What a correct ledger would answer."""

    def __init__(self) -> None:
        self.books = Books()
        self.failed: set[int] = set()
        self.clock = 0
        self.importing = False

    # -- requests -------------------------------------------------------------------------------

    def create_accounts(self, batch: Sequence[Account], now_ns: int) -> list[tuple[int, A]]:
        return self._run(batch, now_ns, self._create_account, A)

    def create_transfers(self, batch: Sequence[Transfer], now_ns: int) -> list[tuple[int, T]]:
        return self._run(batch, now_ns, self._create_transfer, T)

    def pulse(self, now_ns: int) -> list[int]:
        """Gives back what overdue pending transfers held; answers their ids, earliest due first.

        Each takes one timestamp. A clock that went back sweeps up less: holds may stay longer
        than their time, never shorter.
        """
        due = [
            (pending.timestamp + pending.timeout * SECOND, pending.timestamp, id_)
            for id_, fate in self.books.fate.items()
            if fate == "pending" and (pending := self.books.transfers[id_]).timeout
        ]
        overdue = [id_ for expires_at, _, id_ in sorted(due) if expires_at <= now_ns]
        for id_, at in zip(overdue, self._times(now_ns, len(overdue)), strict=True):
            self.books.release(self.books.transfers[id_])
            self.books.fate[id_] = "expired"
            self.books.ended[id_] = at
        return overdue

    # -- batches and chains ---------------------------------------------------------------------

    def _run(
        self,
        batch: Sequence[E],
        now_ns: int,
        create: Callable[[E, int], tuple[int, S]],
        statuses: type[S],
    ) -> list[tuple[int, S]]:
        times = self._times(now_ns, len(batch))
        self.importing = bool(batch) and is_imported(batch[0])
        answers: list[tuple[int, S]] = []
        for chain in chains_of(batch):
            before = self.books.copy()
            broken = False
            for index in chain:
                event, at = batch[index], times[index]
                if event.flags & LINKED and index == len(batch) - 1:
                    answer = (at, statuses.LINKED_EVENT_CHAIN_OPEN)
                elif broken:
                    answer = (at, statuses.LINKED_EVENT_FAILED)
                else:
                    answer = create(event, at)
                if answer[1] != statuses.CREATED and not broken:
                    broken = True
                    self.books = before
                    for earlier in range(chain[0], index):
                        answers[earlier] = (times[earlier], statuses.LINKED_EVENT_FAILED)
                if answer[1] in TRANSIENT and statuses is T:
                    self.failed.add(event.id)
                answers.append(answer)
        return answers

    def _times(self, now_ns: int, count: int) -> list[int]:
        """One nanosecond for each event, never earlier than what was given out before."""
        first = max(now_ns, self.clock + 1)
        times = [first + index for index in range(count)]
        self.clock = times[-1] if times else self.clock
        return times

    def _time_faults(
        self, event: Account | Transfer, statuses: type[S]
    ) -> Iterator[tuple[bool, S]]:
        """The first member says whether a batch imports; only then may members bring a time."""
        imported = is_imported(event)
        yield self.importing and not imported, statuses.IMPORTED_EVENT_EXPECTED
        yield imported and not self.importing, statuses.IMPORTED_EVENT_NOT_EXPECTED
        yield not imported and event.timestamp != 0, statuses.TIMESTAMP_MUST_BE_ZERO
        in_range = 0 < event.timestamp <= LARGEST
        yield imported and not in_range, statuses.IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE
        ahead = event.timestamp >= self.clock
        yield imported and ahead, statuses.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE

    # -- accounts -------------------------------------------------------------------------------

    def _create_account(self, a: Account, at: int) -> tuple[int, CreateAccountStatus]:
        status = next((name for wrong, name in self._account_faults(a) if wrong), A.CREATED)
        if status == A.CREATED:
            self.books.accounts[a.id] = replace(a, timestamp=at)
        if status == A.EXISTS:
            return self.books.accounts[a.id].timestamp, status
        return at, status

    def _account_faults(self, a: Account) -> AccountFaults:
        yield from self._time_faults(a, A)
        yield bool(int(a.flags) & ~ACCOUNT_FLAGS_KNOWN), A.RESERVED_FLAG
        yield a.id == 0, A.ID_MUST_NOT_BE_ZERO
        yield a.id == ALL, A.ID_MUST_NOT_BE_INT_MAX
        if old := self.books.accounts.get(a.id):
            yield a.flags != old.flags, A.EXISTS_WITH_DIFFERENT_FLAGS
            yield a.user_data_128 != old.user_data_128, A.EXISTS_WITH_DIFFERENT_USER_DATA_128
            yield a.user_data_64 != old.user_data_64, A.EXISTS_WITH_DIFFERENT_USER_DATA_64
            yield a.user_data_32 != old.user_data_32, A.EXISTS_WITH_DIFFERENT_USER_DATA_32
            yield a.ledger != old.ledger, A.EXISTS_WITH_DIFFERENT_LEDGER
            yield a.code != old.code, A.EXISTS_WITH_DIFFERENT_CODE
            yield True, A.EXISTS
        both = DEBITS_CAPPED | CREDITS_CAPPED
        yield a.flags & both == both, A.FLAGS_ARE_MUTUALLY_EXCLUSIVE
        yield a.debits_pending != 0, A.DEBITS_PENDING_MUST_BE_ZERO
        yield a.debits_posted != 0, A.DEBITS_POSTED_MUST_BE_ZERO
        yield a.credits_pending != 0, A.CREDITS_PENDING_MUST_BE_ZERO
        yield a.credits_posted != 0, A.CREDITS_POSTED_MUST_BE_ZERO
        yield a.ledger == 0, A.LEDGER_MUST_NOT_BE_ZERO
        yield a.code == 0, A.CODE_MUST_NOT_BE_ZERO

    # -- transfers ------------------------------------------------------------------------------

    def _create_transfer(self, t: Transfer, at: int) -> tuple[int, CreateTransferStatus]:
        faults = self._transfer_faults(t, at)
        status = next((name for wrong, name in faults if wrong), T.CREATED)
        if status == T.EXISTS:
            return self.books.transfers[t.id].timestamp, status
        if status != T.CREATED:
            return at, status
        if t.flags & (POST | VOID):
            self.books.resolve(t, at)
        else:
            self.books.move(t, at)
        return at, status

    def _transfer_faults(self, t: Transfer, at: int) -> TransferFaults:
        yield from self._time_faults(t, T)
        yield bool(int(t.flags) & ~TRANSFER_FLAGS_KNOWN), T.RESERVED_FLAG
        yield t.id == 0, T.ID_MUST_NOT_BE_ZERO
        yield t.id == ALL, T.ID_MUST_NOT_BE_INT_MAX
        if old := self.books.transfers.get(t.id):
            yield from self._replay_faults(t, old)
            yield True, T.EXISTS
        yield t.id in self.failed, T.ID_ALREADY_FAILED
        if t.flags & (POST | VOID):
            yield from self._resolving_faults(t, at)
        else:
            yield from self._moving_faults(t, at)

    def _replay_faults(self, t: Transfer, old: Transfer) -> TransferFaults:
        """How a repeated id may differ from what was stored under it."""
        yield t.flags != old.flags, T.EXISTS_WITH_DIFFERENT_FLAGS
        yield t.pending_id != old.pending_id, T.EXISTS_WITH_DIFFERENT_PENDING_ID
        yield t.timeout != old.timeout, T.EXISTS_WITH_DIFFERENT_TIMEOUT
        if t.flags & (POST | VOID):
            # Whatever a resolving transfer left out was taken from the pending one.
            t = filled_in(t, self.books.transfers[t.pending_id])
        yield t.debit_account_id != old.debit_account_id, T.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
        yield (
            t.credit_account_id != old.credit_account_id,
            T.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID,
        )
        if t.flags & BALANCING:
            yield t.amount < old.amount, T.EXISTS_WITH_DIFFERENT_AMOUNT
        else:
            yield t.amount != old.amount, T.EXISTS_WITH_DIFFERENT_AMOUNT
        yield t.user_data_128 != old.user_data_128, T.EXISTS_WITH_DIFFERENT_USER_DATA_128
        yield t.user_data_64 != old.user_data_64, T.EXISTS_WITH_DIFFERENT_USER_DATA_64
        yield t.user_data_32 != old.user_data_32, T.EXISTS_WITH_DIFFERENT_USER_DATA_32
        yield t.ledger != old.ledger, T.EXISTS_WITH_DIFFERENT_LEDGER
        yield t.code != old.code, T.EXISTS_WITH_DIFFERENT_CODE

    def _moving_faults(self, t: Transfer, at: int) -> TransferFaults:
        """What can be wrong with a transfer that moves or reserves something itself."""
        yield t.debit_account_id == 0, T.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
        yield t.debit_account_id == ALL, T.DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
        yield t.credit_account_id == 0, T.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
        yield t.credit_account_id == ALL, T.CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
        yield t.debit_account_id == t.credit_account_id, T.ACCOUNTS_MUST_BE_DIFFERENT
        yield t.pending_id != 0, T.PENDING_ID_MUST_BE_ZERO
        two_phase = bool(t.flags & PENDING)
        yield t.timeout != 0 and not two_phase, T.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
        closing = bool(t.flags & CLOSING)
        yield closing and not two_phase, T.CLOSING_TRANSFER_MUST_BE_PENDING
        yield t.ledger == 0, T.LEDGER_MUST_NOT_BE_ZERO
        yield t.code == 0, T.CODE_MUST_NOT_BE_ZERO

        debit = self.books.accounts.get(t.debit_account_id)
        yield debit is None, T.DEBIT_ACCOUNT_NOT_FOUND
        credit = self.books.accounts.get(t.credit_account_id)
        yield credit is None, T.CREDIT_ACCOUNT_NOT_FOUND
        assert debit is not None
        assert credit is not None
        yield debit.ledger != credit.ledger, T.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
        yield t.ledger != debit.ledger, T.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
        yield bool(debit.flags & CLOSED), T.DEBIT_ACCOUNT_ALREADY_CLOSED
        yield bool(credit.flags & CLOSED), T.CREDIT_ACCOUNT_ALREADY_CLOSED

        amount = moved_by(t, debit, credit)
        debited = debit.debits_pending + debit.debits_posted
        credited = credit.credits_pending + credit.credits_posted
        if two_phase:
            yield debit.debits_pending + amount > LARGEST, T.OVERFLOWS_DEBITS_PENDING
            yield credit.credits_pending + amount > LARGEST, T.OVERFLOWS_CREDITS_PENDING
        yield debit.debits_posted + amount > LARGEST, T.OVERFLOWS_DEBITS_POSTED
        yield credit.credits_posted + amount > LARGEST, T.OVERFLOWS_CREDITS_POSTED
        yield debited + amount > LARGEST, T.OVERFLOWS_DEBITS
        yield credited + amount > LARGEST, T.OVERFLOWS_CREDITS
        yield at + t.timeout * SECOND > LARGEST, T.OVERFLOWS_TIMEOUT

        debit_capped = bool(debit.flags & DEBITS_CAPPED)
        credit_capped = bool(credit.flags & CREDITS_CAPPED)
        yield debit_capped and debited + amount > debit.credits_posted, T.EXCEEDS_CREDITS
        yield credit_capped and credited + amount > credit.debits_posted, T.EXCEEDS_DEBITS

    def _resolving_faults(self, t: Transfer, at: int) -> TransferFaults:
        """What can be wrong with a transfer that posts or voids a pending one."""
        resolving_both_ways = t.flags & (POST | VOID) == (POST | VOID)
        yield resolving_both_ways, T.FLAGS_ARE_MUTUALLY_EXCLUSIVE
        alone = not t.flags & (PENDING | BALANCING | CLOSING)
        yield not alone, T.FLAGS_ARE_MUTUALLY_EXCLUSIVE
        yield t.pending_id == 0, T.PENDING_ID_MUST_NOT_BE_ZERO
        yield t.pending_id == ALL, T.PENDING_ID_MUST_NOT_BE_INT_MAX
        yield t.pending_id == t.id, T.PENDING_ID_MUST_BE_DIFFERENT
        yield t.timeout != 0, T.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER

        pending = self.books.transfers.get(t.pending_id)
        yield pending is None, T.PENDING_TRANSFER_NOT_FOUND
        assert pending is not None
        yield not pending.flags & PENDING, T.PENDING_TRANSFER_NOT_PENDING
        full = filled_in(t, pending)
        yield (
            full.debit_account_id != pending.debit_account_id,
            T.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID,
        )
        yield (
            full.credit_account_id != pending.credit_account_id,
            T.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID,
        )
        yield full.ledger != pending.ledger, T.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
        yield full.code != pending.code, T.PENDING_TRANSFER_HAS_DIFFERENT_CODE
        yield full.amount > pending.amount, T.EXCEEDS_PENDING_TRANSFER_AMOUNT
        voiding_in_part = bool(t.flags & VOID) and full.amount != pending.amount
        yield voiding_in_part, T.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT

        fate = self.books.fate[pending.id]
        yield fate == "posted", T.PENDING_TRANSFER_ALREADY_POSTED
        yield fate == "voided", T.PENDING_TRANSFER_ALREADY_VOIDED
        overdue = pending.timeout != 0 and at >= pending.timestamp + pending.timeout * SECOND
        yield fate == "expired" or overdue, T.PENDING_TRANSFER_EXPIRED
        posting = bool(t.flags & POST)
        debit = self.books.accounts[pending.debit_account_id]
        credit = self.books.accounts[pending.credit_account_id]
        yield posting and bool(debit.flags & CLOSED), T.DEBIT_ACCOUNT_ALREADY_CLOSED
        yield posting and bool(credit.flags & CLOSED), T.CREDIT_ACCOUNT_ALREADY_CLOSED


def chains_of(batch: Sequence[Account] | Sequence[Transfer]) -> Iterator[list[int]]:
    """The batch cut after every event that is not linked to its successor."""
    chain: list[int] = []
    for index, event in enumerate(batch):
        chain.append(index)
        if not event.flags & LINKED:
            yield chain
            chain = []
    if chain:
        yield chain


def is_imported(event: Account | Transfer) -> bool:
    """Whether it claims to be history from elsewhere."""
    if isinstance(event, Account):
        return bool(event.flags & AccountFlags.IMPORTED)
    return bool(event.flags & TransferFlags.IMPORTED)

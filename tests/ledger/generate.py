"""Seeded random requests for the ledger, drawn where mistakes live.

`Generator` looks at the oracle's books only to aim: at what is left on an account and one coin
more, at pending transfers that are open, overdue or done, at ids that were used or spent. It
never tells anybody what the answer should be.
"""

from random import Random
from typing import Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from coinwell.ledger import Account, AccountFlags, Transfer
from tests.ledger.oracle import Oracle
from tests.ledger.oracle_books import (
    ALL,
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSING,
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
from tests.ledger.spoilers import ACCOUNT_SPOILERS, TRANSFER_SPOILERS

E = TypeVar("E", Account, Transfer)

START_NS = 1_795_348_800 * SECOND
EDGES = (0, 1, 2, 99, 2**31, 2**62, LARGEST - 1, LARGEST, LARGEST + 1, 2**64, ALL - 1, ALL)

# Few accounts, so that they meet often; the last two lie across the sign bit and at the top.
SMALL_IDS = (*range(201, 221), 2**127, ALL - 1)
GIANTS = (218, 219, 220)
CLOSABLE = (216, 217)
TOLD_APART = (
    "pending_id",
    "timeout",
    "debit_account_id",
    "credit_account_id",
    "user_data_128",
    "user_data_64",
    "user_data_32",
    "ledger",
    "code",
)


class Step(Struct, frozen=True):
    """One request to the ledger and the time its clock shows."""

    verb: Literal["accounts", "transfers", "pulse"]
    now_ns: int
    accounts: tuple[Account, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    alone: bool = False  # Its very nanosecond matters.

    @property
    def size(self) -> int:
        return len(self.accounts) + len(self.transfers)


class Generator:
    """An endless stream of steps that is the same for the same seed."""

    def __init__(self, seed: int, oracle: Oracle, *, batch: tuple[int, int] = (60, 200)) -> None:
        self.random = Random(seed)
        self.oracle = oracle
        self.batch = batch
        self.now_ns = START_NS
        self.next_id = 1_000
        self.asked: list[Transfer] = []
        self.steps: list[Step] = []

    def step(self) -> Step:
        """The next request."""
        self._tick()
        draw = self.random.random()
        if not self.steps:
            step = Step("accounts", self.now_ns, accounts=tuple(self._first_accounts()))
        elif draw < 0.05:
            step = replace(self.random.choice(self.steps), now_ns=self.now_ns)
        elif draw < 0.18:
            step = Step("pulse", self.now_ns)
        elif draw < 0.24:
            step = Step("accounts", self.now_ns, accounts=tuple(self._accounts()))
        else:
            step = Step("transfers", self.now_ns, transfers=tuple(self._transfers()))
        self.steps.append(step)
        return step

    def _tick(self) -> None:
        """Mostly onward by less than a second; at times far, not at all, or backwards."""
        stride = self.random.choice((0, 1, 300, SECOND // 3, SECOND - 1, SECOND, 3 * SECOND))
        self.now_ns += -stride if self.random.random() < 0.15 else stride

    # -- accounts -------------------------------------------------------------------------------

    def _first_accounts(self) -> list[Account]:
        """Two ledgers, every kind of cap, and a few accounts for the largest amounts."""
        caps = (AccountFlags.NONE, DEBITS_CAPPED, CREDITS_CAPPED, AccountFlags.NONE)
        accounts = [
            Account(id=id_, ledger=1 if id_ % 5 else 2, code=10 + id_ % 2, flags=caps[id_ % 4])
            for id_ in SMALL_IDS
            if id_ not in GIANTS
        ]
        return [*accounts, *(Account(id=id_, ledger=3, code=1) for id_ in GIANTS)]

    def _accounts(self) -> list[Account]:
        count = self.random.randint(1, 40)
        batch = [self._account() for _ in range(count)]
        return self._chained(batch, AccountFlags.LINKED)

    def _account(self) -> Account:
        known = list(self.oracle.books.accounts.values())
        if known and self.random.random() < 0.5:
            old = self.random.choice(known)
            account = Account(
                id=old.id,
                user_data_128=old.user_data_128,
                user_data_64=old.user_data_64,
                user_data_32=old.user_data_32,
                ledger=old.ledger,
                code=old.code,
                flags=old.flags,
            )
        else:
            account = Account(
                id=self._new_id(),
                user_data_128=self.random.choice((0, 0, 1, ALL)),
                user_data_64=self.random.choice((0, 0, 1, 2**64 - 1)),
                user_data_32=self.random.choice((0, 0, 1, 2**32 - 1)),
                ledger=self.random.choice((1, 2)),
                code=self.random.choice((1, 10, 2**16 - 1)),
                flags=self.random.choice((AccountFlags.NONE, DEBITS_CAPPED, CREDITS_CAPPED)),
            )
        for _ in range(self.random.choice((0, 0, 1, 1, 2))):
            account = self.random.choice(ACCOUNT_SPOILERS)(account)
        return account

    # -- transfers ------------------------------------------------------------------------------

    def _transfers(self) -> list[Transfer]:
        count = self.random.randint(*self.batch)
        batch: list[Transfer] = []
        for _ in range(count):
            if batch and self.random.random() < 0.04:
                batch.append(self.random.choice(batch))
            else:
                batch.append(self._transfer(batch))
        batch = self._chained(batch, LINKED)
        self.asked = [*self.asked, *batch][-600:]
        return batch

    def _transfer(self, batch: list[Transfer]) -> Transfer:
        kind = self.random.choices(
            (
                self._move,
                self._hold,
                self._close,
                self._resolve,
                self._balance,
                self._replay,
                self._retry,
            ),
            weights=(30, 18, 2, 22, 14, 12, 4),
        )[0]
        transfer = kind(batch)
        spoils = self.random.choices((0, 1, 2), weights=(82, 14, 4))[0]
        for _ in range(spoils):
            transfer = self.random.choice(TRANSFER_SPOILERS)(transfer)
        return transfer

    def _move(self, _batch: list[Transfer]) -> Transfer:
        debit_id, credit_id, ledger = self._pair()
        return Transfer(
            id=self._new_id(),
            debit_account_id=debit_id,
            credit_account_id=credit_id,
            amount=self._amount(debit_id, credit_id),
            user_data_128=self.random.choice((0, 0, 7, ALL)),
            user_data_64=self.random.choice((0, 0, 7, 2**64 - 1)),
            user_data_32=self.random.choice((0, 0, 7, 2**32 - 1)),
            ledger=ledger,
            code=self.random.choice((1, 1, 20, 2**16 - 1)),
        )

    def _hold(self, batch: list[Transfer]) -> Transfer:
        timeout = self.random.choice((0, 0, 1, 1, 2, 5, 60, 2**32 - 1))
        return replace(self._move(batch), flags=PENDING, timeout=timeout)

    def _close(self, batch: list[Transfer]) -> Transfer:
        """A hold that shuts an account, most often for a short while."""
        closable = self.random.choice(CLOSABLE)
        other = self.random.choice((201, 202, 203))
        debit, credit, flag = closable, other, CLOSING_DEBIT
        if self.random.random() < 0.5:
            debit, credit, flag = other, closable, CLOSING_CREDIT
        return replace(
            self._move(batch),
            debit_account_id=debit,
            credit_account_id=credit,
            amount=self.random.choice((0, 0, 1, 50)),
            ledger=1,
            flags=flag | PENDING,
            timeout=self.random.choice((0, 1, 1, 2)),
        )

    def _balance(self, batch: list[Transfer]) -> Transfer:
        flags = self.random.choice(
            (
                BALANCING_DEBIT,
                BALANCING_CREDIT,
                BALANCING_DEBIT | BALANCING_CREDIT,
                BALANCING_DEBIT | PENDING,
                BALANCING_CREDIT | PENDING,
            )
        )
        move = self._move(batch)
        return replace(move, flags=flags, amount=self.random.choice((ALL, 5, move.amount)))

    def _resolve(self, batch: list[Transfer]) -> Transfer:
        """Posts or voids: most often something open, at times something done or never begun."""
        pending = self._pending(batch)
        if pending is None:
            return self._move(batch)
        post = self.random.random() < 0.55
        whole = ALL if post else 0
        amount = self.random.choices(
            (whole, pending.amount, *self._around(pending.amount), pending.amount // 2),
            weights=(40, 25, 5, 5, 5, 20 if post else 2),
        )[0]
        said = self.random.random() < 0.4
        return Transfer(
            id=self._new_id(),
            debit_account_id=pending.debit_account_id if said else 0,
            credit_account_id=pending.credit_account_id if said else 0,
            amount=amount,
            pending_id=pending.id,
            user_data_128=self.random.choice((0, 0, pending.user_data_128, 9)),
            user_data_64=self.random.choice((0, 0, 9)),
            user_data_32=self.random.choice((0, 0, 9)),
            ledger=pending.ledger if said else 0,
            code=pending.code if said else 0,
            flags=POST if post else VOID,
        )

    def _pending(self, batch: list[Transfer]) -> Transfer | None:
        here = [t for t in batch[-12:] if t.flags & PENDING]
        if here and self.random.random() < 0.25:
            return self.random.choice(here)
        fate = self.oracle.books.fate
        opened = list(fate)[-120:]
        if self.random.random() < 0.04:
            opened = list(self.oracle.books.transfers)[-300:]
        elif self.random.random() < 0.15:
            shut = [id_ for id_ in fate if self.oracle.books.transfers[id_].flags & CLOSING]
            opened = [id_ for id_ in shut if fate[id_] == "pending"] or opened
        elif self.random.random() < 0.8:
            opened = [id_ for id_ in opened if fate[id_] == "pending"] or opened
        if not opened:
            return None
        return self.oracle.books.transfers[self.random.choice(opened)]

    def _replay(self, batch: list[Transfer]) -> Transfer:
        """An earlier request again, as it was or with something changed."""
        if not self.asked:
            return self._move(batch)
        again = self.random.choice(self.asked)
        stored = self.oracle.books.transfers.get(again.id)
        if stored and self.random.random() < 0.3:
            again = replace(again, amount=self.random.choice(self._around(stored.amount)))
        if stored and self.random.random() < 0.1:
            again = replace(stored, timestamp=0)
        if stored and self.random.random() < 0.3:
            name = self.random.choice(TOLD_APART)
            value = getattr(again, name)
            again = replace(again, **{name: value - 1 if value else 1})
        if self.random.random() < 0.2:
            again = replace(again, flags=again.flags & ~LINKED)
        return again

    def _retry(self, batch: list[Transfer]) -> Transfer:
        """A sound request under an id that was spent by a passing refusal."""
        spent = sorted(self.oracle.failed)[-50:]
        move = self._move(batch)
        return replace(move, id=self.random.choice(spent)) if spent else move

    # -- the pieces -----------------------------------------------------------------------------

    def _new_id(self) -> int:
        """Fresh, and in no order at all: ids say nothing about time."""
        self.next_id += 1
        return self.next_id if self.random.random() < 0.7 else self.next_id << 90

    def _pair(self) -> tuple[int, int, int]:
        """Two different accounts, nearly always of one ledger."""
        if self.random.random() < 0.06:
            debit_id, credit_id = self.random.sample(GIANTS, 2)
            return debit_id, credit_id, 3
        accounts = self.oracle.books.accounts
        debit_id = self.random.choice([id_ for id_ in SMALL_IDS if id_ in accounts])
        ledger = accounts[debit_id].ledger
        peers = [
            id_
            for id_ in SMALL_IDS
            if id_ in accounts and id_ != debit_id and accounts[id_].ledger == ledger
        ]
        return debit_id, self.random.choice(peers), ledger

    def _amount(self, debit_id: int, credit_id: int) -> int:
        debit, credit = (self.oracle.books.accounts[id_] for id_ in (debit_id, credit_id))
        if debit_id in GIANTS:
            room = LARGEST - debit.debits_pending - debit.debits_posted
            return self.random.choice((*EDGES, *self._around(room), *self._around(room // 2)))
        room = debit.credits_posted - debit.debits_pending - debit.debits_posted
        space = credit.debits_posted - credit.credits_pending - credit.credits_posted
        near = (*self._around(room), *self._around(space))
        if self.random.random() < 0.03:
            return self.random.choice((LARGEST, LARGEST + 1, ALL - 1, ALL))
        return self.random.choice((0, 1, 2, 3, 10, 50, 100, *near))

    @staticmethod
    def _around(number: int) -> tuple[int, int, int]:
        return max(number - 1, 0), max(number, 0), min(max(number + 1, 0), ALL)

    def _chained(self, batch: list[E], linked: int) -> list[E]:
        """Ties runs of events together; now and then leaves the last chain open."""
        chained: list[E] = []
        left = 0
        for event in batch:
            if not left and self.random.random() < 0.1:
                left = self.random.choice((2, 2, 3, 5))
            tied = left > 1 or bool(event.flags & linked and self.random.random() < 0.7)
            left = max(left - 1, 0)
            chained.append(replace(event, flags=event.flags | linked) if tied else event)
        last = chained[-1]
        keep_open = self.random.random() < 0.15
        flags = last.flags | linked if keep_open else last.flags & ~linked
        return [*chained[:-1], replace(last, flags=flags)]

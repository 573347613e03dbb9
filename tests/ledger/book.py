"""A small ledger in memory for the machine's tests: makes accounts, posts, and says what it got."""

from collections.abc import Iterable
from copy import copy

from coinwell.ledger.machine import State, Writes, create_accounts, create_transfers, pulse
from coinwell.ledger.types import (
    Account,
    AccountFlags,
    CreateAccountStatus,
    CreateTransferResult,
    CreateTransferStatus,
    Transfer,
    TransferFlags,
)

START_NS = 1_000_000_000_000
S = CreateTransferStatus
F = TransferFlags


class Book:
    """The machine, its state, and a clock that a test moves."""

    def __init__(self) -> None:
        self.state = State()
        self.now_ns = START_NS

    def open(self, *ids: int, flags: AccountFlags = AccountFlags.NONE, ledger: int = 1) -> None:
        """Create accounts that must be new."""
        batch = [Account(id=key, ledger=ledger, code=10, flags=flags) for key in ids]
        results, _ = create_accounts(self.state, batch, self.now_ns)
        assert {result.status for result in results} == {CreateAccountStatus.CREATED}

    def post(self, *transfers: Transfer) -> list[CreateTransferStatus]:
        """Decide one batch; only the statuses."""
        return [result.status for result in self.results(*transfers)]

    def results(self, *transfers: Transfer) -> list[CreateTransferResult]:
        """Decide one batch; the whole answers."""
        results, _ = create_transfers(self.state, transfers, self.now_ns)
        return results

    def one(self, transfer: Transfer) -> CreateTransferStatus:
        """Decide a batch of one."""
        (status,) = self.post(transfer)
        return status

    def pulse(self) -> Writes:
        return pulse(self.state, self.now_ns)

    def counters(self, key: int) -> tuple[int, int, int, int]:
        """Debits pending and posted, credits pending and posted."""
        account = self.state.accounts[key]
        return (
            account.debits_pending,
            account.debits_posted,
            account.credits_pending,
            account.credits_posted,
        )

    def flags(self, key: int) -> AccountFlags:
        return self.state.accounts[key].flags


def transfer(key: int, debit: int = 1, credit: int = 2, amount: int = 10, **more: int) -> Transfer:
    """A plain transfer on ledger 1, unless more is said."""
    fields = {"ledger": 1, "code": 7, **more}
    fields["flags"] = TransferFlags(fields.get("flags", 0))
    return Transfer(
        id=key, debit_account_id=debit, credit_account_id=credit, amount=amount, **fields
    )


def resolving(key: int, pending_id: int, flags: int, amount: int = 0, **more: int) -> Transfer:
    """A post or a void, which names as little as it may."""
    return Transfer(
        id=key, pending_id=pending_id, amount=amount, flags=TransferFlags(flags), **more
    )


def copied(state: State) -> State:
    """The same state, sharing nothing that can change."""
    return State(
        accounts={key: copy(account) for key, account in state.accounts.items()},
        transfers=dict(state.transfers),
        failed=dict(state.failed),
        pendings=dict(state.pendings),
        timestamp=state.timestamp,
    )


def applied(state: State, writes: Iterable[Writes]) -> State:
    """The state an engine would have after making these writes durable."""
    after = copied(state)
    for some in writes:
        after.accounts.update({account.id: copy(account) for account in some.accounts_new})
        after.accounts.update({key: copy(a) for key, a in some.accounts_changed.items()})
        after.transfers.update({made.id: made for made in some.transfers})
        after.failed.update({key: status for key, status, _ in some.failed})
        after.pendings.update(some.pendings)
        after.timestamp = some.timestamp
    return after

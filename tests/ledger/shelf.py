"""An engine without a database: keeps what the machine writes, and lends out no more than it asks.

It loads for each batch only what `needs` names, gives the machine copies, and keeps nothing but
the `Writes`. So the machine is tested together with its contract: asking for too little, changing
what it was lent, or forgetting to write something down all show.
"""

from msgspec.structs import replace

from coinwell.ledger import Account, CreateTransferStatus, Transfer
from coinwell.ledger.machine import (
    Pending,
    State,
    Writes,
    check_batch,
    create_accounts,
    create_transfers,
    needs,
    pulse,
)
from tests.ledger.generate import Step
from tests.ledger.judge import Results


class Shelf:
    """The durable rows, and a batch of batches that is not durable yet."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.transfers: dict[int, Transfer] = {}
        self.pendings: dict[int, Pending] = {}
        self.failed: dict[int, CreateTransferStatus] = {}
        self.timestamp = 0
        self._open: tuple[State, Writes] | None = None

    def run(self, step: Step) -> Results:
        """One step through the machine; nothing is durable before `commit`."""
        state, into = self._open or (State(timestamp=self.timestamp), None)
        results: Results = []
        if step.verb == "accounts":
            check_batch(step.accounts, Account)
            self._lend(state, {account.id for account in step.accounts}, set())
            results, writes = create_accounts(state, step.accounts, step.now_ns, into)
        elif step.verb == "transfers":
            check_batch(step.transfers, Transfer)
            self._lend(state, *needs(step.transfers))
            results, writes = create_transfers(state, step.transfers, step.now_ns, into)
        else:
            self._lend(state, set(), set(self.pendings))
            writes = pulse(state, step.now_ns, into)
        self._open = state, writes
        return results

    def commit(self) -> None:
        """Puts what was written since the last commit on the shelf."""
        if self._open is None:
            return
        _, writes = self._open
        self._open = None
        for account in (*writes.accounts_new, *writes.accounts_changed.values()):
            self.accounts[account.id] = replace(account)
        for transfer in writes.transfers:
            assert transfer.id not in self.transfers, "written twice"
            self.transfers[transfer.id] = transfer
        for id_, status, _ in writes.failed:
            assert id_ not in self.failed, "spent twice"
            self.failed[id_] = status
        self.pendings |= {id_: replace(pending) for id_, pending in writes.pendings.items()}
        self.timestamp = max(self.timestamp, writes.timestamp)

    def _lend(self, state: State, accounts: set[int], transfers: set[int]) -> None:
        for id_ in transfers - state.transfers.keys():
            if id_ in self.failed:
                state.failed.setdefault(id_, self.failed[id_])
            if id_ in self.transfers:
                transfer = state.transfers[id_] = self.transfers[id_]
                if id_ in self.pendings:
                    state.pendings.setdefault(id_, replace(self.pendings[id_]))
                    accounts |= {transfer.debit_account_id, transfer.credit_account_id}
        for id_ in accounts - state.accounts.keys():
            if id_ in self.accounts:
                state.accounts[id_] = replace(self.accounts[id_])

"""The machine: a pure function that decides what a batch does to a ledger.

An engine loads what the batch touches into a `State`, the machine decides and changes that state,
and the engine makes the `Writes` durable. No clock, no database, no chance: the same state, batch
and time give the same answers, and nothing that passed `check_batch` can make it raise.

Words: a *chain* is a run of members with LINKED, and its first member without; a *pending*
transfer holds an amount until it is posted, voided or expires; a *pulse* takes back what expired;
a *transient* refusal spends the id of its transfer.

Time: member i of a batch has the timestamp `max(now, last + 1) + i`, so timestamps rise strictly,
whatever the clock does. A refused member uses its timestamp up. The last of a batch is `last`.

Always:
- A chain changes all it says, or nothing; another member never sees half of one.
- Debits equal credits, in every ledger, pending and posted.
- No counter leaves 0 … 2**63 - 1.
- A status is the first that applies in the model's order.

Not yet: the flags IMPORTED and HISTORY are answered with RESERVED_FLAG, after the model's own
checks on imported batches. Closing and closed accounts behave as in the model.

Source: TigerBeetle's documented data model; `docs/reference` there has each status.
"""

from coinwell.ledger.machine.accounts import create_accounts
from coinwell.ledger.machine.checking import BATCH_MAX, check_batch
from coinwell.ledger.machine.expiring import pulse
from coinwell.ledger.machine.state import Pending, State, Writes, needs
from coinwell.ledger.machine.transfers import create_transfers

__all__ = [
    "BATCH_MAX",
    "Pending",
    "State",
    "Writes",
    "check_batch",
    "create_accounts",
    "create_transfers",
    "needs",
    "pulse",
]

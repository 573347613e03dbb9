"""What the ledger of this process counts as it works."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from coinwell.base.metrics import MEMBERS, counter, gauge, histogram, looked_up
from coinwell.ledger.types import CreateTransferStatus

BATCHES: Final = counter(
    "ledger_batches_total", "Batches ended: answered, or rolled back to find the culprit.",
    ("outcome",),
)  # fmt: skip
BATCH_MEMBERS: Final = histogram(
    "ledger_batch_members", "Members (accounts, transfers) of a batch.", buckets=MEMBERS
)
WAIT_SECONDS: Final = histogram(
    "ledger_wait_seconds", "How long a caller's unit waited until its batch began."
)
BATCH_SECONDS: Final = histogram(
    "ledger_batch_seconds", "From the begin of a batch to its answers: lock, load, decide, commit."
)
COMMIT_SECONDS: Final = histogram(
    "ledger_commit_seconds", "The last part of a batch: writing and the durable commit."
)
QUEUE_MEMBERS: Final = gauge("ledger_queue_members", "Members that wait for the next batch.")
RESENDS: Final = counter(
    "ledger_resends_total", "Batches sent again because the connection was lost in between."
)
TRANSFERS: Final = counter(
    "ledger_transfers_total", "Transfers answered, by status.", ("status",)
)  # fmt: skip
INTENTS_OPEN: Final = looked_up(
    "ledger_intents_open", "Intents frozen and not recorded.", ("room",)
)
INTENT_AGE: Final = looked_up(
    "ledger_oldest_intent_seconds", "Age of the oldest open intent; 0 if there is none."
)
EPOCH: Final = looked_up("ledger_epoch", "The epoch of the books; each restore begins one.")


def count_statuses(statuses: Iterable[CreateTransferStatus]) -> None:
    """Count the answers to a batch of transfers."""
    for status, times in Counter(statuses).items():
        TRANSFERS.labels(status.name.lower()).inc(times)

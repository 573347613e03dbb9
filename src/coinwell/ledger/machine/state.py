"""What the machine works on: the touched part of a ledger, and what a batch changed in it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec import Struct

from coinwell.ledger.types import (
    Account,
    CreateTransferStatus,
    PendingStatus,
    Transfer,
)


class Pending(Struct, frozen=True, gc=False):
    """What became of one pending transfer.

    Units: `expires_at` and `resolved_at` in nanoseconds since 1970; 0 is "never" and "not yet".
    The machine decides by `status` and `expires_at`; `resolved_at` says when, in ledger time, it
    was posted, voided or expired, for an expiry leaves no transfer that could say so.
    """

    status: PendingStatus
    expires_at: int = 0
    resolved_at: int = 0


@dataclass(slots=True)
class State:
    """The part of a ledger that a batch touches; the machine changes it in place.

    Shape: `transfers` holds every known transfer among the ids and the pending_ids of the batch;
    `pendings` has an entry for each of those that is pending, and `accounts` its two accounts;
    `failed` the ids spent by a transient refusal.
    Units: `timestamp` is the last one the ledger gave, in nanoseconds since 1970.
    """

    accounts: dict[int, Account] = field(default_factory=dict[int, Account])
    transfers: dict[int, Transfer] = field(default_factory=dict[int, Transfer])
    failed: dict[int, CreateTransferStatus] = field(default_factory=dict[int, CreateTransferStatus])
    pendings: dict[int, Pending] = field(default_factory=dict[int, Pending])
    timestamp: int = 0


@dataclass(slots=True)
class Writes:
    """What has to be made durable, once, for the answers to be true.

    Shape: `accounts_new` and `transfers` in order of creation; `accounts_changed` holds the very
    accounts of the state, so it shows their last counters however many batches are gathered; an
    account that is new and was then moved is in both, with the same content; `pendings` has the
    new ones and the resolved ones by the id of the pending transfer; `failed` are the ids spent.
    """

    accounts_new: list[Account] = field(default_factory=list[Account])
    accounts_changed: dict[int, Account] = field(default_factory=dict[int, Account])
    transfers: list[Transfer] = field(default_factory=list[Transfer])
    failed: list[tuple[int, CreateTransferStatus, int]] = field(
        default_factory=list[tuple[int, CreateTransferStatus, int]]
    )
    pendings: dict[int, Pending] = field(default_factory=dict[int, Pending])
    timestamp: int = 0


def needs(transfers: Iterable[Transfer]) -> tuple[set[int], set[int]]:
    """The ids of the accounts and of the transfers to load before a batch is decided.

    Whoever loads adds, for each pending transfer found, its two accounts and its `Pending`.
    """
    accounts: set[int] = set()
    ids: set[int] = set()
    for transfer in transfers:
        accounts.add(transfer.debit_account_id)
        accounts.add(transfer.credit_account_id)
        ids.add(transfer.id)
        ids.add(transfer.pending_id)
    accounts.discard(0)
    ids.discard(0)
    return accounts, ids

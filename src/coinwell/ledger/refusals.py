"""How the ledger says no before a batch is formed; within one, every no is a status."""

from dataclasses import dataclass

from coinwell.base.refusal import Kind, Refusal


@dataclass(eq=False)
class LedgerBusy(Refusal):
    """More work is waiting for the ledger than it accepts; nothing of this request was done."""

    kind = Kind.LATER
    title = "The ledger is busy"
    waiting: int


@dataclass(eq=False)
class IntentClash(Refusal):
    """The same step of the same subject was frozen before with other content."""

    kind = Kind.CLASH
    title = "Already asked for something else"
    room: str
    subject: str
    step: str


@dataclass(eq=False)
class NotYet(Refusal):
    """The ledger keeps no balance history of accounts yet."""

    kind = Kind.UNSUPPORTED
    title = "Not kept yet"
    account_id: int

"""The ledger: who owns what, by double entry.

Every coin and every cent sits in an account; it moves only by a transfer, which debits one
account and credits another by the same amount. Coins held for a moment are a pending transfer,
posted or voided later. Several transfers that must stand or fall together are a linked chain.

What begins in the database is an *intent*: *freeze* commits the exact transfers, *settle* posts
them and records the outcome, *sweep* finishes what a crash left open. What others make of the
transfers they learn from the *feed*: a *reader* applies each transfer once, in order.

Words: *account*, *transfer*, *pending*, *post*, *void*, *chain*, *counter*; *code* says what an
account or transfer is for, *ledger* what it counts (coins, limits, or one currency).

Always:
- In each ledger, debits equal credits.
- A transfer happens at most once for its id; a repeat is answered EXISTS with the first timestamp.
- Nothing is edited or deleted; a correction is another transfer.
- A wallet never goes below nothing.
- Timestamps rise strictly, in the order in which transfers were decided.

The model is TigerBeetle's, with its names and numbers. Differences: amounts and counters end at
2**63 - 1; the flags IMPORTED and HISTORY are answered RESERVED_FLAG until they come.
"""

# Packed, for a door is read at a glance.
# fmt: off
# isort: off
from coinwell.ledger.chart import (
    LEDGER_COINS, LEDGER_LIMITS, Code, Kind, account_id, currency_of_ledger, debt_account,
    ledger_of_currency, owned_account, platform_account, wallet_account,
)
from coinwell.ledger.feed import (
    Lag, Position, Progress, Reader, ToldOnce, advance, follow, lags, position, rebuild,
)
from coinwell.ledger.ids import IdMaker, milliseconds
from coinwell.ledger.freezing import (
    Intent, IntentState, freeze, installation_id, intents, refreeze,
)
from coinwell.ledger.opening import open_ledger
from coinwell.ledger.protocol import Ledger
from coinwell.ledger.refusals import IntentClash, LedgerBusy, NotYet
from coinwell.ledger.restoring import Epoch, begin_epoch, current_epoch
from coinwell.ledger.settling import Recorder, settle, sweep
from coinwell.ledger.types import (
    AMOUNT_MAX, COUNTER_MAX, ID_MAX, Account, AccountBalance, AccountFilter, AccountFilterFlags,
    AccountFlags, CreateAccountResult, CreateAccountStatus, CreateTransferResult,
    CreateTransferStatus, QueryFilter, QueryFilterFlags, Transfer, TransferFlags, WrongBatch,
)
from coinwell.ledger.verifying import Verdict, verify

__all__ = [
    "AMOUNT_MAX", "COUNTER_MAX", "ID_MAX", "LEDGER_COINS", "LEDGER_LIMITS", "Account",
    "AccountBalance", "AccountFilter", "AccountFilterFlags", "AccountFlags", "Code",
    "CreateAccountResult", "CreateAccountStatus", "CreateTransferResult", "CreateTransferStatus",
    "Epoch", "IdMaker", "Intent", "IntentClash", "IntentState", "Kind", "Lag", "Ledger",
    "LedgerBusy", "NotYet", "Position", "Progress", "QueryFilter", "QueryFilterFlags", "Reader",
    "Recorder", "ToldOnce", "Transfer", "TransferFlags", "Verdict", "WrongBatch", "account_id",
    "advance", "begin_epoch", "currency_of_ledger", "current_epoch", "debt_account", "follow",
    "freeze", "installation_id", "intents", "lags", "ledger_of_currency", "milliseconds",
    "open_ledger", "owned_account", "platform_account", "position", "rebuild", "refreeze",
    "settle", "sweep", "verify", "wallet_account",
]
# fmt: on

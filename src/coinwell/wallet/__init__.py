"""The wallet: what one user holds, which purchase it came from, and where it went.

The coins are in the ledger. A *lot* is the terms on which some of them came, written once, when
the purchase was frozen. The *fold* works out from the ledger's transfers which lot every spent
coin came from; a process remembers it and reads on from where it was. A *statement* is the
transfers in plain words; the *month line* sums them up.

Always:
- a coin figure comes from the ledger, and nothing here is ever updated;
- what a lot's coins cost adds up to its price, to the last cent;
- a hold that ends gives its coins back to the lots it took them from.
"""

from coinwell.wallet.adjusting import (
    COINS_MAX,
    RECORDERS,
    Adjustment,
    AdjustmentWrong,
    CoinsNotThere,
    adjust,
)
from coinwell.wallet.asking import Arrivals, Describer
from coinwell.wallet.balances import (
    Overview,
    balance,
    fold_of,
    holding,
    month_line,
    overview,
    wallet_id,
    whole_fold_of,
)
from coinwell.wallet.folding import fold
from coinwell.wallet.lots import Fold, LotState, Share
from coinwell.wallet.months import Month, month_of
from coinwell.wallet.moves import moves_of
from coinwell.wallet.naming import lots_of_orders, lots_of_user, name_lot
from coinwell.wallet.statements import PAGE_LINES, PAGE_LINES_MAX, statement
from coinwell.wallet.types import (
    Arrival,
    Balance,
    Holding,
    Line,
    LineStatus,
    Lot,
    LotClash,
    LotKind,
    MonthLine,
    Move,
    MoveKind,
    Page,
)

__all__ = [
    "COINS_MAX", "PAGE_LINES", "PAGE_LINES_MAX", "RECORDERS", "Adjustment", "AdjustmentWrong",
    "Arrival", "Arrivals", "Balance", "CoinsNotThere", "Describer", "Fold",
    "Holding", "Line", "LineStatus", "Lot", "LotClash", "LotKind", "LotState", "Month",
    "MonthLine", "Move", "MoveKind", "Overview", "Page", "Share", "adjust", "balance", "fold",
    "fold_of", "holding", "lots_of_orders", "lots_of_user", "month_line", "month_of", "moves_of",
    "name_lot", "overview", "statement", "wallet_id", "whole_fold_of",
]  # fmt: skip

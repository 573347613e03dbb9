"""What a user holds now, what it did cost, and what this month came to."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from coinwell.base.clock import to_ns
from coinwell.base.db import Pool, transaction
from coinwell.ledger import (
    LEDGER_COINS,
    AccountFilter,
    Code,
    Kind,
    Ledger,
    Transfer,
    account_id,
)
from coinwell.wallet import store
from coinwell.wallet.lots import Fold, fold, summed
from coinwell.wallet.months import month_of
from coinwell.wallet.moves import CLAWBACKS, moves_of
from coinwell.wallet.types import Balance, Holding, LotKind, MonthLine, MoveKind

# So that working out lots stays a matter of tens of milliseconds; a longer history shows its
# coins without what they did cost.
HISTORY_MAX = 4_000
_CHUNK = 8_000


def wallet_id(user_id: UUID) -> int:
    """The ledger account of a user's coins."""
    return account_id(Code.WALLET, user_id, LEDGER_COINS)


async def balance(ledger: Ledger, user_id: UUID) -> Balance:
    """What a user holds, exact as of the last acknowledged write.

    A user without a wallet has nothing, which is not an error.
    """
    debt_id = account_id(Code.DEBT, user_id, LEDGER_COINS)
    found = {
        account.id: account
        for account in await ledger.lookup_accounts([wallet_id(user_id), debt_id])
    }
    coins = held = debt = 0
    if wallet := found.get(wallet_id(user_id)):
        held = wallet.debits_pending
        coins = wallet.credits_posted - wallet.debits_posted - held
    if owed := found.get(debt_id):
        debt = owed.debits_posted - owed.credits_posted
    assert coins >= 0
    assert debt >= 0
    return Balance(coins, held, debt)


async def fold_of(
    pool: Pool, ledger: Ledger, user_id: UUID, *, now: datetime, until_ns: int = 0
) -> Fold | None:
    """The lots of a user, from all changes up to `until_ns` (0: up to now).

    None if the history is longer than can be worked out while somebody waits.
    """
    own_id = wallet_id(user_id)
    transfers = await ledger.get_account_transfers(
        AccountFilter(account_id=own_id, timestamp_max=until_ns, limit=HISTORY_MAX + 1)
    )
    if len(transfers) > HISTORY_MAX:
        return None
    async with transaction(pool) as tx:
        lots = await store.of_user(tx, user_id)
    return fold(lots, moves_of(own_id, transfers), as_of_ns=until_ns or _up_to(transfers, now))


async def whole_fold_of(pool: Pool, ledger: Ledger, user_id: UUID, *, now: datetime) -> Fold:
    """The lots of a user, however long the history: for what must be known before money moves."""
    own_id = wallet_id(user_id)
    transfers = await _between(ledger, own_id, 0, 0)
    async with transaction(pool) as tx:
        lots = await store.of_user(tx, user_id)
    moves, as_of_ns = moves_of(own_id, transfers), _up_to(transfers, now)
    return await asyncio.to_thread(fold, lots, moves, as_of_ns=as_of_ns)


def _up_to(transfers: Sequence[Transfer], now: datetime) -> int:
    # The ledger's time may be ahead of ours.
    return max(to_ns(now), transfers[-1].timestamp if transfers else 0)


async def holding(pool: Pool, ledger: Ledger, user_id: UUID, *, now: datetime) -> Holding | None:
    """What the coins held now did cost, and the average paid for a hundred of them.

    None if the history is too long to say while somebody waits.
    """
    found = await fold_of(pool, ledger, user_id, now=now)
    return None if found is None else found.holding()


async def month_line(
    pool: Pool, ledger: Ledger, user_id: UUID, *, zone: str, now: datetime
) -> MonthLine:
    """Money in and coins out in the user's present calendar month.

    Coins that were held and given back are neither; coins that a refund took back are counted
    apart, because nobody spent them.
    """
    month = month_of(now, zone)
    own_id = wallet_id(user_id)
    transfers = await _between(ledger, own_id, to_ns(month.starts_at), to_ns(month.ends_at) - 1)
    coins_in = coins_out = coins_returned = 0
    order_ids: set[UUID] = set()
    codes = {transfer.id: transfer.code for transfer in transfers}
    for move in moves_of(own_id, transfers):
        code = codes[move.id]
        if move.kind is MoveKind.CREDIT:
            coins_in += move.coins
            if code == Kind.RECHARGE:
                order_ids.add(UUID(int=move.names))
        elif move.kind in {MoveKind.DEBIT, MoveKind.POST}:
            if code in CLAWBACKS:
                coins_returned += move.coins
            else:
                coins_out += move.coins
    async with transaction(pool) as tx:
        lots = await store.of_orders(tx, sorted(order_ids))
    money_in = summed(lot.price for lot in lots if lot.kind is LotKind.PAID)
    return MonthLine(month.starts_on, money_in, coins_in, coins_out, coins_returned)


async def _between(ledger: Ledger, own_id: int, first_ns: int, last_ns: int) -> list[Transfer]:
    found: list[Transfer] = []
    while True:
        chunk = await ledger.get_account_transfers(
            AccountFilter(
                account_id=own_id, timestamp_min=first_ns, timestamp_max=last_ns, limit=_CHUNK
            )
        )
        found += chunk
        if len(chunk) < _CHUNK:
            return found
        first_ns = chunk[-1].timestamp + 1

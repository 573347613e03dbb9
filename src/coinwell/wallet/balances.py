"""What a user holds now, what it did cost, and what this month came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coinwell.base.clock import to_ns
from coinwell.base.db import Pool, transaction
from coinwell.ledger import LEDGER_COINS, AccountFilter, Code, Ledger, account_id
from coinwell.wallet import store
from coinwell.wallet.lots import Fold, Shares, summed
from coinwell.wallet.months import Month, month_of
from coinwell.wallet.moves import moves_of
from coinwell.wallet.remembering import CHUNK, History, memory_of
from coinwell.wallet.tallying import Sums, Tally
from coinwell.wallet.types import Balance, Holding, Lot, MonthLine

# The first look at a history of this length takes about a second; a longer one shows its coins
# without what they did cost.
HISTORY_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Overview:
    """What one reading of a wallet says; `fold` is None if the history is too long for it."""

    fold: Fold | None
    month: MonthLine


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
    coins = held = debt = moved = 0
    if wallet := found.get(wallet_id(user_id)):
        held = wallet.debits_pending
        coins = wallet.credits_posted - wallet.debits_posted - held
        moved = wallet.credits_posted + wallet.debits_posted
    if owed := found.get(debt_id):
        debt = owed.debits_posted - owed.credits_posted
    assert coins >= 0
    assert debt >= 0
    return Balance(coins, held, debt, moved)


async def overview(
    pool: Pool, ledger: Ledger, user_id: UUID, *, zone: str, now: datetime
) -> Overview:
    """The lots and the month line of a user, from one reading of the history."""
    history = await _look(pool, ledger, user_id)
    if not history.whole:
        month = await _long_month(pool, ledger, user_id, history, month_of(now, zone))
        return Overview(None, month)
    found = history.folding.seen(_as_of(history, now))
    return Overview(found, _month(history, month_of(now, zone)))


async def fold_of(pool: Pool, ledger: Ledger, user_id: UUID, *, now: datetime) -> Fold | None:
    """The lots of a user now.

    None if the history is longer than can be worked out while somebody waits.
    """
    history = await _look(pool, ledger, user_id)
    return history.folding.seen(_as_of(history, now)) if history.whole else None


async def whole_fold_of(pool: Pool, ledger: Ledger, user_id: UUID, *, now: datetime) -> Fold:
    """The lots of a user, however long the history: for what must be known before money moves."""
    history = await memory_of(ledger).look(pool, ledger, user_id, rows_max=None)
    return history.folding.seen(_as_of(history, now))


async def shares_of(pool: Pool, ledger: Ledger, user_id: UUID, *, until_ns: int) -> Shares | None:
    """Which lots paid for each change of a user, for all changes up to `until_ns` at least.

    What a change took never changes afterwards, so later ones do no harm. None if there are more
    changes before that moment than can be worked out while somebody waits.
    """
    history = await _look(pool, ledger, user_id)
    if history.whole or history.last_ns >= until_ns:
        return history.folding.seen(_as_of(history)).shares
    return None


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
    return (await overview(pool, ledger, user_id, zone=zone, now=now)).month


async def _look(pool: Pool, ledger: Ledger, user_id: UUID) -> History:
    return await memory_of(ledger).look(pool, ledger, user_id, rows_max=HISTORY_MAX)


def _as_of(history: History, now: datetime | None = None) -> int:
    # The ledger's time may be ahead of ours.
    return max(to_ns(now) if now else 0, history.last_ns)


def _month(history: History, month: Month) -> MonthLine:
    sums = history.tally.between(to_ns(month.starts_at), to_ns(month.ends_at) - 1)
    lots = [history.folding.terms(order_id) for order_id in sums.order_ids]
    return _month_line(month, sums, [lot for lot in lots if lot is not None])


async def _long_month(
    pool: Pool, ledger: Ledger, user_id: UUID, history: History, month: Month
) -> MonthLine:
    """The month line of a history that is too long to be read whole.

    What its first rows say of the month is remembered; the rest of the month is read.
    """
    own_id, tally = wallet_id(user_id), Tally()
    first_ns, last_ns = to_ns(month.starts_at), to_ns(month.ends_at) - 1
    known = history.tally.between(first_ns, last_ns)
    next_ns = max(first_ns, history.last_ns + 1)
    while next_ns <= last_ns:
        chunk = await ledger.get_account_transfers(
            AccountFilter(
                account_id=own_id, timestamp_min=next_ns, timestamp_max=last_ns, limit=CHUNK
            )
        )
        tally.add(moves_of(own_id, chunk))
        next_ns = chunk[-1].timestamp + 1 if len(chunk) == CHUNK else last_ns + 1
    sums = known + tally.between(first_ns, last_ns)
    async with transaction(pool) as tx:
        orders = sorted(UUID(int=order_id) for order_id in sums.order_ids)
        lots = await store.of_orders(tx, orders)
    return _month_line(month, sums, lots)


def _month_line(month: Month, sums: Sums, lots: Sequence[Lot]) -> MonthLine:
    money_in = summed(lot.price for lot in lots)
    return MonthLine(month.starts_on, money_in, sums.coins_in, sums.coins_out, sums.coins_returned)

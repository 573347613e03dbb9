"""The statement: every change of a wallet in plain words, newest first, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from coinwell.base import cursor as cursors
from coinwell.base.clock import from_ns
from coinwell.base.db import Pool, Tx, transaction
from coinwell.base.money import Money
from coinwell.ledger import (
    AccountFilter,
    AccountFilterFlags,
    Kind,
    Ledger,
    Transfer,
    TransferFlags,
)
from coinwell.wallet import store
from coinwell.wallet.asking import Describer
from coinwell.wallet.balances import shares_of, wallet_id
from coinwell.wallet.lots import Shares
from coinwell.wallet.moves import CLAWBACKS, is_out, moves_of
from coinwell.wallet.types import (
    Line,
    LineStatus,
    Lot,
    LotKind,
    MoveKind,
    Page,
)

PAGE_LINES = 25
PAGE_LINES_MAX = 100
_BACKWARD = AccountFilterFlags.DEBITS | AccountFilterFlags.CREDITS | AccountFilterFlags.REVERSED
_TIMESTAMP_MAX = 2**63 - 1

# What lines say when no room above has better words for them.
WORDS: Mapping[int, str] = MappingProxyType(
    {
        Kind.RECHARGE: "Recharge",
        Kind.BONUS: "Bonus coins",
        Kind.REFUND: "Refund of a recharge",
        Kind.RECOVERY: "Refund of a recharge",
        Kind.SPEND: "Coins spent",
        Kind.GIFT: "Gift",
        Kind.ADJUST_GIVE: "Coins given to you",
        Kind.ADJUST_TAKE: "Coins taken back",
    }
)
_OTHER_IN, _OTHER_OUT = "Coins received", "Coins used"
_ORDER_CODES = frozenset({int(Kind.RECHARGE), int(Kind.BONUS)}) | CLAWBACKS
_LOT_CODES = _ORDER_CODES | {int(Kind.ADJUST_GIVE)}


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the lines of one page are made from."""

    wallet_id: int
    lots: Mapping[tuple[int, LotKind], Lot]
    words: Mapping[int, str]
    shares: Shares | None


async def statement(
    pool: Pool,
    ledger: Ledger,
    user_id: UUID,
    *,
    cursor: str | None = None,
    limit: int = PAGE_LINES,
    describe: Mapping[int, Describer] = MappingProxyType({}),
) -> Page:
    """One page of a user's statement, newest first.

    A page reads one line more than it shows; only where it shows coins that were spent are the
    lots worked out, from the history that is remembered, to say what those coins had cost.

    Refuses: `BadCursor`.
    """
    assert 0 < limit <= PAGE_LINES_MAX
    own_id = wallet_id(user_id)
    transfers = await ledger.get_account_transfers(
        AccountFilter(
            account_id=own_id,
            timestamp_max=_before(cursor),
            limit=limit + 1,
            flags=_BACKWARD,
        )
    )
    shown = transfers[:limit]
    async with transaction(pool) as tx:
        lots = await _lots(tx, shown)
        words = await _words(tx, shown, describe)
    shares = None
    if any(_needs_lots(own_id, transfer, lots) for transfer in shown):
        shares = await shares_of(pool, ledger, user_id, until_ns=shown[0].timestamp)
    facts = _Facts(own_id, lots, words, shares)
    lines = tuple(line for line in (_line(facts, transfer) for transfer in shown) if line)
    more = len(transfers) > limit
    return Page(lines, cursors.encode(shown[-1].timestamp) if more else None)


def _before(cursor: str | None) -> int:
    """The newest timestamp a page may show; 0 for any."""
    if cursor is None:
        return 0
    (timestamp,) = cursors.decode(cursor, [int])
    if not 1 < timestamp <= _TIMESTAMP_MAX:
        raise cursors.BadCursor(cursor)
    return timestamp - 1


async def _lots(tx: Tx, shown: Sequence[Transfer]) -> dict[tuple[int, LotKind], Lot]:
    orders = {UUID(int=transfer.user_data_128) for transfer in shown if transfer.code in _LOT_CODES}
    return {(lot.id.int, lot.kind): lot for lot in await store.of_orders(tx, sorted(orders))}


async def _words(
    tx: Tx, shown: Sequence[Transfer], describe: Mapping[int, Describer]
) -> dict[int, str]:
    words: dict[int, str] = {}
    for code in {transfer.code for transfer in shown} & describe.keys():
        words |= await describe[code](tx, [each for each in shown if each.code == code])
    return words


def _needs_lots(own_id: int, transfer: Transfer, lots: Mapping[tuple[int, LotKind], Lot]) -> bool:
    if is_out(own_id, transfer):
        held = TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER
        return not transfer.flags & held and transfer.amount > 0
    return (transfer.user_data_128, _kind(transfer)) not in lots


def _kind(transfer: Transfer) -> LotKind:
    return LotKind.PAID if transfer.code == Kind.RECHARGE else LotKind.PROMOTIONAL


def _line(facts: _Facts, transfer: Transfer) -> Line | None:
    """The line of one transfer; None for one that changed nothing."""
    move = next(moves_of(facts.wallet_id, [transfer]), None)
    if move is None:
        return None
    match move.kind:
        case MoveKind.CREDIT:
            coins, held, status = move.coins, 0, LineStatus.DONE
        case MoveKind.DEBIT | MoveKind.POST:
            coins, held, status = -move.coins, 0, LineStatus.DONE
        case MoveKind.HOLD:
            coins, held, status = 0, move.coins, LineStatus.HELD
        case MoveKind.VOID:
            coins, held, status = 0, -move.coins, LineStatus.RELEASED
    paid, known = _paid(facts, transfer)
    other = _OTHER_OUT if is_out(facts.wallet_id, transfer) else _OTHER_IN
    words = facts.words.get(transfer.id) or WORDS.get(transfer.code, other)
    of_order = transfer.code in _ORDER_CODES and transfer.user_data_128
    return Line(
        transfer_id=transfer.id,
        at=from_ns(transfer.timestamp),
        code=transfer.code,
        words=words,
        coins=coins,
        held_coins=held,
        paid=paid,
        paid_known=known,
        status=status,
        order_id=UUID(int=transfer.user_data_128) if of_order else None,
    )


def _paid(facts: _Facts, transfer: Transfer) -> tuple[tuple[Money, ...], bool]:
    """The money really paid for the coins of one line, and whether that is known at all."""
    if not is_out(facts.wallet_id, transfer):
        lot = facts.lots.get((transfer.user_data_128, _kind(transfer)))
        if lot is not None:
            return ((lot.price,) if lot.price else ()), True
    if not _needs_lots(facts.wallet_id, transfer, facts.lots):
        return (), True
    if facts.shares is None:
        return (), False
    cost = facts.shares.cost(transfer.id)
    return tuple(Money(abs(money.minor), money.currency) for money in cost), True

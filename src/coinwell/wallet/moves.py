"""Turns the ledger's transfers of one wallet into the moves that the fold understands."""

from collections.abc import Iterable, Iterator

from coinwell.ledger import Kind, Transfer, TransferFlags
from coinwell.wallet.types import Move, MoveKind

NS_PER_S = 1_000_000_000

# Debits that take back a certain purchase: `user_data_128` is its order. In other debits that
# field is the business of the room that made them.
CLAWBACKS = frozenset({int(Kind.REFUND), int(Kind.RECOVERY)})
# Debits that nobody spent.
_TAKEN_BACK = CLAWBACKS | {int(Kind.ADJUST_TAKE)}
_RECHARGE = int(Kind.RECHARGE)


def is_out(wallet_id: int, transfer: Transfer) -> bool:
    """Whether the transfer takes from the wallet; otherwise it brings."""
    return transfer.debit_account_id == wallet_id


def _kind_out(flags: TransferFlags) -> MoveKind:
    if flags & TransferFlags.POST_PENDING_TRANSFER:
        return MoveKind.POST
    if flags & TransferFlags.VOID_PENDING_TRANSFER:
        return MoveKind.VOID
    return MoveKind.HOLD if flags & TransferFlags.PENDING else MoveKind.DEBIT


def _kind_in(flags: TransferFlags) -> MoveKind | None:
    # Coins on their way in are not here, and never were if voided.
    waiting = flags & (TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER)
    return None if waiting else MoveKind.CREDIT


# To combine flags is several times dearer than to look their meaning up.
_ALL_FLAGS = [TransferFlags(bits) for bits in range(2 ** len(TransferFlags))]
_OUT = tuple(_kind_out(flags) for flags in _ALL_FLAGS)
_IN = tuple(_kind_in(flags) for flags in _ALL_FLAGS)


def moves_of(wallet_id: int, transfers: Iterable[Transfer]) -> Iterator[Move]:
    """The moves of a wallet, one for each transfer that changes it, in the same order."""
    post, hold = MoveKind.POST, MoveKind.HOLD
    for transfer in transfers:
        out = transfer.debit_account_id == wallet_id
        kind = _OUT[transfer.flags] if out else _IN[transfer.flags]
        coins, code, at_ns = transfer.amount, transfer.code, transfer.timestamp
        if kind is None or (coins == 0 and kind is not post):
            continue
        names_one = not out or code in CLAWBACKS
        yield Move(
            transfer.id,
            kind,
            coins,
            at_ns,
            transfer.user_data_128 if names_one else 0,
            transfer.pending_id,
            at_ns + transfer.timeout * NS_PER_S if kind is hold and transfer.timeout else 0,
            code != _RECHARGE,
            out and code in _TAKEN_BACK,
        )

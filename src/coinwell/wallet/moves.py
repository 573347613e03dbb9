"""Turns the ledger's transfers of one wallet into the moves that the fold understands."""

from collections.abc import Iterable, Iterator

from coinwell.ledger import Kind, Transfer, TransferFlags
from coinwell.wallet.types import Move, MoveKind

NS_PER_S = 1_000_000_000

# Debits that take back a certain purchase: `user_data_128` is its order. In other debits that
# field is the business of the room that made them.
CLAWBACKS = frozenset({int(Kind.REFUND), int(Kind.RECOVERY)})


def moves_of(wallet_id: int, transfers: Iterable[Transfer]) -> Iterator[Move]:
    """The moves of a wallet, one for each transfer that changes it, in the same order."""
    for transfer in transfers:
        move = _move(wallet_id, transfer)
        if move is not None:
            yield move


def is_out(wallet_id: int, transfer: Transfer) -> bool:
    """Whether the transfer takes from the wallet; otherwise it brings."""
    return transfer.debit_account_id == wallet_id


def _move(wallet_id: int, transfer: Transfer) -> Move | None:
    flags = transfer.flags
    out = is_out(wallet_id, transfer)
    if flags & TransferFlags.POST_PENDING_TRANSFER and out:
        kind = MoveKind.POST
    elif flags & TransferFlags.VOID_PENDING_TRANSFER and out:
        kind = MoveKind.VOID
    elif flags & TransferFlags.PENDING and out:
        kind = MoveKind.HOLD
    elif flags & (TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER):
        return None  # Coins on their way in are not here, and never were if voided.
    else:
        kind = MoveKind.DEBIT if out else MoveKind.CREDIT
    if transfer.amount == 0 and kind is not MoveKind.POST:
        return None
    ends = transfer.timestamp + transfer.timeout * NS_PER_S if transfer.timeout else 0
    named = not out or transfer.code in CLAWBACKS
    return Move(
        id=transfer.id,
        kind=kind,
        coins=transfer.amount,
        at_ns=transfer.timestamp,
        names=transfer.user_data_128 if named else 0,
        holds=transfer.pending_id,
        expires_ns=ends if kind is MoveKind.HOLD else 0,
        promotional=transfer.code != Kind.RECHARGE,
    )

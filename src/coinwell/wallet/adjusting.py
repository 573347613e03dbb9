"""Coins given or taken by decision: promotional coins into a wallet, or free coins out of it.

The decision itself is made by two people in a room above; here it is frozen, posted, recorded.
What is taken goes promotional coins first, then the oldest, as with any spend; a wallet is never
taken below nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar, Final
from uuid import UUID

from coinwell.base import outbox
from coinwell.base.db import Pool, Tx, transaction
from coinwell.base.refusal import Kind as No
from coinwell.base.refusal import Refusal
from coinwell.ledger import (
    LEDGER_COINS,
    Account,
    Code,
    IdMaker,
    Intent,
    IntentState,
    Kind,
    Ledger,
    Recorder,
    Transfer,
    freeze,
    platform_account,
    settle,
    wallet_account,
)
from coinwell.wallet.naming import name_lot
from coinwell.wallet.types import Lot, LotKind

ROOM: Final = "wallet"
STEP: Final = "adjust"
COINS_MAX: Final = 10_000_000


@dataclass(eq=False)
class AdjustmentWrong(Refusal):
    """An adjustment gives or takes a whole number of coins, at most ten million, and not none."""

    title: ClassVar[str] = "Wrong adjustment"
    coins: int


@dataclass(eq=False)
class CoinsNotThere(Refusal):
    """The wallet has fewer free coins than the adjustment would take; nothing was taken."""

    kind: ClassVar[No] = No.SHORT
    title: ClassVar[str] = "Not that many coins there"
    user_id: UUID
    coins: int


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Coins to give (positive) or to take (negative). `id` is the decision's; it happens once."""

    id: UUID
    user_id: UUID
    coins: int

    def __post_init__(self) -> None:
        """Refuse what nobody can mean."""
        if self.coins == 0 or abs(self.coins) > COINS_MAX:
            raise AdjustmentWrong(self.coins)


def chain_of(
    adjustment: Adjustment,
) -> tuple[tuple[Account, ...], Callable[[IdMaker], Sequence[Transfer]]]:
    """The accounts and the one transfer of an adjustment; pure."""
    wallet = wallet_account(adjustment.user_id)
    gives = adjustment.coins > 0
    other = platform_account(Code.ISSUED if gives else Code.RETURNED, LEDGER_COINS)
    payer, payee = (other, wallet) if gives else (wallet, other)

    def legs(ids: IdMaker) -> list[Transfer]:
        moved = Transfer(
            id=ids(),
            debit_account_id=payer.id,
            credit_account_id=payee.id,
            amount=abs(adjustment.coins),
            user_data_128=adjustment.id.int,
            ledger=LEDGER_COINS,
            code=int(Kind.ADJUST_GIVE if gives else Kind.ADJUST_TAKE),
        )
        return [moved]

    return (wallet, other), legs


async def adjust(pool: Pool, ledger: Ledger, adjustment: Adjustment, *, now: datetime) -> Intent:
    """Give or take the coins: frozen, posted, recorded; a repeat finds what the first one did.

    Refuses: `CoinsNotThere` when the wallet has fewer free coins than are to be taken.
    """
    accounts, legs = chain_of(adjustment)
    async with transaction(pool) as tx:
        intent = await freeze(
            tx,
            room=ROOM,
            subject=str(adjustment.id),
            step=STEP,
            accounts=accounts,
            transfers=legs,
            now=now,
        )
        if adjustment.coins > 0:
            lot = Lot(
                id=adjustment.id,
                user_id=adjustment.user_id,
                kind=LotKind.PROMOTIONAL,
                coins=adjustment.coins,
                price=None,
                granted_at=intent.created_at,
                transfer_id=intent.transfers[0].id,
            )
            await name_lot(tx, lot)
    settled = await settle(pool, ledger, intent, RECORDERS, now=now)
    if settled.state is IntentState.REFUSED:
        raise CoinsNotThere(adjustment.user_id, abs(adjustment.coins))
    return settled


async def record(tx: Tx, intent: Intent) -> None:
    """Tell the outside that an adjustment stands; one that was refused changed nothing."""
    assert intent.room == ROOM
    assert intent.settled_at is not None
    if intent.step != STEP or intent.state is not IntentState.POSTED:
        return
    (moved,) = intent.transfers
    gives = moved.code == Kind.ADJUST_GIVE
    wallet = next(one for one in intent.accounts if one.code == Code.WALLET)
    body = {
        "adjustment_id": intent.subject,
        "coins": moved.amount if gives else -moved.amount,
        "transfer_id": str(moved.id),
    }
    owner = UUID(int=wallet.user_data_128)
    await outbox.record(tx, kind="wallet.adjusted", subject=owner, body=body, at=intent.settled_at)


RECORDERS: Final[Mapping[str, Recorder]] = MappingProxyType({ROOM: record})
"""What the ledger's sweeper calls to finish this room's intents."""

"""The accounts of a window, and the transfers that fill, trim, hold and free it; pure."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from coinwell.ledger import (
    LEDGER_LIMITS,
    Account,
    Code,
    Kind,
    Transfer,
    TransferFlags,
    milliseconds,
    owned_account,
    wallet_account,
)
from coinwell.limits.types import LimitKind, Period

ROOM = "limits"

# What a wallet's owner spends; refunds and recoveries take coins, too, and are no spending.
SPENDS = frozenset({int(Kind.SPEND), int(Kind.GIFT)})


def wallet_id(user_id: UUID) -> int:
    """The account whose debits are counted."""
    return wallet_account(user_id).id


def window_accounts(
    user_id: UUID, kind: LimitKind, period: Period, starts_at: datetime, generation: int
) -> tuple[Account, Account]:
    """The account that lets through what is left of a window, and the one that counts what went.

    Their ids are a hash of what they stand for; they carry their owner's id.
    """
    owner = f"{user_id}/{kind.value}/{period.value}/{milliseconds(starts_at)}/{generation}"
    limit = owned_account(Code.LIMIT, owner, LEDGER_LIMITS)
    used = owned_account(Code.LIMIT_USED, owner, LEDGER_LIMITS)
    return _of(user_id, limit), _of(user_id, used)


def room_account(user_id: UUID) -> Account:
    """Where the room of all of a user's windows comes from, and where it goes back to."""
    return owned_account(Code.LIMIT_ROOM, user_id, LEDGER_LIMITS)


def given_of(limit: Account, used: Account) -> int:
    """How much room a window was given so far, net of what was taken back; legs do not change it.

    What left the limit's account for another reason than a leg was taken back, and what legs took
    is what the other account has got.
    """
    out = limit.debits_posted + limit.debits_pending
    through = used.credits_posted + used.credits_pending
    return limit.credits_posted - (out - through)


def used_of(used: Account) -> int:
    """What went through a window by its legs, held amounts included."""
    return used.credits_posted + used.credits_pending


def give(transfer_id: int, accounts: tuple[int, int], amount: int, user_id: UUID) -> Transfer:
    """More room for a window, whose `accounts` are the user's room and the limit."""
    return _leg(transfer_id, accounts, amount, Kind.LIMIT_ROOM, user_id.int)


def take_back(transfer_id: int, accounts: tuple[int, int], amount: int, user_id: UUID) -> Transfer:
    """Less room for a window: as much of `amount` as is there."""
    room, limit = accounts
    leg = _leg(transfer_id, (limit, room), amount, Kind.LIMIT_ROOM, user_id.int)
    return replace(leg, flags=TransferFlags.BALANCING_DEBIT)


def hold(transfer_id: int, accounts: tuple[int, int], amount: int, recharge_id: UUID) -> Transfer:
    """Room held for a recharge until it is known what becomes of it; without an end of its own."""
    leg = _leg(transfer_id, accounts, amount, Kind.LIMIT, recharge_id.int)
    return replace(leg, flags=TransferFlags.PENDING)


def end_hold(
    transfer_id: int, held_id: int, accounts: tuple[int, int], amount: int, *, taken: bool
) -> Transfer:
    """The hold becomes what was used, or goes back."""
    flag = TransferFlags.POST_PENDING_TRANSFER if taken else TransferFlags.VOID_PENDING_TRANSFER
    return replace(
        _leg(transfer_id, accounts, amount, Kind.LIMIT, 0), flags=flag, pending_id=held_id
    )


def _of(user_id: UUID, account: Account) -> Account:
    return replace(account, user_data_128=user_id.int)


def _leg(
    transfer_id: int, accounts: tuple[int, int], amount: int, kind: Kind, about: int
) -> Transfer:
    debit, credit = accounts
    return Transfer(
        id=transfer_id,
        debit_account_id=debit,
        credit_account_id=credit,
        amount=amount,
        user_data_128=about,
        ledger=LEDGER_LIMITS,
        code=int(kind),
    )

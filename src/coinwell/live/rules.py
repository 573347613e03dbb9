"""Pure decisions about gifts: their ids, their transfers, and what a row says was given."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from coinwell.base.clock import from_ns
from coinwell.base.ids import derived_id
from coinwell.base.refusal import Refusal
from coinwell.catalog import Gift
from coinwell.ledger import (
    LEDGER_COINS,
    Account,
    Code,
    Kind,
    Transfer,
    TransferFlags,
    account_id,
    owned_account,
    platform_account,
)
from coinwell.limits import Leg, Period
from coinwell.live.refusals import GiftPriceChanged, GiftUnknown, RoomClosed
from coinwell.live.types import COUNT_MAX, GiftSent, GiftWish, Room

_COUNT_BITS: Final = 16
_COUNT_MASK: Final = 2**_COUNT_BITS - 1
_TIMED_KEY: Final = re.compile(
    "([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE
)
# Hashes of so many people are remembered; a few megabytes.
_ACCOUNTS_MAX: Final = 20_000
_LINKED: Final = TransferFlags.LINKED
_NONE: Final = TransferFlags.NONE

_REFUSING: Final = ("", *(period.value for period in Period))

# What a refusal is written down with: it takes the id, and moves nothing.
ISSUED: Final = platform_account(Code.ISSUED, LEDGER_COINS)
REDEEMED: Final = platform_account(Code.REDEEMED, LEDGER_COINS)


@lru_cache(_ACCOUNTS_MAX)
def wallet_of(user_id: UUID) -> int:
    """The account that a user's gifts are taken from."""
    return account_id(Code.WALLET, user_id, LEDGER_COINS)


@lru_cache(_ACCOUNTS_MAX)
def earned_account(creator_id: UUID) -> Account:
    """The account of the coins that a creator was given, ready to be created; not to be changed."""
    return owned_account(Code.EARNED, creator_id)


def key_time_ms(key: str) -> int:
    """The time inside a key that is a UUIDv7; 0 for any other key.

    It keeps the ledger's index growing at its right edge, and nothing else depends on it.

    Source: RFC 9562, section 5.7.
    """
    timed = _TIMED_KEY.fullmatch(key)
    return int(timed[1] + timed[2], 16) if timed else 0


def gift_transfer_id(installation: UUID, sender_id: UUID, key: str) -> int:
    """The id of the transfer of a gift: a pure function of who sends it under which key."""
    parts = ("gift", installation, sender_id, key)
    return derived_id(at_ms=key_time_ms(key), parts=parts)


def limit_transfer_id(installation: UUID, sender_id: UUID, key: str, leg: str) -> int:
    """The id of the leg that counts a gift towards one of the sender's limits."""
    parts = ("gift", installation, sender_id, key, "limit", leg)
    return derived_id(at_ms=key_time_ms(key), parts=parts)


def objection(wish: GiftWish, room: Room, gift: Gift | None) -> Gift | Refusal:
    """The gift, or why it cannot be given as wished as far as room and price go."""
    if room.closed_at is not None:
        return RoomClosed(room.id)
    if gift is None:
        return GiftUnknown(wish.gift_id)
    coins = gift.coins * wish.count
    if wish.coins is not None and wish.coins != coins:
        return GiftPriceChanged(gift.id, wish.coins, coins)
    return gift


def chain_of(
    wish: GiftWish, room: Room, gift: Gift, legs: Sequence[Leg], installation: UUID
) -> list[Transfer]:
    """The transfers of a gift: the gift first, then what it owes to the sender's limits."""
    assert 0 < wish.count <= COUNT_MAX, "the edges let no other count through"
    gift_id = gift_transfer_id(installation, wish.sender_id, wish.key)
    last = len(legs) - 1
    chain = [
        Transfer(
            id=gift_id,
            debit_account_id=wallet_of(wish.sender_id),
            credit_account_id=earned_account(room.creator_id).id,
            amount=gift.coins * wish.count,
            user_data_128=room.id.int,
            user_data_64=gift.number << _COUNT_BITS | wish.count,
            ledger=LEDGER_COINS,
            code=int(Kind.GIFT),
            flags=_LINKED if legs else _NONE,
        )
    ]
    for place, leg in enumerate(legs):
        leg_id = limit_transfer_id(installation, wish.sender_id, wish.key, leg.name)
        transfer = leg.transfer(leg_id, spend_id=gift_id)
        chain.append(replace(transfer, flags=_LINKED) if place < last else transfer)
    return chain


def refusal_row(wish: GiftWish, installation: UUID, leg: str = "") -> Transfer:
    """What takes a gift's id so that the gift can never be: it moves nothing.

    `leg` names the limit that refused the gift, so that a repeat can be told the same.
    """
    return Transfer(
        id=gift_transfer_id(installation, wish.sender_id, wish.key),
        debit_account_id=ISSUED.id,
        credit_account_id=REDEEMED.id,
        ledger=LEDGER_COINS,
        code=int(Kind.GIFT_REFUSED),
        user_data_32=_REFUSING.index(leg),
    )


def refusing_leg(row: Transfer) -> str:
    """The name of the limit that refused a gift, by its refusal row; empty for another reason."""
    return _REFUSING[row.user_data_32]


def number_of(transfer: Transfer) -> int:
    """The number of the gift version that a transfer of a gift names."""
    return transfer.user_data_64 >> _COUNT_BITS


def count_of(transfer: Transfer) -> int:
    """How many of the gift a transfer gives."""
    return transfer.user_data_64 & _COUNT_MASK


def same_content(wish: GiftWish, transfer: Transfer, given: Gift) -> bool:
    """Whether what stands is what is wished; a price that has changed since is no difference."""
    return (
        wish.room_id.int == transfer.user_data_128
        and wish.gift_id == given.id
        and wish.count == count_of(transfer)
    )


def sent_from(transfer: Transfer, *, sender_id: UUID, room: Room, gift: Gift) -> GiftSent:
    """The answer, rebuilt from the ledger's row alone."""
    return GiftSent(
        transfer_id=transfer.id,
        sender_id=sender_id,
        creator_id=room.creator_id,
        room_id=room.id,
        gift=gift,
        count=count_of(transfer),
        coins=transfer.amount,
        at=from_ns(transfer.timestamp),
        replayed=True,
    )

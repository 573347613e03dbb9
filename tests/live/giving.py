"""Gifts straight into the ledger, for tests of what is made of them, and a plain oracle of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from coinwell.base.db import Pool, transaction
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    CreateTransferStatus,
    Kind,
    Ledger,
    QueryFilter,
    Transfer,
    TransferFlags,
    account_id,
    owned_account,
    platform_account,
)

BANK = platform_account(Code.ISSUED, LEDGER_COINS)
FUNDS = 10**12


def person(number: int) -> UUID:
    """The id of a made-up person."""
    return UUID(int=(0xA << 64) | number)


def room_id(number: int) -> UUID:
    """The id of a made-up room."""
    return UUID(int=(0xB << 64) | number)


async def people(ledger: Ledger, senders: Sequence[UUID], creators: Sequence[UUID]) -> None:
    """Their accounts, and plenty of coins for the senders."""
    accounts = [BANK]
    accounts += [owned_account(Code.WALLET, one) for one in senders]
    accounts += [owned_account(Code.EARNED, one) for one in creators]
    await ledger.create_accounts(accounts)
    funds = [
        Transfer(
            id=one.int ^ (1 << 120),
            debit_account_id=BANK.id,
            credit_account_id=account_id(Code.WALLET, one, LEDGER_COINS),
            amount=FUNDS,
            ledger=LEDGER_COINS,
            code=Kind.RECHARGE,
        )
        for one in senders
    ]
    results = await ledger.create_transfers(funds)
    assert {result.status for result in results} <= {
        CreateTransferStatus.CREATED,
        CreateTransferStatus.EXISTS,
    }


def gift(
    id_: int,
    sender: UUID,
    creator: UUID,
    *,
    room: UUID,
    coins: int = 1,
    number: int = 1,
    count: int = 1,
    **fields: int,
) -> Transfer:
    """One gift's transfer, as sending makes it."""
    flags = TransferFlags(fields.pop("flags", 0))
    code = fields.pop("code", int(Kind.GIFT))
    return Transfer(
        id=id_,
        debit_account_id=account_id(Code.WALLET, sender, LEDGER_COINS),
        credit_account_id=account_id(Code.EARNED, creator, LEDGER_COINS),
        amount=coins,
        user_data_128=room.int,
        user_data_64=(number << 16) | count,
        ledger=LEDGER_COINS,
        code=code,
        flags=flags,
        **fields,
    )


@dataclass
class Shown:
    """What a room shows: its events, its totals, and its board in order."""

    events: list[tuple[int, int, UUID, UUID, int, int, int]] = field(default_factory=list)
    total: tuple[int, int, int] = (0, 0, 0)
    board: list[tuple[UUID, int, int]] = field(default_factory=list)


async def oracle(ledger: Ledger) -> dict[UUID, Shown]:
    """What every room must show, gift by gift, from the books themselves."""
    shown: dict[UUID, Shown] = {}
    sums: dict[UUID, dict[UUID, tuple[int, int, int]]] = {}
    after = 0
    while page := await ledger.query_transfers(QueryFilter(timestamp_min=after)):
        after = page[-1].timestamp + 1
        named = {one.debit_account_id for one in page} | {one.credit_account_id for one in page}
        owners = {one.id: one.user_data_128 for one in await ledger.lookup_accounts(list(named))}
        for one in page:
            held = one.flags & (TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER)
            if one.code != Kind.GIFT or held or not one.user_data_128:
                continue
            sender, creator = owners[one.debit_account_id], owners[one.credit_account_id]
            if not sender or not creator:
                continue
            room = shown.setdefault(UUID(int=one.user_data_128), Shown())
            giver = UUID(int=sender)
            count, number = one.user_data_64 % 65_536, one.user_data_64 // 65_536
            room.events.append(
                (len(room.events) + 1, one.id, giver, UUID(int=creator), number,
                 count, one.amount)
            )  # fmt: skip
            room.total = (len(room.events), room.total[1] + one.amount, room.total[2] + count)
            lines = sums.setdefault(UUID(int=one.user_data_128), {})
            coins, gifts, _ = lines.get(giver, (0, 0, 0))
            lines[giver] = (coins + one.amount, gifts + count, one.timestamp)
    for key, lines in sums.items():
        ranked = sorted(lines.items(), key=lambda line: (-line[1][0], line[1][2]))
        shown[key].board = [(giver, coins, gifts) for giver, (coins, gifts, _) in ranked]
    return shown


async def shown_by(pool: Pool) -> dict[UUID, Shown]:
    """What the tables show."""
    shown: dict[UUID, Shown] = {}
    async with transaction(pool) as tx:
        cursor = await tx.execute(
            "SELECT room_id, number, transfer_id, sender_id, creator_id, gift_number, count, coins"
            " FROM live.event ORDER BY room_id, number"
        )
        for key, number, transfer, sender, creator, kind, count, coins in await cursor.fetchall():
            event = (number, transfer.int, sender, creator, kind, count, coins)
            shown.setdefault(key, Shown()).events.append(event)
        cursor = await tx.execute("SELECT room_id, number, coins, gifts FROM live.room_total")
        for key, *total in await cursor.fetchall():
            number, coins, gifts = total
            shown.setdefault(key, Shown()).total = (number, coins, gifts)
        cursor = await tx.execute(
            "SELECT room_id, sender_id, coins, gifts FROM live.board"
            " ORDER BY room_id, coins DESC, reached_at_ns"
        )
        for key, sender, coins, gifts in await cursor.fetchall():
            shown.setdefault(key, Shown()).board.append((sender, coins, gifts))
    return shown

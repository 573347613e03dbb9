"""How fast a reader of the feed makes its tables again, beside one that writes row by row.

Both read the same books through the same feed, in the same batches, and end with the same tables;
what differs is how they write. Everything is durable. Run it by `make bench`, or
`python -m bench.feed --gifts 50000`.
"""

import argparse
import asyncio
import itertools
import random
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from bench.ledger import database
from coinwell.base.db import Pool, Tx, open_pool, transaction, value
from coinwell.base.migrate import migrate
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    CreateTransferStatus,
    Kind,
    Ledger,
    Reader,
    Transfer,
    account_id,
    open_ledger,
    owned_account,
    platform_account,
    rebuild,
)
from coinwell.live import READERS
from coinwell.live.projecting import FedGift

SENDERS = 2_000
ROOMS = 50
BAR_PER_SECOND = 20_000
_BATCH = 8_000
_FUNDS = 10**9
_ROOMS = READERS[0]

_NEXT = """
    INSERT INTO live.room_total AS total (room_id, number, coins, gifts)
    VALUES (%(room_id)s, 1, %(coins)s, %(count)s)
    ON CONFLICT (room_id) DO UPDATE SET number = total.number + 1,
        coins = total.coins + excluded.coins, gifts = total.gifts + excluded.gifts
    RETURNING number
"""
_EVENT = """
    INSERT INTO live.event (room_id, number, transfer_id, at_ns, sender_id, creator_id,
        gift_number, count, coins)
    VALUES (%(room_id)s, %(number)s, %(transfer_id)s, %(at_ns)s, %(sender_id)s, %(creator_id)s,
        %(gift_number)s, %(count)s, %(coins)s)
"""
_LINE = """
    INSERT INTO live.board AS line (room_id, sender_id, coins, gifts, reached_at_ns)
    VALUES (%(room_id)s, %(sender_id)s, %(coins)s, %(count)s, %(at_ns)s)
    ON CONFLICT (room_id, sender_id) DO UPDATE SET coins = line.coins + excluded.coins,
        gifts = line.gifts + excluded.gifts, reached_at_ns = excluded.reached_at_ns
"""
_SEEN = """
    SELECT md5(string_agg(event::text, '/' ORDER BY room_id, number))
        || (SELECT md5(string_agg(line::text, '/' ORDER BY room_id, sender_id))
            FROM live.board AS line)
        || (SELECT md5(string_agg(total::text, '/' ORDER BY room_id))
            FROM live.room_total AS total)
    FROM live.event
"""


async def row_by_row(tx: Tx, gifts: Sequence[FedGift]) -> None:
    """The textbook projection: three statements a gift."""
    for one in gifts:
        said = {
            "room_id": UUID(int=one.room_id),
            "transfer_id": UUID(int=one.transfer_id),
            "at_ns": one.at_ns,
            "sender_id": UUID(int=one.sender_id),
            "creator_id": UUID(int=one.creator_id),
            "gift_number": one.gift_number,
            "count": one.count,
            "coins": one.coins,
        }
        number = await value(tx, _NEXT, said)
        await tx.execute(_EVENT, said | {"number": number})
        await tx.execute(_LINE, said)


async def fill(ledger: Ledger, gifts: int) -> None:
    """Books with that many gifts of a crowd, most of them in few rooms."""
    dice = random.Random(20_261_122)
    senders = [UUID(int=(1 << 100) | number) for number in range(SENDERS)]
    creators = [UUID(int=(2 << 100) | number) for number in range(ROOMS)]
    bank = platform_account(Code.ISSUED, LEDGER_COINS)
    wallets = [owned_account(Code.WALLET, one) for one in senders]
    earned = [owned_account(Code.EARNED, one) for one in creators]
    await ledger.create_accounts([bank, *wallets, *earned])
    ids = itertools.count(1)
    await ledger.create_transfers(
        [
            Transfer(
                id=next(ids), debit_account_id=bank.id, credit_account_id=wallet.id,
                amount=_FUNDS, ledger=LEDGER_COINS, code=Kind.RECHARGE,
            )
            for wallet in wallets
        ]
    )  # fmt: skip
    for start in range(0, gifts, _BATCH):
        batch: list[Transfer] = []
        for _ in range(min(_BATCH, gifts - start)):
            room = min(int(dice.expovariate(0.2)), ROOMS - 1)
            batch.append(
                Transfer(
                    id=next(ids),
                    debit_account_id=dice.choice(wallets).id,
                    credit_account_id=account_id(Code.EARNED, creators[room], LEDGER_COINS),
                    amount=dice.randrange(1, 100),
                    user_data_128=(3 << 100) | room,
                    user_data_64=(dice.randrange(1, 12) << 16) | dice.randrange(1, 5),
                    ledger=LEDGER_COINS,
                    code=Kind.GIFT,
                )
            )
        results = await ledger.create_transfers(batch)
        assert all(result.status is CreateTransferStatus.CREATED for result in results)


async def measure(pool: Pool, ledger: Ledger, reader: Reader) -> tuple[float, str]:
    """Transfers a second of one rebuild, and what the tables are afterwards."""
    start = time.perf_counter()
    passed = await rebuild(pool, ledger, reader)
    per_second = passed / (time.perf_counter() - start)
    async with transaction(pool) as tx:
        return per_second, await value(tx, _SEEN)


async def run(url: str, gifts: int) -> bool:
    """Both ways in turn, three times; whether the bar is met and the tables are the same."""
    async with open_pool(url, max_size=2) as pool, open_ledger(url) as ledger:
        await fill(ledger, gifts)
        peer = replace(_ROOMS, apply=row_by_row)
        ours: list[float] = []
        seen: set[str] = set()
        for _ in range(3):
            for name, reader in (("a batch at a time", _ROOMS), ("row by row", peer)):
                rate, tables = await measure(pool, ledger, reader)
                seen.add(tables)
                print(f"  {name:<20} {rate:10,.0f} transfers/s", flush=True)
                if reader is _ROOMS:
                    ours.append(rate)
    middle = sorted(ours)[1]
    print(f"\n  middle of three: {middle:,.0f}/s, bar {BAR_PER_SECOND:,}/s")
    print("  both make the same tables" if len(seen) == 1 else "  THE TABLES DIFFER")
    return middle >= BAR_PER_SECOND and len(seen) == 1


def main() -> int:
    """Read the arguments, find a database, run; 1 when the bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gifts", type=int, default=50_000, help="gifts in the books")
    parser.add_argument("--url", help="an empty database to use instead of a throw-away server")
    arguments = parser.parse_args()
    with suppress(ImportError):
        import uvloop  # noqa: PLC0415 - as the worker runs, where it is installed.

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    with database(arguments.url) as url:
        migrate(url)
        print(f"{arguments.gifts:,} gifts of {SENDERS:,} senders in {ROOMS} rooms, durable\n")
        return 0 if asyncio.run(run(url, arguments.gifts)) else 1


if __name__ == "__main__":
    sys.exit(main())

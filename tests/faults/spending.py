"""A process that spends coins straight through the ledger, and writes down what was acknowledged.

    python -m tests.faults.spending URL FILE SEED CALLERS BATCH WALLET…

Every line of FILE is one answered transfer: its id, the wallet, and the time of the transfer, or 0
if it was refused. It ends by SIGTERM, once everything that was begun is answered.
"""

import asyncio
import signal
import sys
from pathlib import Path
from random import Random
from typing import TextIO
from uuid import UUID

from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    CreateTransferStatus,
    Kind,
    Ledger,
    Transfer,
    open_ledger,
    platform_account,
    wallet_account,
)

_SHOP = platform_account(Code.REDEEMED, LEDGER_COINS)
_PAUSE_S = 0.02


async def main(
    url: str, file: Path, chance: Random, shape: tuple[int, int], users: list[UUID]
) -> None:
    callers, batch = shape
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    wallets = [wallet_account(user).id for user in users]
    with file.open("w", buffering=1) as said:
        async with open_ledger(url, pool_size=1) as ledger:
            await ledger.create_accounts([_SHOP])
            async with asyncio.TaskGroup() as tasks:
                for _ in range(callers):
                    tasks.create_task(_spend(ledger, said, chance, wallets, batch, stop))


async def _spend(
    ledger: Ledger,
    said: TextIO,
    chance: Random,
    wallets: list[int],
    batch: int,
    stop: asyncio.Event,
) -> None:
    while not stop.is_set():
        spends = [
            Transfer(
                id=chance.getrandbits(120) + 1,
                debit_account_id=chance.choice(wallets),
                credit_account_id=_SHOP.id,
                amount=1,
                ledger=LEDGER_COINS,
                code=Kind.SPEND,
            )
            for _ in range(batch)
        ]
        results = await ledger.create_transfers(spends)
        lines: list[str] = []
        for spend, result in zip(spends, results, strict=True):
            assert result.status in _EXPECTED, result
            done = result.status is CreateTransferStatus.CREATED
            lines.append(f"{spend.id} {spend.debit_account_id} {result.timestamp if done else 0}\n")
        said.write("".join(lines))
        await asyncio.sleep(_PAUSE_S)


_EXPECTED = {CreateTransferStatus.CREATED, CreateTransferStatus.EXCEEDS_CREDITS}

if __name__ == "__main__":
    url, file, seed, callers, batch, *users = sys.argv[1:]
    shape = int(callers), int(batch)
    asyncio.run(main(url, Path(file), Random(int(seed)), shape, [UUID(one) for one in users]))

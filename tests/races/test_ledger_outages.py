"""The database killed and started again, and a writing process stopped: callers just wait."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from coinwell.base.migrate import migrate
from coinwell.ledger import open_ledger
from coinwell.postgres import Server, open_server
from tests.ledger.coins import SHOP, assert_balanced, found, move, statuses
from tests.profile import scale
from tests.races.test_ledger_races import assert_all_there, spend_on

pytestmark = pytest.mark.faults

# Spends on and on, and says each transfer that was acknowledged.
_SPENDER = """
import asyncio, sys
from random import Random
from coinwell.ledger import CreateTransferStatus, Transfer, open_ledger

async def main(url, seed):
    chance = Random(seed)
    async with open_ledger(url) as ledger:
        while True:
            gift = Transfer(
                id=chance.getrandbits(120) + 1, debit_account_id=7, credit_account_id=2,
                amount=1, ledger=1, code=1,
            )
            [result] = await ledger.create_transfers([gift])
            assert result.status is CreateTransferStatus.CREATED, result
            print(gift.id, result.timestamp, flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def spending_elsewhere(url: str) -> "subprocess.Popen[str]":
    """Another process that spends on and on."""
    command = [sys.executable, "-c", _SPENDER, url, "3"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def own_server() -> Generator[Server]:
    """A server that this test may kill."""
    folder = Path(tempfile.mkdtemp(prefix="coinwell-outage-"))
    folder.chmod(0o755)  # A dropped user must be able to pass through.
    server = open_server(folder / "data", durable=True)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def test_postgres_killed_under_load_loses_and_doubles_nothing(own_server: Server) -> None:
    url, stop = own_server.url(), asyncio.Event()
    migrate(url)
    async with open_ledger(url) as one, open_ledger(url) as other:
        await found(one, {7: 10**9})
        spending = [
            asyncio.create_task(spend_on((one, other)[seed % 2], stop, seed)) for seed in range(10)
        ]
        for _ in range(scale(3, 12)):
            await asyncio.sleep(0.3)
            assert own_server.pid is not None
            os.kill(own_server.pid, signal.SIGKILL)
            assert own_server.process is not None
            await asyncio.to_thread(own_server.process.wait, 10)
            await asyncio.sleep(0.2)  # Callers try, and find nobody.
            own_server.relaunch()
            own_server.wait_until_ready()
        await asyncio.sleep(0.3)
        stop.set()
        done: dict[int, int] = {}
        for acknowledged in await asyncio.wait_for(asyncio.gather(*spending), 30):
            done |= acknowledged
    assert len(done) > 50
    await assert_all_there(url, done, 10**9)


async def test_a_stopped_process_holds_nobody_up_and_goes_on_where_it_was(
    database_url: str,
) -> None:
    async with open_ledger(database_url) as ledger:
        await found(ledger, {7: 10**9})
        spender = spending_elsewhere(database_url)
        assert spender.stdout is not None
        try:
            assert await asyncio.to_thread(spender.stdout.readline), "it works"
            for _ in range(scale(2, 10)):
                spender.send_signal(signal.SIGSTOP)
                begun = time.monotonic()
                # Mostly five seconds; fifteen if it was stopped while it was sending.
                await asyncio.wait_for(statuses(ledger, move(7, SHOP, 1)), 30)
                assert time.monotonic() - begun < 20
                spender.send_signal(signal.SIGCONT)
                await asyncio.sleep(0.3)
        finally:
            spender.send_signal(signal.SIGCONT)
            spender.terminate()
            said, _ = await asyncio.to_thread(spender.communicate)
    acknowledged = dict(map(int, line.split()) for line in said.splitlines() if line)
    assert len(acknowledged) > 20
    async with open_ledger(database_url) as ledger:
        stored = await ledger.lookup_transfers(list(acknowledged))
    assert {transfer.id: transfer.timestamp for transfer in stored} == acknowledged
    await assert_balanced(database_url)

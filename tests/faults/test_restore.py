"""The restore drill: load, backup, more load, crash, restore elsewhere, verify, go on."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    CreateTransferStatus,
    Kind,
    Transfer,
    open_ledger,
    platform_account,
)
from coinwell.postgres import open_server
from tests.faults.load import Bought, Buyers, buyers_of, loaded, spending
from tests.faults.proving import prove
from tests.faults.world import PATIENCE_S, World, tell
from tests.profile import scale

pytestmark = [
    pytest.mark.faults,
    pytest.mark.xdist_group("faults"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
LOAD_S = scale(1, 20)
_SHOP = platform_account(Code.REDEEMED, LEDGER_COINS)
_ORDERS = 'SELECT id, state FROM recharge."order"'
_TRANSFERS = "SELECT id, timestamp FROM ledger.transfer"
_HEAD = "SELECT epoch, timestamp FROM ledger.head"
Spends = Mapping[int, tuple[int, int]]


async def test_a_crashed_installation_is_restored_and_goes_on(world: World) -> None:
    backup, elsewhere = world.folder / "backup", world.folder / "elsewhere"
    async with loaded(world, at_work=scale(2, 6)) as load:
        buyers = load.buyers
        await load.goes_on(world)
        await asyncio.sleep(LOAD_S)
        open_order = await buyers.buy(buyers.people[0], {"coins": 777})
        bought_before = len(buyers.bought)
        spent_before = load.spender.acknowledged()
        credited_before = orders(world)
        taken = await asyncio.to_thread(world.run, "backup", str(backup), "--json")
        said = json.loads(taken)
        await load.goes_on(world)
        # Its order is in the backup, its money is not.
        await buyers.pay(open_order)
        await asyncio.sleep(LOAD_S)
        lost = await paid_since(buyers, bought_before)
        crash(world)
        spent = load.spender.acknowledged()
    assert len(spent) > len(spent_before)
    assert len(buyers.bought) > bought_before

    restored = await restore(world, backup, elsewhere)

    there, stamps = orders(world), dict(transfers(world))
    missing = {one.answer["id"] for one in buyers.bought} - there.keys()
    assert not missing & {one.answer["id"] for one in buyers.bought[:bought_before]}
    assert lost.answer["id"] in missing, "the drill loses something"
    for order_id, state in credited_before.items():
        if state == "credited":
            assert there[order_id] == "credited"
    for key, (_, at) in spent_before.items():
        assert stamps.get(key, 0) == at, "what was acknowledged before is there, as it was"
    newest = max(at for _, at in spent.values())
    assert world.ask(_HEAD)[0][0] == 2
    assert restored["timestamp_ns"] > newest, "time goes on past all that was acknowledged"

    again = await go_on(world, buyers, spent, newest)
    figures = (
        f"backup {said['bytes'] / 1024**2:.0f} MiB; {len(missing)} of {len(buyers.bought)} "
        f"recharges and {len(spent) - len(spent_before)} of {len(spent)} spends were newer than "
        f"the backup; all stand again, {len(again)} spends in all"
    )
    tell(figures)


async def go_on(world: World, buyers: Buyers, spent: Spends, newest: int) -> Spends:
    """The lost requests come again, the sweep finds the money, new load is served; all proved."""
    async with buyers_of(world) as others:
        others.people, others.bought = buyers.people, buyers.bought
        await learn_who_paid(world, others.bought)
        at_once = asyncio.Semaphore(8)

        async def with_its_key(one: Bought) -> None:
            async with at_once:
                await repeat(others, one)

        await asyncio.gather(*map(with_its_key, others.bought))
        repeated = await spend_again(world, spent)
        for key, (_, at) in repeated.items():
            assert at == spent[key][1] or at > newest, "no time is given twice"
        await others.credited()
        async with spending(world, others.people, seed=2) as spender:
            made = await others.buy(others.people[1], {"coins": 350})
            await others.pay(made)
            await others.credited()
            await world.until(lambda: len(spender.acknowledged()) > 0)
            new = await spender.finish()
        await prove(others, repeated, new)
    return {**repeated, **new}


async def learn_who_paid(world: World, bought: list[Bought]) -> None:
    """The crash cut some payers off before they heard that they had paid; the provider knows."""
    secret = world.settings.derived_secret("sandbox api")
    async with httpx2.AsyncClient(
        base_url=world.settings.sandbox_url,
        headers={"authorization": f"Bearer {secret}"},
        timeout=PATIENCE_S,
    ) as provider:
        for one in bought:
            if not one.paid:
                asked = await provider.get("/v1/payments", params={"order_ref": one.answer["id"]})
                one.paid = any(pay["captured_amount"] > 0 for pay in asked.json()["payments"])


async def repeat(buyers: Buyers, one: Bought) -> None:
    """The same request with the same key: the same recharge and payment, never a second one."""
    path = f"/v1/users/{one.user_id}/recharges"
    answer = await buyers.insist("POST", path, one.key, one.body)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert said["id"] == one.answer["id"]
    if one.answer["payment_id"]:
        assert said["payment_id"] == one.answer["payment_id"], "the buyer is not charged again"
    one.answer = said


async def spend_again(world: World, spent: Spends) -> Spends:
    """Every spend with its first id: what was lost is applied, what stands is found."""
    again: dict[int, tuple[int, int]] = {}
    async with open_ledger(world.database_url, pool_size=1) as ledger:
        for key, (wallet, at) in spent.items():
            if not at:
                continue
            transfer = Transfer(
                id=key,
                debit_account_id=wallet,
                credit_account_id=_SHOP.id,
                amount=1,
                ledger=LEDGER_COINS,
                code=Kind.SPEND,
            )
            [result] = await ledger.create_transfers([transfer])
            assert result.status in {CreateTransferStatus.CREATED, CreateTransferStatus.EXISTS}
            again[key] = (wallet, result.timestamp)
    return again


async def paid_since(buyers: Buyers, count: int) -> Bought:
    """One recharge that was begun and paid after the backup."""
    made = await buyers.buy(buyers.people[2], {"coins": 70})
    await buyers.pay(made)
    assert made in buyers.bought[count:]
    return made


def crash(world: World) -> None:
    """The whole machine, as far as it can be played: every process dies at once, ours included."""
    world.remember()
    world.end(signal.SIGKILL)
    for pid in world.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    # What was in memory would be gone with the machine: a start on its folder clears that away.
    open_server(world.settings.data / "postgres").stop()
    world.assert_nothing_left()


async def restore(world: World, backup: Path, elsewhere: Path) -> dict[str, int]:
    """Into a new folder, at the same address. The provider is not ours: it forgot nothing."""
    lost = world.settings.data
    said = world.run("restore", str(backup), "--into", str(elsewhere), "--json")
    shutil.rmtree(elsewhere / "sandbox")
    shutil.copytree(lost / "sandbox", elsewhere / "sandbox")
    shutil.rmtree(lost)
    world.settings = replace(world.settings, data=elsewhere)
    answer: dict[str, int] = json.loads(said)
    assert (await asyncio.to_thread(world.run, "verify")).startswith("The books balance")
    world.start()
    await world.ready()
    async with httpx2.AsyncClient(base_url=world.url, timeout=30) as visitor:
        assert (await visitor.get("/")).status_code == 200
    return answer


def orders(world: World) -> dict[str, str]:
    return {str(key): str(state) for key, state in world.ask(_ORDERS)}


def transfers(world: World) -> dict[int, int]:
    found: dict[int, int] = {}
    for key, at in world.ask(_TRANSFERS):
        assert isinstance(key, UUID)
        assert isinstance(at, int)
        found[key.int] = at
    return found

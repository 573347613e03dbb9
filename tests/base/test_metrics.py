"""What is counted, who may read it, and what health says; every name is documented."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from coinwell import health, worker
from coinwell.base.db import Pool, open_pool, transaction
from coinwell.base.metrics import LOOKED_UP, REGISTRY, page
from coinwell.base.watching import serving_metrics
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    Kind,
    Ledger,
    Transfer,
    platform_account,
)
from coinwell.ledger.coalescer import Batch, Coalescer
from coinwell.serving import children
from coinwell.settings import Settings, WrongSetting
from tests.house import CARD_OK, House, house
from tests.story.visiting import visiting

__all__ = ["house"]
DOCUMENT = Path(__file__).parents[2] / "docs" / "operate" / "observing.md"
ISSUED = platform_account(Code.ISSUED, LEDGER_COINS)
SHOP = platform_account(Code.REDEEMED, LEDGER_COINS)


def sample(name: str, **labels: str) -> float:
    whole = f"coinwell_{name}"
    found = REGISTRY.get_sample_value(whole, labels)
    return (LOOKED_UP.get_sample_value(whole, labels) if found is None else found) or 0


def read(text: str) -> dict[str, Any]:
    return {family.name: family for family in text_string_to_metric_families(text)}


async def test_requests_are_counted_by_the_template_of_their_route(house: House) -> None:
    async with httpx2.AsyncClient(base_url=house.url) as web:
        before = sample("http_requests_total", method="GET", route="/problems/{code}", status="200")
        await web.get("/problems/key_missing")
        await web.get("/problems/key_reused")
        assert (
            sample("http_requests_total", method="GET", route="/problems/{code}", status="200")
            == before + 2
        )
        for number in range(3):
            await web.get(f"/no/such/{number}")
        await web.request("BREW", "/")
    text = (await page(None, ())).decode()
    routes = {
        one.labels["route"]
        for one in read(text)["coinwell_http_requests"].samples
        if one.name.endswith("_total")
    }
    assert "(none)" in routes
    assert not any("such" in route for route in routes), "what a caller typed is no label"
    methods = {one.labels["method"] for one in read(text)["coinwell_http_requests"].samples}
    assert "BREW" not in methods


async def test_the_web_port_has_no_metrics(house: House) -> None:
    async with httpx2.AsyncClient(base_url=house.url) as web:
        assert (await web.get("/metrics")).status_code == 404


async def test_batches_and_transfers_are_counted(ledger: Ledger) -> None:
    await ledger.create_accounts([ISSUED, SHOP])
    names: list[tuple[str, dict[str, str]]] = [
        ("ledger_batches_total", {"outcome": "answered"}),
        ("ledger_batch_members_count", {}),
        ("ledger_wait_seconds_count", {}),
        ("ledger_batch_seconds_count", {}),
        ("ledger_commit_seconds_count", {}),
        ("ledger_transfers_total", {"status": "created"}),
        ("ledger_transfers_total", {"status": "exists"}),
        ("ledger_batch_members_sum", {}),
    ]
    before = [sample(name, **labels) for name, labels in names]
    moves = [
        Transfer(
            id=number,
            debit_account_id=ISSUED.id,
            credit_account_id=SHOP.id,
            amount=1,
            ledger=LEDGER_COINS,
            code=Kind.SPEND,
        )
        for number in (1, 2, 3)
    ]
    await ledger.create_transfers(moves)
    await ledger.create_transfers(moves[:2])
    grown = [
        sample(name, **labels) - was for (name, labels), was in zip(names, before, strict=True)
    ]
    assert grown == [2, 2, 2, 2, 2, 3, 2, 5]
    assert sample("ledger_queue_members") == 0
    assert ledger.busy_s() == 0


async def test_a_batch_at_work_says_for_how_long() -> None:
    gate, begun = asyncio.Event(), asyncio.Event()

    async def post(batch: Batch[str]) -> list[str]:
        begun.set()
        await gate.wait()
        return list(batch.units)

    coalescer: Coalescer[str, str] = Coalescer(post)
    assert coalescer.busy_s() == 0
    waiting = asyncio.create_task(coalescer.submit("a", size=1))
    await begun.wait()
    await asyncio.sleep(0.01)
    assert coalescer.busy_s() > 0
    gate.set()
    assert await waiting == "a"
    await coalescer.aclose()
    assert coalescer.busy_s() == 0


async def test_figures_say_what_waits_in_the_database(house: House) -> None:
    async with visiting(house) as visitor:
        await visitor.begin()
        read_ = read((await page(house.installation.pool, worker.FIGURES)).decode())
        watched = {
            one.labels["state"]: one.value
            for one in read_["coinwell_recharge_orders_watched"].samples
        }
        assert watched["awaiting_user"] == 1
        await visitor.pay(CARD_OK)
        await house.deliver()
        await house.work()
    text = (await page(house.installation.pool, worker.FIGURES)).decode()
    values = {name: family.samples for name, family in read(text).items()}
    assert values["coinwell_ledger_oldest_intent_seconds"][0].value == 0
    assert values["coinwell_ledger_epoch"][0].value == 1
    assert values["coinwell_outbox_rows"][0].value > 0
    assert values["coinwell_database_up"][0].value == 1
    assert {one.labels["status"] for one in values["coinwell_jobs"]} >= {"todo", "doing", "failed"}


async def test_an_open_intent_is_seen_and_ages(pool: Pool, ledger: Ledger) -> None:
    async with transaction(pool) as tx:
        await tx.execute(
            "INSERT INTO ledger.intent (id, room, subject, step, attempt, fingerprint, body, state,"
            " created_at) VALUES (gen_random_uuid(), 'recharge', 's', 'credit', 1, '', '{}',"
            " 'open', now() - interval '90 s')"
        )
    await page(pool, worker.ledger_figures.FIGURES)
    assert sample("ledger_intents_open", room="recharge") == 1
    assert 90 <= sample("ledger_oldest_intent_seconds") < 3_600


async def test_a_process_is_read_at_a_port_of_its_own() -> None:
    async def told() -> bytes:
        return await page(None, ())

    async with (
        serving_metrics("127.0.0.1", 0, told) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as scraper,
    ):
        answer = await scraper.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
        found = read(answer.text)
        assert "coinwell_http_requests" in found
        assert "process_resident_memory_bytes" in found
        assert "coinwell_ledger_epoch" not in found, "who looks nothing up has no figures"
        assert (await scraper.get("/healthz")).text == "ok"
        assert (await scraper.get("/anything")).status_code == 404
        assert (await scraper.post("/metrics")).status_code == 405


def test_each_process_gets_its_port_and_none_gets_any_without_the_setting() -> None:
    on = Settings(secret="s" * 32, metrics_port=9_100, web_processes=2, sandbox=False)
    ports = [one.environment["COINWELL_METRICS_PORT"] for one in children(on)]
    assert ports == ["9101", "9102", "9100"]
    off = replace(on, metrics_port=0)
    assert {one.environment["COINWELL_METRICS_PORT"] for one in children(off)} == {"0"}
    with pytest.raises(WrongSetting):
        replace(on, metrics_port=65_535)
    with pytest.raises(WrongSetting):
        replace(on, otlp_endpoint="127.0.0.1:4318")


def test_every_name_is_documented_and_nothing_else() -> None:
    ours = {
        family.name + ("_total" if family.type == "counter" else "")
        for registry in (REGISTRY, LOOKED_UP)
        for family in registry.collect()
        if family.name.startswith("coinwell_")
    }
    named = set(re.findall(r"^\| `(coinwell_[a-z_]+)`", DOCUMENT.read_text(), re.MULTILINE))
    assert ours == named


@pytest.fixture
async def probe(house: House) -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=house.url) as web:
        yield web


async def test_health_is_a_word_or_a_document(probe: httpx2.AsyncClient) -> None:
    json_ = {"accept": "application/json"}
    assert (await probe.get("/healthz")).text == "ok"
    assert (await probe.get("/healthz", headers=json_)).json() == {"status": "ok"}
    ready = await probe.get("/readyz")
    assert (ready.status_code, ready.text) == (200, "ready")
    told = await probe.get("/readyz", headers=json_)
    checks = {"database": "ok", "migrations": "ok", "ledger": "ok"}
    assert (told.status_code, told.json()) == (200, {"status": "ok", "checks": checks})


async def test_a_schema_that_is_behind_is_not_ready(
    house: House, probe: httpx2.AsyncClient
) -> None:
    async with transaction(house.installation.pool) as tx:
        await tx.execute("DELETE FROM public.migration WHERE name LIKE '0006%'")
    told = await probe.get("/readyz", headers={"accept": "application/json"})
    assert told.status_code == 503
    assert told.json()["checks"]["migrations"] == "are behind by 1"
    assert (await probe.get("/readyz")).text == "not ready: migrations are behind by 1"
    assert (await probe.get("/healthz")).status_code == 200


async def test_without_a_database_it_runs_and_is_not_ready(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    url = f"postgresql://coinwell@127.0.0.1:{port}/coinwell"
    async with open_pool(url, max_size=1, min_size=0) as pool:
        checks = await health.checked(replace(house.installation, pool=pool))
        told = read((await page(pool, worker.FIGURES)).decode())
    assert told["coinwell_database_up"].samples[0].value == 0
    assert "coinwell_http_requests" in told
    assert checks["database"] == "does not answer"
    assert checks["ledger"] == "ok"


async def test_a_stuck_ledger_is_not_ready(
    house: House, probe: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coinwell.health.STUCK_S", 0)  # The test need not wait as long.
    json_ = {"accept": "application/json"}
    # The web app shares no ledger with us; so its own is asked, about a batch that cannot begin.
    mine = house.installation
    async with transaction(mine.pool) as tx:
        await tx.execute("SELECT FROM ledger.head WHERE one FOR UPDATE")
        waiting = asyncio.create_task(mine.ledger.create_accounts([ISSUED]))
        await asyncio.sleep(0.1)
        assert mine.ledger.busy_s() > 0
        assert (await health.checked(mine))["ledger"] == "is stuck"
    await waiting
    assert (await health.checked(mine))["ledger"] == "ok"
    assert (await probe.get("/readyz", headers=json_)).json()["status"] == "ok"

"""Traces: off by default and free then; on, they join a request to the batch and the job."""

import subprocess
import sys
from collections.abc import Generator, Sequence
from datetime import UTC, datetime

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from coinwell.base import tracing
from coinwell.base.db import Pool, transaction
from coinwell.base.exporting import exporting_provider, provider_of
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    IdMaker,
    Intent,
    Kind,
    Ledger,
    Transfer,
    freeze,
    platform_account,
    sweep,
)
from tests.house import CARD_OK, House, house
from tests.story.visiting import visiting

__all__ = ["house"]
ISSUED = platform_account(Code.ISSUED, LEDGER_COINS)
SHOP = platform_account(Code.REDEEMED, LEDGER_COINS)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def spans() -> Generator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.start_tracing(provider_of(exporter))
    yield exporter
    tracing.stop_tracing()


def named(spans: InMemorySpanExporter, name: str) -> Sequence[ReadableSpan]:
    return [one for one in spans.get_finished_spans() if one.name == name]


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def attribute(span: ReadableSpan, name: str) -> object:
    return (span.attributes or {})[name]


def test_without_a_collector_no_span_is_made_and_the_sdk_is_not_loaded() -> None:
    assert not tracing.is_on()
    first = tracing.span("a", coinwell__members=1)
    assert first is tracing.span("b"), "nothing is made for a span that nobody reads"
    with first as span:
        assert not span.is_recording()
    assert tracing.carried() == ""
    assert tracing.here() is None
    program = "import sys, coinwell.cli; sys.exit('opentelemetry.sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_a_request_goes_on_with_the_trace_it_came_with(
    house: House, spans: InMemorySpanExporter
) -> None:
    async with httpx2.AsyncClient(base_url=house.url) as web:
        answer = await web.get("/problems/key_missing?q=x", headers={"traceparent": PARENT})
        await web.get("/nowhere/at/all", headers={"traceparent": "not a trace"})
    [span] = named(spans, "GET /problems/{code}")
    assert trace_of(span) == TRACE
    assert attribute(span, "http.response.status_code") == 200
    assert attribute(span, "coinwell.request_id") == answer.headers["x-request-id"]
    [other] = named(spans, "GET (none)")
    assert trace_of(other) != TRACE


async def test_a_batch_is_linked_to_those_it_answers(
    ledger: Ledger, spans: InMemorySpanExporter
) -> None:
    with tracing.span("asking", parent=PARENT):
        await ledger.create_accounts([ISSUED, SHOP])
    [submit], [batch] = named(spans, "ledger.submit"), named(spans, "ledger.batch")
    assert trace_of(submit) == TRACE
    assert trace_of(batch) != TRACE, "one batch answers many traces"
    assert [link.context for link in batch.links] == [submit.context]
    assert attribute(batch, "coinwell.members") == 2


def legs(ids: IdMaker) -> list[Transfer]:
    return [
        Transfer(
            id=ids(),
            debit_account_id=ISSUED.id,
            credit_account_id=SHOP.id,
            amount=1,
            ledger=LEDGER_COINS,
            code=Kind.SPEND,
        )
    ]


async def record(_: object, __: Intent) -> None:
    """Nothing more to write."""


async def test_an_intent_finished_by_a_sweep_leads_back_to_where_it_was_frozen(
    pool: Pool, ledger: Ledger, spans: InMemorySpanExporter
) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    words = {"room": "shop", "subject": "s", "step": "pay"}
    async with transaction(pool) as tx:
        with tracing.span("freezing", parent=PARENT):
            made = await freeze(tx, **words, accounts=[ISSUED, SHOP], transfers=legs, now=now)  # type: ignore[arg-type]
        again = await freeze(tx, **words, accounts=[ISSUED, SHOP], transfers=legs, now=now)  # type: ignore[arg-type]
    assert again == made, "the trace is no part of the content"

    assert await sweep(pool, ledger, {"shop": record}, older_than=now) == 1

    [settle] = named(spans, "intent.settle")
    assert trace_of(settle) != TRACE
    assert [f"{link.context.trace_id:032x}" for link in settle.links] == [TRACE]
    assert attribute(settle, "coinwell.room") == "shop"


async def test_a_job_leads_back_to_the_request_and_the_provider_hears_of_the_trace(
    house: House, spans: InMemorySpanExporter
) -> None:
    heard: list[str] = []

    async def listen(request: httpx2.Request) -> None:
        heard.append(request.headers.get("traceparent", ""))

    provider = house.installation.providers["sandbox"]
    provider._client.event_hooks["request"].append(listen)  # type: ignore[attr-defined]
    async with visiting(house) as visitor:
        await visitor.begin()
        await visitor.pay(CARD_OK)
        await house.deliver()
        await house.work()
    [webhook] = named(spans, "POST /v1/webhooks/{provider}")[:1]
    jobs = [one for one in named(spans, "recharge.message") if one.links]
    assert webhook.context is not None
    linked = [link.context.span_id for one in jobs for link in one.links]
    assert webhook.context.span_id in linked
    known = {trace_of(one) for one in spans.get_finished_spans()}
    sent = {text.split("-")[1] for text in heard if text}
    assert sent
    assert sent <= known


async def test_an_error_is_named_by_its_type_alone(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="Ana"), tracing.span("failing"):
        raise ValueError("Ana, born 1998-04-01")
    [span] = named(spans, "failing")
    assert attribute(span, "error.type") == "ValueError"
    assert not span.status.is_ok
    assert "Ana" not in span.to_json()


def test_a_collector_that_is_away_holds_nobody_up() -> None:
    provider = exporting_provider("http://127.0.0.1:9", service="coinwell", version="1")
    tracing.start_tracing(provider)
    with tracing.span("lost"):
        assert tracing.carried()
    tracing.stop_tracing()
    assert not tracing.is_on()

"""Marked secrets and people go through a whole story, and none is in logs, traces or metrics."""

import io
import json
import logging
import re
from base64 import b64encode
from collections.abc import Generator, Mapping
from contextlib import redirect_stderr
from uuid import UUID

import httpx2
import psycopg
import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from coinwell import worker
from coinwell.base import tracing
from coinwell.base.db import transaction
from coinwell.base.exporting import provider_of
from coinwell.base.logs import start_logs, told
from coinwell.base.metrics import page
from coinwell.users import NewOperator, Role, create_operator
from tests.house import CARD_OK, House
from tests.story.test_first_recharge import api_key

NAME, EMAIL, BIRTH = "Xanthippe Canary", "canary@mail.example", "1987-06-05"
EXTERNAL, PASSWORD = "canary-external-4711", "a canary's long password"
TYPED = "typed-by-canary"


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> Generator[io.StringIO]:
    """Everything that the process would write on its standard error, at its most talkative."""
    said = io.StringIO()
    monkeypatch.setattr("sys.stderr", said)
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers.clear()
    start_logs("debug", terminal=False)
    yield said
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def spans() -> Generator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.start_tracing(provider_of(exporter))
    yield exporter
    tracing.stop_tracing()


async def test_a_whole_story_tells_nothing_about_anyone(
    words: io.StringIO, spans: InMemorySpanExporter, house: House
) -> None:
    canaries = await story(house)
    canaries |= {
        "name": NAME,
        "first name": NAME.split(maxsplit=1)[0],
        "e-mail": EMAIL,
        "birth date": BIRTH,
        "external id": EXTERNAL,
        "password": PASSWORD,
        "card": CARD_OK,
        "typed": TYPED,
        "secret": house.settings.secret,
    }
    for purpose in ("sandbox api", "sandbox control", "sandbox webhook", "users api key"):
        canaries[purpose] = house.settings.derived_secret(purpose)
    raw = bytes.fromhex(house.settings.derived_secret("sandbox webhook"))
    canaries["webhook secret"] = b64encode(raw).decode()

    said = {
        "logs": words.getvalue(),
        "traces": "".join(span.to_json() for span in spans.get_finished_spans()),
        "metrics": (await page(house.installation.pool, worker.FIGURES)).decode(),
    }

    assert "request crashed" in said["logs"], "the story has a crash in it"
    assert "trace_id" in said["logs"]
    assert '"ledger.batch"' in said["traces"]
    assert "coinwell_ledger_transfers_total" in said["metrics"]
    for where, text in said.items():
        found = {name for name, canary in canaries.items() if canary in text}
        assert not found, f"{found} in {where}"
    people = {text for text in said["traces"].split('"') if is_uuid(text)}
    assert UUID(canaries_user(canaries)) not in people, "a trace names no person"


def canaries_user(canaries: Mapping[str, str]) -> str:
    return canaries["user id in a link"].partition("|")[0]


def is_uuid(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text))


async def story(house: House) -> dict[str, str]:
    """A person is made, handed over, buys, is looked for by an operator; and one request fails."""
    key = await api_key(house)
    found = {"api key": key}
    pool = house.installation.pool
    async with transaction(pool) as tx:
        new = NewOperator(EMAIL, NAME, Role.ADMIN, PASSWORD)
        await create_operator(tx, new, by="tests", now=house.clock.now())
    bearer = {"authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(base_url=house.url, headers=bearer, timeout=30) as api:
        user = await api.post("/v1/users", headers={"idempotency-key": "u"}, json=PERSON)
        assert user.status_code == 201, user.text
        user_id = user.json()["id"]
        found["user id in a link"] = f"{user_id}|"
        link = await api.post(
            f"/v1/users/{user_id}/handoff", headers={"idempotency-key": "l"}, json={}
        )
        assert link.status_code == 201, link.text
        url = link.json()["url"]
        found["hand-off token"] = url.rpartition("/")[2].rpartition("=")[2]
        begun = await api.post(
            f"/v1/users/{user_id}/recharges",
            headers={"idempotency-key": "r"},
            json={"pack_id": "coins-350", "provider": "sandbox"},
        )
        assert begun.status_code == 201, begun.text
        payment = begun.json()["payment_id"]
        await house.sandbox.post(f"/_control/pay/{payment}", json={"card": CARD_OK})
        await house.deliver()
        await house.work()
        await api.get(f"/v1/{TYPED}?name={NAME}")
        await api.get("/v1/users", headers={"authorization": "Bearer ck_test_sec_wrong-canary"})
        found["wrong key"] = "wrong-canary"
        await crash(house, api)
    async with httpx2.AsyncClient(base_url=house.url, timeout=30) as web:
        await web.get(url, follow_redirects=True)
        await web.post("/console/sign-in", data={"email": EMAIL, "password": PASSWORD})
        found |= {f"cookie {name}": text for name, text in web.cookies.items() if len(text) > 12}
    return found


PERSON = {
    "external_id": EXTERNAL,
    "display_name": NAME,
    "birth_on": BIRTH,
    "country": "DE",
    "language": "en",
    "time_zone": "Europe/Berlin",
}


async def crash(house: House, api: httpx2.AsyncClient) -> None:
    """PostgreSQL refuses a row of this person, in a way that nobody foresaw, and quotes it."""
    async with transaction(house.installation.pool) as tx:
        await tx.execute(
            "ALTER TABLE users.person ADD CHECK (display_name <> '' IS NULL) NOT VALID"
        )
    again = {**PERSON, "external_id": f"{EXTERNAL}-2"}
    answer = await api.post("/v1/users", headers={"idempotency-key": "u2"}, json=again)
    assert answer.status_code == 500, answer.text


async def test_a_row_that_the_database_quotes_is_cut_out_wherever_it_stands(
    words: io.StringIO, database_url: str
) -> None:
    log = structlog.get_logger()
    row = f"{NAME}\nof two lines\n\nDuring handling of the above exception"
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE canary (name text CHECK (name = ''))")
        with pytest.raises(psycopg.Error, match=NAME) as quoted:
            connection.execute("INSERT INTO canary VALUES (%s)", [row])
    log.warning("away", error=str(quoted.value))
    group = ExceptionGroup("several", [RuntimeError("other"), quoted.value])
    group.__cause__ = quoted.value
    log.error("crashed", exc_info=group)
    logging.getLogger("a.library").error("failed", exc_info=group)
    with redirect_stderr(words):
        start_logs("debug", terminal=True)
    structlog.get_logger().error("crashed before a terminal", exc_info=group)
    text = words.getvalue()
    assert text.count("CheckViolation") >= 3
    assert "Traceback" in text
    assert "crashed before a terminal" in text
    assert NAME not in text
    assert "two lines" not in text
    first = json.loads(text.splitlines()[0])
    assert first["error"].startswith("new row for relation")
    assert first["error"].endswith('"canary_name_check"')


def test_the_trace_of_an_error_says_where_and_what() -> None:
    def failing() -> None:
        try:
            raise ValueError("first")  # noqa: TRY301 - its trace is looked at.
        except ValueError as error:
            raise RuntimeError(f"second\nDETAIL:  {NAME}") from error

    with pytest.raises(RuntimeError) as made:
        failing()
    text = told(made.value)
    assert text.index("ValueError: first") < text.index("RuntimeError: second\n")
    assert "in failing" in text
    assert NAME not in text

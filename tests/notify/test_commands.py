"""`coinwell webhooks …`, as somebody types them, with the local listener at the other end."""

import asyncio
import json
import re
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from click.testing import CliRunner, Result

from coinwell.base import outbox
from coinwell.base.clock import SystemClock
from coinwell.base.db import Pool, open_pool, transaction
from coinwell.notify import NotifyDeps, WrongEndpoint, open_sender, settings_of, settle
from coinwell.notify.commands import webhooks
from coinwell.notify.listening import listener
from coinwell.notify.signing import headers_of, secret_of
from coinwell.settings import Settings

SETTINGS = Settings(secret="a secret of the tests, long enough", webhooks_private=True)
_SECRET = re.compile(r"whsec_\S+")


@dataclass(frozen=True, slots=True)
class Line:
    """What the command line would hand to a command."""

    url: str
    settings: Settings = SETTINGS

    def run(self, job: Callable[[Pool], Awaitable[Any]]) -> Any:
        async def on_pool() -> Any:
            async with open_pool(self.url, max_size=2) as pool:
                return await job(pool)

        return asyncio.run(on_pool())

    def type(self, *words: str) -> Result:
        return CliRunner().invoke(webhooks, words, obj=self)

    def says(self, *words: str) -> str:
        said = self.type(*words)
        assert said.exit_code == 0, said.output
        return said.output

    def happen(self, count: int) -> None:
        """News, told at once."""

        async def job(pool: Pool) -> None:
            async with transaction(pool) as tx:
                for _ in range(count):
                    about, at = uuid4(), datetime.now(UTC)
                    await outbox.record(tx, kind="gift.sent", subject=about, body={}, at=at)
            deps = NotifyDeps(pool, SystemClock(), settings_of(self.settings))
            async with open_sender(deps.clock, private=True) as sender:
                await settle(deps, sender)

        self.run(job)


@pytest.fixture
def line(database_url: str) -> Line:
    """A command line on a fresh database."""
    return Line(database_url)


@contextmanager
def listening(secret: str, port: int = 0) -> Generator[tuple[str, list[str]]]:
    """The listener as `coinwell webhooks listen` runs it: its address and what it prints."""
    said: list[str] = []
    with listener(port, secret, said.append) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", said
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with listener(0, secret_of(uuid4(), b"", master=""), print) as server:
        return server.server_port


def test_from_adding_to_the_log(line: Line) -> None:
    assert "No endpoint yet" in line.says("list")
    port = free_port()
    added = line.says("add", f"http://127.0.0.1:{port}/", "--kind", "gift.*")
    at = re.findall(r"Endpoint (\S+)", added)[0]
    assert "shown this once" in added
    assert "Nothing was sent yet" in line.says("log", at)
    down = line.type("test", at)
    assert down.exit_code == 1
    assert "No connection" in down.output

    with listening(_SECRET.findall(added)[0], port) as (_, said):
        assert "The receiver took it, with 204" in line.says("test", at)
        line.happen(2)
        assert line.says("replay", at, "--first", "1") == "2 to be sent again.\n"
        line.happen(0)
    kinds = [one.split()[1] for one in said]
    assert kinds == ["webhook.test", *["gift.sent"] * 4]
    assert sum("(again)" in one for one in said) == 2, "a duplicate is known by its id"

    told = [json.loads(one) for one in line.says("log", at, "--json").splitlines()]
    assert [one["cause"] for one in told] == ["replay", "replay", "event", "event", "test", "test"]
    assert "given_up" in line.says("log", at, "--state", "given_up")
    resent = line.says("resend", str(told[0]["id"]))
    assert "is to be sent" in resent

    line.says("off", at, "--reason", "For the night.")
    assert "For the night." in line.says("list")
    line.says("on", at)
    (listed,) = [json.loads(one) for one in line.says("list", "--json").splitlines()]
    assert (listed["state"], listed["waiting"]) == ("on", 1)
    assert _SECRET.findall(line.says("rotate", at)) != _SECRET.findall(added)
    line.says("remove", at)
    assert "No endpoint yet" in line.says("list")


def test_an_address_inside_is_refused_where_it_is_not_allowed(line: Line) -> None:
    strict = Line(line.url, Settings(secret=SETTINGS.secret))
    said = strict.type("add", "https://10.0.0.1/")
    assert isinstance(said.exception, WrongEndpoint)


def test_the_listener_takes_only_what_is_signed_for_it() -> None:
    secret, body = secret_of(uuid4(), b"a", master="m"), b'{"type":"a","timestamp":"t","data":{}}'
    good = headers_of("id", body, secrets=[secret], at=datetime.now(UTC))
    other = headers_of(
        "id", body, secrets=[secret_of(uuid4(), b"a", master="m")], at=datetime.now(UTC)
    )
    old = headers_of("id", body, secrets=[secret], at=datetime(2020, 1, 1, tzinfo=UTC))
    odd = good | {"webhook-signature": "nonsense"}
    with listening(secret) as (url, said):
        answers = [httpx2.post(url, content=body, headers=one) for one in (good, other, old, odd)]
        changed = httpx2.post(url, content=body + b" ", headers=good)
        unsigned = httpx2.post(url, content=body)
    assert [one.status_code for one in answers] == [204, 401, 401, 401]
    assert (changed.status_code, unsigned.status_code) == (401, 401)
    assert len(said) == 6

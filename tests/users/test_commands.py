"""`coinwell operator`, `key` and `user`, as somebody types them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from coinwell.base.clock import SystemClock
from coinwell.base.db import Pool, open_pool, transaction
from coinwell.settings import Settings
from coinwell.users import ApiScope, KeyUnknown, OperatorExists, caller_of_key, seal_of
from coinwell.users.commands import COMMANDS
from tests.users.conftest import SETTINGS
from tests.users.make import person

PASSWORD = "a long enough password"


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

    def type(self, *words: str, given: str = "") -> Result:
        commands = {command.name: command for command in COMMANDS}
        return CliRunner().invoke(commands[words[0]], words[1:], obj=self, input=given)


@pytest.fixture
def line(database_url: str) -> Line:
    """A command line on a fresh database."""
    return Line(database_url)


def test_the_first_operator_is_added_by_hand(line: Line) -> None:
    assert "No operator yet" in line.type("operator", "list").output
    added = line.type(
        "operator",
        "add",
        "Olu@example.org",
        "--role",
        "admin",
        given=f"Olu\n{PASSWORD}\n{PASSWORD}\n",
    )
    assert added.exit_code == 0, added.output
    assert "olu@example.org may sign in at http://127.0.0.1:8100/console/sign-in" in added.output
    assert PASSWORD not in added.output
    words = ("operator", "add", "olu@example.org", "--name", "Olu", "--password", PASSWORD)
    assert isinstance(line.type(*words).exception, OperatorExists)
    listed = line.type("operator", "list").output
    assert "admin" in listed
    assert "active" in listed
    assert line.type("operator", "disable", "olu@example.org").exit_code == 0
    assert "disabled" in line.type("operator", "list").output


def test_a_key_is_shown_once_and_can_be_revoked(line: Line) -> None:
    assert "No key yet" in line.type("key", "list").output
    made = line.type("key", "create", "shop", "--scope", "users:read", "--until", "2999-01-01")
    plain = made.stdout.strip()
    assert made.exit_code == 0, made.output
    assert "users:read" in made.stderr

    async def scopes(pool: Pool) -> frozenset[ApiScope]:
        now = SystemClock().now()
        async with transaction(pool) as tx:
            return (await caller_of_key(tx, plain, seal=seal_of(SETTINGS), now=now)).scopes

    assert line.run(scopes) == {ApiScope.USERS_READ}
    listed = line.type("key", "list").output
    assert plain not in listed
    assert f"…{plain[-4:]} active" in listed
    assert line.type("key", "revoke", listed.split()[0]).exit_code == 0
    assert "revoked" in line.type("key", "list").output
    with pytest.raises(KeyUnknown):
        line.run(scopes)


def test_a_scope_that_is_none_is_refused(line: Line) -> None:
    refused = line.type("key", "create", "shop", "--scope", "everything")
    assert refused.exit_code == 2
    assert "users:write" in refused.output


def test_a_user_is_shown_with_what_they_may_do(line: Line) -> None:
    async def make(pool: Pool) -> UUID:
        async with transaction(pool) as tx:
            return (await person(tx, birth_on=None)).id

    made = line.run(make)
    shown = line.type("user", "show", "ana").output
    assert str(made) in shown
    assert "age: unknown" in shown
    assert "recharge: We do not know your age" in shown
    assert "Nobody has this" in line.type("user", "show", "zed").output

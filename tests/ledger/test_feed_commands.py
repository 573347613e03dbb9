"""`coinwell rebuild` and `coinwell readers`: what a person reads of the feed's readers."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from coinwell.base.db import Pool, open_pool
from coinwell.ledger import ToldOnce, open_ledger
from coinwell.ledger.commands import ReaderUnknown, reader_commands
from tests.ledger.coins import found
from tests.ledger.readers import NOTER, make_table, noted, spend

TELLER = replace(NOTER, name="test.teller", clear=None)
REBUILD, LIST = reader_commands([NOTER, TELLER])


@dataclass
class Context:
    """What the command line hands over."""

    url: str

    def run(self, job: Callable[[Pool], Awaitable[Any]]) -> Any:
        async def on_pool() -> Any:
            async with open_pool(self.url) as pool:
                return await job(pool)

        return asyncio.run(on_pool())


async def _town(pool: Pool) -> None:
    assert isinstance(pool.conninfo, str)
    async with open_ledger(pool.conninfo) as ledger:
        await make_table(pool)
        await found(ledger, {100: 50})
        await spend(ledger, 100, 5)


@pytest.fixture
def context(database_url: str) -> Context:
    """A database with eleven transfers, and the table of the test's reader."""
    opened = Context(database_url)
    opened.run(_town)
    return opened


def call(command: Any, context: Context, *words: str) -> Result:
    return CliRunner().invoke(command, words, obj=context)


def test_a_rebuild_says_how_much_it_read(context: Context) -> None:
    said = call(REBUILD, context, "test.noter")
    again = call(REBUILD, context, "test.noter", "--json")
    more = call(REBUILD, context, "test.noter", "--go-on", "--json")

    assert said.exit_code == 0
    assert said.output.endswith("test.noter: 11 transfers read.\n")
    for one in (again, more):
        assert json.loads(one.output) == {"reader": "test.noter", "transfers": 11}
    assert len(context.run(noted)) == 11


def test_a_rebuild_of_what_is_none_says_so(context: Context) -> None:
    for name, no in (("nothing", ReaderUnknown), ("test.teller", ToldOnce)):
        assert isinstance(call(REBUILD, context, name).exception, no)


def test_readers_are_listed_with_how_far_they_are_behind(context: Context) -> None:
    call(REBUILD, context, "test.noter", "--json")
    lines = call(LIST, context).output.splitlines()
    noter, teller = map(json.loads, call(LIST, context, "--json").output.splitlines())

    assert "11 read" in lines[0]
    assert "up to date" in lines[0]
    assert "told once" in lines[1]
    assert "11 behind" in lines[1]
    assert (noter["passed"], noter["behind"], noter["rebuildable"]) == (11, 0, True)
    assert (teller["passed"], teller["behind"], teller["rebuildable"]) == (0, 11, False)

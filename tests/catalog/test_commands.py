"""`coinwell catalog …` judges, publishes and shows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from coinwell.base.db import Pool, open_pool
from coinwell.catalog import CatalogFaulty, StartsInThePast
from coinwell.catalog.commands import catalog

GOOD = """
default_region = "world"
[regions.world]
currencies = ["USD"]
[[lists]]
region = "world"
currency = "USD"
channel = "web"
unit_price = "0.02"
coins_min = 50
coins_max = 1000
packs = [{ id = "coins-70", coins = 70, bonus_coins = 3, price = "1.40" }]
"""


@dataclass
class Context:
    url: str

    def run(self, job: Callable[[Pool], Awaitable[Any]]) -> Any:
        async def on_pool() -> Any:
            async with open_pool(self.url) as pool:
                return await job(pool)

        return asyncio.run(on_pool())


@pytest.fixture
def call(database_url: str) -> Callable[..., Result]:
    def run(*words: str) -> Result:
        return CliRunner().invoke(catalog, words, obj=Context(database_url))

    return run


@pytest.fixture
def good(tmp_path: Path) -> str:
    (tmp_path / "good.toml").write_text(GOOD)
    return str(tmp_path / "good.toml")


@pytest.fixture
def bad(tmp_path: Path) -> str:
    (tmp_path / "bad.toml").write_text(GOOD.replace("1.40", "0.40"))
    return str(tmp_path / "bad.toml")


def test_lint_names_each_mistake_and_its_place(
    call: Callable[..., Result], good: str, bad: str
) -> None:
    assert call("lint", good).exit_code == 0
    result = call("lint", bad)
    assert result.exit_code == 1
    assert "world USD web coins-70: $0.40 is less than providers take" in result.output
    assert "[price_below_minimum]" in result.output


def test_a_published_file_is_shown(call: Callable[..., Result], good: str) -> None:
    assert "Nothing is on sale yet" in call("show").output
    assert "Version 1 is on sale" in call("publish", good, "--by", "ana").output
    assert "Version 2" in call("publish", good, "--by", "ana", "--from", "2999-01-01").output
    shown = call("show").output
    assert "Version 2, from 2999-01-01 00:00:00 UTC, by ana" in shown
    assert "coins-70" in shown
    assert "70 + 3" in shown
    assert "$1.40" in shown


def test_nothing_wrong_and_nothing_past_is_published(
    call: Callable[..., Result], good: str, bad: str
) -> None:
    assert isinstance(call("publish", bad, "--by", "ana").exception, CatalogFaulty)
    late = call("publish", good, "--by", "ana", "--from", "2020-01-01")
    assert isinstance(late.exception, StartsInThePast)
    assert "Nothing is on sale yet" in call("show").output

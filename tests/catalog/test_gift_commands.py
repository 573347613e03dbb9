"""`coinwell catalog gifts …` judges, publishes and shows; the API shows coins and money."""

from collections.abc import Callable
from pathlib import Path

import httpx2
from click.testing import Result

from coinwell.catalog import GiftsFaulty
from coinwell.users import ApiScope
from tests.catalog.test_commands import call
from tests.catalog.test_routes import client_with
from tests.house import House

__all__ = ["call"]

GOOD = """
gifts = [
    { id = "rose", name = "Rose", coins = 1, art = "rose.svg" },
    { id = "kite", name = "Red Kite", coins = 199, art = "kite.svg" },
]
"""


def test_a_good_file_is_judged_published_and_shown(
    call: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "gifts.toml"
    file.write_text(GOOD)
    assert "No gifts are on offer yet" in call("gifts", "show").output
    judged = call("gifts", "lint", str(file))
    assert (judged.exit_code, judged.output) == (0, "The gifts may be offered.\n")
    published = call("gifts", "publish", str(file), "--by", "ana", "--from", "2999-01-01")
    assert "Version 1 is on offer from 2999-01-01" in published.output
    shown = call("gifts", "show").output
    assert shown.startswith("Version 1, from 2999-01-01 00:00:00 UTC, by ana")
    assert "Red Kite" in shown
    assert "199" in shown


def test_a_faulty_file_is_named_and_not_published(
    call: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "gifts.toml"
    file.write_text(GOOD.replace("rose.svg", "none.svg"))
    judged = call("gifts", "lint", str(file))
    assert judged.exit_code == 1
    assert "rose: There is no drawing 'none.svg'. [art_missing]" in judged.output
    published = call("gifts", "publish", str(file), "--by", "ana")
    assert isinstance(published.exception, GiftsFaulty)
    assert "No gifts are on offer yet" in call("gifts", "show").output


async def test_the_panel_has_coins_and_money_beside_each_other(house: House) -> None:
    async with await client_with(house, ApiScope.CATALOG_READ) as client:
        answer = await client.get("/v1/catalogue/gifts", params={"country": "DE"})
        found = answer.json()
        assert answer.status_code == 200
        assert found["currency"] == "EUR"
        coins = [gift["coins"] for gift in found["gifts"]]
        assert coins == sorted(coins)
        rose, galaxy = found["gifts"][0], found["gifts"][-1]
        assert (rose["id"], rose["coins"], rose["art"]) == ("rose", 1, "/static/gifts/rose.svg")
        assert rose["price"]["text"] == "less than €0.02"
        # 44,999 coins at the dearest rate on offer, 0.0108 a coin, rounded up.
        assert galaxy["price"] == {"minor": 48_599, "currency": "EUR", "text": "€485.99"}
        drawn = await client.get(rose["art"])
        assert drawn.headers["content-type"].startswith("image/svg+xml")
        wrong = await client.get("/v1/catalogue/gifts", params={"country": "ZZ"})
        assert wrong.json()["code"] == "country_unknown"
    async with httpx2.AsyncClient(base_url=house.url) as stranger:
        answer = await stranger.get("/v1/catalogue/gifts", params={"country": "DE"})
        assert answer.status_code == 401

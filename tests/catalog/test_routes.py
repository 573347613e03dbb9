"""Packs and quotes over HTTP: right prices, and a plain problem for each wrong wish."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest

from coinwell.base.db import transaction
from coinwell.users import ApiScope, NewKey, create_api_key, seal_of
from tests.house import House


async def client_with(house: House, *scopes: ApiScope) -> httpx2.AsyncClient:
    async with transaction(house.installation.pool) as tx:
        _, plain = await create_api_key(
            tx,
            NewKey("test", scopes),
            seal=seal_of(house.settings),
            by="test",
            now=house.clock.now(),
        )
    return httpx2.AsyncClient(base_url=house.url, headers={"authorization": f"Bearer {plain}"})


@pytest.fixture
async def client(house: House) -> AsyncGenerator[httpx2.AsyncClient]:
    async with await client_with(house, ApiScope.CATALOG_READ) as opened:
        yield opened


async def test_the_packs_of_a_country_come_with_price_and_rate(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/packs", params={"country": "DE"})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["currency"], found["channel"], found["region"]) == ("EUR", "web", "euro")
    assert found["packs"][1] == {
        "id": "coins-350",
        "coins": 350,
        "bonus_coins": 0,
        "price": {"minor": 375, "currency": "EUR", "text": "€3.75"},
        "per_hundred": {"minor": 108, "currency": "EUR", "text": "€1.08"},
    }
    dearer = await client.get("/v1/packs", params={"country": "DE", "channel": "app"})
    assert dearer.json()["packs"][1]["price"]["minor"] > 375


async def test_a_wish_has_its_price(client: httpx2.AsyncClient) -> None:
    wishes: list[tuple[dict[str, Any], int]] = [
        ({"country": "US", "coins": 137}, 145),
        ({"country": "US", "pack_id": "coins-70"}, 74),
        ({"country": "US", "coins": 70}, 74),
        ({"country": "JP", "coins": 100}, 158),
        ({"country": "ID", "coins": 71}, 1_217_200),
        ({"country": "US", "coins": 137, "channel": "app", "currency": "USD"}, 194),
    ]
    for wish, minor in wishes:
        answer = await client.post("/v1/quotes", json=wish)
        assert answer.status_code == 200, wish
        assert answer.json()["price"]["minor"] == minor, wish
        assert (await client.post("/v1/quotes", json=wish)).json() == answer.json()


async def test_a_wrong_wish_has_its_problem(client: httpx2.AsyncClient) -> None:
    wishes: list[tuple[dict[str, Any], str]] = [
        ({"country": "US"}, "pack_or_coins"),
        ({"country": "US", "coins": 70, "pack_id": "coins-70"}, "pack_or_coins"),
        ({"country": "US", "pack_id": "coins-71"}, "pack_unknown"),
        ({"country": "US", "coins": 0}, "amount_too_small"),
        ({"country": "US", "coins": 49}, "amount_too_small"),
        ({"country": "US", "coins": 100_001}, "amount_too_large"),
        ({"country": "US", "coins": 2**53 - 1}, "amount_too_large"),
        ({"country": "US", "coins": 2**53}, "invalid"),
        ({"country": "US", "coins": 10**40}, "invalid"),
        ({"country": "US", "coins": -1}, "invalid"),
        ({"country": "US", "coins": 70.5}, "invalid"),
        ({"country": "us", "coins": 70}, "invalid"),
        ({"country": "US", "coins": 70, "channel": "fax"}, "invalid"),
        ({"country": "US", "coins": 70, "discount": 90}, "invalid"),
        ({"country": "US", "coins": 70, "currency": "EUR"}, "not_sold_here"),
    ]
    for wish, code in wishes:
        answer = await client.post("/v1/quotes", json=wish)
        assert answer.status_code == 422, wish
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == code, wish


async def test_what_cannot_be_read_is_a_problem_too(client: httpx2.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    for body in (b'{"country": "US", "coins": NaN}', b'{"country": "US", "coins":', b"", b"[]"):
        answer = await client.post("/v1/quotes", content=body, headers=headers)
        assert answer.status_code in {400, 422}, body
        assert answer.headers["content-type"] == "application/problem+json"
    questions: list[dict[str, str]] = [
        {},
        {"country": "Germany"},
        {"country": "DE", "channel": "fax"},
        {"country": "DE", "currency": "euro"},
        {"country": "DE", "currency": "USD"},
    ]
    for params in questions:
        answer = await client.get("/v1/packs", params=params)
        assert answer.status_code == 422, params
        assert answer.headers["content-type"] == "application/problem+json"


async def test_prices_need_a_key_with_the_scope(house: House) -> None:
    async with await client_with(house, ApiScope.WALLET_READ) as other:
        assert (await other.get("/v1/packs?country=DE")).status_code == 403
        assert (await other.post("/v1/quotes", json={"country": "DE"})).status_code == 403
    async with httpx2.AsyncClient(base_url=house.url) as nobody:
        assert (await nobody.get("/v1/packs?country=DE")).status_code == 401

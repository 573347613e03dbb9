"""The wallet over HTTP: pages that say what is so, and answers that a program can use."""

from collections.abc import AsyncGenerator
from uuid import uuid4

import httpx2
import pytest

from coinwell.base.db import transaction
from coinwell.users import ApiScope, NewKey, User, create_api_key, enter_as, seal_of
from tests.house import House
from tests.wallet.worlds import World


@pytest.fixture
async def ana(house: House) -> User:
    return await house.person(time_zone="America/New_York")


@pytest.fixture
def world(house: House, ana: User) -> World:
    return World(house.installation.pool, house.installation.ledger, house.clock, ana.id)


async def browser_of(house: House, user: User) -> httpx2.AsyncClient:
    async with transaction(house.installation.pool) as tx:
        token = await enter_as(tx, user.id, now=house.clock.now())
    return httpx2.AsyncClient(base_url=house.url, cookies={"coinwell": token})


@pytest.fixture
async def browser(house: House, ana: User) -> AsyncGenerator[httpx2.AsyncClient]:
    async with await browser_of(house, ana) as opened:
        yield opened


@pytest.fixture
async def program(house: House) -> AsyncGenerator[httpx2.AsyncClient]:
    async with transaction(house.installation.pool) as tx:
        _, plain = await create_api_key(
            tx,
            NewKey("test", [ApiScope.WALLET_READ]),
            seal=seal_of(house.settings),
            by="test",
            now=house.clock.now(),
        )
    headers = {"authorization": f"Bearer {plain}"}
    async with httpx2.AsyncClient(base_url=house.url, headers=headers) as opened:
        yield opened


async def text_of(browser: httpx2.AsyncClient, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


async def test_the_balance_page_says_coins_and_what_they_cost(
    world: World, browser: httpx2.AsyncClient
) -> None:
    await world.recharge(1_400, 1_465, bonus=10)
    await world.spend(110)
    await world.hold(30)
    page = await text_of(browser, "/me/balance")
    assert "1,270 coins" in page
    assert (
        "You paid $13.61 for them and for those set aside." in page
    )  # 14.65 less the cost of 100 of 1,400 coins
    assert "On average $1.05 for 100 coins." in page
    assert "Another 30 coins are set aside" in page
    assert "November 2026" in page
    assert "You paid $14.65 and spent 110 coins." in page
    assert "America/New_York" in page
    for path in ("/me/recharge", "/me/statement", "/me/help"):
        assert f'href="{path}"' in page


async def test_a_newcomers_pages_say_what_will_be_there(browser: httpx2.AsyncClient) -> None:
    assert "0 coins" in await text_of(browser, "/me/balance")
    statement = await text_of(browser, "/me/statement")
    assert "Nothing here yet." in statement
    assert "/me/recharge" not in statement, "an empty page does not sell"


async def test_a_debt_is_told_before_anything_else(
    world: World, browser: httpx2.AsyncClient
) -> None:
    order = await world.recharge(100, 106)
    await world.spend(60)
    await world.refund(order, 100)
    page = await text_of(browser, "/me/balance")
    assert "60 coins to settle" in page
    assert "Refunds took back 40 coins." in page


async def test_the_statement_page_says_each_change_and_leads_to_older_ones(
    world: World, browser: httpx2.AsyncClient
) -> None:
    orders = [await world.recharge(70, 74) for _ in range(26)]
    await world.spend(7)
    page = await text_of(browser, "/me/statement")
    assert "\N{MINUS SIGN}7 coins" in page
    assert "had cost $0.07" in page
    assert page.count("+70 coins") == 24
    assert "paid $0.74" in page
    assert "EST" in page
    assert f'href="/me/recharges/{orders[-1]}"' in page
    assert str(orders[1]) not in page
    older = page.split('rel="next" href="')[1].split('"')[0]
    rest = await text_of(browser, older)
    assert rest.count("+70 coins") == 2
    assert f'href="/me/recharges/{orders[0]}"' in rest
    assert "Newest lines" in rest
    assert 'rel="next"' not in rest


async def test_a_bad_cursor_is_a_page_that_says_so(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get("/me/statement?cursor=nonsense")
    assert answer.status_code == 400
    assert "Bad cursor" in answer.text


async def test_a_program_reads_balance_and_statement(
    world: World, program: httpx2.AsyncClient
) -> None:
    order = await world.recharge(350, 370, bonus=5)
    await world.spend(15)
    await world.hold(40)
    base = f"/v1/users/{world.user_id}"
    assert (await program.get(f"{base}/balance")).json() == {
        "user_id": str(world.user_id),
        "coins": 300,
        "held": 40,
        "debt": 0,
    }
    page = (await program.get(f"{base}/statement", params={"limit": 3})).json()
    assert [(line["words"], line["coins"], line["held_coins"]) for line in page["lines"]] == [
        ("Coins spent", 0, 40),
        ("Coins spent", -15, 0),
        ("Bonus coins", 5, 0),
    ]
    assert page["lines"][1]["paid"] == [{"minor": 10, "currency": "USD", "text": "$0.10"}]
    rest = (await program.get(f"{base}/statement", params={"cursor": page["cursor"]})).json()
    assert [line["order_id"] for line in rest["lines"]] == [str(order)]
    assert rest["cursor"] is None


async def test_a_bad_question_has_its_problem(program: httpx2.AsyncClient, ana: User) -> None:
    for path, status, code in (
        ("?cursor=nonsense", 400, "bad_cursor"),
        ("?limit=0", 422, "invalid"),
        ("?limit=101", 422, "invalid"),
        ("?limit=ten", 422, "invalid"),
    ):
        answer = await program.get(f"/v1/users/{ana.id}/statement{path}")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_nobody_reads_another_users_wallet(
    house: House, browser: httpx2.AsyncClient, program: httpx2.AsyncClient
) -> None:
    ben = await house.person("ben")
    for what in ("balance", "statement"):
        assert (await browser.get(f"/v1/users/{ben.id}/{what}")).status_code == 403
        assert (await program.get(f"/v1/users/{ben.id}/{what}")).status_code == 200
        missing = await program.get(f"/v1/users/{uuid4()}/{what}")
        assert (missing.status_code, missing.json()["code"]) == (404, "user_unknown")
        assert (await program.get(f"/v1/users/not-an-id/{what}")).status_code == 404
        async with httpx2.AsyncClient(base_url=house.url) as nobody:
            assert (await nobody.get(f"/v1/users/{ben.id}/{what}")).status_code == 401
            assert (await nobody.get(f"/me/{what}")).headers["location"] == "/"

"""Limits over HTTP: what programs read and write, and the pages without script."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from coinwell.base.db import transaction
from coinwell.limits import LimitKind, Mode, Period
from coinwell.users import ApiScope, NewKey, User, create_api_key, seal_of, user_by_external_id
from tests.house import House
from tests.limits.worlds import World
from tests.story.visiting import Visitor, visiting


@pytest.fixture
async def visitor(house: House) -> AsyncGenerator[Visitor]:
    """Ana's browser."""
    async with visiting(house) as opened:
        yield opened


@pytest.fixture
async def ana(house: House) -> User:
    async with transaction(house.installation.pool) as tx:
        return await user_by_external_id(tx, "demo-ana")


@pytest.fixture
async def world(house: House, ana: User) -> World:
    """Ana's limits, reached through the room's door."""
    return World(house.installation.pool, house.installation.ledger, house.clock, user_id=ana.id)


@pytest.fixture
async def program(house: House) -> AsyncGenerator[httpx2.AsyncClient]:
    async with transaction(house.installation.pool) as tx:
        _, plain = await create_api_key(
            tx,
            NewKey("test", [ApiScope.LIMITS_READ, ApiScope.LIMITS_WRITE, ApiScope.RECHARGE_WRITE]),
            seal=seal_of(house.settings),
            by="test",
            now=house.clock.now(),
        )
    headers = {"authorization": f"Bearer {plain}"}
    async with httpx2.AsyncClient(base_url=house.url, headers=headers, timeout=20) as opened:
        yield opened


def key(text: str | None = None) -> dict[str, str]:
    return {"idempotency-key": text or uuid4().hex}


async def text_of(visitor: Visitor, path: str = "/me/limits") -> str:
    answer = await visitor.web.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


async def test_a_program_sets_lowers_raises_and_confirms(
    house: House, program: httpx2.AsyncClient, ana: User
) -> None:
    path = f"/v1/users/{ana.id}/limits"
    assert (await program.get(path)).json() == {"limits": []}
    one = f"{path}/coins/day"
    set_ = await program.put(one, json={"mode": "stop", "amount": 100}, headers=key("a"))
    assert set_.status_code == 200, set_.text
    (shown,) = set_.json()["limits"]
    assert (shown["amount"], shown["left"], shown["raise_asked"]) == (100, 100, None)

    again = await program.put(one, json={"mode": "stop", "amount": 100}, headers=key("a"))
    assert again.headers["idempotency-replayed"] == "true"
    other = await program.put(one, json={"mode": "stop", "amount": 101}, headers=key("a"))
    assert other.status_code == 409

    asked = await program.put(one, json={"mode": "stop", "amount": 200}, headers=key())
    (shown,) = asked.json()["limits"]
    assert shown["amount"] == 100
    assert shown["raise_asked"]["amount"] == 200
    early = await program.post(f"{one}/confirm", headers=key())
    assert early.status_code == 409
    assert early.json()["code"] == "raise_too_early"
    house.clock.advance(hours=24)
    done = await program.post(f"{one}/confirm", headers=key())
    assert done.json()["limits"][0]["amount"] == 200
    gone = await program.post(f"{one}/confirm", headers=key())
    assert (gone.status_code, gone.json()["code"]) == (404, "no_raise_asked")

    removed = await program.delete(one, headers=key())
    assert removed.json()["limits"][0]["raise_asked"]["remove"] is True
    kept = await program.post(f"{one}/cancel", headers=key())
    assert kept.json()["limits"][0]["raise_asked"] is None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("coins/year", {"mode": "stop", "amount": 1}, 422),
        ("gold/day", {"mode": "stop", "amount": 1}, 422),
        ("coins/day", {"mode": "halt", "amount": 1}, 422),
        ("coins/day", {"mode": "stop", "amount": -1}, 422),
        ("coins/day", {"mode": "stop", "amount": 10**12 + 1}, 422),
        ("coins/day", {"mode": "stop", "amount": 1, "currency": "EUR"}, 422),
        ("money/day", {"mode": "stop", "amount": 1, "currency": "XXX"}, 422),
    ],
)
async def test_what_cannot_be_a_limit_is_refused(
    program: httpx2.AsyncClient, ana: User, path: str, body: dict[str, Any], status: int
) -> None:
    answer = await program.put(f"/v1/users/{ana.id}/limits/{path}", json=body, headers=key())

    assert answer.status_code == status, answer.text


async def test_a_recharge_over_the_limit_is_a_problem_that_says_what_is_left(
    program: httpx2.AsyncClient, ana: User, world: World
) -> None:
    await world.set(500, Period.MONTH, kind=LimitKind.MONEY)
    wanted = {"coins": 700, "provider": "sandbox"}
    path = f"/v1/users/{ana.id}/recharges"

    answer = await program.post(path, json=wanted, headers=key("over"))

    assert answer.status_code == 403, answer.text
    problem = answer.json()
    assert problem["code"] == "limit_reached"
    assert (problem["limit_kind"], problem["period"]) == ("money", "month")
    assert (problem["limit"], problem["left"]) == (500, 500)
    assert problem["change_at"] == "/me/limits"
    assert problem["resets_at"].startswith("202")
    listed = await program.get(f"/v1/users/{ana.id}/limits")
    assert listed.json()["limits"][0]["left"] == 500


async def test_many_recharges_at_once_hold_no_more_than_the_limit(
    house: House, program: httpx2.AsyncClient, ana: User, world: World
) -> None:
    await world.set(2000, Period.DAY, kind=LimitKind.MONEY)
    path = f"/v1/users/{ana.id}/recharges"

    async def one() -> int:
        wanted = {"coins": 700, "provider": "sandbox"}  # Some seven of whatever it is.
        return (await program.post(path, json=wanted, headers=key())).status_code

    statuses = await asyncio.gather(*(one() for _ in range(8)))

    assert set(statuses) == {201, 403}
    found = await world.only()
    assert found.spent <= 2000
    assert found.spent == 2000 - found.left
    payments = await house.sandbox.get("/_control/payments")
    if payments.status_code == 200:
        assert len(payments.json()) == statuses.count(201)


async def test_a_recharge_holds_uses_and_gives_back_its_room(
    house: House, visitor: Visitor, world: World
) -> None:
    await world.set(10_000, Period.MONTH, kind=LimitKind.MONEY)
    await visitor.begin()
    held = (await world.only()).spent
    assert held > 0
    await visitor.press(
        f"/me/recharges/{visitor.order_id}", f"/me/recharges/{visitor.order_id}/cancel"
    )
    assert (await world.only()).spent == 0

    await visitor.begin()
    await visitor.pay()
    await visitor.come_back()
    await house.work()
    found = await world.only()
    assert (found.spent, found.left) == (held, 10_000 - held)


async def test_one_that_expires_gives_its_room_back(
    house: House, visitor: Visitor, world: World
) -> None:
    await world.set(10_000, Period.MONTH, kind=LimitKind.MONEY)
    await visitor.begin()
    for _ in range(4):
        await house.pass_time(30 * 60)
        await house.work()

    assert (await world.only()).spent == 0


async def test_the_recharge_page_says_why_not_and_leads_to_the_limits(
    visitor: Visitor, world: World
) -> None:
    await world.set(100, Period.DAY, kind=LimitKind.MONEY)

    answer = await visitor.press("/me/recharge/review?coins=700", "/me/recharge")

    assert answer.status_code == 403
    assert "You set a limit of" in answer.text
    assert "Nothing was charged." in answer.text
    assert 'href="/me/limits"' in answer.text


async def test_the_first_recharge_asks_once_with_an_empty_box(
    visitor: Visitor, world: World
) -> None:
    page = await text_of(visitor, "/me/recharge")
    assert "Do you want a limit?" in page
    box = page.split('id="limit-amount"')[1].split(">")[0]
    assert "value" not in box
    assert "button secondary" in page.split("No limit for now")[0][-120:]
    assert "button secondary" in page.split("Set this limit")[0][-120:]

    answer = await visitor.press("/me/recharge", "/me/limits/none")
    assert answer.headers["location"] == "/me/recharge"
    assert "Do you want a limit?" not in await text_of(visitor, "/me/recharge")
    assert await world.limits() == []


async def test_the_answer_to_the_question_is_a_limit(visitor: Visitor, world: World) -> None:
    answer = await visitor.press("/me/recharge", "/me/limits/set", amount="25")

    assert answer.headers["location"] == "/me/recharge"
    found = await world.only()
    assert (found.kind, found.period) == (LimitKind.MONEY, Period.MONTH)
    assert found.terms.amount == 2500
    assert found.terms.mode is Mode.STOP


async def test_whoever_goes_on_without_an_answer_is_not_asked_again(visitor: Visitor) -> None:
    await visitor.begin()

    assert "Do you want a limit?" not in await text_of(visitor, "/me/recharge")


async def test_limits_are_two_presses_from_balance_and_recharge(visitor: Visitor) -> None:
    for page in ("/me/balance", "/me/recharge", "/me/menu"):
        assert 'href="/me/limits"' in await text_of(visitor, page)


async def test_the_page_sets_lowers_raises_and_confirms_without_script(
    house: House, visitor: Visitor, world: World
) -> None:
    assert "No limit set." in await text_of(visitor)
    form = {"kind": "coins", "period": "day", "mode": "stop", "form": "new-coins"}
    answer = await visitor.press("/me/limits", "/me/limits/set", **form, amount="1,000")
    assert answer.headers["location"] == "/me/limits#coins-day"
    page = await text_of(visitor)
    assert "1,000 coins a day" in page
    assert "1,000 coins left" in page
    assert "At most about" in page

    await visitor.press("/me/limits", "/me/limits/set", **form, amount="2000")
    page = await text_of(visitor)
    assert "You asked for 2,000 coins a day." in page
    assert "You can confirm that from 23 Nov 2026" in page
    assert 'action="/me/limits/confirm"' not in page
    house.clock.advance(hours=24)
    await visitor.press("/me/limits", "/me/limits/confirm")
    assert (await world.only()).terms.amount == 2000

    await visitor.press("/me/limits", "/me/limits/remove")
    assert "You asked for no limit any more." in await text_of(visitor)
    await visitor.press("/me/limits", "/me/limits/cancel")
    assert "You asked for" not in await text_of(visitor)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"amount": "lots"}, "Write a whole number of coins"),
        ({"amount": "-5"}, "Write a whole number of coins"),
        ({"amount": "1.5"}, "Write a whole number of coins"),
        ({"amount": "9" * 13}, "up to a trillion"),
        ({"mode": ""}, "Choose what happens at the limit."),
        ({"period": ""}, "Choose for how long the limit counts."),
        ({"kind": "money", "form": "new-money", "amount": "1.234"}, "Write an amount of money"),
    ],
)
async def test_a_bad_form_is_told_beside_the_field_and_keeps_what_was_written(
    visitor: Visitor, world: World, sent: dict[str, str], said: str
) -> None:
    form = {"kind": "coins", "period": "day", "mode": "stop", "form": "new-coins", "amount": "77"}
    answer = await visitor.press("/me/limits", "/me/limits/set", **(form | sent))

    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{(form | sent)["amount"]}"' in answer.text
    assert await world.limits() == []


async def test_nobody_reads_or_sets_the_limits_of_somebody_else(
    house: House, visitor: Visitor
) -> None:
    other = await house.person("bob")
    path = f"/v1/users/{other.id}/limits"

    assert (await visitor.web.get(path)).status_code == 403
    token = {"mode": "stop", "amount": 1}
    headers = key() | {"sec-fetch-site": "same-origin"}
    answer = await visitor.web.put(f"{path}/coins/day", json=token, headers=headers)
    assert answer.status_code == 403

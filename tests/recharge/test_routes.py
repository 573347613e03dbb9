"""The recharge API over HTTP: statuses, problems, keys, pages, and who may see what."""

from collections.abc import AsyncGenerator
from datetime import date
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from coinwell.base.db import transaction
from coinwell.users import (
    ApiScope,
    NewKey,
    NewRestriction,
    ReasonCode,
    Scope,
    User,
    create_api_key,
    enter_as,
    restrict,
    seal_of,
)
from tests.house import House

PACK = {"pack_id": "coins-350"}
SCOPES = [ApiScope.RECHARGE_READ, ApiScope.RECHARGE_WRITE, ApiScope.REFUNDS_WRITE]


@pytest.fixture
async def ana(house: House) -> User:
    return await house.person()


async def program_of(house: House, scopes: list[ApiScope]) -> httpx2.AsyncClient:
    async with transaction(house.installation.pool) as tx:
        _, plain = await create_api_key(
            tx,
            NewKey("test", scopes),
            seal=seal_of(house.settings),
            by="test",
            now=house.clock.now(),
        )
    return httpx2.AsyncClient(
        base_url=house.url, headers={"authorization": f"Bearer {plain}"}, timeout=30
    )


@pytest.fixture
async def program(house: House) -> AsyncGenerator[httpx2.AsyncClient]:
    async with await program_of(house, SCOPES) as opened:
        yield opened


async def begin(program: httpx2.AsyncClient, user: User, key: str = "k", **body: Any) -> Any:
    return await program.post(
        f"/v1/users/{user.id}/recharges", json=body or PACK, headers={"idempotency-key": key}
    )


async def pay(house: House, recharge: dict[str, Any]) -> None:
    """Pay on the sandbox's own page, as the buyer does."""
    card = {"number": "4242424242424242", "expiry": "12/40", "cvc": "123"}
    async with httpx2.AsyncClient() as buyer:
        page = await buyer.get(recharge["pay_url"])
        assert page.status_code == 200
        await buyer.post(f"{recharge['pay_url']}/card", data=card)


async def test_start_pay_check_and_read(
    house: House, program: httpx2.AsyncClient, ana: User
) -> None:
    answer = await begin(program, ana)
    assert answer.status_code == 201
    recharge = answer.json()
    assert recharge["state"] == "awaiting_user"
    assert recharge["price"]["currency"] == "EUR"
    assert recharge["pay_url"].startswith(house.sandbox_url)

    await pay(house, recharge)
    checked = await program.post(f"/v1/recharges/{recharge['id']}/check")
    assert (checked.status_code, checked.json()["state"]) == (200, "credited")
    assert await house.coins(ana.id) == 350
    read = await program.get(f"/v1/recharges/{recharge['id']}")
    assert read.json()["words"]["title"] == "Your coins are here"

    again = await begin(program, ana)
    assert (again.status_code, again.json()) == (201, recharge)
    assert again.headers["idempotency-replayed"] == "true"


async def test_the_worker_alone_credits_by_the_signed_message(
    house: House, program: httpx2.AsyncClient, ana: User
) -> None:
    recharge = (await begin(program, ana)).json()
    await pay(house, recharge)
    await house.pass_time(5)
    await house.work()
    assert await house.coins(ana.id) == 350


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "pack_or_coins"),
        ({"pack_id": "nothing"}, 422, "pack_unknown"),
        ({"coins": 1}, 422, "amount_too_small"),
        ({"coins": 10**12}, 422, "amount_too_large"),
        ({"coins": -5}, 422, "invalid"),
        ({"coins": 1.5}, 422, "invalid"),
        ({"coins": "350"}, 422, "invalid"),
        ({"pack_id": "coins-350", "gift": True}, 422, "invalid"),
        ({"pack_id": "coins-350", "currency": "XXX"}, 422, "not_sold_here"),
        ({"pack_id": "coins-350", "price_minor": 1}, 409, "price_changed"),
        ({"pack_id": "coins-350", "provider": "nobody"}, 422, "provider_unknown"),
    ],
)
async def test_each_wrong_wish_has_its_problem(
    program: httpx2.AsyncClient, ana: User, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await program.post(
        f"/v1/users/{ana.id}/recharges", json=body, headers={"idempotency-key": "k"}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_keys_are_needed_and_name_one_content(program: httpx2.AsyncClient, ana: User) -> None:
    bare = await program.post(f"/v1/users/{ana.id}/recharges", json=PACK)
    assert (bare.status_code, bare.json()["code"]) == (400, "key_missing")
    recharge = (await begin(program, ana)).json()
    other = await begin(program, ana, pack_id="coins-70")
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    for verb in ("cancel", "refund"):
        answer = await program.post(f"/v1/recharges/{recharge['id']}/{verb}", json={"reason": "x"})
        assert (answer.status_code, answer.json()["code"]) == (400, "key_missing")


async def test_who_may_not_recharge_is_told_why_and_what_next(
    house: House, program: httpx2.AsyncClient, ana: User
) -> None:
    async with transaction(house.installation.pool) as tx:
        new = NewRestriction(ana.id, Scope.RECHARGE, ReasonCode.PAYMENT_DISPUTED)
        await restrict(tx, new, by="ops", now=house.clock.now())
    young = await house.person("ben", birth_on=date(2015, 1, 1))
    unknown = await house.person("cem", birth_on=None)
    for user, code in [(ana, "account_restricted"), (young, "under_age"), (unknown, "age_unknown")]:
        answer = await begin(program, user)
        assert (answer.status_code, answer.json()["code"]) == (403, code)
        assert answer.json()["next_step"]
    sandbox = await house.installation.providers["sandbox"].find_by_order(uuid4())
    assert sandbox is None


async def test_a_recharge_is_canceled_once_and_told_the_same_again(
    program: httpx2.AsyncClient, ana: User
) -> None:
    recharge = (await begin(program, ana)).json()
    path, key = f"/v1/recharges/{recharge['id']}/cancel", {"idempotency-key": "c"}
    first = await program.post(path, headers=key)
    assert (first.status_code, first.json()["state"]) == (200, "canceled")
    again = await program.post(path, headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_refund_happens_once_and_is_told_the_same_again(
    house: House, program: httpx2.AsyncClient, ana: User
) -> None:
    recharge = (await begin(program, ana)).json()
    path, key = f"/v1/recharges/{recharge['id']}/refund", {"idempotency-key": "r"}
    early = await program.post(path, json={"reason": "asked"}, headers=key)
    assert (early.status_code, early.json()["code"]) == (409, "cannot_refund")
    await pay(house, recharge)
    await program.post(f"/v1/recharges/{recharge['id']}/check")

    first = await program.post(path, json={"reason": "asked"}, headers=key)
    assert (first.status_code, first.json()["state"]) == (201, "done")
    assert await house.coins(ana.id) == 0
    again = await program.post(path, json={"reason": "asked"}, headers=key)
    assert again.json() == first.json()
    other = await program.post(path, json={"reason": "another"}, headers=key)
    assert other.json()["code"] == "key_reused"
    twice = await program.post(path, json={"reason": "x"}, headers={"idempotency-key": "r2"})
    assert twice.json()["code"] == "cannot_refund"


async def test_recharges_come_in_pages_newest_first(program: httpx2.AsyncClient, ana: User) -> None:
    ids = [(await begin(program, ana, f"k{n}")).json()["id"] for n in range(5)]
    path, seen, cursor = f"/v1/users/{ana.id}/recharges", [], None
    while True:
        named = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await program.get(path, params=named)).json()
        seen += [one["id"] for one in page["recharges"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 5
    for bad in ("nonsense", "W10", "WyIyMDI2IiwgIngiXQ"):
        answer = await program.get(path, params={"cursor": bad})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


async def test_nobody_sees_or_moves_what_is_not_theirs(
    house: House, program: httpx2.AsyncClient, ana: User
) -> None:
    recharge = (await begin(program, ana)).json()
    ben = await house.person("ben")
    async with transaction(house.installation.pool) as tx:
        token = await enter_as(tx, ben.id, now=house.clock.now())
    headers = {"sec-fetch-site": "same-origin", "idempotency-key": "k"}
    async with httpx2.AsyncClient(
        base_url=house.url, cookies={"coinwell": token}, headers=headers
    ) as other:
        path = f"/v1/recharges/{recharge['id']}"
        assert (await other.get(path)).status_code == 404
        assert (await other.post(f"{path}/cancel")).status_code == 404
        assert (await other.post(f"{path}/check")).status_code == 404
        assert (await other.post(f"{path}/refund", json={"reason": "x"})).status_code == 403
        mine = await other.post(f"/v1/users/{ana.id}/recharges", json=PACK)
        assert mine.status_code == 403
    async with await program_of(house, [ApiScope.RECHARGE_READ]) as reader:
        assert (await reader.get(path)).status_code == 200
        denied = await begin(reader, ana)
        assert (denied.status_code, denied.json()["code"]) == (403, "not_permitted")
    async with httpx2.AsyncClient(base_url=house.url) as stranger:
        assert (await stranger.get(path)).status_code == 401


async def test_an_unknown_recharge_or_user_is_not_there(program: httpx2.AsyncClient) -> None:
    answer = await program.get(f"/v1/recharges/{uuid4()}")
    assert (answer.status_code, answer.json()["code"]) == (404, "recharge_unknown")
    answer = await program.get(f"/v1/users/{uuid4()}/recharges")
    assert (answer.status_code, answer.json()["code"]) == (404, "user_unknown")


async def test_a_forged_or_oversized_message_is_a_problem_and_nothing_else(house: House) -> None:
    async with httpx2.AsyncClient(base_url=house.url) as stranger:
        forged = await stranger.post("/v1/webhooks/sandbox", content=b"{}")
        assert (forged.status_code, forged.json()["code"]) == (401, "webhook_forged")
        large = await stranger.post("/v1/webhooks/sandbox", content=b" " * (256 * 1024 + 1))
        assert large.status_code == 413
        nobody = await stranger.post("/v1/webhooks/nobody", content=b"{}")
        assert nobody.json()["code"] == "provider_unknown"
    async with transaction(house.installation.pool) as tx:
        kept = await tx.execute("SELECT count(*) FROM recharge.inbox")
        assert await kept.fetchone() == (0,)

"""The sandbox's HTTP contract: who may ask, what a key means, what is refused, what is listed."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from coinwell.base.clock import StillClock
from coinwell.recharge.providers.sandbox import adapter
from tests.recharge.providers.running import SECRET, Sandbox, running_sandbox

WISH = {
    "amount": 499,
    "currency": "USD",
    "order_ref": "order-1",
    "account_ref": "account-1",
    "description": "400 coins",
    "return_url": "https://shop.example/back",
}


@pytest.fixture
async def sandbox(tmp_path: Path, clock: StillClock) -> AsyncGenerator[Sandbox]:
    async with running_sandbox(tmp_path, clock) as sandbox:
        yield sandbox


@pytest.fixture
async def shop(sandbox: Sandbox) -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(
        base_url=f"{sandbox.base_url}/v1",
        headers={"authorization": f"Bearer {SECRET}"},
        trust_env=False,
    ) as client:
        yield client


async def post(client: httpx2.AsyncClient, path: str, body: Any, key: str) -> httpx2.Response:
    return await client.post(path, json=body, headers={"idempotency-key": key})


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_payment_has_the_shape_of_the_contract(
    shop: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    answer = await post(shop, "/payments", WISH, "k")
    payment = answer.json()
    payment_id = payment["id"]
    assert answer.status_code == 201
    assert payment_id.startswith("pay_")
    assert payment == {
        "id": payment_id,
        "environment": "test",
        "state": "awaiting_user",
        "amount": 499,
        "currency": "USD",
        "captured_amount": 0,
        "order_ref": "order-1",
        "account_ref": "account-1",
        "pay_url": f"{sandbox.base_url}/pay/{payment_id}",
        "failure": None,
        "refunds": [],
        "disputes": [],
        "method": None,
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:00Z",
    }
    assert (await shop.get(f"/payments/{payment_id}")).json() == payment
    found = await shop.get("/payments", params={"order_ref": "order-1"})
    assert found.json() == {"payments": [payment]}


async def test_only_the_shop_may_ask_and_only_the_studio_may_control(sandbox: Sandbox) -> None:
    wrong = ("", "Bearer", "Bearer wrong", f"Basic {SECRET}", "Bearer \u00e9")
    async with httpx2.AsyncClient(base_url=sandbox.base_url, trust_env=False) as stranger:
        for text in wrong:
            headers = {"authorization": text.encode()}
            answer = await stranger.get("/v1/payments/pay_1", headers=headers)
            assert code_of(answer) == (401, "wrong_secret")
            answer = await stranger.post("/_control/deliver", headers=headers)
            assert code_of(answer) == (401, "wrong_token")
        answer = await stranger.post(
            "/_control/deliver", headers={"authorization": f"Bearer {SECRET}"}
        )
        assert code_of(answer) == (401, "wrong_token")


async def test_an_empty_control_token_keeps_everybody_out(
    tmp_path: Path, clock: StillClock
) -> None:
    async with running_sandbox(tmp_path, clock, control_token="") as sandbox:
        for text in ("", "Bearer", "Bearer wrong"):
            headers = {"authorization": text}
            answer = await sandbox.control.post("/_control/deliver", headers=headers)
            assert code_of(answer) == (401, "wrong_token")


async def test_a_key_stands_for_one_answer(shop: httpx2.AsyncClient) -> None:
    first = await post(shop, "/payments", WISH, "k")
    again = await post(shop, "/payments", dict(reversed(WISH.items())), '"k"')
    other = await post(shop, "/payments", WISH | {"amount": 500}, "k")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert code_of(other) == (409, "idempotency_conflict")
    assert (
        len((await shop.get("/payments", params={"order_ref": "order-1"})).json()["payments"]) == 1
    )

    path = f"/payments/{first.json()['id']}"
    assert code_of(await post(shop, f"{path}/cancel", {}, "k")) == (409, "idempotency_conflict")
    assert code_of(await shop.post("/payments", json=WISH)) == (400, "idempotency_key_missing")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": 0}, "wrong_amount"),
        ({"amount": -5}, "wrong_amount"),
        ({"amount": 2**63}, "wrong_amount"),
        ({"amount": 4.99}, "wrong_body"),
        ({"amount": "499"}, "wrong_body"),
        ({"currency": "ZZZ"}, "currency_not_supported"),
        ({"return_url": "javascript:alert(1)"}, "wrong_return_url"),
        ({"return_url": "https://" + "a" * 2_000}, "too_long"),
        ({"description": "a" * 501}, "too_long"),
        ({"order_ref": ""}, "order_ref_missing"),
        ({"methods": ["cheque"]}, "wrong_body"),
    ],
)
async def test_a_wish_that_cannot_be_met_is_refused(
    shop: httpx2.AsyncClient, change: dict[str, Any], code: str
) -> None:
    assert code_of(await post(shop, "/payments", WISH | change, "k")) == (422, code)


async def test_only_the_methods_that_the_shop_wants_are_offered(
    shop: httpx2.AsyncClient,
) -> None:
    answer = await post(shop, "/payments", WISH | {"methods": ["bank_transfer"]}, "k")
    page = (await shop.get(answer.json()["pay_url"])).text
    assert "Card number" not in page
    assert "by bank transfer" in page


async def test_a_refund_in_another_currency_is_refused(
    shop: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    payment_id = (await post(shop, "/payments", WISH, "k")).json()["id"]
    await sandbox.pay(payment_id, card="4242424242424242")
    path = f"/payments/{payment_id}/refunds"
    refused = await post(shop, path, {"amount": 1, "currency": "EUR"}, "r")
    assert code_of(refused) == (422, "wrong_currency")
    assert code_of(await post(shop, path, {"amout": 1}, "r")) == (422, "wrong_body")
    assert (await post(shop, path, {"amount": 1}, "r")).status_code == 201


async def test_events_come_page_by_page_and_once_each(
    shop: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    for number in range(5):
        payment_id = (await post(shop, "/payments", WISH, str(number))).json()["id"]
        await sandbox.pay(payment_id, card="4242424242424242")
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = (await shop.get("/events", params={"limit": "2", **after})).json()
        seen += [one["id"] for one in page["events"]]
        if not page["has_more"]:
            break
        after = {"after": seen[-1]}
    assert len(seen) == len(set(seen)) == 5
    for query in ({"limit": "0"}, {"limit": "x"}, {"since": "noon"}, {"since": "2026-11-22"}):
        assert (await shop.get("/events", params=query)).status_code == 400


async def test_the_adapter_reads_every_page_of_events(
    shop: httpx2.AsyncClient, sandbox: Sandbox, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_EVENTS_A_PAGE", 2)
    payments: list[str] = []
    for number in range(5):
        payment_id = (await post(shop, "/payments", WISH, str(number))).json()["id"]
        await sandbox.pay(payment_id, card="4242424242424242")
        payments.append(payment_id)
    provider = sandbox.provider()
    listed = [one.payment_id async for one in provider.list_events(clock.now())]
    assert listed == payments
    await provider.close()


async def test_a_settlement_has_each_movement_on_its_own_day(
    shop: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    payment_id = (await post(shop, "/payments", WISH, "k")).json()["id"]
    await sandbox.pay(payment_id, card="4242424242424242")
    await sandbox.advance(86_400)
    await post(shop, f"/payments/{payment_id}/refunds", {"amount": 99}, "r")
    await sandbox.dispute(payment_id, state="needs_response")
    await sandbox.dispute(payment_id, state="won")
    lines = {
        day: (await shop.get("/settlements", params={"day": day})).json()["lines"]
        for day in ("2026-11-21", "2026-11-22", "2026-11-23")
    }
    assert [[(one["kind"], one["amount"]) for one in some] for some in lines.values()] == [
        [],
        [("capture", 499)],
        [("refund", -99), ("dispute", -400), ("dispute_won", 400)],
    ]
    assert (await shop.get("/settlements", params={"day": "soon"})).status_code == 400


async def test_mischief_with_a_typing_error_is_refused(sandbox: Sandbox) -> None:
    for asked in ({"webhook_copys": 5}, {"late_s": "soon"}, {"create_answer": "shout"}):
        answer = await sandbox.control.post("/_control/mischief/next", json=asked)
        assert answer.status_code == 422


async def test_planned_mischief_is_for_one_payment_and_in_line(
    shop: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    for off_by in (-1, 1):
        await sandbox.next_mischief(capture_off_by=off_by)
    taken: list[int] = []
    for number in range(3):
        payment_id = (await post(shop, "/payments", WISH, str(number))).json()["id"]
        said = await sandbox.pay(payment_id, card="4242424242424242")
        taken.append(said["captured_amount"])
    assert taken == [498, 500, 499]


async def test_time_that_was_moved_stays_moved_over_a_restart(
    tmp_path: Path, clock: StillClock
) -> None:
    for expected in ("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z"):
        async with running_sandbox(tmp_path, clock) as sandbox:
            assert (await sandbox.ask("/advance", seconds=3_600)) == {"now": expected}


async def test_what_is_not_served_is_refused_in_the_same_form(shop: httpx2.AsyncClient) -> None:
    assert code_of(await shop.get("/nothing")) == (404, "not_served")
    assert code_of(await shop.get("/payments/pay_nothing")) == (404, "payment_unknown")
    assert code_of(await post(shop, "/payments", "x" * 70_000, "k")) == (413, "not_served")

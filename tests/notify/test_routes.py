"""Webhooks for programs: endpoints and their secrets, the log, replays, events, messages."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from coinwell.base import outbox
from coinwell.base.db import transaction
from coinwell.notify import open_sender, settle
from tests.house import House
from tests.notify.receiving import Receiver, Reply, library_on
from tests.story.test_first_recharge import api_key

HOOKS = "/v1/webhook-endpoints"


@asynccontextmanager
async def api(house: House) -> AsyncGenerator[httpx2.AsyncClient]:
    said = {"authorization": f"Bearer {await api_key(house)}", "idempotency-key": "k"}
    # The demo's people were news too; that is told by now.
    await tell(house)
    async with httpx2.AsyncClient(base_url=house.url, headers=said, timeout=20) as web:
        yield web


async def position(web: httpx2.AsyncClient) -> int:
    """The last one there is."""
    return int((await web.get("/v1/events")).json()["events"][-1]["position"])


async def add(web: httpx2.AsyncClient, receiver: Receiver, **more: Any) -> dict[str, Any]:
    made = await web.post(HOOKS, json={"url": receiver.url} | more)
    assert made.status_code == 201, made.text
    receiver.secrets = [made.json()["secret"]]
    return dict(made.json())


async def tell(house: House) -> None:
    async with open_sender(house.clock, private=True) as sender:
        await settle(house.installation.notify, sender)


@pytest.fixture(autouse=True)
def on_the_clock_of_the_house(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    library_on(house.clock, monkeypatch)


async def happen(house: House, count: int = 1, kind: str = "gift.sent") -> str:
    ana = uuid4()
    async with transaction(house.installation.pool) as tx:
        for _ in range(count):
            await outbox.record(tx, kind=kind, subject=ana, body={}, at=house.clock.now())
    await tell(house)
    return str(ana)


async def test_a_secret_is_shown_when_made_and_to_a_repeat_and_nowhere_else(
    house: House, receiver: Receiver
) -> None:
    async with api(house) as web:
        made = await add(web, receiver, kinds=["gift.*"], description="The app")
        again = await web.post(
            HOOKS, json={"url": receiver.url, "kinds": ["gift.*"], "description": "The app"}
        )
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json()["secret"] == made["secret"]
        one = await web.get(f"{HOOKS}/{made['id']}")
        assert one.json()["secret"] is None
        listed = await web.get(HOOKS)
        assert made["secret"] not in listed.text
        (kept,) = listed.json()["endpoints"]
        assert (kept["kinds"], kept["description"]) == (["gift.*"], "The app")
    async with transaction(house.installation.pool) as tx:
        found = await tx.execute("SELECT string_agg(body::text, ' ') FROM base.answer")
        row = await found.fetchone()
    assert row is not None
    assert made["secret"] not in row[0]


async def test_an_endpoint_is_changed_switched_off_and_on_and_removed(
    house: House, receiver: Receiver
) -> None:
    async with api(house) as web:
        at = f"{HOOKS}/{(await add(web, receiver))['id']}"

        async def change(key: str, **said: Any) -> dict[str, Any]:
            answer = await web.patch(at, json=said, headers={"idempotency-key": key})
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        assert (await change("a", kinds=["gift.sent"]))["kinds"] == ["gift.sent"]
        off = await change("b", state="off")
        assert off["state"] == "off"
        assert off["off_reason"].startswith("Switched off by key:")
        ana = await happen(house, 2)
        assert not receiver.got
        assert (await change("c", state="on"))["state"] == "on"
        await tell(house)
        assert receiver.by_user() == {ana: [1, 2]}
        wrong = await web.patch(
            at, json={"url": "http://u:p@127.0.0.1/"}, headers={"idempotency-key": "d"}
        )
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["pointer"] == "/url"
        assert (await web.delete(at)).status_code == 200
        assert (await web.get(at)).status_code == 404
        assert (await web.get(HOOKS)).json() == {"endpoints": []}


async def test_the_log_is_read_in_pages_and_a_delivery_with_its_attempts(
    house: House, receiver: Receiver
) -> None:
    async with api(house) as web:
        at = f"{HOOKS}/{(await add(web, receiver))['id']}"
        await happen(house, 5)
        receiver.answer = lambda _: Reply(status=500, body=b"oh no")
        await happen(house)
        first = (await web.get(f"{at}/deliveries?limit=4")).json()
        second = (await web.get(f"{at}/deliveries?limit=4&cursor={first['cursor']}")).json()
        assert [len(first["deliveries"]), len(second["deliveries"])] == [4, 2]
        assert second["cursor"] is None
        (waiting,) = (await web.get(f"{at}/deliveries?state=waiting")).json()["deliveries"]
        assert (waiting["status"], waiting["trouble"]) == (500, "The receiver answered 500.")
        assert waiting["due_at"] > house.clock.now().isoformat()
        one = (await web.get(f"/v1/webhook-deliveries/{waiting['id']}")).json()
        (attempt,) = one["log"]
        assert (attempt["number"], attempt["answer"]) == (1, "oh no")
        for odd in (0, 2**63, 2**53, 999_999):
            assert (await web.get(f"/v1/webhook-deliveries/{odd}")).status_code == 404
        assert (await web.get(f"{at}/deliveries?cursor=nonsense")).status_code == 400
        assert (await web.get(f"{at}/deliveries?state=odd")).status_code == 422


async def test_told_again_by_range_by_one_and_as_a_test(house: House, receiver: Receiver) -> None:
    async with api(house) as web:
        at = f"{HOOKS}/{(await add(web, receiver))['id']}"
        await happen(house, 3)
        span = {"first": await position(web) - 1}
        said = await web.post(f"{at}/replay", json=span)
        assert said.json() == {"events": 2}
        again = await web.post(f"{at}/replay", json=span)
        assert again.headers["idempotency-replayed"] == "true"
        await tell(house)
        assert len(receiver.got) == 5
        (*_, oldest) = (await web.get(f"{at}/deliveries")).json()["deliveries"]
        made = await web.post(f"/v1/webhook-deliveries/{oldest['id']}/resend")
        assert made.json()["cause"] == "resend"
        await tell(house)
        assert receiver.got[-1].id == receiver.got[0].id
        tried = await web.post(f"{at}/test")
        assert (tried.json()["kind"], tried.json()["status"]) == ("webhook.test", 200)
        assert (await web.post(f"{at}/replay", json={}, headers={"idempotency-key": "x"})).json()[
            "code"
        ] == "wrong_range"
        old = receiver.secrets[0]
        turned = (await web.post(f"{at}/rotate")).json()
        assert turned["secret"] != old
        assert turned["previous_secret_until"]
        receiver.secrets = [old, turned["secret"]]
        await happen(house)
        assert not receiver.forged


async def test_a_receiver_can_compare_with_all_that_happened(house: House) -> None:
    async with api(house) as web:
        begun = await position(web)
        ana = await happen(house, 3)
        await happen(house, 2, "gift.received")
        found = (await web.get(f"/v1/events?after={begun}")).json()["events"]
        assert [one["position"] - begun for one in found] == [1, 2, 3, 4, 5]
        later = (await web.get(f"/v1/events?after={begun + 3}&limit=1")).json()["events"]
        assert [(one["position"] - begun, one["type"]) for one in later] == [(4, "gift.received")]
        hers = (await web.get(f"/v1/events?user_id={ana}")).json()["events"]
        assert [one["sequence"] for one in hers] == [1, 2, 3]


async def test_there_are_not_too_many_endpoints(house: House, receiver: Receiver) -> None:
    async with api(house) as web:
        for number in range(50):
            key = {"idempotency-key": f"e{number}"}
            made = await web.post(HOOKS, json={"url": receiver.url}, headers=key)
            assert made.status_code == 201
        over = await web.post(HOOKS, json={"url": receiver.url}, headers={"idempotency-key": "z"})
        assert (over.status_code, over.json()["code"]) == (409, "too_many_endpoints")

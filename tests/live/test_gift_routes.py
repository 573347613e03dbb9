"""Rooms and gifts over HTTP: the same answers by the fast lane and by the framework's route."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from coinwell.base.db import transaction
from coinwell.base.ids import hashed_id
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    Kind,
    Transfer,
    platform_account,
    wallet_account,
)
from coinwell.users import (
    ApiScope,
    NewKey,
    create_api_key,
    revoke_api_key,
    seal_of,
)
from tests.house import House

ALL = (ApiScope.LIVE_READ, ApiScope.LIVE_WRITE, ApiScope.GIFTS_WRITE, ApiScope.WALLET_READ)
# What differs from call to call and says nothing about the gift.
FRESH = {"x-request-id", "content-security-policy", "date"}


class Desk:
    """A program of the host app, with a creator's open room and a viewer with coins."""

    def __init__(self, house: House, client: httpx2.AsyncClient) -> None:
        self.house, self.client = house, client
        self.creator = self.viewer = self.room = ""
        self.key_id = uuid4()

    async def begin(self) -> None:
        ana, ben = await self.house.person("ana"), await self.house.person("ben")
        self.creator, self.viewer = str(ana.id), str(ben.id)
        installation = self.house.installation
        async with transaction(installation.pool) as tx:
            key, plain = await create_api_key(
                tx,
                NewKey("app", ALL),
                seal=seal_of(self.house.settings),
                by="test",
                now=self.house.clock.now(),
            )
        self.key_id = key.id
        self.client.headers["authorization"] = f"Bearer {plain}"
        issued = platform_account(Code.ISSUED, LEDGER_COINS)
        await installation.ledger.create_accounts([issued, wallet_account(ben.id)])
        fund = Transfer(
            id=hashed_id("fund"),
            debit_account_id=issued.id,
            credit_account_id=wallet_account(ben.id).id,
            amount=1_000,
            ledger=LEDGER_COINS,
            code=Kind.BONUS,
        )
        await installation.ledger.create_transfers([fund])
        opened = await self.post("/v1/rooms", {"creator_id": self.creator, "title": "Songs"}, "r")
        assert opened.status_code == 201, opened.text
        self.room = opened.json()["id"]

    async def post(
        self, path: str, body: Any, key: str | None = None, **headers: str
    ) -> httpx2.Response:
        said = headers if key is None else headers | {"idempotency-key": key}
        return await self.client.post(path, json=body, headers=said)

    def gift(self, **changes: Any) -> dict[str, Any]:
        said = {"sender_id": self.viewer, "room_id": self.room, "gift_id": "rose"}
        return said | changes

    async def both(self, body: Any, key: str | None, **headers: str) -> list[httpx2.Response]:
        """The same call by the lane, and by the route: a query string is not plainly right."""
        return [
            await self.post("/v1/gifts", body, key, **headers),
            await self.post("/v1/gifts?slow=1", body, key, **headers),
        ]


@pytest.fixture
async def desk(house: House) -> AsyncGenerator[Desk]:
    async with httpx2.AsyncClient(base_url=house.url) as client:
        opened = Desk(house, client)
        await opened.begin()
        yield opened


def plain(answer: httpx2.Response) -> dict[str, Any]:
    said = answer.json()
    said.pop("request_id", None)
    return said


async def test_a_gift_by_the_lane_is_the_gift_by_the_route(desk: Desk) -> None:
    lane, route = await desk.both(desk.gift(count=3, coins=3), "k1")
    assert (lane.status_code, route.status_code) == (201, 201)
    assert plain(lane) == plain(route)
    assert "idempotency-replayed" not in lane.headers
    assert route.headers["idempotency-replayed"] == "true"
    shown = plain(lane)
    assert UUID(shown.pop("gift_transfer_id"))
    assert shown == {
        "sender_id": desk.viewer,
        "creator_id": desk.creator,
        "room_id": desk.room,
        "gift_id": "rose",
        "gift_name": "Rose",
        "count": 3,
        "coins": 3,
        "at": "2026-11-22T12:00:00Z",
    }
    earned = await desk.client.get(f"/v1/users/{desk.creator}/earned")
    assert earned.json() == {"user_id": desk.creator, "coins": 3}
    lines = (await desk.client.get(f"/v1/users/{desk.viewer}/statement")).json()["lines"]
    assert lines[0]["words"] == "Rose \N{MULTIPLICATION SIGN} 3 to Ana"


REFUSED: Sequence[tuple[dict[str, Any], str, int]] = (
    ({"gift_id": "galaxy"}, "not_enough_coins", 402),
    ({"gift_id": "never"}, "gift_unknown", 422),
    ({"coins": 2}, "gift_price_changed", 409),
    ({"room_id": str(UUID(int=9))}, "room_unknown", 404),
    ({"sender_id": str(UUID(int=9))}, "user_unknown", 404),
    ({"count": 0}, "invalid", 422),
    ({"count": 1000}, "invalid", 422),
    ({"count": "1"}, "invalid", 422),
    ({"coins": -1}, "invalid", 422),
    ({"gift_id": ""}, "invalid", 422),
    ({"more": 1}, "invalid", 422),
    ({"room_id": "no uuid"}, "invalid", 422),
    ({"gift_id": "a\0b"}, "invalid", 422),
)


async def test_a_refusal_by_the_lane_is_the_refusal_by_the_route(desk: Desk) -> None:
    for number, (changes, code, status) in enumerate(REFUSED):
        lane, route = await desk.both(desk.gift(**changes), f"k{number}")
        assert (lane.status_code, lane.json()["code"]) == (status, code), lane.text
        assert plain(lane) == plain(route)
        assert lane.headers["content-type"] == "application/problem+json"
        for name, text in route.headers.items():
            if name not in FRESH | {"content-length"}:
                assert lane.headers[name] == text, name


async def test_keys_callers_and_media_types_are_asked_by_both(desk: Desk) -> None:
    cases: list[tuple[str | None, dict[str, str], str]] = [
        (None, {}, "key_missing"),
        ("x" * 256, {}, "key_unreadable"),
        ("k", {"authorization": "Bearer ck_test_sec_nonsense"}, "key_unknown"),
        ("k", {"authorization": "Basic abc"}, "key_unknown"),
        ("k", {"content-type": "text/plain"}, "wrong_media_type"),
    ]
    for key, headers, code in cases:
        for answer in await desk.both(desk.gift(), key, **headers):
            assert answer.json()["code"] == code, (code, answer.text)
    twice = b'{"sender_id":"%s","room_id":"%s","gift_id":"rose","count":1,"count":2}' % (
        desk.viewer.encode(),
        desk.room.encode(),
    )
    for body, code in ((twice, "member_twice"), (b"{", "unreadable"), (b"[]", "invalid")):
        answer = await desk.client.post(
            "/v1/gifts",
            content=body,
            headers={"idempotency-key": "k", "content-type": "application/json"},
        )
        assert answer.json()["code"] == code, answer.text
    assert await desk.house.coins(UUID(desk.viewer)) == 1_000


async def test_a_revoked_key_is_refused_from_its_commit_on(desk: Desk) -> None:
    assert (await desk.post("/v1/gifts", desk.gift(), "k1")).status_code == 201
    async with transaction(desk.house.installation.pool) as tx:
        await revoke_api_key(tx, desk.key_id, now=desk.house.clock.now())
    for answer in await desk.both(desk.gift(), "k2"):
        assert (answer.status_code, answer.json()["code"]) == (401, "key_unknown")


async def test_a_key_without_the_scope_sends_nothing(desk: Desk) -> None:
    async with transaction(desk.house.installation.pool) as tx:
        _, weak = await create_api_key(
            tx,
            NewKey("weak", [ApiScope.LIVE_READ]),
            seal=seal_of(desk.house.settings),
            by="test",
            now=desk.house.clock.now(),
        )
    for answer in await desk.both(desk.gift(), "k", authorization=f"Bearer {weak}"):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    body = {"gifts": [desk.gift(key="k")]}
    answer = await desk.post("/v1/gifts/batch", body, authorization=f"Bearer {weak}")
    assert answer.json()["code"] == "not_permitted"


async def test_a_batch_has_an_answer_for_each_in_order(desk: Desk) -> None:
    body = {
        "gifts": [
            desk.gift(key="a"),
            desk.gift(key="b", gift_id="galaxy"),
            desk.gift(key="a"),
            desk.gift(key="a", count=2),
        ]
    }
    lane = await desk.post("/v1/gifts/batch", body)
    route = await desk.post("/v1/gifts/batch?slow=1", body)
    for answer in (lane, route):
        assert answer.status_code == 200, answer.text
        said = answer.json()["gifts"]
        assert [one["status"] for one in said] == [201, 402, 201, 409]
        assert [one["key"] for one in said] == ["a", "b", "a", "a"]
        assert said[0]["gift"] == said[2]["gift"]
        assert said[2]["replayed"]
        assert said[1]["problem"]["code"] == "not_enough_coins"
        assert said[3]["problem"]["code"] == "key_reused"
    assert not lane.json()["gifts"][0]["replayed"]
    assert route.json()["gifts"][0]["gift"] == lane.json()["gifts"][0]["gift"]
    assert await desk.house.coins(UUID(desk.viewer)) == 999


async def test_a_batch_is_one_to_five_hundred_gifts_with_keys(desk: Desk) -> None:
    for gifts in (
        None,
        [],
        [desk.gift()],
        [desk.gift(key="")],
        [desk.gift(key="é")],
        [desk.gift(key="a\n")],
    ):
        answer = await desk.post("/v1/gifts/batch", {"gifts": gifts})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    most = [desk.gift(key=str(number)) for number in range(500)]
    answer = await desk.post("/v1/gifts/batch", {"gifts": most})
    assert answer.status_code == 200
    assert {one["status"] for one in answer.json()["gifts"]} == {201}
    answer = await desk.post("/v1/gifts/batch", {"gifts": [*most, desk.gift(key="more")]})
    assert answer.json()["code"] == "invalid"


async def test_many_single_calls_at_once_each_get_their_own_answer(desk: Desk) -> None:
    answers = await asyncio.gather(
        *(desk.post("/v1/gifts", desk.gift(count=1 + n % 3), f"k{n}") for n in range(60))
    )
    assert [answer.json()["count"] for answer in answers] == [1 + n % 3 for n in range(60)]
    assert await desk.house.coins(UUID(desk.viewer)) == 1_000 - 120


async def test_rooms_are_opened_shown_listed_and_closed(desk: Desk) -> None:
    body = {"creator_id": desk.creator, "title": "Songs"}
    again = await desk.post("/v1/rooms", body, "r")
    assert again.json()["id"] == desk.room
    assert again.headers["idempotency-replayed"] == "true"
    second = await desk.post("/v1/rooms", body, "r2")
    assert (second.status_code, second.json()["code"]) == (409, "room_open_already")
    shown = (await desk.client.get(f"/v1/rooms/{desk.room}")).json()
    assert (shown["state"], shown["creator_id"]) == ("open", desk.creator)
    listed = (await desk.client.get("/v1/rooms?open_only=true")).json()
    assert [one["id"] for one in listed["rooms"]] == [desk.room]
    for _ in range(2):
        closed = await desk.post(f"/v1/rooms/{desk.room}/close", None, "c")
        assert (closed.status_code, closed.json()["state"]) == (200, "closed")
    answer = await desk.post("/v1/gifts", desk.gift(), "k")
    assert (answer.status_code, answer.json()["code"]) == (409, "room_closed")
    missing = await desk.client.get(f"/v1/rooms/{uuid4()}")
    assert missing.json()["code"] == "room_unknown"

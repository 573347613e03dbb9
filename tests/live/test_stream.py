"""The room stream: hello, then every gift once and in order, whoever comes, goes and returns."""

import asyncio
import random

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from coinwell.base.db import transaction
from coinwell.ledger import rebuild
from coinwell.live import READERS, close_room, streaming
from coinwell.users import ApiScope
from tests.house import House
from tests.live.watching import Theatre, Viewer, ended, frame, open_theatre, watching
from tests.profile import scale


@pytest.fixture
async def theatre(house: House) -> Theatre:
    """An open room with two senders."""
    return await open_theatre(house)


async def test_a_viewer_is_greeted_with_the_room_as_it_stands(theatre: Theatre) -> None:
    await theatre.give(2, by=0, coins=5)
    await theatre.give(1, by=1, coins=50)

    async with watching(theatre) as socket:
        hello = await frame(socket)

    assert (hello["type"], hello["number"]) == ("hello", 3)
    assert hello["room"] == {"coins": 60, "gifts": 6, "state": "open"}
    first, second = theatre.senders
    assert hello["board"] == [
        {"rank": 1, "user_id": str(second.id), "name": "Viewer-1", "coins": 50},
        {"rank": 2, "user_id": str(first.id), "name": "Viewer-0", "coins": 10},
    ]


async def test_a_gift_reaches_everybody_with_names_totals_and_board(theatre: Theatre) -> None:
    async with watching(theatre) as one, watching(theatre) as other:
        await asyncio.gather(frame(one), frame(other))
        await theatre.give(1, by=1, coins=7)
        said, same = await asyncio.gather(frame(one), frame(other))

    assert said == same
    [event] = said["events"]
    assert event["number"] == 1
    assert event["sender"] == {"id": str(theatre.senders[1].id), "name": "Viewer-1"}
    assert event["gift"]["name"]
    assert event["gift"]["art"].endswith(".svg")
    assert (event["count"], event["coins"]) == (2, 7)
    assert said["room"] == {"coins": 7, "gifts": 2, "state": "open"}
    assert [line["coins"] for line in said["board"]] == [7]


async def test_only_what_follows_the_number_is_sent(theatre: Theatre) -> None:
    await theatre.give(5)
    async with watching(theatre, after=3) as socket:
        await frame(socket)
        assert [one["number"] for one in (await frame(socket))["events"]] == [4, 5]
    async with watching(theatre) as socket:
        await frame(socket)
        await theatre.give(1)
        assert [one["number"] for one in (await frame(socket))["events"]] == [6]


async def test_viewers_who_lose_the_connection_miss_nothing_and_see_nothing_twice(
    theatre: Theatre,
) -> None:
    dice = random.Random(20_261_122)
    gifts = scale(400, 4_000)
    viewers = [Viewer(theatre) for _ in range(scale(6, 30))]

    async def perform() -> None:
        while theatre.sent < gifts:
            times = min(dice.randrange(1, 30), gifts - theatre.sent)
            await theatre.give(times, by=dice.randrange(2), coins=dice.randrange(1, 9))
            await asyncio.sleep(dice.random() * 0.1)

    await asyncio.gather(
        perform(), *(viewer.watch(gifts, lambda: dice.randrange(1, 4)) for viewer in viewers)
    )

    for viewer in viewers:
        assert viewer.numbers == list(range(1, gifts + 1))
        assert viewer.coins == viewer.last["room"]["coins"]
        assert viewer.visits > 1


async def test_a_lost_database_loses_no_gift(theatre: Theatre) -> None:
    gifts = scale(30, 300)
    viewers = [Viewer(theatre) for _ in range(3)]

    async def perform() -> None:
        while theatre.sent < gifts:
            await theatre.give(min(10, gifts - theatre.sent))
            async with transaction(theatre.house.installation.pool) as tx:
                await tx.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
                    " AND application_name LIKE 'coinwell%' AND state LIKE 'idle%'"
                    " AND backend_start < clock_timestamp() - interval '0.2 s'"
                )
            await asyncio.sleep(0.1)

    await asyncio.gather(perform(), *(viewer.watch(gifts, lambda: 1_000) for viewer in viewers))

    for viewer in viewers:
        assert viewer.numbers == list(range(1, gifts + 1))


async def test_who_watches_while_the_tables_are_made_again_sees_each_gift_once(
    theatre: Theatre,
) -> None:
    installation = theatre.house.installation
    gifts = scale(100, 1_000)
    viewers = [Viewer(theatre) for _ in range(3)]

    async def perform() -> None:
        while theatre.sent < gifts:
            await theatre.give(10)
            await rebuild(installation.pool, installation.ledger, READERS[0])
            await asyncio.sleep(0.02)

    await asyncio.gather(perform(), *(viewer.watch(gifts, lambda: 3) for viewer in viewers))

    for viewer in viewers:
        assert viewer.numbers == list(range(1, gifts + 1))


async def test_the_closing_of_a_room_is_the_last_frame(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "LAST_GIFTS_S", 3)
    await theatre.give(1)
    async with watching(theatre, after=0) as socket:
        await frame(socket)
        await frame(socket)
        await theatre.give(1, told=False)
        async with transaction(theatre.house.installation.pool) as tx:
            await close_room(tx, theatre.room.id, now=theatre.house.clock.now())
        await asyncio.sleep(1)  # The closing was seen by now.
        await theatre.read()  # A gift that was on its way as the room closed.

        late = await frame(socket)
        assert [one["number"] for one in late["events"]] == [2]
        assert await frame(socket) == {"type": "closed"}
        assert (await ended(socket))[0] == 1000
    async with watching(theatre, after=0) as socket:
        assert (await frame(socket))["room"]["state"] == "closed"
        assert [one["number"] for one in (await frame(socket))["events"]] == [1, 2]
        assert await frame(socket) == {"type": "closed"}


async def test_a_number_that_is_none_is_refused(theatre: Theatre) -> None:
    for after in ("-1", "x", "1.5", "", "9" * 30, "%00", "1e3", "٣"):
        async with watching(theatre, after=after) as socket:
            assert (await ended(socket))[0] == 4400, after


async def test_a_room_that_is_none_is_refused(theatre: Theatre) -> None:
    headers, origin = {"cookie": await theatre.cookie()}, theatre.house.url
    for room in ("0e000000-0000-4000-8000-000000000000", "nothing", "%00"):
        url = theatre.url.replace(str(theatre.room.id), room)
        async with connect(url, origin=origin, additional_headers=headers) as socket:  # type: ignore[arg-type]
            assert (await ended(socket))[0] == 4404, room


async def test_a_page_of_another_site_watches_nothing(theatre: Theatre) -> None:
    headers = {"cookie": await theatre.cookie()}
    for origin in (None, "https://elsewhere.example", "null", "http://"):
        async with connect(theatre.url, origin=origin, additional_headers=headers) as socket:  # type: ignore[arg-type]
            assert (await ended(socket))[0] == 4401, origin


async def test_nobody_watches_without_signing_in(theatre: Theatre) -> None:
    for headers in ({}, {"cookie": "coinwell=forged"}, {"authorization": "Bearer forged"}):
        origin = theatre.house.url
        async with connect(theatre.url, origin=origin, additional_headers=headers) as socket:  # type: ignore[arg-type]
            assert (await ended(socket))[0] == 4401


async def test_a_key_watches_with_its_scope_only(theatre: Theatre) -> None:
    right = {"authorization": f"Bearer {await theatre.key(ApiScope.LIVE_READ)}"}
    wrong = {"authorization": f"Bearer {await theatre.key(ApiScope.WALLET_READ)}"}

    async with connect(theatre.url, additional_headers=right) as socket:
        assert (await frame(socket))["type"] == "hello"
        # Nothing is compressed: a frame is made once, for everybody.
        assert socket.response is not None
        assert "sec-websocket-extensions" not in socket.response.headers
    async with connect(theatre.url, additional_headers=wrong) as socket:
        assert (await ended(socket))[0] == 4403


async def test_what_a_viewer_says_is_passed_over(theatre: Theatre) -> None:
    async with watching(theatre) as socket:
        await frame(socket)
        await socket.send("x" * 1_000)
        await socket.send(b"\x00")
        await theatre.give(1)
        assert (await frame(socket))["events"][0]["number"] == 1


async def test_other_addresses_open_no_stream_and_keep_working(theatre: Theatre) -> None:
    for path in ("/", "/me", "/v1/rooms", "/nothing", "/healthz"):
        address = theatre.house.url.replace("http", "ws") + path
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            async with connect(address) as socket:
                await socket.recv()
    async with httpx2.AsyncClient(base_url=theatre.house.url) as client:
        assert (await client.get("/healthz")).status_code == 200


async def test_the_twin_pages_through_the_same_events(theatre: Theatre) -> None:
    await theatre.give(5, coins=3)
    headers = {"authorization": f"Bearer {await theatre.key(ApiScope.LIVE_READ)}"}
    address = f"/v1/rooms/{theatre.room.id}/events"
    async with httpx2.AsyncClient(base_url=theatre.house.url, headers=headers) as client:
        first = (await client.get(address, params={"limit": 2})).json()
        rest = (await client.get(address, params={"after": 2})).json()
        wrong = await client.get(address, params={"after": -1})
        absent = await client.get("/v1/rooms/0e000000-0000-4000-8000-000000000000/events")
    async with httpx2.AsyncClient(base_url=theatre.house.url) as stranger:
        refused = await stranger.get(address)

    numbers = [one["number"] for one in first["events"] + rest["events"]]
    assert numbers == [1, 2, 3, 4, 5]
    assert (first["number"], first["room"]["coins"]) == (5, 15)
    assert (wrong.status_code, absent.status_code, refused.status_code) == (422, 404, 401)

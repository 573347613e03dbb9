"""Who calls, what with, and how often: keys, scopes, sessions, media types, methods, repeats."""

import sqlite3
from typing import Any
from uuid import uuid4

import httpx2

from coinwell.base.db import transaction
from coinwell.users import ApiScope, NewKey, create_api_key, enter_as, revoke_api_key, seal_of
from tests.api.asking import Asker, asking, contents, problem
from tests.house import House
from tests.story.test_first_recharge import api_key

WANTED = {"coins": 500}
RECHARGES = "/v1/users/{user}/recharges"


async def session(house: House, user_id: Any) -> dict[str, str]:
    """What the browser of a signed-in user sends from one of our pages."""
    async with transaction(house.installation.pool) as tx:
        token = await enter_as(tx, user_id, now=house.clock.now())
    return {"cookie": f"coinwell={token}", "sec-fetch-site": "same-origin"}


def every_call(user_id: Any, order_id: Any) -> list[tuple[str, str, Any, ApiScope]]:
    """Each call of the API, well formed, with the scope it needs."""
    user, order = f"/v1/users/{user_id}", f"/v1/recharges/{order_id}"
    new = {"external_id": "new", "display_name": "New", "country": "DE"}
    held = {"scope": "recharge", "reason_code": "identity_check"}
    lifted, refunded = {"reason": "checked"}, {"reason": "asked"}
    wish = {"country": "DE", "coins": 500}
    hooks, hook = "/v1/webhook-endpoints", f"/v1/webhook-endpoints/{order_id}"
    hear = {"url": "http://127.0.0.1:9/hooks"}
    wish, stop = {"country": "DE", "coins": 500}, {"mode": "stop", "amount": 500}
    room, opened = f"/v1/rooms/{uuid4()}", {"creator_id": str(user_id), "title": "Live"}
    gift = {"sender_id": str(uuid4()), "room_id": str(uuid4()), "gift_id": "rose"}
    return [
        ("POST", "/v1/users", new, ApiScope.USERS_WRITE),
        ("GET", "/v1/users?external_id=ana", None, ApiScope.USERS_READ),
        ("GET", user, None, ApiScope.USERS_READ),
        ("PATCH", user, {"display_name": "A"}, ApiScope.USERS_WRITE),
        ("POST", f"{user}/handoff", {}, ApiScope.USERS_WRITE),
        ("GET", f"{user}/standing", None, ApiScope.USERS_READ),
        ("GET", f"{user}/restrictions", None, ApiScope.RESTRICTIONS_READ),
        ("POST", f"{user}/restrictions", held, ApiScope.RESTRICTIONS_WRITE),
        ("POST", f"{user}/restrictions/{uuid4()}/lift", lifted, ApiScope.RESTRICTIONS_WRITE),
        ("GET", "/v1/packs?country=DE", None, ApiScope.CATALOG_READ),
        ("GET", "/v1/catalogue/gifts?country=DE", None, ApiScope.CATALOG_READ),
        ("POST", "/v1/quotes", wish, ApiScope.CATALOG_READ),
        ("GET", f"{user}/balance", None, ApiScope.WALLET_READ),
        ("GET", f"{user}/statement", None, ApiScope.WALLET_READ),
        ("GET", f"{user}/recharges", None, ApiScope.RECHARGE_READ),
        ("POST", f"{user}/recharges", WANTED, ApiScope.RECHARGE_WRITE),
        ("GET", order, None, ApiScope.RECHARGE_READ),
        ("POST", f"{order}/check", None, ApiScope.RECHARGE_WRITE),
        ("POST", f"{order}/cancel", None, ApiScope.RECHARGE_WRITE),
        ("POST", f"{order}/refund", refunded, ApiScope.REFUNDS_WRITE),
        ("POST", hooks, hear, ApiScope.WEBHOOKS_WRITE),
        ("GET", hooks, None, ApiScope.WEBHOOKS_READ),
        ("GET", hook, None, ApiScope.WEBHOOKS_READ),
        ("PATCH", hook, {"state": "off"}, ApiScope.WEBHOOKS_WRITE),
        ("DELETE", hook, None, ApiScope.WEBHOOKS_WRITE),
        ("POST", f"{hook}/rotate", None, ApiScope.WEBHOOKS_WRITE),
        ("POST", f"{hook}/test", None, ApiScope.WEBHOOKS_WRITE),
        ("POST", f"{hook}/replay", {"first": 1}, ApiScope.WEBHOOKS_WRITE),
        ("GET", f"{hook}/deliveries", None, ApiScope.WEBHOOKS_READ),
        ("GET", "/v1/webhook-deliveries/1", None, ApiScope.WEBHOOKS_READ),
        ("POST", "/v1/webhook-deliveries/1/resend", None, ApiScope.WEBHOOKS_WRITE),
        ("GET", "/v1/events", None, ApiScope.WEBHOOKS_READ),
        ("GET", f"{user}/messages", None, ApiScope.USERS_READ),
        ("POST", "/v1/rooms", opened, ApiScope.LIVE_WRITE),
        ("GET", "/v1/rooms", None, ApiScope.LIVE_READ),
        ("GET", room, None, ApiScope.LIVE_READ),
        ("GET", f"{room}/events", None, ApiScope.LIVE_READ),
        ("POST", f"{room}/close", None, ApiScope.LIVE_WRITE),
        ("POST", "/v1/gifts", gift, ApiScope.GIFTS_WRITE),
        ("POST", "/v1/gifts/batch", {"gifts": [gift | {"key": "k"}]}, ApiScope.GIFTS_WRITE),
        ("GET", f"{user}/earned", None, ApiScope.WALLET_READ),
        ("GET", f"{user}/limits", None, ApiScope.LIMITS_READ),
        ("PUT", f"{user}/limits/coins/day", stop, ApiScope.LIMITS_WRITE),
        ("DELETE", f"{user}/limits/coins/day", None, ApiScope.LIMITS_WRITE),
        ("POST", f"{user}/limits/coins/day/confirm", None, ApiScope.LIMITS_WRITE),
        ("POST", f"{user}/limits/coins/day/cancel", None, ApiScope.LIMITS_WRITE),
    ]


async def started(asker: Asker) -> str:
    """The id of a recharge of the person."""
    answer = await asker.ask("POST", RECHARGES, key="first", json=WANTED)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def call(asker: Asker, method: str, path: str, body: Any, **headers: str) -> httpx2.Response:
    said = {"idempotency-key": "k"} | {n.replace("_", "-"): v for n, v in headers.items()}
    return await asker.web.request(method, path, headers=said, json=body)


async def test_every_call_of_the_api_is_in_the_table(house: House) -> None:
    async with asking(house) as asker:
        document = (await asker.web.get("/openapi.json")).json()
        known = {
            (method.upper(), path.count("/"))
            for path, operations in document["paths"].items()
            for method in operations
            if "webhooks" not in path
        }
        table = [(method, path.partition("?")[0]) for method, path, _, _ in every_call("u", "o")]
        total = sum(len(one) for path, one in document["paths"].items() if "webhooks" not in path)
    assert len(table) == total
    assert {(method, path.count("/")) for method, path in table} == known


async def test_a_caller_that_is_not_known_gets_401_whatever_it_sends(house: House) -> None:
    async with asking(house) as asker:
        order_id = await started(asker)
        revoked = await revoked_key(house)
        ended = await api_key_that_ended(house)
        session_token = (await session(house, asker.user_id))["cookie"]
        strangers: list[tuple[str, dict[str, str]]] = [
            ("not_signed_in", {}),
            ("key_unknown", {"authorization": "Bearer cw_test_nothing"}),
            ("key_unknown", {"authorization": f"Bearer {asker.key}x"}),
            ("key_unknown", {"authorization": f"Basic {asker.key}"}),
            ("key_unknown", {"authorization": asker.key}),
            ("key_unknown", {"authorization": "Bearer"}),
            ("key_unknown", {"authorization": f"Bearer {revoked}"}),
            ("key_unknown", {"authorization": f"Bearer {ended}"}),
            ("not_signed_in", {"cookie": "coinwell=made-up"}),
            ("not_signed_in", {"cookie": session_token.replace("coinwell=", "other=")}),
        ]
        before = await contents(house)
        for code, headers in strangers:
            for method, path, body, _ in every_call(asker.user_id, order_id):
                answer = await call(asker, method, path, body, **headers)
                problem(answer, 401, code)
        oversize = b" " * 300_000
        said = {"content-type": "text/plain"}
        unread = await asker.web.post("/v1/users", headers=said, content=oversize)
        problem(unread, 401, "not_signed_in")
        assert await contents(house) == before


async def revoked_key(house: House) -> str:
    async with transaction(house.installation.pool) as tx:
        seal, now = seal_of(house.settings), house.clock.now()
        made, plain = await create_api_key(
            tx, NewKey("old", frozenset(ApiScope)), seal=seal, by="tests", now=now
        )
        await revoke_api_key(tx, made.id, now=now)
    return plain


async def api_key_that_ended(house: House) -> str:
    async with transaction(house.installation.pool) as tx:
        new = NewKey("short", frozenset(ApiScope), house.clock.now().replace(second=1))
        seal, now = seal_of(house.settings), house.clock.now()
        _, plain = await create_api_key(tx, new, seal=seal, by="tests", now=now)
    house.clock.advance(seconds=2)
    return plain


async def test_a_key_without_the_scope_gets_403_and_the_scope_by_name(house: House) -> None:
    async with asking(house) as asker:
        order_id = await started(asker)
        keys = {scope: await api_key(house, *(set(ApiScope) - {scope})) for scope in ApiScope}
        before = await contents(house)
        for method, path, body, scope in every_call(asker.user_id, order_id):
            said = {"authorization": f"Bearer {keys[scope]}"}
            answer = await call(asker, method, path, body, **said)
            assert problem(answer, 403, "not_permitted")["needs"] == scope.value
        assert await contents(house) == before


async def test_one_user_can_neither_see_nor_move_anything_of_another(house: House) -> None:
    async with asking(house) as asker:
        order_id = await started(asker)
        eve = await session(house, (await house.person("eve")).id)
        before = await contents(house)
        open_to_all = {
            ("GET", "/v1/packs?country=DE"),
            ("GET", "/v1/catalogue/gifts?country=DE"),
            ("POST", "/v1/quotes"),
            ("GET", "/v1/rooms"),
        }
        for method, path, body, _ in every_call(asker.user_id, order_id):
            if (method, path) in open_to_all:
                continue
            answer = await call(asker, method, path, body, **eve)
            hidden = f"/v1/recharges/{order_id}" in path and not path.endswith("refund")
            wanted = (404, "recharge_unknown") if hidden else (403, "not_permitted")
            # Rooms are for everybody to see; this one is not there.
            problem(answer, *((404, "room_unknown") if path.startswith("/v1/rooms/") else wanted))
        assert await contents(house) == before


async def test_a_browser_writes_only_for_our_own_pages(house: House) -> None:
    async with asking(house) as asker:
        own = await session(house, asker.user_id)
        path = RECHARGES.replace("{user}", str(asker.user_id))
        before = await contents(house)
        for site in (None, "cross-site", "same-site", "none"):
            said = {"cookie": own["cookie"]} | ({} if site is None else {"sec-fetch-site": site})
            problem(await call(asker, "POST", path, WANTED, **said), 401, "not_signed_in")
        assert await contents(house) == before
        allowed = await call(asker, "POST", path, WANTED, **own)
    assert allowed.status_code == 201


BAD_KEYS: list[tuple[Any, str]] = [
    (None, "key_missing"),
    ("", "key_missing"),
    ('""', "key_unreadable"),
    ("k" * 256, "key_unreadable"),
    (b"k\xe9y", "key_unreadable"),
    (b"a\tb", "key_unreadable"),
]


async def test_a_write_needs_a_key_that_can_be_read(house: House) -> None:
    async with asking(house) as asker:
        order_id = await started(asker)
        before = await contents(house)
        # Each gift of a batch has a key of its own.
        keyless = {
            "/v1/quotes",
            f"/v1/recharges/{order_id}/check",
            f"/v1/webhook-endpoints/{order_id}/test",
            "/v1/gifts/batch",
        }
        for method, path, body, _ in every_call(asker.user_id, order_id):
            if method != "GET" and path not in keyless:
                for key, code in BAD_KEYS:
                    problem(await asker.ask(method, path, key=key, json=body), 400, code)
        assert await contents(house) == before


async def test_a_key_with_other_content_is_a_clash(house: House) -> None:
    async with asking(house) as asker:
        order_id = await started(asker)
        user, order = f"/v1/users/{asker.user_id}", f"/v1/recharges/{order_id}"
        held = {"scope": "gift", "reason_code": "identity_check"}
        pairs: list[tuple[str, str, Any, Any]] = [
            ("POST", "/v1/users", newcomer("a"), newcomer("b")),
            ("PATCH", user, {"display_name": "A"}, {"display_name": "B"}),
            ("POST", f"{user}/handoff", {}, {"landing": "/me/help"}),
            ("POST", f"{user}/restrictions", held, held | {"scope": "promote"}),
            ("POST", f"{user}/recharges", WANTED, {"coins": 501}),
            ("POST", f"{user}/recharges", WANTED, WANTED | {"price_minor": 530}),
        ]
        for number, (method, path, first, other) in enumerate(pairs):
            key = f"pair-{number}"
            assert (await asker.ask(method, path, key=key, json=first)).status_code < 300
            before = await contents(house)
            clash = await asker.ask(method, path, key=key, json=other)
            assert problem(clash, 409, "key_reused")["key"] == key
            again = await asker.ask(method, path, key=key, json=first)
            assert again.headers["idempotency-replayed"] == "true"
            assert await contents(house) == before
        assert (await asker.ask("POST", f"{order}/cancel", key="c")).status_code == 200
        other = (await asker.ask("POST", RECHARGES, key="second", json=WANTED)).json()["id"]
        clash = await asker.ask("POST", f"/v1/recharges/{other}/cancel", key="c")
        problem(clash, 409, "key_reused")


def newcomer(name: str) -> dict[str, str]:
    return {"external_id": name, "display_name": name.title(), "country": "DE"}


OTHER_TYPES = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "application/jsonx",
    "application/problem+json",
    "",
]


async def test_a_body_of_another_media_type_is_415(house: House) -> None:
    async with asking(house) as asker:
        order_id = await started(asker)
        before = await contents(house)
        for method, path, body, _ in every_call(asker.user_id, order_id):
            if body is None:
                continue
            for said in OTHER_TYPES:
                answer = await asker.ask(
                    method, path, content=b'{"coins": 500}', headers={"content-type": said}
                )
                problem(answer, 415, "wrong_media_type")
        assert await contents(house) == before


async def test_a_wrong_method_is_405_and_says_which_are_right(house: House) -> None:
    async with asking(house) as asker:
        allowed: dict[str, set[str]] = {}
        for method, path, _, _ in every_call(asker.user_id, uuid4()):
            allowed.setdefault(path.partition("?")[0], set()).add(method)
        for path, methods in allowed.items():
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
                answer = await asker.ask(method, path)
                problem(answer, 405, "method_not_allowed")
                offered = {one.strip() for one in answer.headers["allow"].split(",")}
                assert offered - {"OPTIONS"} == methods, path
            asked = await asker.ask("OPTIONS", path)
            assert {one.strip() for one in asked.headers["allow"].split(",")} == methods | {
                "OPTIONS"
            }
        page = await asker.web.delete("/me/balance")
        assert page.status_code == 405
        assert "GET" in page.headers["allow"]
        assert page.headers["content-type"].startswith("text/html")


async def test_an_unknown_address_is_a_problem_for_programs_and_a_page_for_people(
    house: House,
) -> None:
    async with asking(house) as asker:
        for path in ("/v1", "/v1/", "/v1/user", "/v1/users/x/y/z", "/v1/webhooks"):
            problem(await asker.ask("GET", path), 404, "not_found")
        for path in ("/nowhere", "/me/nowhere", "/static/nowhere.css", "/problems/nowhere"):
            page = await asker.web.get(path)
            assert page.status_code == 404
            assert page.headers["content-type"].startswith("text/html"), path
            assert "<h1>Not found</h1>" in page.text
            assert page.headers["x-request-id"] in page.text


async def test_who_may_not_recharge_reads_why_before_any_provider_is_asked(house: House) -> None:
    async with asking(house) as asker:
        held = {"scope": "recharge", "reason_code": "identity_check"}
        await asker.ask("POST", "/v1/users/{user}/restrictions", json=held)
        minor = await house.person("mia", birth_on=house.clock.now().date().replace(year=2012))
        nobody = await house.person("noa", birth_on=None)
        people = [
            (asker.user_id, "account_restricted"),
            (minor.id, "under_age"),
            (nobody.id, "age_unknown"),
        ]
        before = await contents(house)
        for user_id, code in people:
            path = f"/v1/users/{user_id}/recharges"
            said = problem(await asker.ask("POST", path, json=WANTED), 403, code)
            assert said["reason_code"]
            assert len(said["detail"].split()) > 3
            assert len(said["next_step"].split()) > 3
            assert "until" in said
        assert await contents(house) == before
    with sqlite3.connect(house.settings.data / "sandbox.sqlite") as memory:
        assert memory.execute("SELECT count(*) FROM payment").fetchone() == (0,)
    memory.close()

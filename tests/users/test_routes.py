"""The API of the users room: keys and scopes, exact problems, repeats, hand-off links."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from coinwell.base.db import transaction, value
from coinwell.users import ApiScope, enter, enter_as, revoke_api_key, seal_of, session
from tests.users.conftest import Site
from tests.users.make import NOON, person

ANA = {
    "external_id": "ana",
    "display_name": "Ana",
    "country": "DE",
    "language": "de",
    "time_zone": "Europe/Berlin",
    "birth_on": "1995-05-05",
}
HELD = {"scope": "recharge", "reason_code": "identity_check"}
WRITE = (ApiScope.USERS_WRITE, ApiScope.USERS_READ)
RESTRICT = (ApiScope.RESTRICTIONS_WRITE, ApiScope.RESTRICTIONS_READ, ApiScope.USERS_READ)


def keyed(headers: dict[str, str], key: str = "k1") -> dict[str, str]:
    return headers | {"idempotency-key": key}


async def ana(site: Site) -> str:
    async with transaction(site.pool) as tx:
        return str((await person(tx)).id)


def is_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["detail"]
    return document


async def test_a_user_is_made_and_read_back(site: Site) -> None:
    key = await site.key(*WRITE)
    proof = {
        "method": "document",
        "reference": "c-1",
        "at": "2026-01-01T00:00:00Z",
        "age_min": 18,
    }
    made = await site.client.post(
        "/v1/users", json=ANA | {"age_evidence": proof}, headers=keyed(key)
    )

    assert made.status_code == 201
    shown = made.json()
    assert (shown["age_state"], shown["age_evidence"], shown["language"]) == ("adult", proof, "de")
    by_id = await site.client.get(f"/v1/users/{shown['id']}", headers=key)
    by_name = await site.client.get("/v1/users", params={"external_id": "ana"}, headers=key)
    assert by_id.json() == by_name.json() == shown


async def test_a_repeat_gets_the_first_answer(site: Site) -> None:
    key = await site.key(*WRITE)
    first = await site.client.post("/v1/users", json=ANA, headers=keyed(key))
    again = await site.client.post("/v1/users", json=ANA, headers=keyed(key, '"k1"'))
    other = await site.client.post("/v1/users", json=ANA | {"country": "FR"}, headers=keyed(key))
    none = await site.client.post("/v1/users", json=ANA, headers=key)
    afresh = await site.client.post("/v1/users", json=ANA, headers=keyed(key, "k2"))

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    is_problem(other, 409, "key_reused")
    is_problem(none, 400, "key_missing")
    assert afresh.json() == first.json(), "the external id is as good as a key"


async def test_a_refused_request_leaves_its_key_free(site: Site) -> None:
    key = await site.key(*WRITE)
    wrong = await site.client.post("/v1/users", json=ANA | {"country": "XX"}, headers=keyed(key))
    right = await site.client.post("/v1/users", json=ANA, headers=keyed(key))

    assert is_problem(wrong, 422, "wrong_user")["errors"] == [
        {
            "pointer": "/country",
            "detail": "A country is a code of ISO 3166-1 alpha-2, such as DE.",
        }
    ]
    assert right.status_code == 201


async def test_another_story_about_the_same_person_is_a_clash(site: Site) -> None:
    key, user_id = await site.key(*WRITE), await ana(site)
    clash = await site.client.post(
        "/v1/users", json=ANA | {"display_name": "Eve"}, headers=keyed(key)
    )
    assert is_problem(clash, 409, "external_id_taken")["user_id"] == user_id


NAMED = b'"external_id": "a", "display_name": "A", "country": "DE"'
PROOF = b'"reference": "r", "at": "2026-01-01T00:00:00Z", "age_min": 18'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "unreadable"),
        (b"[]", "invalid"),
        (b'{"external_id": 5}', "invalid"),
        (b"{%b, %b}" % (NAMED, b'"admin": true'), "invalid"),
        (b"{%b, %b}" % (NAMED, b'"birth_on": "1.2.90"'), "invalid"),
        (b'{%b, "age_evidence": {"method": "guess", %b}}' % (NAMED, PROOF), "invalid"),
        (
            b'{%b, "age_evidence": {"method": "bank", %b}}' % (NAMED, PROOF.replace(b"Z", b"")),
            "invalid",
        ),
    ],
)
async def test_what_cannot_be_read_is_a_problem(site: Site, body: bytes, code: str) -> None:
    key = keyed(await site.key(*WRITE)) | {"content-type": "application/json"}
    answer = await site.client.post("/v1/users", content=body, headers=key)
    is_problem(answer, 400 if code == "unreadable" else 422, code)


async def test_the_same_with_all_in_order_is_accepted(site: Site) -> None:
    key = keyed(await site.key(*WRITE)) | {"content-type": "application/json"}
    body = b'{%b, "age_evidence": {"method": "bank", %b}}' % (NAMED, PROOF)
    answer = await site.client.post("/v1/users", content=body, headers=key)
    assert answer.status_code == 201


async def test_a_change_takes_what_is_given_and_null_takes_away(site: Site) -> None:
    key, user_id = await site.key(*WRITE), await ana(site)
    body = {"birth_on": None, "language": "pt-br"}
    changed = await site.client.patch(f"/v1/users/{user_id}", json=body, headers=keyed(key))
    faulty = await site.client.patch(
        f"/v1/users/{user_id}", json={"time_zone": "Mars"}, headers=keyed(key, "k2")
    )
    renamed = await site.client.patch(
        f"/v1/users/{user_id}", json={"external_id": "eve"}, headers=keyed(key, "k3")
    )
    unknown = await site.client.patch(f"/v1/users/{uuid4()}", json={}, headers=keyed(key, "k4"))

    shown = changed.json()
    assert (shown["birth_on"], shown["language"], shown["age_state"]) == (None, "pt-BR", "unknown")
    assert shown["display_name"] == "Ana"
    is_problem(faulty, 422, "wrong_user")
    is_problem(renamed, 422, "invalid")
    is_problem(unknown, 404, "user_unknown")


@pytest.mark.parametrize(
    ("method", "path", "scope", "body"),
    [
        ("POST", "/v1/users", ApiScope.USERS_WRITE, ANA),
        ("GET", "/v1/users?external_id=ana", ApiScope.USERS_READ, None),
        ("GET", "/v1/users/{id}", ApiScope.USERS_READ, None),
        ("PATCH", "/v1/users/{id}", ApiScope.USERS_WRITE, {}),
        ("POST", "/v1/users/{id}/handoff", ApiScope.USERS_WRITE, {}),
        ("GET", "/v1/users/{id}/standing", ApiScope.USERS_READ, None),
        ("GET", "/v1/users/{id}/restrictions", ApiScope.RESTRICTIONS_READ, None),
        ("POST", "/v1/users/{id}/restrictions", ApiScope.RESTRICTIONS_WRITE, HELD),
        (
            "POST",
            "/v1/users/{id}/restrictions/00000000-0000-4000-8000-000000000000/lift",
            ApiScope.RESTRICTIONS_WRITE,
            {"reason": "Checked."},
        ),
    ],
)
async def test_each_route_needs_its_own_scope(
    site: Site, method: str, path: str, scope: ApiScope, body: dict[str, Any] | None
) -> None:
    path = path.replace("{id}", await ana(site))

    async def ask(headers: dict[str, str]) -> httpx2.Response:
        return await site.client.request(method, path, json=body, headers=keyed(headers))

    is_problem(await ask({}), 401, "not_signed_in")
    is_problem(await ask({"authorization": "Basic eDp5"}), 401, "key_unknown")
    is_problem(await ask({"authorization": "Bearer nonsense"}), 401, "key_unknown")
    others = await ask(await site.key(*(one for one in ApiScope if one is not scope)))
    assert is_problem(others, 403, "not_permitted")["needs"] == scope.value
    allowed = await ask(await site.key(scope))
    assert allowed.status_code in {200, 201} or allowed.json()["code"] == "restriction_unknown"


async def test_a_revoked_key_is_out_with_the_next_request(site: Site) -> None:
    key, user_id = await site.key(ApiScope.USERS_READ), await ana(site)
    assert (await site.client.get(f"/v1/users/{user_id}", headers=key)).status_code == 200
    async with transaction(site.pool) as tx:
        await revoke_api_key(tx, await value(tx, "SELECT id FROM users.api_key"), now=NOON)
    is_problem(await site.client.get(f"/v1/users/{user_id}", headers=key), 401, "key_unknown")


async def test_a_handed_over_user_comes_in_where_the_link_leads(site: Site) -> None:
    key, user_id = await site.key(*WRITE), await ana(site)
    path = f"/v1/users/{user_id}/handoff"
    wanted = {"landing": "/me/recharge"}
    made = await site.client.post(path, json=wanted, headers=keyed(key))
    again = await site.client.post(path, json=wanted, headers=keyed(key))
    elsewhere = await site.client.post(
        path, json={"landing": "https://evil.example"}, headers=keyed(key, "k2")
    )

    assert made.status_code == 201
    assert made.json()["expires_at"] == "2026-11-22T12:01:00Z"
    assert again.json() == made.json()
    is_problem(elsewhere, 422, "invalid")
    base, _, token = made.json()["url"].partition("?token=")
    assert base == "http://127.0.0.1:8100/enter"
    async with transaction(site.pool) as tx:
        kept = await value(tx, "SELECT body::text FROM base.answer")
        assert token.rpartition(".")[2] not in kept, "a reader of the table cannot come in"
        entered = await enter(tx, token, seal=seal_of(site.settings), now=NOON)
    assert str(entered.user.id) == user_id
    assert entered.landing.value == "/me/recharge"


async def test_a_restriction_is_placed_shown_and_lifted(site: Site) -> None:
    key, user_id = await site.key(*RESTRICT), await ana(site)
    path = f"/v1/users/{user_id}/restrictions"
    until = "2026-12-01T00:00:00Z"
    placed = await site.client.post(path, json=HELD | {"expires_at": until}, headers=keyed(key))
    twin = await site.client.post(path, json=HELD | {"expires_at": until}, headers=keyed(key))
    standing = await site.client.get(f"/v1/users/{user_id}/standing", headers=key)

    assert placed.status_code == 201
    assert twin.json() == placed.json()
    assert placed.json()["in_force"] is True
    assert placed.json()["placed_by"].startswith("key:")
    assert standing.json()["age_state"] == "adult"
    by_scope = {one["scope"]: one for one in standing.json()["standing"]}
    assert by_scope["recharge"] == {
        "scope": "recharge",
        "allowed": False,
        "sentence": "We have to check who you are before this can go on.",
        "reason_code": "identity_check",
        "until": until,
        "next_step": "Finish the identity check in the app, or contact support.",
    }
    assert by_scope["gift"]["allowed"] is True

    lift = f"{path}/{placed.json()['id']}/lift"
    lifted = await site.client.post(lift, json={"reason": "Checked."}, headers=keyed(key, "k2"))
    again = await site.client.post(lift, json={"reason": "Checked."}, headers=keyed(key, "k2"))
    late = await site.client.post(lift, json={"reason": "Checked."}, headers=keyed(key, "k3"))
    assert (lifted.status_code, lifted.json()["in_force"]) == (200, False)
    assert again.json() == lifted.json()
    is_problem(late, 409, "restriction_lifted")
    listed = await site.client.get(path, headers=key)
    assert listed.json() == {"restrictions": [lifted.json()]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"scope": "breathe"}, "invalid"),
        ({"reason_code": "because"}, "invalid"),
        ({"expires_at": "2026-12-01T00:00:00"}, "invalid"),
        ({"expires_at": "2026-11-22T12:00:00Z"}, "wrong_restriction"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, "wrong_restriction"),
        ({"expires_at": "0001-01-01T00:00:00+23:59"}, "wrong_restriction"),
        ({"sentence": ""}, "wrong_restriction"),
        ({"sentence": "\u0000"}, "wrong_restriction"),
    ],
)
async def test_a_faulty_restriction_is_a_problem(
    site: Site, body: dict[str, Any], code: str
) -> None:
    key, user_id = await site.key(*RESTRICT), await ana(site)
    answer = await site.client.post(
        f"/v1/users/{user_id}/restrictions", json=HELD | body, headers=keyed(key)
    )
    is_problem(answer, 422, code)


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
async def test_an_impossible_date_of_evidence_is_a_problem(site: Site, at: str) -> None:
    proof = {"method": "bank", "reference": "r", "at": at, "age_min": 18}
    answer = await site.client.post(
        "/v1/users", json=ANA | {"age_evidence": proof}, headers=keyed(await site.key(*WRITE))
    )
    assert is_problem(answer, 422, "wrong_user")["errors"][0]["pointer"] == "/age_evidence/at"


async def test_a_signed_in_user_may_ask_about_themselves(site: Site) -> None:
    async with transaction(site.pool) as tx:
        ana, ben = await person(tx), await person(tx, "ben")
        token = await enter_as(tx, ana.id, now=NOON)
    site.client.cookies.set("coinwell", token)

    async def status(path: str) -> int:
        return (await site.client.get(path)).status_code

    assert await status(f"/v1/users/{ana.id}/standing") == 200
    assert await status(f"/v1/users/{ben.id}/standing") == 403
    assert await status("/v1/users?external_id=ana") == 200
    assert await status("/v1/users?external_id=ben") == 403
    assert await status("/v1/users?external_id=nobody") == 403
    assert await status(f"/v1/users/{ana.id}/restrictions") == 403


@pytest.mark.parametrize(
    ("site_said", "status"),
    [(None, 401), ("cross-site", 401), ("same-site", 401), ("same-origin", 403)],
)
async def test_a_cookie_counts_for_a_write_only_from_our_own_pages(
    site: Site, site_said: str | None, status: int
) -> None:
    async with transaction(site.pool) as tx:
        token = await enter_as(tx, (await person(tx)).id, now=NOON)
        assert await session(tx, token, now=NOON) is not None
    site.client.cookies.set("coinwell", token)
    headers = {} if site_said is None else {"sec-fetch-site": site_said}
    answer = await site.client.post("/v1/users", json=ANA, headers=keyed(headers))
    assert answer.status_code == status

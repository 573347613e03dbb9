"""Bad input gets its exact problem, and nothing is written for it."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest

from coinwell.app import BODY_BYTES_MAX
from tests.api.asking import Asker, asking, contents, problem
from tests.house import House

USERS, QUOTES, RECHARGES = "/v1/users", "/v1/quotes", "/v1/users/{user}/recharges"
ANA = {"external_id": "new", "display_name": "New", "country": "DE"}
FEW: dict[str, Any] = {"coins": 500}
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and the no that it must get."""

    what: str
    method: str
    path: str
    status: int
    code: str
    body: bytes | None = None
    at: str | None = None  # The JSON Pointer of the first fault.
    of: str | None = None  # The name of the parameter at fault.


def text(**members: Any) -> bytes:
    return json.dumps(members).encode()


def amounts() -> list[Case]:
    """Every bad number, wherever a number of coins or of money is taken."""
    readable = {
        "negative": b"-1",
        "just past what is exact": b"9007199254740992",
        "2**63": str(2**63).encode(),
        "2**200": str(2**200).encode(),
        "fractional": b"1.5",
        "fractional in form": b"500.0",
        "exponential": b"5e2",
        "text": b'"500"',
        "empty text": b'""',
        "truth": b"true",
        "list": b"[500]",
        "object": b"{}",
    }
    unreadable = {
        "too large for any reader": b"1e999",
        "NaN": b"NaN",
        "Infinity": b"Infinity",
        "-Infinity": b"-Infinity",
        "leading zero": b"0500",
        "hexadecimal": b"0x10",
        "underscores": b"1_000",
        "plus": b"+5",
    }
    places = [
        (QUOTES, b'{"country":"DE","coins":%b}', "/coins"),
        (RECHARGES, b'{"coins":%b}', "/coins"),
        (RECHARGES, b'{"coins":500,"price_minor":%b}', "/price_minor"),
    ]
    cases: list[Case] = []
    for path, form, at in places:
        for what, number in readable.items():
            cases.append(Case(what, "POST", path, 422, "invalid", form % number, at))
        for what, number in unreadable.items():
            cases.append(Case(what, "POST", path, 400, "unreadable", form % number))
    zero = Case("zero", "POST", RECHARGES, 422, "invalid", b'{"coins":0}', "/coins")
    free = Case(
        "free", "POST", RECHARGES, 422, "invalid", b'{"coins":5,"price_minor":0}', "/price_minor"
    )
    few = Case("zero", "POST", QUOTES, 422, "amount_too_small", b'{"country":"DE","coins":0}')
    most = text(country="DE", coins=2**53 - 1)
    many = Case("2**53 - 1", "POST", QUOTES, 422, "amount_too_large", most)
    return [*cases, zero, free, few, many]


def shapes() -> list[Case]:
    """Bodies that are no JSON, or JSON of another shape."""
    deep = b'{"coins":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    broken = {
        "cut off": b'{"coins": 50',
        "trailing words": b'{"coins": 500} and more',
        "single quotes": b"{'coins': 500}",
        "a comment": b'{"coins": 500 /* many */}',
        "a byte order mark": b"\xef\xbb\xbf" + text(**FEW),
        "UTF-16": text(**FEW).decode().encode("utf-16"),
        "invalid UTF-8": b'{"pack_id": "\xff\xfe"}',
        "half a pair": b'{"pack_id": "\\ud83d"}',
        "a raw control character": b'{"pack_id": "a\nb"}',
        "a hundred thousand deep": deep,
        "only blanks": b"   ",
    }
    shaped: list[tuple[str, bytes, str]] = [
        ("no body", b"", ""),
        ("null", b"null", ""),
        ("a list", b"[]", ""),
        ("a number", b"5", ""),
        ("an unknown member", b'{"coins": 500, "admin": true}', "/admin"),
        ("a member that is not for callers", b'{"coins": 500, "user_id": "x"}', "/user_id"),
        ("an odd member", b'{"coins": 500, "a/b~c": 1}', "/a~1b~0c"),
        ("an unknown channel", b'{"coins": 500, "channel": "mail"}', "/channel"),
        ("a currency in small letters", b'{"coins": 500, "currency": "eur"}', "/currency"),
        ("a currency with a newline", b'{"coins": 500, "currency": "EUR\\n"}', "/currency"),
        ("a NUL in a name", b'{"pack_id": "a\\u0000b"}', "/pack_id"),
        ("an endless name", text(pack_id="a" * 65), "/pack_id"),
    ]
    twice = b'{"coins": 500, "coins": 1}'
    deeper = b'{"country": "DE", "coins": 500, "x": {"y": [{"a": 1, "a": 1}]}}'
    return [
        *(Case(what, "POST", RECHARGES, 400, "unreadable", body) for what, body in broken.items()),
        *(Case(what, "POST", RECHARGES, 422, "invalid", body, at) for what, body, at in shaped),
        Case(
            "a NUL in a reason",
            "POST",
            f"/v1/recharges/{NOBODY}/refund",
            422,
            "invalid",
            text(reason="a\0b"),
            "/reason",
        ),
        Case(
            "a NUL deep down",
            "PATCH",
            "/v1/users/{user}",
            422,
            "invalid",
            text(age_evidence={"method": "bank", "x": [{"y": "\0"}]}),
            "/age_evidence/x/0/y",
        ),
        Case("a member twice", "POST", RECHARGES, 400, "member_twice", twice),
        Case("a member twice, deep", "POST", QUOTES, 400, "member_twice", deeper),
        Case("too large", "POST", RECHARGES, 413, "too_large", b" " * (BODY_BYTES_MAX + 1)),
        Case("missing", "POST", USERS, 422, "invalid", text(external_id="x"), "/display_name"),
        Case(
            "deep in a member",
            "POST",
            USERS,
            422,
            "invalid",
            text(**ANA, age_evidence={"method": "guess"}),
            "/age_evidence/method",
        ),
    ]


def sayings() -> list[Case]:
    """Bodies of the right shape that say what cannot be."""
    users = [
        ("an unknown country", {"country": "XX"}, "/country"),
        ("no name", {"display_name": ""}, "/display_name"),
        ("a line feed in a name", {"display_name": "a\nb"}, "/display_name"),
        ("an endless id", {"external_id": "a" * 201}, "/external_id"),
        ("an unknown zone", {"time_zone": "Europe/Atlantis"}, "/time_zone"),
        ("a path for a zone", {"time_zone": "../../etc/passwd"}, "/time_zone"),
        ("no language", {"language": "?"}, "/language"),
        ("born tomorrow", {"birth_on": "2026-11-24"}, "/birth_on"),
    ]
    return [
        *(
            Case(what, "POST", USERS, 422, "wrong_user", text(**(ANA | said)), at)
            for what, said, at in users
        ),
        Case(
            "wrong currency",
            "POST",
            RECHARGES,
            422,
            "not_sold_here",
            text(coins=500, currency="JPY"),
        ),
        Case(
            "no currency at all",
            "POST",
            QUOTES,
            422,
            "not_sold_here",
            text(country="DE", coins=500, currency="ZZZ"),
        ),
        Case("no country", "POST", QUOTES, 422, "country_unknown", text(country="XX", coins=500)),
        Case("neither", "POST", RECHARGES, 422, "pack_or_coins", b"{}"),
        Case("both", "POST", RECHARGES, 422, "pack_or_coins", text(coins=5, pack_id="coins-350")),
        Case("no such pack", "POST", RECHARGES, 422, "pack_unknown", text(pack_id="coins-351")),
        Case(
            "no such provider",
            "POST",
            RECHARGES,
            422,
            "provider_unknown",
            text(coins=500, provider="cash"),
        ),
        Case(
            "another price", "POST", RECHARGES, 409, "price_changed", text(coins=500, price_minor=1)
        ),
    ]


def addresses() -> list[Case]:
    """Ids, cursors and parameters that name nothing."""
    order = f"/v1/recharges/{NOBODY}"
    person = f"/v1/users/{NOBODY}"
    restriction = f"/v1/users/{{user}}/restrictions/{NOBODY}/lift"
    cursors = ["!", "AAAA", "W10", "WzFd", "WyJhIiwiYiJd", "a" * 500, "%00", "%F0%9F%AA%99"]
    return [
        *(Case("nobody", "GET", f"{person}{part}", 404, "user_unknown")
          for part in ("", "/standing", "/restrictions", "/balance", "/statement", "/recharges")),
        Case("nobody pays", "POST", f"{person}/recharges", 404, "user_unknown", text(**FEW)),
        Case("nobody changes", "PATCH", person, 404, "user_unknown", b"{}"),
        Case("nobody comes in", "POST", f"{person}/handoff", 404, "user_unknown", b"{}"),
        Case("no such host id", "GET", "/v1/users?external_id=x", 404, "user_unknown"),
        Case("a NUL", "GET", "/v1/users?external_id=a%00b", 404, "user_unknown"),
        Case("no host id", "GET", "/v1/users", 422, "invalid", of="external_id"),
        Case("no recharge", "GET", order, 404, "recharge_unknown"),
        Case("nothing to check", "POST", f"{order}/check", 404, "recharge_unknown"),
        Case("nothing to cancel", "POST", f"{order}/cancel", 404, "recharge_unknown"),
        Case(
            "nothing to refund", "POST", f"{order}/refund", 404, "recharge_unknown",
            text(reason="asked"),
        ),
        Case(
            "nothing to lift", "POST", restriction, 404, "restriction_unknown", text(reason="over")
        ),
        *(Case("no UUID", "GET", f"{path}{name}", 404, "not_found")
          for path in ("/v1/users/", "/v1/recharges/")
          for name in ("42", "ana", "..%2F..", "0" * 31, "%00", "null")),
        Case("nowhere", "GET", "/v1/nowhere", 404, "not_found"),
        Case("nowhere", "DELETE", "/v1", 404, "not_found"),
        *(Case("bad cursor", "GET", f"/v1/users/{{user}}/{what}?cursor={cursor}", 400, "bad_cursor")
          for what in ("statement", "recharges") for cursor in cursors),
        *(Case("bad limit", "GET", f"/v1/users/{{user}}/{what}?limit={limit}", 422, "invalid",
               of="limit")
          for what in ("statement", "recharges")
          for limit in ("0", "-1", "101", "1.5", "x", str(2**64))),
        *(Case("bad country", "GET", f"/v1/packs?country={country}", 422, "invalid", of="country")
          for country in ("de", "DEU", "", "D%0A", "DE%0A")),
        Case("unknown country", "GET", "/v1/packs?country=XX", 422, "country_unknown"),
        Case("bad channel", "GET", "/v1/packs?country=DE&channel=x", 422, "invalid", of="channel"),
        Case("bad currency", "GET", "/v1/packs?country=DE&currency=e", 422, "invalid",
             of="currency"),
    ]  # fmt: skip


@pytest.mark.parametrize("table", [amounts, shapes, sayings, addresses])
async def test_bad_input_gets_its_exact_problem_and_writes_nothing(
    house: House, table: Any
) -> None:
    async with asking(house) as asker:
        before = await contents(house)
        wrong: list[str] = []
        for case in table():
            try:
                await check(asker, case)
            except (AssertionError, KeyError) as error:
                wrong.append(f"{case.what}: {case.method} {case.path} {case.body!r:.80}: {error}")
        assert not wrong, "\n".join(wrong)
        assert await contents(house) == before


async def check(asker: Asker, case: Case) -> None:
    if case.body is None:
        answer = await asker.ask(case.method, case.path)
    else:
        answer = await asker.send(case.method, case.path, case.body)
    document = problem(answer, case.status, case.code)
    if case.at is not None:
        assert document["errors"][0]["pointer"] == case.at, document
    if case.of is not None:
        assert document["errors"][0]["parameter"] == case.of, document
    assert case.at is not None or case.of is not None or "errors" not in document, document


async def test_a_body_of_no_said_length_is_cut_off_where_it_becomes_too_large(house: House) -> None:
    sent = 0

    async def endless() -> AsyncGenerator[bytes]:
        nonlocal sent
        while sent < 64 * BODY_BYTES_MAX:
            sent += BODY_BYTES_MAX
            yield b" " * BODY_BYTES_MAX

    async with asking(house) as asker:
        for path in ("/v1/quotes", "/v1/webhooks/sandbox", "/me/sign-out"):
            sent = 0
            said = {"content-type": "application/json"}
            if path == "/me/sign-out":
                said = {"content-type": "application/x-www-form-urlencoded"}
            answer = await asker.ask("POST", path, content=endless(), headers=said)
            assert answer.status_code == 413, path
            if path.startswith("/v1"):
                problem(answer, 413, "too_large")

"""Pages and their forms take anything that anyone types, and never fall over."""

from itertools import product
from typing import Any
from urllib.parse import quote

from tests.api.asking import contents
from tests.api.browsing import browser, form_addresses, sign_in_operator, token
from tests.house import House
from tests.profile import scale
from tests.story.visiting import visiting

ODD = {
    "nothing": "",
    "a NUL": "\0",
    "a NUL within": "a\0b",
    "a line feed": "a\nb",
    "half a pair": "\ud800",
    "right to left": "\u202eabc",
    "astral": "🪙" * 50,
    "endless": "a" * 20_000,
    "a huge number": "9" * 5_000,
    "an Arabic number": "\u0665\u0660\u0660",
    "a fraction": "1.5",
    "minus": "-1",
    "SQL": "'; DROP TABLE users.person; --",
    "a template": "{{ 7 * 193 }}{% raw %}",
    "markup": "<script>alert(1)</script>",
    "like": "%_%",
}
FORESEEN = {200, 400, 403, 404, 410, 422}
QUERIES = [
    ("/me/recharge/review", "coins"),
    ("/me/recharge/review", "pack"),
    ("/me/recharges", "cursor"),
    ("/me/statement", "cursor"),
    ("/enter", "token"),
    ("/console", "q"),
    ("/console/cases", "kind"),
    ("/console/recharges", "cursor"),
    ("/console/recharges", "state"),
    ("/console/recharges", "country"),
    ("/console/recharges", "since"),
    ("/console/people", "cursor"),
    ("/console/people", "country"),
    ("/console/proposals", "cursor"),
    ("/console/audit", "cursor"),
    ("/console/audit", "who"),
    ("/console/audit", "until"),
    ("/console/audit/export", "cursor"),
]
FIELDS = [
    *("person", "token", "email", "password", "pack", "coins", "price_minor", "key", "provider"),
    *("scope", "reason_code", "days", "sentence", "next_step", "reason", "state"),
    *("note", "seen", "way", "kind", "subject", "begins", "revision"),
]


async def unread(house: House) -> dict[str, tuple[int, str]]:
    """Everything but the audit log: an operator who looks at people is on the record."""
    found = await contents(house)
    return {name: rows for name, rows in found.items() if not name.startswith("base.audit")}


SHARE = scale(3, 1)


async def test_an_odd_address_gets_a_page(house: House) -> None:
    async with visiting(house) as visitor:
        await sign_in_operator(visitor.web, house)
        before = await unread(house)
        odd = ODD | {"bytes of no text": ""}
        for (path, name), (what, text) in product(QUERIES, odd.items()):
            query = quote(text.encode("utf-8", "surrogatepass"))
            query = "%ff%fe" if what == "bytes of no text" else query
            page = await visitor.web.get(f"{path}?{name}={query}&{name}={query}")
            assert page.status_code in FORESEEN, (path, name, what, page.status_code)
            media = ("text/html", "application/json") if "export" in path else ("text/html",)
            assert page.headers["content-type"].startswith(media), what
            assert "<script>alert" not in page.text
            assert "1351" not in page.text
        assert await unread(house) == before


async def test_odd_forms_are_answered_and_change_nothing(house: House) -> None:
    async with visiting(house) as visitor, browser(house) as stranger:
        await visitor.begin()
        await sign_in_operator(visitor.web, house)
        order = visitor.order_id
        person = (await house.person("odd")).id
        addresses = [
            f"/me/recharges/{order}/pay-again",
            f"/console/users/{person}/restrictions",
            f"/console/recharges/{order}/credit",
            f"/console/recharges/{order}/refund",
            *(path for path in form_addresses() if "sign-" not in path),
        ]
        form: dict[str, Any] = {"_csrf": await token(visitor.web, "/me/menu")}
        other: dict[str, Any] = {"_csrf": await token(stranger, "/")}
        before = await contents(house)
        for turn, (what, text) in enumerate(ODD.items()):
            odd = text.encode("utf-8", "surrogatepass")
            for value in (odd, [odd, odd]):
                said = dict.fromkeys(FIELDS, value)
                # Each address gets its share of odd texts, and each text its share of addresses.
                for path in addresses[turn % SHARE :: SHARE]:
                    answer = await visitor.web.post(path, data=form | said)
                    assert answer.status_code < 500, (what, path, answer.status_code)
                    assert "<script>alert" not in answer.text
                door = await stranger.post("/console/sign-in", data=other | said)
                assert door.status_code in {400, 401, 413, 422, 429}, (what, door.status_code)
        after = await contents(house)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"users.sign_in_attempt"}, changed


UNREADABLE = [
    b"_csrf=%ff%fe",
    b"_csrf=%00",
    b"\xff\xfe",
    b"=" * 1000,
    b"&" * 10_000,
    b"%" * 1000,
    b"_csrf",
    b"_csrf=x&" * 1000,
]


async def test_a_form_that_cannot_be_read_is_refused(house: House) -> None:
    said = {"content-type": "application/x-www-form-urlencoded"}
    parts = {"content-type": "multipart/form-data; boundary=x"}
    async with visiting(house) as visitor:
        kinds = (said, parts, {"content-type": "multipart/form-data"})
        every = list(product(form_addresses(), kinds, UNREADABLE))
        for path, headers, body in every[::SHARE]:
            answer = await visitor.web.post(path, content=body, headers=headers)
            assert answer.status_code in {400, 403}, (path, headers, answer.status_code)

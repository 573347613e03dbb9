"""Every answer is strict with browsers, looking changes nothing, and only our own forms count."""

import re
import socket
from dataclasses import replace

import httpx2
from psycopg.sql import SQL

from coinwell.app import create_app
from coinwell.base.db import transaction
from coinwell.live import open_room
from tests.api.asking import Asker, asking, contents, problem
from tests.api.browsing import browser, crawl, form_addresses, sign_in_operator, token
from tests.api.test_bad_forms import unread
from tests.house import House, served
from tests.story.visiting import visiting

KEPT = "public, max-age=3600"
POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "coinwell",
}


def strict(answer: httpx2.Response, *, cache: str = "no-store") -> str:
    """Check the headers that every answer has; returns the nonce."""
    said = answer.headers
    rules = dict(rule.split(" ", 1) for rule in said["content-security-policy"].split("; "))
    nonce = re.fullmatch(r"'nonce-([\w-]{20,})'", rules.pop("script-src"))
    assert nonce
    assert re.fullmatch(r"'self' http://127\.0\.0\.1:\d+", rules.pop("form-action"))
    assert rules == POLICY
    assert said["x-content-type-options"] == "nosniff"
    assert said["referrer-policy"] == "same-origin"
    assert said["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in said["permissions-policy"]
    assert len(said["x-request-id"]) >= 12
    assert sorted(said["cache-control"].split(", ")) == sorted(cache.split(", ")), answer.url
    return nonce[1]


async def many_answers(asker: Asker, web: httpx2.AsyncClient) -> list[httpx2.Response]:
    """One of each kind: pages, problems, redirects, forms refused, bodies refused."""
    return [
        await web.get("/"),
        await web.get("/me"),
        await web.get("/console"),
        await web.get("/console/sign-in"),
        await web.get("/enter?token=made-up"),
        await web.get("/problems/key_reused"),
        await web.get("/nowhere"),
        await web.get("/me/recharges?cursor=x"),
        await web.delete("/me"),
        await web.options("/me"),
        await web.post("/me/sign-out"),
        await web.post("/me/sign-out", content=b" " * 300_000),
        await web.get("/healthz"),
        await web.get("/readyz"),
        await web.get("/openapi.json"),
        await web.get("/openapi"),
        await web.get("/static/nowhere.css"),
        await web.get("/static/../app.py"),
        await web.get("/v1/users"),
        await web.post("/v1/webhooks/sandbox", content=b"{}"),
        await web.post("/v1/webhooks/sandbox", content=b" " * 300_000),
        await asker.ask("GET", "/v1/users/{user}"),
        await asker.ask("GET", "/v1/nowhere"),
        await asker.ask("PUT", "/v1/users"),
        await asker.ask("OPTIONS", "/v1/users"),
        await asker.send("POST", "/v1/users", b"{"),
        await asker.send("POST", "/v1/users", b" " * 300_000),
        await asker.send("POST", "/v1/users", b"x", content_type="text/plain"),
    ]


async def test_every_kind_of_answer_is_strict_and_has_a_nonce_of_its_own(house: House) -> None:
    async with asking(house) as asker, browser(house) as web:
        answers = await many_answers(asker, web)
        assert {answer.status_code for answer in answers} >= {200, 303, 401, 403, 404, 405, 413}
        nonces = [strict(answer) for answer in answers]
        ids = [answer.headers["x-request-id"] for answer in answers]
        assert len(set(nonces)) == len(set(ids)) == len(answers)


async def test_assets_may_be_kept_and_everything_else_may_not(house: House) -> None:
    async with browser(house) as web:
        for name in ("coinwell.css", "status.js", "coin.svg"):
            asset = await web.get(f"/static/{name}")
            strict(asset, cache=KEPT)
            assert asset.status_code == 200


async def test_a_crash_says_its_id_and_nothing_else(house: House) -> None:
    async with asking(house) as asker, visiting(house) as visitor:
        async with transaction(house.installation.pool) as tx:
            await tx.execute(SQL("ALTER TABLE wallet.lot RENAME TO hidden"))
        answer = await asker.ask("GET", "/v1/users/{user}/statement")
        page = await visitor.web.get("/me/statement")
    assert answer.status_code == page.status_code == 500
    problem(answer, 500, "internal")
    for crashed in (answer, page):
        strict(crashed)
        assert crashed.headers["x-request-id"] in crashed.text
        assert not re.search(r"wallet\.|relation|psycopg|Undefined|Traceback|\.py", crashed.text)


async def test_a_page_runs_no_script_but_the_one_with_its_nonce(house: House) -> None:
    async with visiting(house) as visitor, browser(house) as console:
        await visitor.begin()
        await sign_in_operator(console, house)
        pages = await crawl(visitor.web, "/me", f"/me/recharges/{visitor.order_id}")
        pages |= await crawl(console, "/console", "/console?q=ana")
        scripts = 0
        for path, page in pages.items():
            if not page.headers.get("content-type", "").startswith("text/html"):
                continue
            for tag in re.findall(r"<script[^>]*>", page.text):
                scripts += 1
                assert f'nonce="{strict(page)}"' in tag, path
            assert not re.search(r"<(style|iframe|object|embed|base)\b", page.text), path
            assert not re.search(r"\son\w+=|javascript:|\sstyle=", page.text), path
    assert scripts > 0


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(house: House) -> None:
    async with browser(house) as web:
        front = await web.get("/")
        said = {"_csrf": await token(web, "/"), "person": "demo-ana"}
        entered = await web.post("/demo/enter", data=said)
        await sign_in_operator(web, house)
        left = await web.post("/me/sign-out", data={"_csrf": said["_csrf"]})
    cookies = [*front.headers.get_list("set-cookie"), *entered.headers.get_list("set-cookie")]
    assert [one.partition("=")[0] for one in cookies] == ["coinwell-csrf", "coinwell"]
    for one in [*cookies, *left.headers.get_list("set-cookie")]:
        flags = {flag.strip().lower() for flag in one.split(";")[1:]}
        assert {"httponly", "path=/", "samesite=lax"} <= flags, one
        assert not any(flag.startswith("domain") for flag in flags), one
    assert "Max-Age=0" in left.headers["set-cookie"]


async def test_over_https_cookies_are_bound_to_the_host_and_tls_is_demanded(house: House) -> None:
    settings = replace(house.settings, public_url="https://coins.example")
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with (
        served(create_app(settings, clock=house.clock), listener),
        httpx2.AsyncClient(base_url=url) as web,
    ):
        front = await web.get("/")
        seed = front.headers["set-cookie"].partition(";")[0]
        form = {"_csrf": await token(web, "/"), "person": "demo-ana"}
        planted = seed.removeprefix("__Host-")
        refused = await web.post("/demo/enter", data=form, headers={"cookie": planted})
        fresh = re.search(r'name="_csrf" value="([^"]+)"', front.text)
        assert fresh
        ours = {"cookie": seed}
        entered = await web.post("/demo/enter", data=form | {"_csrf": fresh[1]}, headers=ours)
    assert front.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert refused.status_code == 403
    assert entered.status_code == 303
    for answer, name in ((front, "__Host-coinwell-csrf="), (entered, "__Host-coinwell=")):
        assert answer.headers["set-cookie"].startswith(name)
        assert "Secure" in answer.headers["set-cookie"]


async def test_looking_changes_nothing(house: House) -> None:
    async with (
        asking(house) as asker,
        visiting(house) as visitor,
        browser(house) as console,
    ):
        await visitor.begin()
        await visitor.pay()
        await house.deliver()
        await house.work()
        await sign_in_operator(console, house)
        async with transaction(house.installation.pool) as tx:
            now = house.clock.now()
            room = await open_room(tx, creator_id=asker.user_id, title="Live", now=now)
        hook = await asker.ask(
            "POST", "/v1/webhook-endpoints", json={"url": "http://127.0.0.1:9/hooks"}
        )
        hook_id = hook.json()["id"]
        tried = await asker.ask("POST", f"/v1/webhook-endpoints/{hook_id}/test")
        delivery_id = tried.json()["id"]
        before = await unread(house)
        own = await crawl(visitor.web, "/", "/me", f"/me/recharges/{visitor.order_id}/live")
        work = await crawl(console, "/console", "/console?q=ana")
        reads = [
            (await asker.web.get("/openapi.json")).json()["paths"],
        ]
        for path, operations in reads[0].items():
            if "get" in operations:
                at = path.replace("{user_id}", str(asker.user_id))
                at = at.replace("{recharge_id}", visitor.order_id)
                at = at.replace("{room_id}", str(room.id))
                at = at.replace("{endpoint_id}", hook_id).replace("{delivery_id}", str(delivery_id))
                query = "?external_id=ana&country=DE"
                answer = await asker.ask("GET", at + query)
                assert answer.status_code == 200, answer.text
        assert await unread(house) == before
    wanted = {"/me", "/me/menu", "/me/balance", "/me/statement", "/me/recharge", "/me/recharges"}
    assert wanted | {"/me/help", "/me/status"} <= own.keys()
    assert f"/console/recharges/{visitor.order_id}" in work
    odd = {path: page.status_code for path, page in (own | work).items() if page.status_code > 303}
    assert set(odd.values()) <= {405, 422}, odd


FORGED: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("no token", {}, {}),
    ("an empty token", {"_csrf": ""}, {}),
    ("a made-up token", {"_csrf": "0" * 64}, {}),
    ("a token of no ASCII", {"_csrf": "é" * 64}, {}),
    ("another site's page", {"_csrf": "right"}, {"sec-fetch-site": "cross-site"}),
    ("a neighbour's page", {"_csrf": "right"}, {"sec-fetch-site": "same-site"}),
    ("another origin", {"_csrf": "right"}, {"origin": "https://evil.example"}),
    ("no origin at all", {"_csrf": "right"}, {"origin": "null"}),
    ("a script's body", {"_csrf": "right"}, {"content-type": "application/json"}),
    ("a plain body", {"_csrf": "right"}, {"content-type": "text/plain"}),
]


async def test_a_form_that_is_not_ours_does_nothing(house: House) -> None:
    async with visiting(house) as visitor:
        await visitor.begin()
        web = visitor.web
        await sign_in_operator(web, house)
        right = await token(web, "/me/menu")
        before = await contents(house)
        addresses = form_addresses()
        for what, form, headers in FORGED:
            sent = {name: right if value == "right" else value for name, value in form.items()}
            for path in addresses:
                answer = await web.post(path, data=sent, headers=headers)
                assert answer.status_code == 403, (what, path, answer.status_code)
                assert "Open the page again" in answer.text, (what, path)
                strict(answer)
        assert await contents(house) == before
        still_in = await web.get("/me")
    assert len(addresses) >= 14
    assert still_in.status_code == 200


async def test_the_token_of_another_browser_does_not_fit(house: House) -> None:
    async with visiting(house) as visitor, browser(house) as other:
        foreign = await token(other, "/")
        answer = await visitor.web.post("/me/sign-out", data={"_csrf": foreign})
    assert answer.status_code == 403

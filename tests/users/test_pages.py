"""People's pages: coming in, seeing one's standing, signing out, and the operators' door."""

from datetime import date, timedelta

import httpx2
import pytest

from coinwell.base.db import transaction, value
from coinwell.settings import Settings
from coinwell.users import (
    Landing,
    NewOperator,
    Role,
    Scope,
    User,
    create_operator,
    enter_as,
    hand_off,
    link_token,
    restrict,
    seal_of,
)
from tests.users.conftest import DEMO, HTTPS, Site, make_app, open_client
from tests.users.make import NOON, new_restriction, person

PASSWORD = "a long enough password"


async def ana(site: Site, external_id: str = "ana", **changes: object) -> User:
    async with transaction(site.pool) as tx:
        return await person(tx, external_id, **changes)


async def signed_in(site: Site, user: User) -> None:
    async with transaction(site.pool) as tx:
        token = await enter_as(tx, user.id, now=site.clock.now())
    site.client.cookies.set("coinwell", token)


async def link(site: Site, user: User, landing: Landing = Landing.PROFILE) -> str:
    async with transaction(site.pool) as tx:
        made = await hand_off(tx, user.id, now=site.clock.now(), landing=landing)
    return "/enter?token=" + link_token(made.id, made.expires_at, seal_of(site.settings))


def token_in(path: str) -> str:
    return path.partition("token=")[2]


async def test_opening_a_link_changes_nothing_and_names_the_person(site: Site) -> None:
    path = await link(site, await ana(site, display_name="Ana <Lima>"))
    for _ in range(2):
        shown = await site.client.get(path)
        assert shown.status_code == 200
        assert "Continue as Ana &lt;Lima&gt;?" in shown.text
        assert "coinwell" not in shown.cookies
    async with transaction(site.pool) as tx:
        assert await value(tx, "SELECT count(*) FROM users.session") == 0


async def test_one_press_of_the_button_comes_in(site: Site) -> None:
    path = await link(site, await ana(site), Landing.RECHARGE)
    entered = await site.form(path, "/enter", token=token_in(path))

    assert (entered.status_code, entered.headers["location"]) == (303, "/me/recharge")
    profile = await site.client.get("/me")
    assert "Ana" in profile.text
    assert 'href="/me/menu"' in profile.text
    menu = await site.client.get("/me/menu")
    for place in ("/me/balance", "/me/statement", "/me/status", "/me/help"):
        assert f'href="{place}"' in menu.text


async def test_a_used_or_ended_or_forged_link_says_what_to_do(site: Site) -> None:
    user = await ana(site)
    used = await link(site, user)
    await site.form(used, "/enter", token=token_in(used))
    ended = await link(site, user)
    site.clock.advance(seconds=60)

    for path, status in ((used, 410), (ended, 410), ("/enter?token=x.y.z", 403), ("/enter", 403)):
        shown = await site.client.get(path)
        assert shown.status_code == status
        assert "open your balance from there again" in shown.text
    fresh = await link(site, user)
    repeated = await site.form(fresh, "/enter", token=token_in(used))
    assert repeated.status_code == 410


async def test_the_button_needs_a_form_of_ours(site: Site) -> None:
    path = await link(site, await ana(site))
    await site.client.get(path)
    forged = await site.client.post("/enter", data={"token": token_in(path), "_csrf": "x"})
    assert forged.status_code == 403
    async with transaction(site.pool) as tx:
        assert await value(tx, "SELECT count(*) FROM users.session") == 0


async def test_coming_in_again_changes_the_token(site: Site) -> None:
    user = await ana(site)
    await signed_in(site, user)
    before = site.client.cookies["coinwell"]
    path = await link(site, user)
    site.client.cookies.delete("coinwell")
    site.client.cookies.set("coinwell", before, domain="127.0.0.1")
    await site.form(path, "/enter", token=token_in(path))

    async with open_client(make_app(site.pool, site.clock, site.settings), site.settings) as other:
        other.cookies.set("coinwell", before)
        assert (await other.get("/me")).status_code == 303, "the old token is over"


@pytest.mark.parametrize("path", ["/me", "/me/menu", "/me/status"])
async def test_strangers_are_sent_to_the_front_page(site: Site, path: str) -> None:
    answer = await site.client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_the_front_page_of_an_installation_points_to_the_app(site: Site) -> None:
    await ana(site, "demo-ana")
    shown = await site.client.get("/")
    assert "Open this from your app" in shown.text
    assert "Ana" not in shown.text
    await signed_in(site, await ana(site))
    assert (await site.client.get("/")).headers["location"] == "/me"


async def test_without_demo_nobody_comes_in_by_choosing(site: Site) -> None:
    await ana(site, "demo-ana")
    # Any page of ours has a form token; the choice itself is what is refused.
    seen = await site.client.get("/console/sign-in")
    token = seen.text.partition('name="_csrf" value="')[2].partition('"')[0]
    answer = await site.client.post("/demo/enter", data={"_csrf": token, "person": "demo-ana"})
    assert answer.status_code == 404


class TestDemo:
    """The sign-in page of a demo."""

    @pytest.fixture
    def settings(self) -> Settings:
        return DEMO

    async def test_the_made_up_people_are_offered_and_can_be_entered_as(self, site: Site) -> None:
        await ana(site, "demo-ana")
        await ana(site, "real-person", display_name="Real")
        shown = await site.client.get("/")
        assert "Ana" in shown.text
        assert "Real" not in shown.text
        entered = await site.form("/", "/demo/enter", person="demo-ana")
        assert entered.headers["location"] == "/me"
        assert "Ana" in (await site.client.get("/me")).text

    async def test_nobody_else_can_be_entered_as(self, site: Site) -> None:
        await ana(site, "demo-ana")
        await ana(site, "real-person")
        for person_id in ("real-person", "demo-nobody", ""):
            answer = await site.form("/", "/demo/enter", person=person_id)
            assert answer.status_code == 404
        unreadable = await site.form("/", "/demo/enter", person="demo-\0")
        assert unreadable.status_code == 400


async def test_the_status_page_says_what_one_may_do(site: Site) -> None:
    user = await ana(site)
    await signed_in(site, user)
    shown = (await site.client.get("/me/status")).text
    assert shown.count("Allowed") == len(Scope)

    async with transaction(site.pool) as tx:
        wanted = new_restriction(
            user, expires_at=NOON + timedelta(days=2), sentence="5% <b>off</b>"
        )
        await restrict(tx, wanted, by="operator:o", now=NOON)
    shown = (await site.client.get("/me/status")).text
    assert "5% &lt;b&gt;off&lt;/b&gt;" in shown
    assert "24 Nov 2026, 13:00 CET" in shown
    assert "Finish the identity check in the app, or contact support." in shown
    assert shown.count("Not now") == 1
    site.clock.advance(days=2)
    assert (await site.client.get("/me/status")).text.count("Allowed") == len(Scope)


@pytest.mark.parametrize(
    ("birth_on", "sentence"),
    [
        (None, "We do not know your age"),
        (date(2010, 1, 1), "real money is for people of 18 and older"),
    ],
)
async def test_the_status_page_explains_an_age(
    site: Site, birth_on: date | None, sentence: str
) -> None:
    await signed_in(site, await ana(site, birth_on=birth_on))
    shown = (await site.client.get("/me/status")).text
    assert shown.count(sentence) == len(Scope)
    assert ("1 Jan 2028" in shown) == (birth_on is not None)


async def test_signing_out_ends_the_session(site: Site) -> None:
    await signed_in(site, await ana(site))
    token = site.client.cookies["coinwell"]
    out = await site.form("/me/menu", "/me/sign-out")
    assert (out.status_code, out.headers["location"]) == (303, "/")
    assert "Max-Age=0" in out.headers["set-cookie"]
    site.client.cookies.clear()
    site.client.cookies.set("coinwell", token)
    assert (await site.client.get("/me")).status_code == 303


async def test_signing_out_everywhere_ends_the_other_devices_too(site: Site) -> None:
    user = await ana(site)
    async with transaction(site.pool) as tx:
        other = await enter_as(tx, user.id, now=NOON)
    await signed_in(site, user)
    await site.form("/me/menu", "/me/sign-out-everywhere")
    site.client.cookies.clear()
    site.client.cookies.set("coinwell", other)
    assert (await site.client.get("/me")).status_code == 303


def cookie_line(answer: httpx2.Response, name: str) -> str:
    return next(
        line for line in answer.headers.get_list("set-cookie") if line.startswith(f"{name}=")
    )


async def test_on_ones_own_machine_the_cookie_is_strict_but_for_tls(site: Site) -> None:
    path = await link(site, await ana(site))
    entered = await site.form(path, "/enter", token=token_in(path))
    line = cookie_line(entered, "coinwell").lower()
    assert "httponly" in line
    assert "samesite=lax" in line
    assert "path=/" in line
    assert "secure" not in line


class TestHttps:
    """The same over TLS."""

    @pytest.fixture
    def settings(self) -> Settings:
        return HTTPS

    async def test_the_cookie_is_bound_to_host_and_tls(self, site: Site) -> None:
        path = await link(site, await ana(site))
        entered = await site.form(path, "/enter", token=token_in(path))
        line = cookie_line(entered, "__Host-coinwell").lower()
        for part in ("secure", "httponly", "samesite=lax", "path=/", "max-age=7776000"):
            assert part in line
        assert "domain" not in line
        assert "Ana" in (await site.client.get("/me")).text


async def operator(site: Site) -> None:
    async with transaction(site.pool) as tx:
        new = NewOperator("o@example.org", "Olu", Role.SUPPORT, PASSWORD)
        await create_operator(tx, new, by="test", now=NOON)


async def test_an_operator_signs_in_and_out(site: Site) -> None:
    await operator(site)
    fields = {"email": "o@example.org", "password": PASSWORD}
    entered = await site.form("/console/sign-in", "/console/sign-in", **fields)
    assert (entered.status_code, entered.headers["location"]) == (303, "/console")
    assert "max-age=43200" in cookie_line(entered, "coinwell-operator").lower()
    assert (await site.client.get("/console/sign-in")).headers["location"] == "/console"
    assert (await site.client.get("/me")).status_code == 303, "an operator is not a user"


async def test_a_wrong_password_shows_the_door_again(site: Site) -> None:
    await operator(site)
    wrong = {"email": "o@example.org", "password": "a wrong password"}
    answers = [await site.form("/console/sign-in", "/console/sign-in", **wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert "do not go together" in answers[0].text
    assert "Too many failed attempts" in answers[5].text
    assert "a wrong password" not in answers[0].text
    assert not any("coinwell-operator" in answer.cookies for answer in answers)


async def test_a_users_cookie_does_not_open_the_console(site: Site) -> None:
    user = await ana(site)
    async with transaction(site.pool) as tx:
        token = await enter_as(tx, user.id, now=NOON)
    site.client.cookies.set("coinwell-operator", token)
    shown = await site.client.get("/console/sign-in")
    assert shown.status_code == 200

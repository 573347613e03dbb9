"""The console's pages of webhooks, as an operator uses them without a script."""

import re
from html import unescape
from uuid import uuid4

import httpx2
import pytest

from coinwell.base import outbox
from coinwell.base.db import transaction
from coinwell.notify import open_sender, settle
from coinwell.users import NewOperator, Role, create_operator
from tests.api.browsing import browser, sign_in_operator, token
from tests.house import House
from tests.notify.receiving import Receiver, Reply, library_on

WEBHOOKS = "/console/webhooks"
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


async def press(web: httpx2.AsyncClient, page: str, action: str, **fields: str) -> httpx2.Response:
    """Send one of a page's forms with its hidden fields."""
    text = (await web.get(page)).text
    form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', text, re.DOTALL)
    assert form, f"no form for {action} on {page}"
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
    return await web.post(action, data=hidden | fields)


def words(page: httpx2.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


async def add(web: httpx2.AsyncClient, receiver: Receiver, kinds: str = "gift.*") -> str:
    """An endpoint by the form; its page's address."""
    shown = await press(web, WEBHOOKS, WEBHOOKS, url=receiver.url, kinds=kinds)
    assert shown.status_code in {200, 201}, shown.text
    receiver.secrets = _SECRET.findall(shown.text)
    assert len(receiver.secrets) == 1
    found = re.search(rf'"({WEBHOOKS}/[0-9a-f-]{{36}})/test"', shown.text)
    assert found
    return found[1]


async def happen(house: House, count: int = 1) -> None:
    ana = uuid4()
    async with transaction(house.installation.pool) as tx:
        for _ in range(count):
            await outbox.record(tx, kind="gift.sent", subject=ana, body={}, at=house.clock.now())
    await tell(house)


async def tell(house: House) -> None:
    async with open_sender(house.clock, private=True) as sender:
        await settle(house.installation.notify, sender)


@pytest.fixture(autouse=True)
def on_the_clock_of_the_house(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    library_on(house.clock, monkeypatch)


async def test_an_operator_adds_tests_and_sees_what_went_wrong(
    house: House, receiver: Receiver
) -> None:
    async with browser(house) as web:
        await sign_in_operator(web, house)
        assert "No endpoint yet." in words(await web.get(WEBHOOKS))
        at = await add(web, receiver)
        assert "whsec_" not in (await web.get(at)).text, "shown once"
        sent = await press(web, at, f"{at}/test")
        assert "The receiver took it, with 200." in words(await web.get(sent.headers["location"]))
        assert not receiver.forged

        receiver.answer = lambda _: Reply(status=500, body=b"<b>it broke</b>")
        await happen(house)
        page = await web.get(f"{at}?state=waiting")
        assert "Next attempt" in words(page)
        assert "status 500" in words(page)
        found = re.search(r'"(/console/webhooks/deliveries/\d+)"', page.text)
        assert found
        one = await web.get(found[1])
        assert "The receiver answered 500." in words(one)
        assert "&lt;b&gt;it broke" in one.text
        assert '"type":"gift.sent"' in words(one)

        receiver.answer = lambda _: Reply()
        await press(web, found[1], f"{found[1]}/resend")
        await tell(house)
        assert "Delivered" in words(await web.get(found[1]))
        assert len(receiver.taken) == 2


async def test_a_form_sent_twice_adds_one_endpoint(house: House, receiver: Receiver) -> None:
    async with browser(house) as web:
        await sign_in_operator(web, house)
        csrf = await token(web, WEBHOOKS)
        form = {"_csrf": csrf, "key": "one form", "url": receiver.url}
        first, second = [await web.post(WEBHOOKS, data=form) for _ in range(2)]
        assert _SECRET.findall(first.text) == _SECRET.findall(second.text)
        assert (await web.get(WEBHOOKS)).text.count(receiver.url) == 1


async def test_what_is_wrong_is_said_beside_the_field(house: House) -> None:
    async with browser(house) as web:
        await sign_in_operator(web, house)
        shown = await press(web, WEBHOOKS, WEBHOOKS, url="ftp://app.example", kinds="gift.* No!")
        assert shown.status_code == 422
        assert 'id="url-error"' in shown.text
        assert 'id="kinds-error"' in shown.text
        assert 'value="gift.* No!"' in shown.text, "nothing has to be typed again"


async def test_a_range_is_sent_again_from_the_page(house: House, receiver: Receiver) -> None:
    async with browser(house) as web:
        await sign_in_operator(web, house)
        at = await add(web, receiver)
        await happen(house, 3)
        day = f"{house.clock.now():%Y-%m-%dT00:00}"
        shown = await press(web, at, f"{at}/replay", since=day)
        assert "3 events are sent again" in words(shown)
        await tell(house)
        assert len(receiver.got) == 6
        for odd in ({}, {"since": "yesterday"}, {"first": "x"}, {"first": "5", "last": "4"}):
            refused = await press(web, at, f"{at}/replay", **odd)
            assert refused.status_code == 422
            assert 'role="alert"' in refused.text


async def test_off_says_why_and_on_tells_what_was_missed(house: House, receiver: Receiver) -> None:
    async with browser(house) as web:
        await sign_in_operator(web, house)
        at = await add(web, receiver)
        await press(web, at, f"{at}/off")
        assert "Switched off by" in words(await web.get(at))
        await happen(house, 2)
        await press(web, at, f"{at}/on")
        await tell(house)
        assert len(receiver.taken) == 2
        receiver.answer = lambda _: Reply(status=410)
        await happen(house)
        assert "410 Gone" in words(await web.get(at))


async def test_a_new_secret_is_shown_once_and_both_count(house: House, receiver: Receiver) -> None:
    async with browser(house) as web:
        await sign_in_operator(web, house)
        at = await add(web, receiver)
        shown = await press(web, at, f"{at}/rotate")
        receiver.secrets += _SECRET.findall(shown.text)
        assert len(set(receiver.secrets)) == 2
        assert "old secret too until" in words(shown)
        await happen(house)
        assert len(receiver.got) == 1
        assert not receiver.forged
        gone = await press(web, at, f"{at}/remove")
        assert gone.headers["location"] == WEBHOOKS
        assert (await web.get(at)).status_code == 404


async def test_who_may_not_manage_webhooks_sees_none_of_it(house: House) -> None:
    secret = "a long and quiet password"
    new = NewOperator("sue@example.org", "Sue", Role.SUPPORT, secret)
    async with transaction(house.installation.pool) as tx:
        await create_operator(tx, new, by="tests", now=house.clock.now())
    async with browser(house) as web:
        assert (await web.get(WEBHOOKS)).headers["location"] == "/console/sign-in"
        said = {"email": "sue@example.org", "password": secret}
        await web.post(
            "/console/sign-in", data=said | {"_csrf": await token(web, "/console/sign-in")}
        )
        for path in (WEBHOOKS, f"{WEBHOOKS}/{uuid4()}", f"{WEBHOOKS}/deliveries/1"):
            assert (await web.get(path)).status_code == 403

"""Webhooks and inbox in a real browser: everyone can use them, on any screen, light or dark."""

import os
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Page

from coinwell.base import outbox
from coinwell.base.db import transaction
from coinwell.demo import OPERATOR_EMAIL, operator_password
from coinwell.notify import open_sender, settle
from coinwell.users import user_by_external_id
from tests.browser.conftest import DESKTOP, PHONE, OpenPage, browser, open_page
from tests.browser.test_access import IDS, LOOKS, check
from tests.browser.walking import heading, sign_in
from tests.house import House
from tests.notify.receiving import Receiver, Reply, library_on

__all__ = ["browser", "open_page"]

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

FACTS = {
    "recharge_id": "8c4b2f0e-0000-4000-8000-000000000000",
    "coins": 1400,
    "bonus_coins": 0,
    "price_minor": 1499,
    "currency": "EUR",
    "scope": "gift",
}


async def happen(house: House, about: UUID, *kinds: str) -> None:
    async with transaction(house.installation.pool) as tx:
        for kind in kinds:
            await outbox.record(tx, kind=kind, subject=about, body=FACTS, at=house.clock.now())
    async with open_sender(house.clock, private=True) as sender:
        await settle(house.installation.notify, sender)


async def ana(house: House) -> UUID:
    async with transaction(house.installation.pool) as tx:
        return (await user_by_external_id(tx, "demo-ana")).id


async def sign_in_to_console(page: Page, house: House) -> None:
    await page.goto("/console/sign-in")
    await page.locator("input[name=email]").fill(OPERATOR_EMAIL)
    await page.locator("input[name=password]").fill(operator_password(house.settings))
    await page.locator("main form button[type=submit]").click()
    await page.wait_for_url("**/console")


async def look(page: Page, name: str, problems: list[str]) -> None:
    """Check the page at hand, and keep a picture where one is asked for."""
    await check(page, problems)
    folder = os.environ.get("PICTURES")
    if folder:
        width = (page.viewport_size or PHONE)["width"]
        dark = await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        path = Path(folder) / f"{name}-{width}-{'dark' if dark else 'light'}.png"
        await page.screenshot(path=path, full_page=True)


@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=IDS)
async def test_every_page_of_webhooks_and_the_inbox_can_be_used_by_everyone(
    house: House,
    open_page: OpenPage,
    receiver: Receiver,
    size: dict[str, int],
    scheme: str,
) -> None:
    page = await open_page(size=size, scheme=scheme)
    problems: list[str] = []
    await sign_in(page)
    await page.goto("/me/inbox")
    await look(page, "inbox-empty", problems)
    who = await ana(house)
    await happen(house, who, "recharge.processing", "recharge.credited", "users.restricted")
    await page.goto("/me")
    await page.get_by_role("link", name="Inbox").click()
    await page.wait_for_url("**/me/inbox")
    await look(page, "inbox", problems)

    await sign_in_to_console(page, house)
    await page.goto("/console/webhooks")
    await look(page, "endpoints-empty", problems)
    await page.get_by_label("Address").fill("https://u:p@app.example/")
    await page.get_by_label("Kinds of events").fill("No!")
    await page.get_by_role("button", name="Add endpoint").click()
    await look(page, "endpoints-wrong", problems)
    await page.get_by_label("Address").fill(receiver.url)
    await page.get_by_label("Kinds of events").fill("gift.* recharge.*")
    await page.get_by_role("button", name="Add endpoint").click()
    await page.get_by_text("shown this once").wait_for()
    await look(page, "endpoint-secret", problems)

    await happen(house, who, "gift.sent", "recharge.credited")
    receiver.answer = lambda _: Reply(status=503, body=b"down for repairs")
    await happen(house, who, "gift.sent", "gift.received")
    await page.get_by_role("link", name="All", exact=True).click()
    await look(page, "endpoint-failing", problems)
    await page.get_by_role("link", name="gift.sent").first.click()
    await look(page, "delivery", problems)
    await page.goto("/console/webhooks")
    await look(page, "endpoints", problems)
    await page.locator(".list a").first.click()
    await page.get_by_role("button", name="Switch off").click()
    await page.get_by_role("button", name="Switch on").wait_for()
    await look(page, "endpoint-off", problems)
    assert not problems


async def test_the_log_is_worked_with_a_receiver_that_comes_back(
    house: House, open_page: OpenPage, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    library_on(house.clock, monkeypatch)
    await happen(house, await ana(house))  # What the demo itself had to tell.
    page = await open_page(size=DESKTOP, script=False)
    await sign_in_to_console(page, house)
    await page.goto("/console/webhooks")
    await page.get_by_label("Address").fill(receiver.url)
    await page.get_by_role("button", name="Add endpoint").click()
    receiver.secrets = [await page.locator("code.secret").inner_text()]
    await page.get_by_role("button", name="Send a test").click()
    assert (await heading(page)).startswith("webhook.test")
    await page.get_by_text("The receiver took it, with 200.").wait_for()

    receiver.answer = lambda _: Reply(status=500)
    await happen(house, await ana(house), "gift.sent")
    await page.get_by_role("link", name="The endpoint and its log").click()
    await page.get_by_role("link", name="Waiting", exact=True).click()
    await page.get_by_role("link", name="gift.sent").get_by_text("Next attempt").wait_for()
    await page.get_by_role("link", name="gift.sent").click()
    await page.get_by_text("The receiver answered 500.").wait_for()
    receiver.answer = lambda _: Reply()
    await page.get_by_role("button", name="Try now").click()
    await happen(house, await ana(house))
    await page.reload()
    await page.get_by_text("The receiver took it, with 200.").wait_for()

    await page.get_by_role("link", name="The endpoint and its log").click()
    await page.get_by_role("button", name="Draw a new secret").click()
    receiver.secrets.append(await page.locator("code.secret").inner_text())
    await happen(house, await ana(house), "gift.sent")
    assert len(receiver.taken[-1].headers["webhook-signature"].split()) == 2
    assert not receiver.forged

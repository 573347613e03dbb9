"""My limits in a real browser: reached in two presses, readable by everyone, script or not."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Page

from coinwell.base.db import transaction
from coinwell.limits import LimitKind, Mode, Period
from coinwell.users import user_by_external_id
from tests.browser.conftest import PHONE, OpenPage
from tests.browser.test_access import IDS, LOOKS, check
from tests.browser.walking import choose, heading, sign_in
from tests.house import House
from tests.limits.worlds import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PICTURES = os.environ.get("COINWELL_PICTURES", "")


async def ana_of(house: House) -> World:
    """Ana's limits, through the room's door."""
    async with transaction(house.installation.pool) as tx:
        ana = await user_by_external_id(tx, "demo-ana")
    world = World(house.installation.pool, house.installation.ledger, house.clock, user_id=ana.id)
    return await world.fill()


async def picture(page: Page, name: str) -> None:
    """Keep what the page looks like, where somebody wants to see it."""
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=IDS)
async def test_the_limits_page_can_be_used_by_everyone(
    house: House, open_page: OpenPage, size: dict[str, int], scheme: str
) -> None:
    world = await ana_of(house)
    page = await open_page(size=size, scheme=scheme)
    look = f"{'phone' if size is PHONE else 'desktop'}-{scheme}"
    problems: list[str] = []
    await sign_in(page)
    await page.goto("/me/recharge")
    await check(page, problems)
    await picture(page, f"question-{look}")
    await page.goto("/me/limits")
    await check(page, problems)

    await world.set(1_000, Period.DAY)
    await world.set(5_000, Period.WEEK, Mode.TELL)
    await world.set(300, Period.PURCHASE)
    await world.set(2_000, Period.MONTH, kind=LimitKind.MONEY)
    for coins in (300, 300, 300, 100):
        assert await world.spend(coins)
    await world.set(2_000, Period.DAY)
    await world.set(3_000, Period.MONTH, kind=LimitKind.MONEY)
    house.clock.advance(hours=5)
    await page.reload()
    await check(page, problems)
    await picture(page, f"limits-{look}")
    for summary in await page.locator("summary").all():
        await summary.click()
    await check(page, problems)
    await picture(page, f"open-{look}")

    await page.goto("/me/recharge")
    await choose(page, 17_500)
    await page.get_by_role("button", name="Pay").click()
    assert "You set a limit of" in await page.get_by_role("alert").inner_text()
    await check(page, problems)
    await picture(page, f"refused-{look}")
    assert not problems


@pytest.mark.parametrize("script", [True, False], ids=["script", "none"])
async def test_limits_are_set_and_changed_in_few_presses_with_and_without_script(
    house: House, open_page: OpenPage, *, script: bool
) -> None:
    page = await open_page(script=script)
    await sign_in(page)
    for start in ("/me/balance", "/me/recharge"):
        await page.goto(start)
        await page.get_by_role("main").get_by_role("link", name="Your limits").click()
        assert await heading(page) == "Your limits"

    await page.get_by_text("Set a limit for coins").click()
    form = page.locator("details[open] form").first
    assert await form.get_by_role("radio", checked=True).count() == 0, "nothing is chosen for us"
    await form.get_by_label("Counts").select_option("day")
    await form.get_by_label("At most, in coins").fill("500")
    await form.get_by_text("Stop me").click()
    await form.get_by_role("button", name="Set this limit").click()
    card = page.locator("#coins-day")
    assert "500 coins a day" in await card.inner_text()

    await card.get_by_text("Change this limit").click()
    await card.get_by_label("At most, in coins").fill("800")
    await card.get_by_role("button", name="Change").click()
    assert "You asked for 800 coins a day." in await card.inner_text()
    house.clock.advance(hours=24)
    await page.goto("/me/limits")
    await card.get_by_role("button", name="Confirm").click()
    assert "800 coins a day" in await card.inner_text()

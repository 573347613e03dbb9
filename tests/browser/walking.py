"""The steps that people take through the pages, for tests to put together."""

import re

from playwright.async_api import Page

from tests.house import CARD_OK, House


async def sign_in(page: Page, name: str = "Ana") -> None:
    """Enter as one of the demo people."""
    await page.goto("/")
    await page.get_by_role("button", name=re.compile(name)).click()
    await page.wait_for_url("**/me")


async def walk_to_recharge(page: Page) -> None:
    """Profile → ⋯ → Balance → Recharge, as people know it."""
    await page.get_by_role("navigation").get_by_role("link", name="Menu").click()
    await page.get_by_role("link", name="Balance").click()
    await page.get_by_role("main").get_by_role("link", name="Recharge", exact=True).click()
    await page.wait_for_url("**/me/recharge")


async def choose(page: Page, coins: int) -> None:
    """An exact number of coins, and on to the review."""
    await page.get_by_label("Or an exact number of coins").fill(str(coins))
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_url("**/me/recharge/review**")


async def go_to_pay(page: Page, house: House, coins: int = 350) -> None:
    """From the profile to the provider's page."""
    await walk_to_recharge(page)
    await choose(page, coins)
    await page.get_by_role("button", name=re.compile("^Pay ")).click()
    await page.wait_for_url(f"{house.sandbox_url}/pay/**")


async def pay_by_card(page: Page, number: str = CARD_OK) -> None:
    """Fill the provider's card form and send it."""
    await page.get_by_label("Card number").fill(number)
    await page.get_by_label("Expiry date").fill("12/40")
    await page.get_by_label("Security code").fill("123")
    await page.get_by_role("button", name=re.compile("^Pay (?!.*transfer)")).click()


async def pay_by_transfer(page: Page) -> None:
    """Choose the delayed bank transfer."""
    await page.get_by_role("button", name=re.compile("by bank transfer")).click()


async def heading(page: Page) -> str:
    """What the page says it is."""
    return await page.get_by_role("heading", level=1).inner_text()

"""The path everyone takes: profile, ⋯, balance, recharge, pack, pay, coins."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenPage
from tests.browser.walking import (
    choose,
    go_to_pay,
    heading,
    pay_by_card,
    pay_by_transfer,
    sign_in,
    walk_to_recharge,
)
from tests.house import House

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


async def coins_shown(page: Page) -> str:
    await page.goto("/me/balance")
    return await page.locator(".amount").inner_text()


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_a_viewer_recharges_from_profile_to_credited_coins(
    house: House, open_page: OpenPage, size: dict[str, int]
) -> None:
    page = await open_page(size=size)
    await sign_in(page)
    await walk_to_recharge(page)
    assert await page.locator("input:checked").count() == 0, "nothing is preselected"

    await page.locator(".pack input").nth(1).check()
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_url("**/review**")
    total = await page.locator("dd.total").inner_text()
    await expect(page.get_by_role("button", name=f"Pay {total}")).to_be_visible()
    await page.get_by_role("button", name=re.compile("^Pay ")).click()
    await page.wait_for_url(f"{house.sandbox_url}/pay/**")
    await pay_by_card(page)

    await page.wait_for_url(f"{house.url}/me/recharges/**")
    assert await heading(page) == "Your coins are here"
    await page.get_by_role("link", name="Receipt").click()
    await expect(page.get_by_text(total)).to_be_visible()
    assert await coins_shown(page) == "350 coins"


async def test_the_path_works_without_script(house: House, open_page: OpenPage) -> None:
    page = await open_page(script=False)
    await sign_in(page)
    await go_to_pay(page, house, 350)
    await pay_by_card(page)
    await page.wait_for_url(f"{house.url}/me/recharges/**")
    assert await heading(page) == "Your coins are here"


async def test_the_path_works_with_the_keyboard_alone(house: House, open_page: OpenPage) -> None:
    page = await open_page(size=DESKTOP)

    async def press_until(name: str, role: str) -> None:
        """Tab to what has this name, as a person without a mouse does, and see its focus."""
        wanted = re.compile(name)
        for _ in range(60):
            await page.keyboard.press("Tab")
            focused = page.locator(":focus")
            if not await focused.count():
                continue
            label = await focused.evaluate(
                "e => (e.labels?.[0]?.innerText ?? e.innerText ?? '').trim()"
            )
            if wanted.search(label) and role in {
                "any",
                await focused.evaluate("e => e.tagName.toLowerCase()"),
            }:
                hidden = await focused.evaluate(
                    """e => { const b = (e.labels?.[0] ?? e).getBoundingClientRect();
                    const at = document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2);
                    return !at || !((e.labels?.[0] ?? e).contains(at) || at.contains(e)); }"""
                )
                assert not hidden, f"the focus on {label!r} is covered"
                return
        pytest.fail(f"Tab never reaches {name!r} on {page.url}")

    await page.goto("/")
    await press_until("Ana", "button")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/me")
    for name, address in (
        ("Menu", "**/menu"),
        ("Balance", "**/balance"),
        ("^Recharge$", "**/recharge"),
    ):
        await press_until(name, "a")
        await page.keyboard.press("Enter")
        await page.wait_for_url(address)
    await press_until("exact number", "input")
    await page.keyboard.type("137")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/review**")
    await press_until("^Pay ", "button")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{house.sandbox_url}/pay/**")
    for name, text in (
        ("Card number", "4242424242424242"),
        ("Expiry", "1240"),
        ("Security", "123"),
    ):
        await press_until(name, "input")
        await page.keyboard.type(text)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{house.url}/me/recharges/**")
    assert await heading(page) == "Your coins are here"


async def test_a_double_press_is_one_recharge(house: House, open_page: OpenPage) -> None:
    page = await open_page()
    await sign_in(page)
    await walk_to_recharge(page)
    await choose(page, 350)
    await page.get_by_role("button", name=re.compile("^Pay ")).dblclick(no_wait_after=True)
    await page.wait_for_url(f"{house.sandbox_url}/pay/**")
    await page.goto(f"{house.url}/me/recharges")
    assert await page.locator("ul.list > li").count() == 1


async def test_a_delayed_transfer_is_shown_as_on_its_way_and_credited_later(
    house: House, open_page: OpenPage
) -> None:
    page = await open_page()
    await sign_in(page)
    await go_to_pay(page, house)
    await pay_by_transfer(page)
    await page.wait_for_url(f"{house.url}/me/recharges/**")
    assert await heading(page) == "Your recharge is on its way"
    order_url = page.url
    await page.goto("/me/balance")
    await expect(page.get_by_text("on its way").first).to_be_visible()

    await page.goto(order_url)
    await house.pass_time(130)
    await house.work()
    # Without a reload: the page looks again by itself.
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your coins are here")


async def test_coming_back_says_nothing_by_itself(house: House, open_page: OpenPage) -> None:
    page = await open_page()
    await sign_in(page)
    await go_to_pay(page, house)
    await page.goto(f"{house.url}/me/recharges")
    await page.locator("ul.list a").first.click()
    order_url = page.url
    await page.goto(f"{order_url}/return?payment_id=pay_made_up&success=true")
    assert await heading(page) == "Waiting for your payment"
    assert await coins_shown(page) == "0 coins"


@pytest.mark.parametrize(
    ("name", "words"),
    [("Igor", "unusual"), ("Mina", "18|19|old"), ("Noa", "age|birth")],
    ids=["restricted", "under age", "age unknown"],
)
async def test_who_may_not_recharge_reads_why_and_what_next(
    house: House, open_page: OpenPage, name: str, words: str
) -> None:
    page = await open_page()
    await sign_in(page, name)
    await page.goto("/me/recharge")
    await expect(page.get_by_role("status")).to_contain_text(re.compile(words, re.IGNORECASE))
    await expect(page.get_by_role("heading", name="What you can do")).to_be_visible()
    assert await page.locator("[data-money]").count() == 0, "no price to press on"
    await page.get_by_role("link", name="What this account may do").click()
    await expect(page.get_by_text(re.compile(words, re.IGNORECASE)).first).to_be_visible()
    payments = await house.sandbox.get("/_control/payments")
    assert payments.status_code == 404 or payments.json() == []

"""The payment page in a real browser: readable for everybody, and payable without script."""

from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from coinwell.base.clock import StillClock
from coinwell.base.money import Money
from coinwell.recharge.providers import OrderView, PaymentState
from coinwell.recharge.providers.sandbox.adapter import SandboxProvider
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.recharge.providers.running import running_sandbox, running_shop

pytestmark = pytest.mark.browser
# Without tags, axe leaves out what WCAG 2.2 added.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAY = "Pay $4.99"


@pytest.fixture
def chromium() -> Path:
    found = find_chromium()
    if found is None:
        pytest.skip("there is no browser here")
    return found


@pytest.fixture
async def browser(chromium: Path) -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield started
        await started.close()


async def begun(provider: SandboxProvider, return_url: str) -> tuple[str, str]:
    order = OrderView(uuid4(), "acc", Money(499, "USD"), "400 coins", return_url)
    started = await provider.create_payment(order, idempotency_key=str(uuid4()))
    return started.payment_id, started.redirect_url


async def send_card(page: Page, number: str) -> None:
    await page.get_by_label("Card number").fill(number)
    await page.get_by_label("Expiry date").fill("12 / 30")
    await page.get_by_label("Security code").fill("123")
    await page.get_by_role("button", name=PAY, exact=True).click()


async def complaints(page: Page) -> list[str]:
    options = {"runOnly": {"type": "tag", "values": TAGS}}
    found = (await Axe().run(page, options=options)).response["violations"]
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [one["id"] for one in found] + (["wider than the screen"] if wide else [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_state_of_the_page_is_readable_for_everybody(
    browser: Browser, tmp_path: Path, clock: StillClock, scheme: str
) -> None:
    async with running_sandbox(tmp_path, clock) as sandbox:
        provider = sandbox.provider()
        payment_id, url = await begun(provider, "http://127.0.0.1:9/back")
        # The judge itself is a script, so for it alone the page's policy is put aside.
        page = await browser.new_page(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": 320, "height": 700},
            bypass_csp=True,
        )
        await page.goto(url)
        await page.get_by_text("Test cards").click()
        assert await complaints(page) == []
        await page.get_by_role("button", name=PAY, exact=True).click()
        assert await page.get_by_label("Card number").evaluate("e => e === document.activeElement")
        assert await complaints(page) == []
        await send_card(page, "4000 0000 0000 9995")
        assert await page.get_by_role("alert").is_visible()
        assert await complaints(page) == []
        await send_card(page, "4000 0025 0000 3155")
        assert await complaints(page) == []
        await sandbox.pay(payment_id, challenge="confirm")
        await page.goto(url)
        assert await complaints(page) == []
        await page.close()
        await provider.close()


async def test_a_payer_without_script_pays_and_lands_at_the_shop(
    browser: Browser, tmp_path: Path, clock: StillClock
) -> None:
    async with running_shop() as shop, running_sandbox(tmp_path, clock) as sandbox:
        shop.status = 200
        provider = sandbox.provider()
        payment_id, url = await begun(provider, shop.url)
        page = await browser.new_page(java_script_enabled=False)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        await page.goto(url)
        await send_card(page, "4000 0025 0000 3155")
        await page.get_by_role("button", name="Confirm").click()
        await page.wait_for_url(f"{shop.url}?payment_id={payment_id}")
        assert (await provider.fetch(payment_id)).state is PaymentState.CAPTURED
        assert said == [], "the page's own policy stops nothing that the page needs"
        await page.close()
        await provider.close()

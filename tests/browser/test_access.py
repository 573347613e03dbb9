"""Every page, phone and desktop, light and dark: axe finds nothing, nothing is cut off."""

import pytest
from playwright.async_api import Page

from coinwell.base.db import transaction
from coinwell.demo import COLLEAGUE_EMAIL, operator_password
from coinwell.users import hand_off, link_token, seal_of
from tests.browser.axe import violations
from tests.browser.conftest import DESKTOP, PHONE, OpenPage
from tests.browser.walking import choose, go_to_pay, pay_by_card, pay_by_transfer, sign_in
from tests.console.desks import busy_console
from tests.house import House

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

LOOKS = [
    (PHONE, "light"),
    (PHONE, "dark"),
    (DESKTOP, "light"),
    (DESKTOP, "dark"),
]
IDS = [f"{'phone' if size is PHONE else 'desktop'}-{scheme}" for size, scheme in LOOKS]

# Money actions are easy to hit; everything else at least possible (WCAG 2.5.8).
_SMALL = """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select')]
  .filter(e => e.checkVisibility() && !e.closest('p, dd, td, .hint, small, .skip'))
  .map(e => [e.outerHTML.slice(0, 80), (e.labels?.[0] ?? e).getBoundingClientRect(),
             e.getBoundingClientRect()])
  .filter(([, l, b]) => Math.max(l.height, b.height) < (b.width ? 24 : 0)).map(([h]) => h)"""
_SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def check(page: Page, problems: list[str]) -> None:
    """Note everything that is wrong with the page at hand."""
    where = page.url.partition("//")[2].partition("/")[2]
    problems += [f"{where}: {one}" for one in await violations(page)]
    problems += [f"{where}: small {one}" for one in await page.evaluate(_SMALL)]
    if await page.evaluate(_SIDEWAYS) > 0:
        problems.append(f"{where}: scrolls sideways")


@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=IDS)
async def test_every_page_of_a_viewer_can_be_used_by_everyone(
    house: House, open_page: OpenPage, size: dict[str, int], scheme: str
) -> None:
    page = await open_page(size=size, scheme=scheme)
    problems: list[str] = []
    await page.goto("/")
    await check(page, problems)
    await sign_in(page)
    for path in (
        "/me",
        "/me/menu",
        "/me/balance",
        "/me/status",
        "/me/help",
        "/me/statement",
        "/me/recharge",
        "/me/recharges",
        "/me/recharge/review?coins=nothing",
    ):
        await page.goto(path)
        await check(page, problems)

    await page.goto("/me")
    await go_to_pay(page, house)
    await check(page, problems)
    await pay_by_card(page, "4000000000009995")
    await check(page, problems)
    await pay_by_card(page, "4000002500003155")
    await page.wait_for_url("**/challenge**")
    await check(page, problems)
    await page.get_by_role("button", name="Confirm").click()
    await page.wait_for_url(f"{house.url}/me/recharges/**")
    await check(page, problems)
    await page.goto(f"{page.url}/receipt")
    await check(page, problems)

    await page.goto("/me")
    await go_to_pay(page, house, 500)
    await pay_by_transfer(page)
    await page.wait_for_url(f"{house.url}/me/recharges/**")
    await check(page, problems)
    for path in ("/me/balance", "/me/statement", "/me/help", "/me/recharges"):
        await page.goto(path)
        await check(page, problems)
    await page.goto("/me/recharge")
    await choose(page, 700)
    await check(page, problems)
    await page.goto("/me/nothing-here")
    await check(page, problems)
    assert not problems


async def test_every_page_of_an_operator_can_be_used_by_everyone(
    house: House, open_page: OpenPage
) -> None:
    """Each page on a phone and on a desktop, once light and once dark: in turns, to save time."""
    paths = await busy_console(house)
    page = await open_page()
    problems: list[str] = []
    await page.goto("/console/sign-in")
    await check(page, problems)
    await page.get_by_label("E-mail").fill(COLLEAGUE_EMAIL)
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await check(page, problems)
    await page.get_by_label("Password").fill(operator_password(house.settings, COLLEAGUE_EMAIL))
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/console")
    for number, path in enumerate(paths):
        await page.goto(path)
        await page.evaluate("document.querySelectorAll('main details').forEach(e => e.open = true)")
        for size, scheme in (LOOKS[number % 2], LOOKS[3 - number % 2]):
            await page.set_viewport_size(size)  # type: ignore[arg-type]
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            await check(page, problems)
    assert not problems


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_of_who_may_not_recharge_can_be_used_by_everyone(
    house: House, open_page: OpenPage, scheme: str
) -> None:
    problems: list[str] = []
    for name in ("Igor", "Mina", "Noa"):
        page = await open_page(scheme=scheme)
        await sign_in(page, name)
        for path in ("/me/recharge", "/me/status", "/me/help"):
            await page.goto(path)
            await check(page, problems)
    assert not problems


@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=IDS)
async def test_the_link_from_the_app_can_be_used_by_everyone(
    house: House, open_page: OpenPage, size: dict[str, int], scheme: str
) -> None:
    problems: list[str] = []
    person = await house.person()
    async with transaction(house.installation.pool) as tx:
        link = await hand_off(tx, person.id, now=house.clock.now())
    token = link_token(link.id, link.expires_at, seal_of(house.settings))
    page = await open_page(size=size, scheme=scheme)
    await page.goto(f"/enter?token={token}")
    await check(page, problems)
    await page.get_by_role("button", name="Continue as").click()
    await page.wait_for_url("**/me")
    # The link is used up now, and says so.
    await page.goto(f"/enter?token={token}")
    await page.get_by_role("heading").first.wait_for()
    await check(page, problems)
    assert not problems


async def test_nothing_scrolls_sideways_on_the_smallest_phone(
    house: House, open_page: OpenPage
) -> None:
    page = await open_page(size={"width": 320, "height": 640})
    await sign_in(page)
    for path in (
        "/me",
        "/me/menu",
        "/me/balance",
        "/me/recharge",
        "/me/status",
        "/me/help",
        "/me/recharge/review?coins=17500",
        "/me/statement",
        "/me/recharges",
    ):
        await page.goto(path)
        assert await page.evaluate(_SIDEWAYS) <= 0, path

"""A live room in real browsers: two phones, one tap, no surprise."""

import asyncio
import gzip
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, Request, expect

from coinwell import live
from coinwell.base.db import transaction
from coinwell.ledger import LEDGER_COINS, AccountFilter, Code, Kind, account_id
from coinwell.limits import LimitKind, LimitName, Mode, Period, set_limit
from coinwell.users import demo_users
from tests.browser.conftest import DESKTOP, OpenPage
from tests.browser.rooms import Live, give_coins, go_live, reading
from tests.browser.test_access import IDS, LOOKS, check
from tests.browser.walking import pay_by_card, sign_in
from tests.house import House

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

X = "\N{MULTIPLICATION SIGN}"
_THIRTY_TAPS = """() => { const rose = document.querySelector('.tile');
  for (let i = 0; i < 30; i++) rose.click() }"""
# The first gift arrives and is done; only its answer is lost.
_LOSE_ONE_ANSWER = """const real = window.fetch; let lost = false;
window.fetch = async (...asked) => { const answer = await real(...asked);
  if (!lost && asked[1]?.method === 'POST') { lost = true; throw new TypeError('cut'); }
  return answer; }"""
_RUNNING = "() => document.getAnimations().filter(a => a.playState === 'running').length"
_CENTER_IS_FREE = """e => { const b = e.getBoundingClientRect();
  const at = document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2);
  return !!at && (e.contains(at) || at.contains(e)); }"""


async def enter(page: Page, name: str, room: Live) -> None:
    """Sign in and go to the room."""
    await sign_in(page, name)
    await page.goto(room.path)


async def tap(page: Page, name: str) -> None:
    await page.locator(f".tile[data-name='{name}']").click()


async def gifts_of(house: House, name: str) -> list[int]:
    """The amounts of all gifts that the ledger has of one of the demo's people."""
    async with transaction(house.installation.pool) as tx:
        person = next(one for one in await demo_users(tx) if one.display_name.startswith(name))
    wallet = account_id(Code.WALLET, person.id, LEDGER_COINS)
    wanted = AccountFilter(account_id=wallet, code=int(Kind.GIFT))
    return [one.amount for one in await house.installation.ledger.get_account_transfers(wanted)]


async def test_two_phones_in_one_room_see_the_same(house: House, open_page: OpenPage) -> None:
    room = await go_live(house)
    await give_coins(house, "Ana", 500)
    ana, brad = await open_page(), await open_page()
    async with reading(house):
        await enter(ana, "Ana", room)
        await enter(brad, "Brad", room)
        await expect(brad.locator("#board li")).to_have_count(0)
        await tap(ana, "Paper Heart")
        await expect(ana.locator("#panel-say")).to_have_text("Sent Paper Heart for 5 coins.")
        for page in (ana, brad):
            await expect(page.locator("#room-coins")).to_have_text("5 coins")
            await expect(page.locator("#room-gifts")).to_have_text("1")
            await expect(page.locator("#board li")).to_contain_text(["1AAna5 coins"])
            await expect(page.locator("#news li").first).to_contain_text("Ana sent Paper Heart")
            await expect(page.locator(".burst-card")).to_contain_text("Paper Heart")
        await expect(brad.locator("#aloud")).to_have_text("Ana sent Paper Heart, 5 coins.")
        await expect(ana.locator("#purse-coins")).to_have_text("495 coins")
        await expect(ana.locator("#purse-spent")).to_have_text("5 coins")

        await ana.locator(".count", has_text=f"{X}10").click()
        await expect(ana.locator(".tile[data-name='Rose'] .tile-coins")).to_have_text("10 coins")
        await tap(ana, "Rose")
        await expect(brad.locator("#news li").first).to_contain_text(f"Ana sent 10 {X} Rose")
        await expect(brad.locator("#room-coins")).to_have_text("15 coins")
        await expect(brad.locator("#board .coins")).to_have_text(["15 coins"])
    assert await gifts_of(house, "Ana") == [5, 10]


async def test_as_many_gifts_as_taps_each_under_a_key_of_its_own(
    house: House, open_page: OpenPage
) -> None:
    room = await go_live(house)
    await give_coins(house, "Ana", 500)
    page = await open_page()
    await enter(page, "Ana", room)
    keys: list[str] = []

    def heard(request: Request) -> None:
        keys.extend(re.findall(r"key=([0-9a-f-]{36})", request.post_data or ""))

    page.on("request", heard)
    await page.evaluate(_THIRTY_TAPS)
    await expect(page.locator("#panel-say")).to_have_text(f"Sent 30 {X} Rose for 30 coins.")
    await expect(page.locator("#purse-coins")).to_have_text("470 coins")
    assert len(keys) == len(set(keys)) == 30
    assert all(key[14] == "7" for key in keys), "a key tells its time"
    assert await gifts_of(house, "Ana") == [1] * 30
    # A key that is held down repeats; a gift does not.
    await page.locator(".tile").first.focus()
    await page.keyboard.down("Enter")
    for _ in range(5):
        await page.keyboard.down("Enter")
    await page.keyboard.up("Enter")
    await expect(page.locator("#purse-coins")).to_have_text("469 coins")
    assert len(await gifts_of(house, "Ana")) == 31


async def test_a_lost_answer_is_asked_for_again_and_sends_once(
    house: House, open_page: OpenPage
) -> None:
    room = await go_live(house)
    await give_coins(house, "Ana", 500)
    page = await open_page()
    asked: list[str] = []
    await page.add_init_script(_LOSE_ONE_ANSWER)
    await enter(page, "Ana", room)
    page.on("request", lambda one: asked.append(one.post_data) if one.post_data else None)
    said = page.locator("#panel-say")
    await tap(page, "Paper Heart")
    await expect(said).to_have_text(re.compile("No answer yet.*sent once at most"))
    await expect(said).to_have_text("Sent Paper Heart for 5 coins.")
    assert len(asked) == 2
    assert asked[0] == asked[1]
    assert await gifts_of(house, "Ana") == [5]


async def test_a_shortfall_leads_to_exactly_that_recharge_and_back(
    house: House, open_page: OpenPage
) -> None:
    room = await go_live(house)
    await give_coins(house, "Ana", 30)
    page = await open_page()
    await enter(page, "Ana", room)
    await tap(page, "Night Lantern")
    sheet = page.get_by_role("dialog")
    await expect(sheet.get_by_role("heading")).to_have_text("You need 69 more coins: €0.75")
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    await expect(page.locator(".tile:focus")).to_have_attribute("data-name", "Night Lantern")
    await tap(page, "Night Lantern")
    await sheet.get_by_role("link", name="Recharge 69 coins for €0.75").click()
    await page.wait_for_url("**/me/recharge/review**")
    await page.get_by_role("button", name="Pay €0.75").click()
    await page.wait_for_url(f"{house.sandbox_url}/pay/**")
    await pay_by_card(page)
    await page.wait_for_url(f"{house.url}/me/recharges/**")
    await page.get_by_role("link", name="Back to the live").click()
    await page.wait_for_url(f"**{room.path}")
    await expect(page.locator("#purse-coins")).to_have_text("99 coins")
    await tap(page, "Night Lantern")
    await expect(page.locator("#panel-say")).to_have_text("Sent Night Lantern for 99 coins.")
    await expect(page.locator("#purse-coins")).to_have_text("0 coins")
    assert await gifts_of(house, "Ana") == [99]


async def test_a_limit_that_is_reached_explains_itself_with_the_way_to_change_it(
    house: House, open_page: OpenPage
) -> None:
    room = await go_live(house)
    await give_coins(house, "Ana", 500)
    async with transaction(house.installation.pool) as tx:
        ana = next(one for one in await demo_users(tx) if one.display_name == "Ana")
    name = LimitName(ana.id, LimitKind.COINS, Period.DAY)
    pool, ledger = house.installation.pool, house.installation.ledger
    await set_limit(pool, ledger, name, Mode.STOP, 8, now=house.clock.now())
    page = await open_page()
    await enter(page, "Ana", room)
    await expect(page.locator("#purse-limit")).to_have_text("8 coins")
    await tap(page, "Paper Heart")
    await expect(page.locator("#purse-limit")).to_have_text("3 coins")
    await tap(page, "Paper Heart")
    sheet = page.get_by_role("dialog")
    await expect(sheet).to_contain_text("You set a limit of 8 coins a day")
    await expect(sheet).to_contain_text("begins anew on 23 Nov 2026")
    await expect(sheet).to_contain_text("Nothing was sent.")
    change = sheet.get_by_role("link", name="See or change your limits")
    await expect(change).to_have_attribute("href", "/me/limits")
    assert await gifts_of(house, "Ana") == [5]


async def test_the_room_works_with_the_keyboard_alone(house: House, open_page: OpenPage) -> None:
    room = await go_live(house)
    await give_coins(house, "Ana", 2_000)
    page = await open_page(size=DESKTOP)
    await enter(page, "Ana", room)

    async def tab_to(selector: str) -> None:
        for _ in range(60):
            await page.keyboard.press("Tab")
            if await page.locator(f"{selector}:focus").count():
                assert await page.locator(":focus").evaluate(_CENTER_IS_FREE), selector
                return
        pytest.fail(f"Tab never reaches {selector}")

    await tab_to(".count[data-count='5']")
    await page.keyboard.press("Enter")
    await expect(page.locator(".tile[data-name='Rose'] .tile-coins")).to_have_text("5 coins")
    await tab_to("#count")
    await page.keyboard.type("7")
    await page.keyboard.press("Enter")
    await expect(page.locator(".tile[data-name='Rose'] .tile-coins")).to_have_text("7 coins")
    assert await gifts_of(house, "Ana") == [], "choosing a number sends nothing"
    await tab_to(".tile[data-name='Paper Heart']")
    await expect(page.locator("#purse-after")).to_have_text("1,965 coins")
    await page.keyboard.press(" ")
    await expect(page.locator("#panel-say")).to_have_text(f"Sent 7 {X} Paper Heart for 35 coins.")
    await tab_to(".tile[data-name='Night Lantern']")
    await page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog")
    await expect(sheet.get_by_role("heading")).to_have_text(f"Send 7 {X} Night Lantern?")
    await tab_to("#sheet-close")
    await page.keyboard.press("Enter")
    await expect(sheet).to_be_hidden()
    await page.keyboard.press("Enter")
    await tab_to("#sheet-send")
    await page.keyboard.press("Enter")
    said = re.compile(f"Sent (7 {X} Night Lantern for 693|14 gifts for 728) coins")
    await expect(page.locator("#panel-say")).to_have_text(said)
    assert await gifts_of(house, "Ana") == [35, 693]


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
async def test_nothing_moves_for_who_wants_no_motion(
    house: House, open_page: OpenPage, motion: str
) -> None:
    room = await go_live(house)
    await give_coins(house, "Ana", 9_000)
    page = await open_page(motion=motion)
    async with reading(house):
        await enter(page, "Ana", room)
        for name in ("Rose", "Comet"):
            await tap(page, name)
            if name == "Comet":
                await page.locator("#sheet-send").click()
            await expect(page.locator(".burst-card").first).to_be_visible()
            running = await page.evaluate(_RUNNING)
            assert (running == 0) == (motion == "reduce"), (name, running)
            await expect(page.locator(".burst-card")).to_have_count(0)


async def test_the_room_works_without_script(house: House, open_page: OpenPage) -> None:
    room = await go_live(house)
    await give_coins(house, "Ana", 1_000)
    page = await open_page(script=False)
    await enter(page, "Ana", room)
    await tap(page, "Paper Heart")
    await expect(page.get_by_role("status").first).to_have_text("Sent Paper Heart for 5 coins.")
    await house.read()
    await page.get_by_role("link", name="Refresh").click()
    await expect(page.locator("#board li")).to_have_count(1)
    await page.get_by_label("Another number").fill("4")
    await page.get_by_role("button", name="Set").click()
    rose = page.locator(".tile[data-name='Rose']")
    await expect(rose).to_contain_text("4 coins")
    await expect(rose).to_contain_text("leaves 991 coins")
    await tap(page, "Firefly Jar")
    await expect(page.get_by_role("heading", name=f"Send 4 {X} Firefly Jar?")).to_be_visible()
    await page.get_by_role("button", name="Send for 600 coins").click()
    await expect(page.get_by_role("status").first).to_have_text(
        f"Sent 4 {X} Firefly Jar for 600 coins."
    )
    assert await gifts_of(house, "Ana") == [5, 600]


async def test_where_no_socket_gets_through_the_gifts_still_arrive(
    house: House, open_page: OpenPage
) -> None:
    room = await go_live(house)
    await give_coins(house, "Ana", 100)
    ana, brad = await open_page(), await open_page()
    await brad.route_web_socket("**/stream**", lambda socket: asyncio.ensure_future(socket.close()))
    async with reading(house):
        await enter(ana, "Ana", room)
        await enter(brad, "Brad", room)
        await expect(brad.locator("#news-state")).to_contain_text("may be a little late")
        await tap(ana, "Paper Heart")
        await expect(brad.locator("#room-coins")).to_have_text("5 coins", timeout=20_000)
        await expect(brad.locator("#news li")).to_have_count(1)


async def test_the_end_of_a_live_is_seen_by_who_watches(house: House, open_page: OpenPage) -> None:
    room = await go_live(house)
    await give_coins(house, "Ana", 100)
    ana, luz = await open_page(), await open_page()
    async with reading(house):
        await enter(ana, "Ana", room)
        await enter(luz, "Luz", room)
        await tap(ana, "Paper Heart")
        await expect(luz.locator("#own-coins")).to_have_text("5 coins")
        await luz.get_by_role("button", name="End this live").click()
        await expect(ana.get_by_role("heading", name="This live is over")).to_be_visible()
        await expect(ana.locator("main")).to_contain_text("You gave 5 coins, worth €0.06.")


@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=IDS)
async def test_the_room_can_be_used_by_everyone(
    house: House, open_page: OpenPage, size: dict[str, int], scheme: str
) -> None:
    problems: list[str] = []
    page = await open_page(size=size, scheme=scheme)
    await sign_in(page)
    await page.goto("/live")
    await check(page, problems)
    room = await go_live(house)
    await give_coins(house, "Ana", 700)
    await page.goto("/live")
    await check(page, problems)
    async with reading(house):
        await page.goto(room.path)
        await check(page, problems)
        await tap(page, "Rose")
        await expect(page.locator(".burst-card")).to_be_visible()
        await check(page, problems)
        await tap(page, "Little Fox")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await check(page, problems)
        await page.locator("#sheet-close").click()
        await page.locator(".asking summary").click()
        await check(page, problems)
    await page.goto(f"{room.path}?count=many")
    await check(page, problems)
    for name in ("Luz", "Mina"):
        other = await open_page(size=size, scheme=scheme)
        await enter(other, name, room)
        await check(other, problems)
    assert not problems


async def test_money_buttons_are_large_and_nothing_scrolls_sideways_on_the_smallest_phone(
    house: House, open_page: OpenPage
) -> None:
    room = await go_live(house)
    await give_coins(house, "Ana", 1_000_000)
    page = await open_page(size={"width": 320, "height": 640})
    await enter(page, "Ana", room)
    sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for path in (room.path, f"{room.path}?count=999", "/live"):
        await page.goto(path)
        assert await page.evaluate(sideways) <= 0, path
        for box in await page.locator("[data-cta], .count").all():
            size = await box.bounding_box()
            assert size is None or size["height"] >= 44


def test_the_script_is_small() -> None:
    script = Path(live.__file__).parent / "static" / "room.js"
    assert len(gzip.compress(script.read_bytes())) <= 8_000

"""The room's pages without a script: what a form does, what it never does, and what it says."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from uuid import UUID, uuid4

import httpx2
import pytest

from coinwell.base.db import transaction
from coinwell.catalog import GiftDraft, GiftsDraft, publish_gifts
from coinwell.ledger import LEDGER_COINS, AccountFilter, Code, Kind, account_id
from coinwell.limits import LimitKind, LimitName, Mode, Period, set_limit
from coinwell.users import NewRestriction, ReasonCode, Scope, demo_users, restrict
from tests.api.browsing import browser, token
from tests.browser.rooms import Live, give_coins, go_live
from tests.house import House

JSON = {"accept": "application/json"}


@dataclass(slots=True)
class Viewer:
    """One of the demo's people in front of the room of Luz, without a script."""

    web: httpx2.AsyncClient
    house: House
    live: Live
    user_id: UUID

    async def page(self, query: str = "") -> str:
        answer = await self.web.get(f"{self.live.path}{query}")
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)

    async def form(self, **said: str) -> dict[str, str]:
        """The panel's form as the page has it now, filled in."""
        text = await self.page()
        key = re.search(r'name="key" value="([^"]+)"', text)
        csrf = await token(self.web, "/me/menu")
        return {"_csrf": csrf, "key": key[1] if key else str(uuid4()), "count": "1"} | said

    async def tap(self, gift: str, **said: str) -> httpx2.Response:
        return await self.post(await self.form(gift=gift, **said))

    async def post(self, form: dict[str, str], **headers: str) -> httpx2.Response:
        return await self.web.post(f"{self.live.path}/gifts", data=form, headers=headers)

    async def coins(self) -> int:
        return await self.house.coins(self.user_id)

    async def gifts(self) -> list[int]:
        """The amounts of all gifts that the ledger has of this viewer."""
        wallet = account_id(Code.WALLET, self.user_id, LEDGER_COINS)
        wanted = AccountFilter(account_id=wallet, code=int(Kind.GIFT))
        found = await self.house.installation.ledger.get_account_transfers(wanted)
        return [one.amount for one in found]


@asynccontextmanager
async def viewing(house: House, name: str, coins: int = 0) -> AsyncGenerator[Viewer]:
    live = await go_live(house)
    if coins:
        await give_coins(house, name, coins)
    async with transaction(house.installation.pool) as tx:
        person = next(one for one in await demo_users(tx) if one.display_name.startswith(name))
    async with browser(house) as web:
        said = {"_csrf": await token(web, "/"), "person": person.external_id}
        await web.post("/demo/enter", data=said)
        yield Viewer(web, house, live, person.id)


async def test_one_tap_sends_one_gift_and_a_double_submit_of_it_no_second(house: House) -> None:
    async with viewing(house, "Ana", 100) as ana:
        form = await ana.form(gift="rose:1", count="1")
        first, second = await ana.post(form), await ana.post(form)
        assert first.status_code == second.status_code == 303
        assert first.headers["location"] == second.headers["location"]
        assert await ana.gifts() == [1]
        text = unescape((await ana.web.get(first.headers["location"])).text)
        assert "Sent Rose for 1 coin." in text
        assert "99 coins" in text


async def test_a_page_has_another_key_each_time_and_so_a_second_tap_is_a_second_gift(
    house: House,
) -> None:
    async with viewing(house, "Ana", 100) as ana:
        for _ in range(3):
            assert (await ana.tap("heart:5")).status_code == 303
        assert await ana.gifts() == [5, 5, 5]


async def test_what_was_given_here_is_exact_before_the_board_has_come_so_far(house: House) -> None:
    async with viewing(house, "Ana", 100) as ana:
        await ana.tap("heart:5")
        await ana.house.read()
        await ana.tap("heart:5")
        await ana.tap("rose:1")
        text = await ana.page()
        assert re.search(r'id="purse-spent">11 coins<', text)
        assert re.search(r'id="room-coins">5 coins<', text), "the board is the feed's"
        await ana.house.read()
        assert re.search(r'id="room-coins">11 coins<', await ana.page())


async def test_a_large_gift_is_never_sent_without_being_agreed_to(house: House) -> None:
    async with viewing(house, "Ana", 5_000) as ana:
        form = await ana.form(gift="fox:500", count="1")
        asked = await ana.post(form)
        assert asked.status_code == 409
        assert "Send Little Fox?" in asked.text
        assert "€5.40" in asked.text
        assert (await ana.post(form, accept="application/json")).json()["step"] == "confirm"
        assert await ana.gifts() == []
        sent = await ana.post(form | {"agreed": "yes"})
        assert sent.status_code == 303
        assert await ana.gifts() == [500]


async def test_a_viewer_chooses_above_which_amount_they_are_asked(house: House) -> None:
    async with viewing(house, "Ana", 5_000) as ana:
        csrf = await token(ana.web, "/me/menu")

        async def choose(amount: str) -> int:
            said = {"_csrf": csrf, "above": amount}
            return (await ana.web.post(f"{ana.live.path}/asking", data=said)).status_code

        assert await choose("0") == 303
        assert (await ana.tap("rose:1")).status_code == 409
        assert await choose("20") == 303
        assert (await ana.tap("fox:500")).status_code == 303
        for nonsense in ("-1", "much", "1.234", "9" * 40, ""):
            assert await choose(nonsense) == 422, nonsense
        assert "above €20.00" in await ana.page()
        assert await ana.gifts() == [500]


@pytest.mark.parametrize(
    ("held", "gift", "needed", "bought"),
    [(30, "kite:199", 169, 169), (190, "kite:199", 9, 50), (0, "rose:1", 1, 50)],
    ids=["exactly what is missing", "the provider's minimum", "nothing at all"],
)
async def test_the_shortfall_is_exactly_what_is_missing_or_the_minimum_explained(
    house: House, held: int, gift: str, needed: int, bought: int
) -> None:
    async with viewing(house, "Ana", held) as ana:
        answer = await ana.tap(gift)
        text = unescape(answer.text)
        assert answer.status_code == 402
        assert f"You need {needed} more coin" in text
        room = ana.live.path.removeprefix("/live/")
        href = f"/me/recharge/review?coins={bought}&room={room}"
        assert f'href="{href}"' in text
        assert ("payment providers do not take smaller charges" in text) == (bought != needed)
        review = unescape((await ana.web.get(href)).text)
        price = re.search(r"Pay ([^<]+)</button>", review)
        assert price
        assert f"for {price[1]}" in text, "the sheet and the review name one price"
        assert await ana.gifts() == []


async def test_a_limit_explains_itself_and_leads_to_where_it_is_changed(house: House) -> None:
    async with viewing(house, "Ana", 100) as ana:
        pool, ledger = house.installation.pool, house.installation.ledger
        name = LimitName(ana.user_id, LimitKind.COINS, Period.DAY)
        await set_limit(pool, ledger, name, Mode.STOP, 12, now=house.clock.now())
        assert (await ana.tap("heart:5")).status_code == 303
        text = await ana.page()
        assert "Left today" in text
        assert re.search(r'id="purse-limit">7 coins<', text)
        answer = await ana.tap("spark:10")
        said = unescape(answer.text)
        assert answer.status_code == 409
        assert "You set a limit of 12 coins a day" in said
        assert 'href="/me/limits"' in said
        assert "Nothing was sent." in said
        assert await ana.gifts() == [5]


@pytest.mark.parametrize("name", ["Mina", "Noa", "Brad"])
async def test_who_may_not_give_finds_no_way_to_and_reads_why(house: House, name: str) -> None:
    async with viewing(house, name, 100) as viewer:
        if name == "Brad":
            placed = NewRestriction(viewer.user_id, Scope.GIFT, ReasonCode.UNUSUAL_ACTIVITY)
            async with transaction(house.installation.pool) as tx:
                await restrict(tx, placed, by="test", now=house.clock.now())
        text = await viewer.page()
        assert "data-cta" not in text
        assert "/gifts" not in re.sub(r"/static/gifts/", "", text)
        assert "You cannot send gifts now" in text
        assert "What you can do" in text
        answer = await viewer.tap("rose:1")
        assert answer.status_code == 409
        assert await viewer.gifts() == []


async def test_who_may_not_recharge_is_told_so_instead_of_led_there(house: House) -> None:
    async with viewing(house, "Igor", 3) as igor:
        text = unescape((await igor.tap("heart:5")).text)
        assert "You need 2 more coins" in text
        assert "/me/recharge" not in text
        assert 'href="/me/status"' in text


async def test_a_gift_that_changed_its_price_is_not_sent_at_the_new_one(house: House) -> None:
    async with viewing(house, "Ana", 100) as ana:
        dearer = GiftsDraft((GiftDraft("rose", "Rose", 2, "rose.svg"),), "dearer")
        async with transaction(house.installation.pool) as tx:
            await publish_gifts(tx, dearer, by="test", now=house.clock.now())
        answer = await ana.tap("rose:1")
        assert answer.status_code == 409
        assert "Nothing was sent." in answer.text
        assert await ana.gifts() == []


async def test_an_address_cannot_claim_that_something_was_sent(house: House) -> None:
    async with viewing(house, "Ana", 100) as ana:
        location = (await ana.tap("rose:1")).headers["location"]
        for claimed in (str(uuid4()), "rose", "1" * 40):
            assert "Sent " not in await ana.page(f"?sent={claimed}")
        async with viewing(house, "Brad") as brad:
            assert "Sent " not in await brad.page(location.partition(ana.live.path)[2])


async def test_every_tile_has_its_price_in_coins_and_in_money_for_as_many_as_are_sent(
    house: House,
) -> None:
    async with viewing(house, "Ana", 100) as ana:
        text = await ana.page("?count=10")
        tiles = re.findall(r'<button class="tile".*?</button>', text, re.DOTALL)
        assert len(tiles) >= 12
        for tile in tiles:
            assert re.search(r'data-coins="\d+">[\d,]+ coins<', tile)
            assert re.search(r"data-money>(less than )?€\d", tile)
        prices = (await ana.web.get(f"{ana.live.path}/prices?count=10")).json()
        assert prices["rose"] == {"coins": 10, "money": "€0.11"}
        assert len(prices) == len(tiles)
        odd = await ana.web.get(f"{ana.live.path}?count=many")
        assert odd.status_code == 422
        assert "Write a whole number from 1 to 999." in odd.text


async def test_a_creator_sees_what_came_in_and_alone_can_end_the_live(house: House) -> None:
    async with viewing(house, "Ana", 100) as ana, viewing(house, "Luz") as luz:
        await ana.tap("heart:5")
        await house.read()
        own = await luz.page()
        assert "received so far" in own
        assert "data-cta" not in own
        csrf = {"_csrf": await token(ana.web, "/me/menu")}
        assert (await ana.web.post(f"{ana.live.path}/close", data=csrf)).status_code == 404
        assert "End this live" not in await ana.page()
        csrf = {"_csrf": await token(luz.web, "/me/menu")}
        assert (await luz.web.post(f"{luz.live.path}/close", data=csrf)).status_code == 303
        assert "You received 5 coins" in await luz.page()
        after = await ana.page()
        assert "You gave 5 coins, worth €0.06." in after
        assert "data-cta" not in after
        answer = await ana.tap("rose:1")
        assert answer.status_code == 409
        assert await ana.gifts() == [5]


async def test_the_way_back_leads_to_a_room_and_nowhere_else(house: House) -> None:
    async with viewing(house, "Ana") as ana:
        room = ana.live.path.removeprefix("/live/")

        async def recharge(said_room: str) -> str:
            house.clock.advance(minutes=1)
            page = (await ana.web.get("/me/recharge/review?coins=70")).text
            fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
            begun = await ana.web.post("/me/recharge", data=fields | {"room": said_room})
            assert begun.status_code == 303
            orders = (await ana.web.get("/me/recharges")).text
            [newest, *_] = re.findall(r'href="(/me/recharges/[0-9a-f-]{36})"', orders)
            return newest

        for evil in ("//example.org", "https://example.org", f"{room}/../../x", "javascript:1"):
            order = await recharge(evil)
            assert "Back to the live" not in (await ana.web.get(order)).text
            listed = await ana.web.get("/me/recharge", params={"room": evil})
            assert "example.org" not in listed.text
        first = await recharge(room)
        assert f'href="/live/{room}">Back to the live' in (await ana.web.get(first)).text
        second = await recharge("")
        assert "Back to the live" not in (await ana.web.get(second)).text


async def test_the_open_rooms_are_listed_and_an_empty_list_has_one_way_on(house: House) -> None:
    async with browser(house) as web:
        await web.post("/demo/enter", data={"_csrf": await token(web, "/"), "person": "demo-ana"})
        empty = (await web.get("/live")).text
        assert "Nobody is live right now" in empty
        live = await go_live(house)
        assert f'href="{live.path}"' in (await web.get("/live")).text
        assert (await web.get(f"/live/{uuid4()}")).status_code == 404

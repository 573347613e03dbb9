"""Two operators with a browser each, in front of the whole house."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from html import unescape

import httpx2

from coinwell.demo import COLLEAGUE_EMAIL
from tests.api.browsing import browser, sign_in_operator, token
from tests.house import House
from tests.story.visiting import visiting

NOTE = "They wrote twice."


@asynccontextmanager
async def two_desks(house: House) -> AsyncGenerator[tuple[httpx2.AsyncClient, httpx2.AsyncClient]]:
    """The demo's operator and the colleague, both signed in."""
    async with browser(house) as one, browser(house) as other:
        await sign_in_operator(one, house)
        await sign_in_operator(other, house, COLLEAGUE_EMAIL)
        yield one, other


async def press(web: httpx2.AsyncClient, page: str, action: str, **fields: str) -> httpx2.Response:
    """Open a page and send one of its forms, with all that the form has in it already."""
    text = (await web.get(page)).text
    form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', text, re.DOTALL)
    assert form, f"no form for {action} on {page}:\n{words(text)}"
    filled = {
        unescape(name): unescape(value)
        for tag in re.findall(r"<input[^>]*>", form[0])
        if "checkbox" not in tag and "radio" not in tag
        for name, value in re.findall(r'name="([^"]+)"[^>]*?value="([^"]*)"', tag)
    }
    return await web.post(action, data=filled | fields)


async def send(web: httpx2.AsyncClient, action: str, **fields: str) -> httpx2.Response:
    """Send a form that no page shows this operator."""
    said = {"_csrf": await token(web, "/console")}
    return await web.post(action, data=said | fields)


def words(text: str) -> str:
    """What a page says, without its tags."""
    body = re.sub(r"(?s)^.*?<main", "<main", text)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


async def busy_console(house: House) -> list[str]:
    """A console with some of everything in it; the address of each of its pages."""
    person = await house.person("zsofia")
    user = f"/console/users/{person.id}"
    asked = {"reason_code": "compensation", "note": NOTE}
    async with visiting(house) as visitor, two_desks(house) as (one, other):
        await visitor.begin()
        await visitor.pay("4000005000000050")
        await house.deliver()
        await house.work()
        review = f"/console/recharges/{visitor.order_id}"
        await visitor.begin(700)
        await visitor.pay()
        await visitor.come_back()
        paid = f"/console/recharges/{visitor.order_id}"
        await press(one, "/console", "/console/cases/take")
        done = await press(one, user, f"{user}/adjustments", way="give", coins="1400", **asked)
        gift = done.headers["location"]
        await press(other, gift, f"{gift}/approve")
        waits = await press(one, user, f"{user}/adjustments", way="take", coins="2000", **asked)
        refund = await press(one, paid, f"{paid}/refund", reason_code="asked", note=NOTE)
        own = await press(other, user, f"{user}/adjustments", way="give", coins="70", **asked)
        begun = await press(one, "/console/prices", "/console/prices/drafts", title="Spring")
        draft = begun.headers["location"]
        edit = f"{draft}/lists/13"
        await press(one, edit, edit, **{"pack-6-bonus": "400"})
        begins = {"begins": "2026-11-24T09:00", "reason_code": "prices_change", "note": NOTE}
        prices = await press(one, draft, f"{draft}/propose", **begins)
        faulty = await press(one, "/console/prices", "/console/prices/drafts", title="A slip")
        slip = faulty.headers["location"]
        await press(one, f"{slip}/lists/0", f"{slip}/lists/0", **{"pack-0-price": "x"})
    proposals = [one.headers["location"] for one in (waits, refund, own, prices)]
    return [
        *("/console", "/console?q=zsofia", "/console?q=nobody-at-all"),
        *("/console/cases?kind=review", "/console/cases?kind=dispute"),
        *("/console/recharges", "/console/recharges?state=disputed", "/console/people"),
        *(user, review, paid, gift, *proposals, "/console/proposals"),
        *("/console/prices", f"{draft}?country=US", slip, edit, "/console/audit"),
    ]

"""A viewer with a browser that runs no script: forms, links and redirects only."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape

import httpx2

from tests.house import CARD_OK, House

_ORDER = re.compile(r"/me/recharges/([0-9a-f-]{36})")


@dataclass(slots=True)
class Visitor:
    """One person's browser."""

    house: House
    web: httpx2.AsyncClient
    order_id: str = ""
    pay_url: str = ""

    async def enter(self, person: str = "demo-ana") -> None:
        """Sign in as one of the demo people."""
        await self.press("/", "/demo/enter", person=person)

    async def press(self, page: str, action: str, **fields: str) -> httpx2.Response:
        """Open a page and send one of its forms with its hidden fields; what comes back."""
        text = (await self.web.get(page)).text
        form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', text, re.DOTALL)
        assert form, f"no form for {action} on {page}:\n{text}"
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
        data = {name: unescape(value) for name, value in hidden.items()} | fields
        return await self.web.post(action, data=data)

    async def begin(self, coins: int = 350) -> httpx2.Response:
        """Choose, review and press Pay; remembers the order and where to pay it."""
        answer = await self.press(f"/me/recharge/review?coins={coins}", "/me/recharge")
        assert answer.status_code == 303, answer.text
        self.pay_url = answer.headers["location"]
        listed = await self.web.get("/me/recharges")
        found = _ORDER.search(listed.text)
        assert found, listed.text
        self.order_id = found[1]
        return answer

    @property
    def payment_id(self) -> str:
        """The provider's name of the payment, as its page's address has it."""
        return self.pay_url.rpartition("/")[2]

    async def pay(self, number: str = CARD_OK) -> httpx2.Response:
        """Fill the provider's card form."""
        form = {"number": number, "expiry": "12/40", "cvc": "123"}
        return await self.web.post(f"{self.pay_url}/card", data=form)

    async def transfer(self, outcome: str = "arrives") -> httpx2.Response:
        """Choose the delayed bank transfer."""
        return await self.web.post(f"{self.pay_url}/transfer", data={"outcome": outcome})

    async def challenge(self, answer: str) -> httpx2.Response:
        """Answer the bank's question on the provider's page."""
        return await self.web.post(f"{self.pay_url}/challenge", data={"answer": answer})

    async def come_back(self) -> str:
        """Follow the provider's way back; the title of the page one lands on."""
        answer = await self.web.get(f"/me/recharges/{self.order_id}/return")
        assert answer.status_code == 303
        return await self.title()

    async def title(self) -> str:
        """What the recharge's page says it is; all four answers must be there."""
        page = await self.web.get(f"/me/recharges/{self.order_id}")
        assert page.status_code == 200
        answers = re.findall(r"<dd>(.*?)</dd>", page.text, re.DOTALL)
        assert len(answers) >= 4, page.text
        assert all(answer.strip() for answer in answers)
        heading = re.search(r"<h1>(.*?)</h1>", page.text)
        assert heading
        return unescape(heading[1])

    async def text(self) -> str:
        """The words of the recharge's page."""
        page = await self.web.get(f"/me/recharges/{self.order_id}")
        return unescape(re.sub(r"<[^>]+>", " ", page.text))

    async def coins(self) -> int:
        """What the balance page shows."""
        page = await self.web.get("/me/balance")
        found = re.search(r'data-coins="(\d+)"', page.text) or re.search(
            r'class="amount"[^>]*>\s*([\d,]+)', page.text
        )
        assert found, page.text
        return int(found[1].replace(",", ""))


@asynccontextmanager
async def visiting(house: House, person: str = "demo-ana") -> AsyncGenerator[Visitor]:
    """A signed-in viewer."""
    async with httpx2.AsyncClient(base_url=house.url, timeout=20) as web:
        visitor = Visitor(house, web)
        await visitor.enter(person)
        yield visitor

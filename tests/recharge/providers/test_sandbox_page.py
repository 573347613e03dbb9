"""The payment page: what it says in each state, what it refuses, and what it never keeps."""

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from coinwell.base.clock import StillClock
from coinwell.base.money import Money
from coinwell.recharge.providers import OrderView, PaymentState
from coinwell.recharge.providers.sandbox.adapter import SandboxProvider
from coinwell.recharge.providers.sandbox.server.cards import CARDS
from tests.recharge.providers.running import Sandbox, running_sandbox

GOOD = {"number": "4242 4242 4242 4242", "expiry": "12 / 30", "cvc": "123"}


@dataclass(frozen=True, slots=True)
class Desk:
    """A sandbox, a browser without script, and a way to get a payment."""

    sandbox: Sandbox
    provider: SandboxProvider
    browser: httpx2.AsyncClient
    folder: Path

    async def page(self, return_url: str = "https://shop.example/back") -> str:
        """The path of a new payment's page."""
        order = OrderView(uuid4(), "acc", Money(499, "USD"), "400 <coins>", return_url)
        started = await self.provider.create_payment(order, idempotency_key=str(uuid4()))
        return f"/pay/{started.payment_id}"

    async def state(self, page: str) -> PaymentState:
        return (await self.provider.fetch(page.removeprefix("/pay/"))).state


@pytest.fixture
async def desk(tmp_path: Path, clock: StillClock) -> AsyncGenerator[Desk]:
    async with running_sandbox(tmp_path, clock, merchant="Coin Shop") as sandbox:
        provider = sandbox.provider()
        async with httpx2.AsyncClient(base_url=sandbox.base_url, trust_env=False) as browser:
            yield Desk(sandbox, provider, browser, tmp_path)
        await provider.close()


class Fields(HTMLParser):
    """The tags of a page, by what a browser needs of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: text or "" for name, text in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def input(self, name: str) -> dict[str, str]:
        (found,) = [one for one in self.all("input") if one.get("name") == name]
        return found

    def ids(self) -> set[str]:
        return {attributes["id"] for _, attributes in self.tags if "id" in attributes}


async def test_the_page_says_who_is_paid_how_much_and_that_nothing_is_real(desk: Desk) -> None:
    text = (await desk.browser.get(await desk.page())).text
    assert "Pay Coin Shop" in text
    assert "$4.99" in text
    assert "400 &lt;coins&gt;" in text
    assert "no real money moves" in text
    assert all(card.shown in text for card in CARDS.values())
    assert "Cancel and return" in text


async def test_the_page_loads_nothing_but_its_own_style(desk: Desk) -> None:
    answer = await desk.browser.get(await desk.page())
    policy = answer.headers["content-security-policy"]
    assert policy == (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "form-action 'self' https://shop.example; base-uri 'none'; frame-ancestors 'none'"
    )
    page = Fields(answer.text)
    assert page.all("script") == []
    assert page.all("style") == []
    assert [one["href"] for one in page.all("link")] == [
        "/static/sandbox.css",
        "/static/sandbox.svg",
    ]
    for one in page.all("link"):
        asset = await desk.browser.get(one["href"])
        assert asset.status_code == 200
        assert asset.headers["content-type"].startswith(one.get("type", "text/css"))
    assert (await desk.browser.get("/static/../app.py")).status_code == 404
    assert answer.headers["cache-control"] == "no-store"


async def test_every_field_has_a_label_a_keyboard_and_an_autocomplete(desk: Desk) -> None:
    page = Fields((await desk.browser.get(await desk.page())).text)
    labels = {one.get("for") for one in page.all("label")}
    for name, autocomplete in (("number", "cc-number"), ("expiry", "cc-exp"), ("cvc", "cc-csc")):
        field = page.input(name)
        assert field["id"] in labels
        assert field["inputmode"] == "numeric"
        assert field["autocomplete"] == autocomplete
        assert set(field.get("aria-describedby", "").split()) <= page.ids()
    assert len(page.ids()) == len([1 for _, one in page.tags if "id" in one])
    assert page.all("html") == [{"lang": "en"}]


@pytest.mark.parametrize(
    ("field", "entered", "said"),
    [
        ("number", "", "A digit is missing or wrong"),
        ("number", "4242424242424241", "A digit is missing or wrong"),
        ("number", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "A digit is missing or wrong"),
        ("number", "4111 1111 1111 1111", "This is not a test card"),
        ("expiry", "10 / 26", "This date has passed"),
        ("expiry", "13 / 30", "from 01 to 12"),
        ("expiry", "soon", "month and year"),
        ("expiry", "", "month and year"),
        ("cvc", "12", "three or four digits"),
        ("cvc", "abc", "three or four digits"),
    ],
)
async def test_a_wrong_field_is_named_beside_itself(
    desk: Desk, field: str, entered: str, said: str
) -> None:
    path = await desk.page()
    answer = await desk.browser.post(f"{path}/card", data=GOOD | {field: entered})
    page = Fields(answer.text)
    assert answer.status_code == 422
    assert said in answer.text
    assert page.input(field)["aria-invalid"] == "true"
    assert f"{field}-error" in page.input(field)["aria-describedby"].split()
    assert "autofocus" in page.input(field)
    assert "<title>Error: " in answer.text
    assert await desk.state(path) is PaymentState.AWAITING_USER


@pytest.mark.parametrize("expiry", ["11/26", "11 / 26", "1126", "11/2026", "112026", " 12 /30 "])
async def test_a_date_may_be_written_in_many_ways(desk: Desk, expiry: str) -> None:
    path = await desk.page()
    answer = await desk.browser.post(f"{path}/card", data=GOOD | {"expiry": expiry})
    assert answer.status_code == 303


async def test_a_number_that_is_no_test_card_is_neither_shown_nor_kept(desk: Desk) -> None:
    path = await desk.page()
    real = "4111 1111 1111 1111"
    answer = await desk.browser.post(f"{path}/card", data=GOOD | {"number": real})
    assert real not in answer.text
    assert real.replace(" ", "") not in answer.text
    await desk.browser.post(f"{path}/card", data=GOOD | {"cvc": "987"})
    for file in desk.folder.iterdir():
        content = file.read_bytes()
        assert b"4111111111111111" not in content
        assert b"4242" not in content


async def test_a_form_sent_twice_is_one_capture(desk: Desk) -> None:
    path = await desk.page()
    answers = await asyncio.gather(
        *(desk.browser.post(f"{path}/card", data=GOOD) for _ in range(8))
    )
    assert {one.status_code for one in answers} == {303}
    assert len({one.headers["location"] for one in answers}) == 1
    answer = await desk.browser.get(
        "/v1/settlements?day=2026-11-22",
        headers={"authorization": f"Bearer {desk.sandbox.settings.secret}"},
    )
    assert [line["kind"] for line in answer.json()["lines"]] == ["capture"]


async def test_the_way_back_carries_the_payment_and_keeps_the_shops_own_query(desk: Desk) -> None:
    path = await desk.page("https://shop.example/back?a=1&b=%26#top")
    answer = await desk.browser.post(f"{path}/card", data=GOOD)
    payment_id = path.removeprefix("/pay/")
    expected = f"https://shop.example/back?a=1&b=%26&payment_id={payment_id}#top"
    assert answer.headers["location"] == expected


async def test_giving_up_cancels_and_goes_back(desk: Desk) -> None:
    path = await desk.page()
    answer = await desk.browser.post(f"{path}/cancel")
    assert answer.headers["location"].startswith("https://shop.example/back?payment_id=")
    assert await desk.state(path) is PaymentState.CANCELED
    assert "This payment was canceled" in (await desk.browser.get(path)).text
    tried = await desk.browser.post(f"{path}/card", data=GOOD)
    assert tried.headers["location"] == path
    assert await desk.state(path) is PaymentState.CANCELED


async def test_giving_up_after_paying_changes_nothing(desk: Desk) -> None:
    path = await desk.page()
    await desk.browser.post(f"{path}/card", data=GOOD)
    answer = await desk.browser.post(f"{path}/cancel")
    assert answer.headers["location"].startswith("https://shop.example/back")
    assert await desk.state(path) is PaymentState.CAPTURED


async def test_a_finished_payment_says_so_and_offers_the_way_back(desk: Desk) -> None:
    for form, says in (
        ({"outcome": "arrives"}, "This payment is on its way"),
        ({"outcome": "fails"}, "This payment is on its way"),
    ):
        path = await desk.page()
        await desk.browser.post(f"{path}/transfer", data=form)
        text = (await desk.browser.get(path)).text
        assert says in text
        assert re.search(r'<a class="button" href="https://shop\.example/back\?', text)
    await desk.sandbox.advance(120)
    assert "This payment failed" in (await desk.browser.get(path)).text


async def test_a_page_for_no_payment_says_that_nothing_was_charged(desk: Desk) -> None:
    answer = await desk.browser.get("/pay/pay_nothing")
    assert answer.status_code == 404
    assert "There is no such payment" in answer.text


async def test_the_challenge_is_closed_unless_the_bank_asks(desk: Desk) -> None:
    path = await desk.page()
    answer = await desk.browser.get(f"{path}/challenge")
    assert answer.headers["location"] == path
    await desk.browser.post(f"{path}/challenge", data={"answer": "confirm"})
    assert await desk.state(path) is PaymentState.AWAITING_USER

"""What each test card does, driven through the payment page like a browser without script."""

import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from coinwell.base.clock import StillClock
from coinwell.base.money import Money
from coinwell.recharge.providers import (
    FailureKind,
    NextAction,
    OrderView,
    PaymentState,
    RefundObjState,
    RefundReason,
    Retryable,
    Snapshot,
)
from coinwell.recharge.providers.sandbox.adapter import SandboxProvider
from coinwell.recharge.providers.sandbox.server.cards import CARDS, is_card_number
from tests.recharge.providers.running import Sandbox, running_sandbox

RETURN_URL = "http://127.0.0.1:9/back?from=sandbox"
DECLINES = [
    ("4000000000000002", FailureKind.BANK_DECLINED),
    ("4000000000009995", FailureKind.INSUFFICIENT_FUNDS),
    ("4000000000006975", FailureKind.INSUFFICIENT_FUNDS),
    ("4000000000009987", FailureKind.BLOCKED),
    ("4000000000009979", FailureKind.BLOCKED),
    ("4000000000000069", FailureKind.CARD_EXPIRED),
    ("4000000000000127", FailureKind.CARD_DETAILS),
    ("4000000000000119", FailureKind.TRY_AGAIN),
]


class Payer:
    """A browser without script, on the payment page of one payment."""

    def __init__(self, sandbox: Sandbox, provider: SandboxProvider, payment_id: str) -> None:
        self.sandbox = sandbox
        self.provider = provider
        self.payment_id = payment_id
        self.browser = httpx2.AsyncClient(base_url=sandbox.base_url, trust_env=False)
        self.page = f"/pay/{payment_id}"

    async def card(self, number: str, **fields: str) -> httpx2.Response:
        form = {"number": number, "expiry": "12 / 30", "cvc": "123"} | fields
        return await self.browser.post(f"{self.page}/card", data=form)

    async def post(self, path: str, **form: str) -> httpx2.Response:
        return await self.browser.post(self.page + path, data=form)

    async def truth(self) -> Snapshot:
        return await self.provider.fetch(self.payment_id)


@pytest.fixture
async def payer(tmp_path: Path, clock: StillClock) -> AsyncGenerator[Payer]:
    async with running_sandbox(tmp_path, clock) as sandbox:
        provider = sandbox.provider()
        order = OrderView(uuid4(), "acc", Money(499, "USD"), "400 coins", RETURN_URL)
        started = await provider.create_payment(order, idempotency_key="1")
        payer = Payer(sandbox, provider, started.payment_id)
        yield payer
        await payer.browser.aclose()
        await provider.close()


def went_back(answer: httpx2.Response, payer: Payer) -> bool:
    expected = f"{RETURN_URL}&payment_id={payer.payment_id}"
    return answer.status_code == 303 and answer.headers["location"] == expected


def test_every_test_card_has_a_valid_check_digit() -> None:
    for number in CARDS:
        assert is_card_number(number), number
        wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
        assert not is_card_number(wrong)


async def test_a_good_card_pays_and_goes_back(payer: Payer) -> None:
    answer = await payer.card("4242 4242 4242 4242")
    assert went_back(answer, payer)
    assert (await payer.truth()).captured == Money(499, "USD")


@pytest.mark.parametrize(("number", "kind"), DECLINES)
async def test_a_declined_card_leaves_the_page_open_for_another(
    payer: Payer, number: str, kind: FailureKind
) -> None:
    answer = await payer.card(number)
    assert answer.status_code == 303
    assert answer.headers["location"] == payer.page
    said = await payer.truth()
    assert said.state is PaymentState.AWAITING_USER
    assert said.captured is None
    assert said.failure is not None
    assert said.failure.kind is kind

    shown = (await payer.browser.get(payer.page)).text
    assert "The payment was declined" in shown
    assert "stolen" not in shown.split("<details")[0], "a theft reads like any other decline"

    assert went_back(await payer.card("4242424242424242"), payer)
    after = await payer.truth()
    assert after.state is PaymentState.CAPTURED
    assert after.failure is None


async def test_the_bank_asks_and_the_payer_confirms(payer: Payer) -> None:
    answer = await payer.card("4000002500003155")
    assert answer.headers["location"] == f"{payer.page}/challenge"
    said = await payer.truth()
    assert said.state is PaymentState.ACTION_REQUIRED
    assert said.captured is None
    assert isinstance(said.next_action, NextAction)

    page = await payer.browser.get(said.next_action.redirect_url)
    assert page.headers["location"] == f"{payer.page}/challenge"
    assert "is this you?" in (await payer.browser.get(f"{payer.page}/challenge")).text
    assert went_back(await payer.post("/challenge", answer="confirm"), payer)
    assert (await payer.truth()).state is PaymentState.CAPTURED


async def test_the_bank_asks_and_the_payer_refuses(payer: Payer) -> None:
    await payer.card("4000002500003155")
    answer = await payer.post("/challenge", answer="refuse")
    assert answer.headers["location"] == payer.page
    said = await payer.truth()
    assert said.state is PaymentState.AWAITING_USER
    assert said.failure is not None
    assert said.failure.kind is FailureKind.AUTHENTICATION_REQUIRED


@pytest.mark.parametrize(
    ("outcome", "state"), [("arrives", PaymentState.CAPTURED), ("fails", PaymentState.FAILED)]
)
async def test_a_bank_transfer_takes_its_time(
    payer: Payer, outcome: str, state: PaymentState
) -> None:
    assert went_back(await payer.post("/transfer", outcome=outcome), payer)
    await payer.sandbox.advance(119)
    assert (await payer.truth()).state is PaymentState.PROCESSING
    await payer.sandbox.advance(1)
    assert (await payer.truth()).state is state


async def test_the_late_card_is_captured_after_a_cancellation(payer: Payer) -> None:
    assert went_back(await payer.card("4000005000000068"), payer)
    assert (await payer.truth()).state is PaymentState.AWAITING_USER
    await payer.provider.cancel_payment(payer.payment_id, idempotency_key="c")
    await payer.sandbox.advance(7_199)
    assert (await payer.truth()).state is PaymentState.CANCELED
    await payer.sandbox.advance(1)
    assert (await payer.truth()).captured == Money(499, "USD")


async def test_a_late_card_and_a_second_card_are_one_capture(payer: Payer) -> None:
    await payer.card("4000005000000068")
    await payer.card("4242424242424242")
    before = await payer.truth()
    await payer.sandbox.advance(10_000)
    after = await payer.truth()
    assert before.captured == after.captured == Money(499, "USD")


async def test_the_challenge_card_can_be_captured_after_giving_up(payer: Payer) -> None:
    await payer.card("4000005000000092")
    assert went_back(await payer.post("/cancel"), payer)
    assert (await payer.truth()).state is PaymentState.CANCELED
    await payer.sandbox.advance(60)
    assert (await payer.truth()).state is PaymentState.CAPTURED


async def test_the_short_card_takes_one_cent_too_little(payer: Payer) -> None:
    await payer.card("4000005000000050")
    assert (await payer.truth()).captured == Money(498, "USD")


async def test_the_mute_card_answers_questions_with_nonsense_for_a_minute(payer: Payer) -> None:
    await payer.card("4000005000000076")
    with pytest.raises(Retryable):
        await payer.truth()
    await payer.sandbox.advance(60)
    assert (await payer.truth()).state is PaymentState.CAPTURED


async def test_the_dispute_card_is_disputed_after_ten_seconds(payer: Payer) -> None:
    await payer.card("4000000000000259")
    await payer.sandbox.advance(9)
    assert (await payer.truth()).disputes == ()
    await payer.sandbox.advance(1)
    (dispute,) = (await payer.truth()).disputes
    assert dispute.amount == Money(499, "USD")


@pytest.mark.parametrize(
    ("number", "first", "then"),
    [
        ("4000000000007726", RefundObjState.PENDING, RefundObjState.SUCCEEDED),
        ("4000000000005126", RefundObjState.SUCCEEDED, RefundObjState.FAILED),
    ],
)
async def test_a_refund_card_changes_its_mind_after_a_minute(
    payer: Payer, number: str, first: RefundObjState, then: RefundObjState
) -> None:
    await payer.card(number)
    await payer.provider.refund(payer.payment_id, None, RefundReason.REQUESTED, idempotency_key="r")
    states: list[Any] = []
    for seconds in (59, 1):
        await payer.sandbox.advance(seconds)
        states.append((await payer.truth()).refunds[0].state)
    assert states == [first, then]


def test_the_handbook_lists_every_test_card() -> None:
    handbook = Path(__file__).parents[3] / "docs" / "build" / "providers.md"
    text = handbook.read_text()
    assert [card.shown for card in CARDS.values() if card.shown not in text] == []
    numbers = re.findall(r"`(\d{4} \d{4} \d{4} \d{4})`", text)
    assert {number.replace(" ", "") for number in numbers} == CARDS.keys()

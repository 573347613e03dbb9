"""What a provider can do to us, card by card: the page that is shown, and the coins."""

import re
from uuid import UUID

import httpx2
import pytest

from coinwell.base.db import transaction, value
from coinwell.ledger import verify
from coinwell.recharge import refund_order
from tests.house import House
from tests.story.visiting import Visitor, visiting

DECLINED = "The payment was declined"
CREDITED = "Your coins are here"


async def books_balance(house: House) -> None:
    verdict = await verify(house.installation.pool)
    assert verdict.balanced, verdict.sentence


async def credited(house: House) -> int:
    """How many recharges the ledger ever credited."""
    async with transaction(house.installation.pool) as tx:
        return await value(tx, "SELECT count(*) FROM ledger.transfer WHERE code = 1")


async def settle_down(house: House, seconds: int) -> None:
    """Time goes by, in steps as the sweeps see it."""
    for _ in range(seconds // 60 + 1):
        await house.pass_time(60)
        await house.work()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("4000000000000002", "did not say why"),
        ("4000000000009995", "not enough money"),
        ("4000000000006975", "limit"),
        ("4000000000009987", "did not say why"),
        ("4000000000009979", "did not say why"),
        ("4000000000000069", "expired"),
        ("4000000000000127", "does not match"),
        ("4000000000000119", "hiccup"),
    ],
)
async def test_a_decline_says_why_and_charges_nothing(
    house: House, number: str, words: str
) -> None:
    async with visiting(house) as viewer:
        await viewer.begin()
        sent = await viewer.pay(number)
        assert viewer.pay_url.endswith(sent.headers["location"]), "the payer stays"
        assert "not charged" in (await viewer.web.get(viewer.pay_url)).text

        assert await viewer.come_back() == DECLINED
        assert re.search(words, await viewer.text())
        assert await viewer.coins() == 0
        # The same order, another card: still one purchase at the same price.
        paid = await viewer.pay()
        assert paid.status_code == 303
        assert await viewer.come_back() == CREDITED
        assert await viewer.coins() == 350
    await books_balance(house)


async def test_a_confirmed_challenge_is_paid(house: House) -> None:
    async with visiting(house) as viewer:
        await viewer.begin()
        asked = await viewer.pay("4000002500003155")
        assert asked.headers["location"].endswith("/challenge")
        assert await viewer.come_back() == "Your bank wants to be sure"
        assert await viewer.coins() == 0
        await viewer.challenge("confirm")
        assert await viewer.come_back() == CREDITED


async def test_a_refused_challenge_charges_nothing(house: House) -> None:
    async with visiting(house) as viewer:
        await viewer.begin()
        await viewer.pay("4000002500003155")
        await viewer.challenge("refuse")
        assert await viewer.come_back() == DECLINED
        assert "could not confirm" in await viewer.text()
        assert await viewer.coins() == 0


async def test_a_transfer_that_arrives_is_credited_when_it_does(house: House) -> None:
    async with visiting(house) as viewer:
        await viewer.begin()
        await viewer.transfer()
        assert await viewer.come_back() == "Your recharge is on its way"
        assert "Please do not pay again" in await viewer.text()
        assert await viewer.coins() == 0
        await house.pass_time(125)
        await house.work()
        assert await viewer.title() == CREDITED
        assert await viewer.coins() == 350


async def test_a_transfer_that_fails_charges_nothing(house: House) -> None:
    async with visiting(house) as viewer:
        await viewer.begin()
        await viewer.transfer("fails")
        await viewer.come_back()
        await settle_down(house, 180)
        assert await viewer.title() == DECLINED
        assert await viewer.coins() == 0


@pytest.mark.parametrize(
    ("number", "seconds"),
    [
        ("4000005000000019", 0),  # Told five times.
        ("4000005000000027", 300),  # Never told: the sweep credits.
        ("4000005000000035", 0),  # The end before the beginning.
        ("4000005000000043", 0),  # Told before the payer is sent back.
        ("4000005000000076", 300),  # Every question is answered with nonsense for a while.
        ("4000005000000084", 700),  # Told ten minutes late.
    ],
    ids=["five times", "never", "reversed", "before the answer", "nonsense", "late"],
)
async def test_whatever_the_news_does_the_coins_come_once(
    house: House, number: str, seconds: int
) -> None:
    async with visiting(house) as viewer:
        await viewer.begin()
        await viewer.pay(number)
        await house.deliver()
        await house.work()
        await settle_down(house, seconds)

        assert await viewer.title() == CREDITED
        assert await viewer.coins() == 350
    assert await credited(house) == 1
    await books_balance(house)


async def test_money_that_comes_after_expiry_is_credited(house: House) -> None:
    async with visiting(house) as viewer:
        await viewer.begin()
        await viewer.pay("4000005000000068")
        await settle_down(house, 40 * 60)
        assert await viewer.title() == "The price has expired"
        assert await viewer.coins() == 0
        await settle_down(house, 2 * 3_600)
        assert await viewer.title() == CREDITED
        assert await viewer.coins() == 350


async def test_a_wrong_amount_is_looked_at_by_a_person_and_not_credited(house: House) -> None:
    async with visiting(house) as viewer:
        await viewer.begin()
        await viewer.pay("4000005000000050")
        await house.deliver()
        await house.work()
        assert await viewer.title() == "A person is checking this"
        assert "not the amount" in await viewer.text()
        assert await viewer.coins() == 0
    assert await credited(house) == 0


@pytest.mark.parametrize("answer", ["error", "cut"])
async def test_a_lost_answer_is_never_shown_as_failed_and_never_charged_again(
    house: House, answer: str
) -> None:
    await house.sandbox.post("/_control/mischief/next", json={"create_answer": answer})
    async with visiting(house) as viewer:
        sent = await viewer.begin()
        assert "/me/recharges/" in sent.headers["location"]
        assert await viewer.title() == "We do not know yet"
        assert "Please do not pay again" in await viewer.text()
        await settle_down(house, 300)
        assert await viewer.title() == "Waiting for your payment"
        payments = await house.sandbox.get(
            "/v1/payments",
            params={"order_ref": viewer.order_id},
            headers={"authorization": f"Bearer {house.settings.derived_secret('sandbox api')}"},
        )
        assert len(payments.json()["payments"]) == 1, "one order, one payment"


async def forge(viewer: Visitor, headers: dict[str, str], body: bytes) -> httpx2.Response:
    return await viewer.web.post("/v1/webhooks/sandbox", content=body, headers=headers)


async def test_forged_and_stale_messages_have_no_effect(house: House) -> None:
    async with visiting(house) as viewer:
        await viewer.begin()
        body = b'{"type":"payment.updated","id":"evt_1","data":{"payment_id":"x"}}'
        signed = {"webhook-id": "evt_1", "webhook-signature": "v1,AAAA"}
        for stamp in ("1", str(int(house.clock.now().timestamp())), "soon"):
            answer = await forge(viewer, signed | {"webhook-timestamp": stamp}, body)
            assert answer.status_code in {400, 401}, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await forge(viewer, {}, body)).status_code in {400, 401}
        assert (await forge(viewer, {}, b"x" * 300_000)).status_code == 413
        async with transaction(house.installation.pool) as tx:
            assert await value(tx, "SELECT count(*) FROM recharge.inbox") == 0
        assert await viewer.title() == "Waiting for your payment"


async def test_a_refund_of_unspent_coins_takes_them_back_and_sends_the_money(
    house: House,
) -> None:
    async with visiting(house) as viewer:
        await viewer.begin()
        await viewer.pay()
        assert await viewer.come_back() == CREDITED
        await refund_order(
            house.installation.recharge, UUID(viewer.order_id), operator="test", reason="asked"
        )
        assert await viewer.title() == "Refunded"
        assert await viewer.coins() == 0
    await books_balance(house)

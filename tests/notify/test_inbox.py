"""The inbox: one message for each event that concerns a user, in plain words."""

from uuid import uuid4

import httpx2
import pytest

from coinwell.base.db import transaction
from coinwell.limits import LimitKind, Period
from coinwell.notify import mark_read, messages, open_sender, says, settle, unread
from coinwell.notify.jobs import prune
from coinwell.notify.rules import MESSAGES_KEPT
from coinwell.notify.words import WORDS
from coinwell.users import ApiScope
from tests.house import House
from tests.notify.conftest import Desk, people
from tests.story.test_first_recharge import api_key
from tests.story.visiting import visiting

FACTS = {
    "recharge_id": "8c4b2f0e-0000-4000-8000-000000000000",
    "coins": 1400,
    "bonus_coins": 100,
    "price_minor": 1499,
    "currency": "EUR",
    "scope": "gift",
}


@pytest.mark.parametrize("kind", sorted(WORDS))
def test_every_kind_has_one_plain_sentence_or_two_and_a_page(kind: str) -> None:
    said = says(kind, FACTS)
    assert said is not None
    assert said.text.endswith(".")
    assert "%" not in said.text + said.link
    assert "None" not in said.text
    assert len(said.text) < 120
    assert said.link.startswith("/me/")
    bare = says(kind, {})
    assert bare is not None


def test_coins_and_money_are_named_together() -> None:
    said = says("recharge.credited", FACTS)
    assert said is not None
    assert said.text == "1,500 coins were added to your balance for €14.99."
    assert said.link == f"/me/recharges/{FACTS['recharge_id']}"
    assert "1 coin were" not in (says("recharge.reversed", FACTS | {"coins": 1}) or said).text


def test_a_kind_without_words_makes_no_message() -> None:
    assert says("gift.sent", FACTS) is None


def test_a_limit_and_a_correction_are_named_in_words() -> None:
    notice = {"limit_kind": "coins", "period": "week", "percent": 80}
    said = says("limit.notice", notice)
    assert said is not None
    assert said.text == "80 % of your limit for coins a week is used."
    for coins, words in ((40, "40 coins more"), (-1, "1 coin less")):
        told = says("wallet.adjusted", {"coins": coins})
        assert told is not None
        assert told.text == f"Our team corrected your balance: {words}."


@pytest.mark.parametrize("kind", list(LimitKind))
@pytest.mark.parametrize("period", list(Period))
def test_every_limit_has_words(kind: LimitKind, period: Period) -> None:
    said = says("limit.changed", {"limit_kind": kind.value, "period": period.value})
    assert said is not None
    assert "-" not in said.text


async def test_each_event_makes_at_most_one_message_and_others_make_none(desk: Desk) -> None:
    ana, ben = people(2)
    for kind in ("recharge.credited", "gift.sent", "users.restricted", "users.changed"):
        await desk.happen(ana, kind, **FACTS)
    await desk.happen(ben, "recharge.failed", **FACTS)
    for _ in range(3):
        await desk.settle()
    async with transaction(desk.pool) as tx:
        hers = await messages(tx, ana)
        assert [one.kind for one in hers] == ["users.restricted", "recharge.credited"]
        assert [one.kind for one in await messages(tx, ben)] == ["recharge.failed"]
        assert await unread(tx, ana) == 2


async def test_what_was_shown_is_marked_and_what_came_meanwhile_stays_new(desk: Desk) -> None:
    ana = uuid4()
    for _ in range(3):
        await desk.happen(ana, "recharge.credited", **FACTS)
    await desk.settle()
    async with transaction(desk.pool) as tx:
        shown = await messages(tx, ana, limit=2)
        assert await mark_read(tx, ana, up_to=shown[1].id, now=desk.clock.now()) == 2
        assert await unread(tx, ana) == 1
        assert await mark_read(tx, uuid4(), up_to=shown[0].id, now=desk.clock.now()) == 0
        assert await unread(tx, ana) == 1
        older = await messages(tx, ana, before=shown[1].id)
    assert len(older) == 1


async def test_messages_go_after_their_time(desk: Desk) -> None:
    await desk.happen(uuid4(), "recharge.credited", **FACTS)
    await desk.settle()
    desk.clock.advance(days=MESSAGES_KEPT.days)
    await prune(desk.deps)
    assert await desk.ask("SELECT count(*) FROM notify.message") == 1
    desk.clock.advance(seconds=1)
    await prune(desk.deps)
    assert await desk.ask("SELECT count(*) FROM notify.message") == 0


async def tell(house: House) -> None:
    async with open_sender(house.clock, private=True) as sender:
        await settle(house.installation.notify, sender)


async def test_a_recharge_is_told_once_in_the_inbox_and_by_the_api(house: House) -> None:
    async with visiting(house) as visitor, httpx2.AsyncClient(base_url=house.url) as web:
        assert "No messages." in (await visitor.web.get("/me/inbox")).text
        await visitor.begin()
        await visitor.pay()
        for _ in range(2):
            await house.deliver()
            await house.work()
            await visitor.come_back()
            await tell(house)
        page = await visitor.web.get("/me/inbox")
        assert page.text.count("were added to your balance") == 1
        assert "1 new message" in page.text

        web.headers["authorization"] = f"Bearer {await api_key(house, ApiScope.USERS_READ)}"
        person = (await web.get("/v1/users?external_id=demo-ana")).json()["id"]
        said = (await web.get(f"/v1/users/{person}/messages")).json()
        (told,) = said["messages"]
        assert told["kind"] == "recharge.credited"
        assert told["link"] == f"/me/recharges/{visitor.order_id}"
        assert told["text"].startswith("350 coins were added")
        assert said["unread"] == 1

        await visitor.press("/me/inbox", "/me/inbox/read")
        assert "Nothing new" in (await visitor.web.get("/me/inbox")).text
        assert (await web.get(f"/v1/users/{person}/messages")).json()["unread"] == 0

"""The console's pages: what two operators do at them, and that each act has its row."""

import csv
import io
import re
from uuid import UUID, uuid4

from coinwell.base import audit
from coinwell.base.db import transaction, value
from coinwell.console.pages import PAGES
from coinwell.demo import OPERATOR_EMAIL
from tests.api.browsing import browser
from tests.console.desks import NOTE, press, send, two_desks, words
from tests.house import House
from tests.story.visiting import visiting

ASKED = {"reason_code": "goodwill", "note": NOTE}


async def acts(house: House) -> int:
    async with transaction(house.installation.pool) as tx:
        return int(await value(tx, "SELECT number FROM base.audit_head"))


async def test_one_proposes_coins_and_another_gives_them(house: House) -> None:
    person = await house.person()
    page = f"/console/users/{person.id}"
    async with two_desks(house) as (one, other):
        sent = await press(one, page, f"{page}/adjustments", way="give", coins="1,500", **ASKED)
        assert sent.status_code == 303, words(sent.text)
        proposal = sent.headers["location"]
        own = await one.get(proposal)
        assert "issued → wallet 1,500 coins" in words(own.text)
        assert "0 coins → 1,500 coins" in words(own.text)
        assert "€" in own.text, "coins that ask for a decision show money beside them"
        assert "Approve" not in own.text
        forced = await send(one, f"{proposal}/approve", seen="x")
        assert forced.status_code == 403
        assert "Nobody approves what they proposed" in words(forced.text)
        assert await house.coins(person.id) == 0

        waiting = await other.get("/console")
        assert "Proposals to decide" in words(waiting.text)
        assert "due in 24 hours" in words(waiting.text)
        done = await press(other, proposal, f"{proposal}/approve")
        assert done.status_code == 303, words(done.text)
        assert "1,500 coins given" in words((await other.get(proposal)).text)
        assert await house.coins(person.id) == 1_500
        again = await send(other, f"{proposal}/approve", seen="x")
        assert again.status_code == 409
        assert "Proposals to decide" not in words((await one.get("/console")).text)
    assert (await audit.verify(house.installation.pool)).sound


async def test_a_refund_takes_two_and_a_refusal_is_shown_beside_its_form(house: House) -> None:
    async with visiting(house) as visitor, two_desks(house) as (one, other):
        await visitor.begin()
        await visitor.pay()
        await visitor.come_back()
        page = f"/console/recharges/{visitor.order_id}"
        wrong = await press(one, page, f"{page}/refund", reason_code="goodwill", note=NOTE)
        assert wrong.status_code == 422
        assert "Choose a reason." in words(wrong.text)
        sent = await press(one, page, f"{page}/refund", reason_code="asked", note=NOTE)
        proposal = sent.headers["location"]
        twice = await press(one, page, f"{page}/refund", reason_code="asked", note=NOTE)
        assert twice.status_code == 409
        assert await visitor.coins() == 350
        shown = words((await other.get(proposal)).text)
        assert "wallet → returned 350 coins" in shown
        assert "350 coins → 0 coins" in shown
        await press(other, proposal, f"{proposal}/approve")
        assert await visitor.title() == "Refunded"
        assert await visitor.coins() == 0


async def test_a_doubtful_recharge_is_credited_by_two(house: House) -> None:
    async with visiting(house) as visitor, two_desks(house) as (one, other):
        await visitor.begin()
        await visitor.pay("4000005000000050")
        await house.deliver()
        await house.work()
        home = words((await one.get("/console")).text)
        assert "Recharges in review" in home
        assert "wrong amount" in home
        page = f"/console/recharges/{visitor.order_id}"
        asked = {"reason_code": "confirmed", "note": NOTE}
        stale = await send(one, f"{page}/credit", token="another", **asked)
        assert stale.status_code == 409
        sent = await press(one, page, f"{page}/credit", **asked)
        proposal = sent.headers["location"]
        assert await visitor.coins() == 0
        await press(other, proposal, f"{proposal}/approve")
        assert await visitor.coins() == 350
        assert "Recharges in review" not in words((await one.get("/console")).text)


async def test_declining_and_withdrawing_need_words(house: House) -> None:
    person = await house.person()
    page = f"/console/users/{person.id}"
    async with two_desks(house) as (one, other):
        for decider, what in ((other, "decline"), (one, "withdraw")):
            sent = await press(one, page, f"{page}/adjustments", way="give", coins="5", **ASKED)
            proposal = sent.headers["location"]
            silent = await press(decider, proposal, f"{proposal}/{what}", note=" ")
            assert silent.status_code == 422
            said = await press(decider, proposal, f"{proposal}/{what}", note="Not this time.")
            assert said.status_code == 303
            assert "Not this time." in (await one.get(proposal)).text
    assert await house.coins(person.id) == 0


async def test_a_case_is_taken_by_one_and_left_again(house: House) -> None:
    async with visiting(house) as visitor, two_desks(house) as (one, other):
        await visitor.begin()
        await visitor.pay("4000005000000050")
        await house.deliver()
        await house.work()
        taken = await press(one, "/console", "/console/cases/take")
        assert taken.status_code == 303
        case = {"kind": "review", "subject": visitor.order_id}
        clash = await send(other, "/console/cases/take", **case)
        assert clash.status_code == 409
        assert OPERATOR_EMAIL in words((await other.get("/console")).text)
        assert (await send(other, "/console/cases/leave", **case)).status_code == 404
        assert (await press(one, "/console", "/console/cases/leave")).status_code == 303
        assert (await send(other, "/console/cases/take", **case)).status_code == 303
        for wrong in ({"kind": "review", "subject": str(uuid4())}, {"kind": "x", "subject": ""}):
            assert (await send(one, "/console/cases/take", **wrong)).status_code == 404


async def test_anything_is_found_by_any_id_that_was_ever_printed(house: House) -> None:
    async with visiting(house) as visitor, two_desks(house) as (one, _):
        await visitor.begin()
        await visitor.pay()
        await visitor.come_back()
        async with transaction(house.installation.pool) as tx:
            refs = await value(
                tx,
                "SELECT array_agg(DISTINCT ref) FROM recharge.event, unnest(refs) AS ref"
                " WHERE order_id = %(id)s",
                {"id": visitor.order_id},
            )
            lot = await value(tx, "SELECT id FROM wallet.lot")
        numbers = [ref for ref in refs if ref.isdecimal()]
        assert numbers
        written = [str(UUID(int=int(number))) for number in numbers]
        wanted = [visitor.order_id, str(lot), visitor.payment_id, *refs, *written]
        for asked in [*wanted, hex(int(numbers[0])), f"  {visitor.order_id.upper()} "]:
            found = await one.get("/console", params={"q": asked})
            assert f"/console/recharges/{visitor.order_id}" in found.text, asked
        by_name = await one.get("/console", params={"q": "an"})
        assert "demo-ana" in by_name.text
        request = found.headers["x-request-id"]
        acts_found = await one.get("/console", params={"q": request})
        assert "/console/audit?request_id=" in acts_found.text
        nothing = await one.get("/console", params={"q": "no such thing"})
        assert "Nothing has" in nothing.text


async def test_lists_have_filters_and_pages_without_gaps(house: House) -> None:
    async with visiting(house) as visitor, two_desks(house) as (one, _):
        await visitor.begin()
        async with transaction(house.installation.pool) as tx:
            columns = (
                "user_id, state, coins, bonus_coins, price_minor, currency, price_list_id,"
                " channel, provider, environment, expires_at, changed_at"
            )
            await tx.execute(
                f'INSERT INTO recharge."order" (id, created_at, country, {columns})'  # noqa: S608
                " SELECT gen_random_uuid(), created_at - (n / 2) * interval '1 hour',"
                f" CASE WHEN n % 3 = 0 THEN 'JP' ELSE 'DE' END, {columns}"
                ' FROM recharge."order", generate_series(1, 120) AS n'
            )
        seen: list[str] = []
        path = "/console/recharges"
        while path:
            text = (await one.get(path)).text
            seen += re.findall(r'href="/console/recharges/([0-9a-f-]{36})"', text)
            older = re.search(r'href="(/console/recharges\?[^"]*cursor=[^"]*)"', text)
            path = older[1].replace("&amp;", "&") if older else ""
        assert len(seen) == len(set(seen)) == 121
        some = (await one.get("/console/recharges?country=jp")).text
        assert len(re.findall(r'href="/console/recharges/[0-9a-f-]{36}"', some)) == 40
        none = await one.get("/console/recharges?state=disputed&provider=sandbox")
        assert "No recharge like that" in none.text
        day = await one.get("/console/recharges?since=2026-11-22&until=2026-11-22")
        assert 0 < day.text.count("awaiting user") <= 52
        people = await one.get("/console/people?country=JP")
        assert "Haruka" in people.text
        assert "Ana" not in people.text
        for path in ("recharges", "people", "proposals", "audit", "audit/export"):
            bad = await one.get(f"/console/{path}?cursor=made-up")
            assert bad.status_code == 400, path


async def test_looking_at_a_person_is_on_the_record_without_their_name(house: House) -> None:
    person = await house.person("zsofia")
    async with two_desks(house) as (one, _):
        await one.get("/console", params={"q": "zsofia"})
        await one.get(f"/console/users/{person.id}")
        shown = await one.get(f"/console/audit?about=user:{person.id}")
        assert "person.opened" in shown.text
        exported = await one.get("/console/audit/export?kind=json")
    assert str(person.id) in exported.text
    assert "zsofia" not in exported.text.lower()


async def test_the_audit_page_filters_checks_and_exports(house: House) -> None:
    async with two_desks(house) as (one, other):
        await other.get("/console", params={"q": "=cmd()"})
        who = f"operator:{OPERATOR_EMAIL}"
        mine = words((await one.get("/console/audit", params={"who": who})).text)
        assert "operator.signed_in" in mine
        assert "console.searched" not in mine
        checked = await press(one, "/console/audit", "/console/audit/verify")
        assert "The audit log is whole" in checked.text
        table = await one.get("/console/audit/export?kind=csv")
        assert table.headers["content-type"].startswith("text/csv")
        rows = list(csv.reader(io.StringIO(table.text)))
        assert len(rows) > 3
        assert rows[0][0] == "number"
        assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
        async with transaction(house.installation.pool) as tx:
            await tx.execute("SET LOCAL session_replication_role = replica")
            await tx.execute("UPDATE base.audit SET who = 'nobody' WHERE number = 2")
        broken = await press(one, "/console/audit", "/console/audit/verify")
        assert "Act 2 was altered" in broken.text
        nobody = await one.get("/console/audit?since=2020-01-01&until=2020-01-02")
        assert "No act like that" in nobody.text


async def test_every_write_of_an_operator_leaves_a_row(house: House) -> None:
    """Each form of the console sent once as it should be; the log grows by each."""
    person = await house.person()
    user, pressed = f"/console/users/{person.id}", set[str]()

    async with visiting(house) as visitor, two_desks(house) as (one, other):

        async def does(web: object, page: str, action: str, **fields: str) -> str:
            before = await acts(house)
            sent = await press(web, page, action, **fields)  # type: ignore[arg-type]
            assert sent.status_code in {200, 201, 303}, (action, words(sent.text))
            assert await acts(house) > before, action
            pressed.add(re.sub(r"[0-9a-f-]{36}|(?<=lists/)\d+", "*", action))
            return sent.headers.get("location", "")

        await visitor.begin()
        await visitor.pay("4000005000000050")
        await house.deliver()
        await house.work()
        order = f"/console/recharges/{visitor.order_id}"
        await does(one, "/console", "/console/cases/take")
        await does(one, "/console", "/console/cases/leave")
        await does(one, order, f"{order}/ask")
        credit = {"reason_code": "confirmed", "note": NOTE}
        made = await does(one, order, f"{order}/credit", **credit)
        await does(other, made, f"{made}/approve")
        made = await does(one, order, f"{order}/refund", reason_code="asked", note=NOTE)
        await does(other, made, f"{made}/decline", note=NOTE)
        made = await does(one, user, f"{user}/adjustments", way="give", coins="5", **ASKED)
        await does(one, made, f"{made}/withdraw", note=NOTE)
        limit = {"scope": "gift", "reason_code": "own_request"}
        await does(one, user, f"{user}/restrictions", **limit)
        lift = re.search(r'action="([^"]*/lift)"', (await one.get(user)).text)
        assert lift
        await does(one, user, lift[1], reason="They asked.")
        draft = await does(one, "/console/prices", "/console/prices/drafts", title="Spring")
        await does(one, f"{draft}/lists/0", f"{draft}/lists/0", **{"pack-6-bonus": "400"})
        begin = {"reason_code": "prices_change", "note": NOTE}
        await does(one, draft, f"{draft}/propose", **begin)
        await does(one, draft, f"{draft}/drop")
    beside = {"/console/audit/verify", "/console/proposals/*/break-glass"}
    forms = {
        re.sub(r"\{\w+:\w+\}", "*", path)
        for page in PAGES
        for path in page.paths  # type: ignore[union-attr]
        if "POST" in page.http_methods  # type: ignore[union-attr]
    }
    assert pressed == forms - beside
    assert (await audit.verify(house.installation.pool)).sound


async def test_who_is_not_signed_in_sees_nothing(house: House) -> None:
    async with browser(house) as web:
        for path in ("", "/people", "/recharges", "/proposals", "/prices", "/audit"):
            answer = await web.get(f"/console{path}")
            assert answer.headers["location"] == "/console/sign-in", path
        assert (await web.get("/console/audit/export")).status_code == 303

"""Who had a hand in the webhooks: every act has its row in the log, and a refused one has none."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from coinwell.base import audit
from coinwell.base.db import Pool, Tx, transaction
from coinwell.base.refusal import Refusal
from coinwell.demo import OPERATOR_EMAIL
from coinwell.notify import (
    Endpoint,
    EndpointWanted,
    Span,
    Switch,
    add_endpoint,
    change_endpoint,
    deliveries,
    remove_endpoint,
    replay,
    resend,
    rotate,
    secret,
    switch_off,
    switch_on,
    try_out,
)
from coinwell.notify.types import Delivery
from tests.api.browsing import browser, sign_in_operator
from tests.house import House
from tests.notify.conftest import SETTINGS, Desk
from tests.notify.receiving import Receiver, Reply, library_on
from tests.notify.test_commands import Line, line
from tests.notify.test_pages import WEBHOOKS, add, happen, press
from tests.notify.test_routes import HOOKS, api
from tests.notify.test_routes import add as add_by_api

__all__ = ["line"]

Does = Callable[[Tx], Awaitable[Any]]


async def acts(pool: Pool, about: UUID | str | None = None) -> list[audit.Row]:
    """What the log has of webhooks, oldest first."""
    wanted = audit.Filter(object=None if about is None else f"webhook_endpoint:{about}")
    async with transaction(pool) as tx:
        found = await audit.find(tx, wanted, limit=500)
    return [one for one in reversed(found) if one.object.startswith("webhook_endpoint:")]


async def newly(desk: Desk, at: Endpoint, do: Does) -> list[audit.Row]:
    """The rows that an act leaves."""
    before = len(await acts(desk.pool))
    async with transaction(desk.pool) as tx:
        await do(tx)
    made = (await acts(desk.pool))[before:]
    assert all(one.object == f"webhook_endpoint:{at.id}" for one in made)
    assert all((one.who, one.at) == ("operator:ana", desk.clock.now()) for one in made)
    return made


async def told(desk: Desk, at: Endpoint) -> list[Delivery]:
    async with transaction(desk.pool) as tx:
        return list(await deliveries(tx, at.id))


async def test_every_act_on_an_endpoint_leaves_one_row_with_who_and_which(
    desk: Desk, receiver: Receiver
) -> None:
    at = await desk.enlist(receiver, kinds=("gift.*",))
    (added,) = await acts(desk.pool, at.id)
    assert (added.who, added.act) == ("tests", "webhook_endpoint.added")
    assert added.facts == {"url_host": "127.0.0.1", "kinds": ["gift.*"]}

    by, now = "operator:ana", desk.clock.now()
    to = EndpointWanted(f"{receiver.url}/else", ("*",), "The app")

    async def change(tx: Tx) -> None:
        await change_endpoint(tx, at.id, to, settings=SETTINGS, by=by, now=now)

    acts_here: tuple[tuple[str, Does, dict[str, Any]], ...] = (
        (
            "changed",
            change,
            {
                "url_host": "127.0.0.1",
                "kinds": ["*"],
                "changed": ["url", "kinds", "description"],
            },
        ),
        ("secret_rotated", lambda tx: rotate(tx, at.id, by=by, now=now), {}),
        (
            "switched_off",
            lambda tx: switch_off(tx, at.id, reason="For the night.", by=by, now=now),
            {},
        ),
        ("switched_on", lambda tx: switch_on(tx, at.id, by=by, now=now), {}),
        (
            "removed",
            lambda tx: remove_endpoint(tx, at.id, by=by, now=now),
            {"url_host": "127.0.0.1"},
        ),
    )
    for act, do, facts in acts_here:
        (row,) = await newly(desk, at, do)
        assert row.act == f"webhook_endpoint.{act}"
        assert row.facts.items() >= facts.items()
        assert row.note == ("For the night." if act == "switched_off" else None)
    assert (await audit.verify(desk.pool)).sound


async def test_every_sending_again_leaves_one_row_with_what_was_sent(
    desk: Desk, receiver: Receiver
) -> None:
    at, by = await desk.enlist(receiver), "operator:ana"
    ana, now = uuid4(), desk.clock.now()
    await desk.happen(ana)
    await desk.settle()
    (first,) = await told(desk, at)

    (again,) = await newly(desk, at, lambda tx: resend(tx, first.id, by=by, now=now))
    made = (await told(desk, at))[0]
    assert again.act == "webhook_endpoint.resent"
    assert again.facts == {"delivery_id": first.id, "sent_as": made.id}
    (waiting,) = await newly(desk, at, lambda tx: resend(tx, made.id, by=by, now=now))
    assert waiting.facts == {"delivery_id": made.id, "sent_as": made.id}

    span = Span(since=now, first=1, last=9)
    (replayed,) = await newly(desk, at, lambda tx: replay(tx, at.id, span, by=by, now=now))
    assert replayed.act == "webhook_endpoint.replayed"
    assert replayed.facts == {
        "count": 1,
        "since": now.isoformat(),
        "until": None,
        "first": 1,
        "last": 9,
    }

    for status in (200, 500):
        receiver.answer = lambda _, status=status: Reply(status=status)
        sent: list[Delivery] = []

        async def test(_: Tx, sent: list[Delivery] = sent) -> None:
            sent.append(await try_out(desk.deps, at.id, by=by))

        (tried,) = await newly(desk, at, test)
        assert tried.act == "webhook_endpoint.tested"
        assert tried.facts == {"delivery_id": sent[0].id, "taken": status == 200, "status": status}


async def test_what_is_refused_leaves_no_row(desk: Desk, receiver: Receiver) -> None:
    at, by, now = await desk.enlist(receiver), "operator:ana", desk.clock.now()
    sent = await try_out(desk.deps, at.id, by=by)
    off, nobody = await desk.enlist(receiver), uuid4()
    async with transaction(desk.pool) as tx:
        await switch_off(tx, off.id, reason="", by=by, now=now)
    wrong, fine = EndpointWanted("ftp://app.example"), EndpointWanted(receiver.url)
    given: dict[str, Any] = {"by": by, "now": now}
    before = await acts(desk.pool)
    refused: tuple[Does, ...] = (
        lambda tx: add_endpoint(tx, wrong, settings=SETTINGS, **given),
        lambda tx: change_endpoint(tx, at.id, wrong, settings=SETTINGS, **given),
        lambda tx: change_endpoint(tx, nobody, fine, settings=SETTINGS, **given),
        lambda tx: rotate(tx, nobody, **given),
        lambda tx: switch_off(tx, nobody, reason="", **given),
        lambda tx: switch_on(tx, nobody, **given),
        lambda tx: remove_endpoint(tx, nobody, **given),
        lambda tx: replay(tx, nobody, Span(first=1), **given),
        lambda tx: replay(tx, off.id, Span(first=1), **given),
        lambda tx: replay(tx, at.id, Span(), **given),
        lambda tx: resend(tx, sent.id, **given),
        lambda tx: resend(tx, sent.id + 1, **given),
        lambda _: try_out(desk.deps, nobody, by=by),
        lambda _: try_out(desk.deps, off.id, by=by),
    )
    for do in refused:
        async with transaction(desk.pool) as tx:
            with pytest.raises(Refusal):
                await do(tx)  # What is refused is committed all the same, to see what it wrote.
    assert await acts(desk.pool) == before


async def test_what_is_so_already_is_no_act(desk: Desk, receiver: Receiver) -> None:
    at, by, now = await desk.enlist(receiver), "operator:ana", desk.clock.now()
    same = EndpointWanted(at.url, tuple(at.kinds), at.description)
    async with transaction(desk.pool) as tx:
        await switch_on(tx, at.id, by=by, now=now)
        await change_endpoint(tx, at.id, same, settings=SETTINGS, by=by, now=now)
        await switch_off(tx, at.id, reason="One.", by=by, now=now)
        off = await switch_off(tx, at.id, reason="Two.", by=by, now=now)
    assert (off.state, off.off_reason) == (Switch.OFF, "One.")
    assert [one.act.partition(".")[2] for one in await acts(desk.pool)] == ["added", "switched_off"]


async def test_no_row_tells_a_secret_or_more_of_an_address_than_its_host(
    desk: Desk, receiver: Receiver
) -> None:
    at, by, now = await desk.enlist(receiver), "operator:ana", desk.clock.now()
    to = EndpointWanted("http://app.example/hooks/quiet?token=quiet", ("*",), "quiet words")
    async with transaction(desk.pool) as tx:
        await change_endpoint(tx, at.id, to, settings=SETTINGS, by=by, now=now)
        turned = await rotate(tx, at.id, by=by, now=now)
        await remove_endpoint(tx, at.id, by=by, now=now)
    written = repr(await acts(desk.pool))
    assert "app.example" in written
    for kept in ("quiet", secret(at, settings=SETTINGS), secret(turned, settings=SETTINGS)):
        assert kept.removeprefix("whsec_") not in written
    assert turned.salt.hex() not in written


async def test_the_console_writes_down_the_operator_once_a_form(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    library_on(house.clock, monkeypatch)
    async with browser(house) as web:
        await sign_in_operator(web, house)
        at = await add(web, receiver)
        await happen(house)
        sent = await press(web, at, f"{at}/test")
        await press(web, at, f"{at}/replay", first="1")
        await press(web, at, f"{at}/replay", first="no")
        for verb in ("rotate", "off", "on"):
            await press(web, at, f"{at}/{verb}")
        async with transaction(house.installation.pool) as tx:
            lines = await deliveries(tx, UUID(at.removeprefix(f"{WEBHOOKS}/")))
        one = f"{WEBHOOKS}/deliveries/{lines[-1].id}"
        assert sent.headers["location"] != one
        await press(web, one, f"{one}/resend")
        await press(web, at, f"{at}/remove")
    found = await acts(house.installation.pool)
    assert [row.act.partition(".")[2] for row in found] == [
        *("added", "tested", "replayed", "secret_rotated"),
        *("switched_off", "switched_on", "resent", "removed"),
    ]
    assert {row.who for row in found} == {f"operator:{OPERATOR_EMAIL}"}
    assert {row.object for row in found} == {f"webhook_endpoint:{at.removeprefix(WEBHOOKS + '/')}"}
    assert all(row.request_id for row in found)


async def test_the_api_writes_down_the_key_and_a_repeat_nothing_more(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    library_on(house.clock, monkeypatch)
    async with api(house) as web:
        made = await add_by_api(web, receiver)
        at = f"{HOOKS}/{made['id']}"
        await happen(house)
        for _ in range(2):
            for number, change in enumerate(
                ({"state": "off"}, {"state": "on", "kinds": ["gift.*"]})
            ):
                key = {"idempotency-key": f"change {number}"}
                assert (await web.patch(at, json=change, headers=key)).status_code == 200
            assert (await web.post(f"{at}/rotate")).status_code == 200
            assert (await web.post(f"{at}/replay", json={"first": 1})).status_code == 200
        assert (await web.post(f"{at}/test")).status_code == 200
        first = (await web.get(f"{at}/deliveries")).json()["deliveries"][-1]["id"]
        for _ in range(2):
            again = await web.post(f"/v1/webhook-deliveries/{first}/resend")
            assert again.status_code == 200
        assert (await web.delete(at)).status_code == 200
    found = await acts(house.installation.pool, made["id"])
    assert [row.act.partition(".")[2] for row in found] == [
        *("added", "switched_off", "switched_on", "changed"),
        *("secret_rotated", "replayed", "tested", "resent", "removed"),
    ]
    (who,) = {row.who for row in found}
    assert who.startswith("key:")


def test_the_command_line_writes_down_that_it_was_the_command_line(line: Line) -> None:
    at = line.says("add", "http://127.0.0.1:9/hook").split()[1]
    line.happen(1)
    line.type("test", at)
    line.says("replay", at, "--first", "1")
    line.says("off", at, "--reason", "For the night.")
    for verb in ("on", "rotate"):
        line.says(verb, at)
    line.says("resend", line.says("log", at).split()[0])
    line.says("remove", at)
    found: list[audit.Row] = line.run(acts)
    assert [row.act.partition(".")[2] for row in found] == [
        *("added", "tested", "replayed", "switched_off"),
        *("switched_on", "secret_rotated", "resent", "removed"),
    ]
    assert {row.who for row in found} == {"the command line"}

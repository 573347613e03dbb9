"""Told again: a range, one, a test; and secrets that change without a webhook being refused."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from coinwell.base.db import transaction
from coinwell.notify import (
    Cause,
    Delivery,
    DeliveryState,
    EndpointOff,
    EndpointUnknown,
    NothingToResend,
    Span,
    Switch,
    WrongRange,
    deliveries,
    remove_endpoint,
    replay,
    resend,
    rotate,
    secret,
    switch_off,
    try_out,
)
from coinwell.notify.jobs import prune
from coinwell.notify.rules import LOG_KEPT, ROTATION_OVERLAP
from tests.notify.conftest import SETTINGS, Desk, people
from tests.notify.receiving import OK, Receiver, Reply, receiving


async def again(desk: Desk, endpoint_id: Any, **span: Any) -> int:
    async with transaction(desk.pool) as tx:
        return await replay(tx, endpoint_id, Span(**span), by="tests", now=desk.clock.now())


async def log(desk: Desk, endpoint_id: Any) -> list[Delivery]:
    async with transaction(desk.pool) as tx:
        return list(await deliveries(tx, endpoint_id))


async def test_a_range_by_position_or_time_is_told_again_under_the_same_ids(
    desk: Desk, receiver: Receiver
) -> None:
    at = await desk.enlist(receiver, kinds=("gift.*",))
    ana, begun = uuid4(), desk.clock.now()
    for number in range(10):
        await desk.happen(ana, "limit.reached" if number % 5 == 4 else "gift.sent")
        desk.clock.advance(hours=1)
    await desk.settle()
    first = [got.id for got in receiver.got]
    assert len(first) == 8

    assert await again(desk, at.id, first=2, last=4) == 3
    await desk.settle()
    assert [got.id for got in receiver.got[8:]] == first[1:4]
    two_hours = begun + timedelta(hours=2)
    assert await again(desk, at.id, since=begun, until=two_hours) == 3
    await desk.settle()
    assert [got.id for got in receiver.got[11:]] == first[:3]
    assert await again(desk, at.id, first=1) == 8, "only what it asks for"
    assert await again(desk, at.id, first=11) == 0
    assert await again(desk, at.id, since=begun, first=9) == 1
    await desk.settle()
    assert receiver.duplicates()[first[0]] == 3
    assert not receiver.forged


async def test_a_replay_goes_behind_what_waits(desk: Desk, receiver: Receiver) -> None:
    at = await desk.enlist(receiver)
    ana = uuid4()
    await desk.happen(ana)
    await desk.settle()
    receiver.answer = lambda _: Reply(status=500)
    await desk.happen(ana)
    await desk.settle()
    await again(desk, at.id, first=1)
    await desk.happen(ana)
    await desk.settle()
    receiver.answer = lambda _: OK
    desk.clock.advance(seconds=7)
    await desk.settle()
    assert [got.sequence for got in receiver.taken] == [1, 2, 1, 2, 3]


@pytest.mark.parametrize("span", [{}, {"last": 5}, {"first": 5, "last": 4}])
async def test_a_range_has_a_beginning_and_ends_after_it(
    desk: Desk, receiver: Receiver, span: dict[str, int]
) -> None:
    at = await desk.enlist(receiver)
    with pytest.raises(WrongRange):
        await again(desk, at.id, **span)
    now = desk.clock.now()
    with pytest.raises(WrongRange):
        await again(desk, at.id, since=now, until=now - timedelta(seconds=1))


async def test_one_is_sent_again_and_one_that_waits_is_tried_now(
    desk: Desk, receiver: Receiver
) -> None:
    at = await desk.enlist(receiver)
    ana = uuid4()
    await desk.happen(ana)
    await desk.settle()
    (told,) = await log(desk, at.id)
    async with transaction(desk.pool) as tx:
        made = await resend(tx, told.id, by="tests", now=desk.clock.now())
    assert (made.cause, made.event_id) == (Cause.RESEND, told.event_id)
    await desk.settle()
    assert [got.sequence for got in receiver.taken] == [1, 1]

    receiver.answer = lambda _: Reply(status=500)
    for one in people(8):
        await desk.happen(one)
    await desk.settle()
    receiver.answer = lambda _: OK
    assert await desk.settle() == 0, "it rests"
    waiting = (await log(desk, at.id))[0]
    async with transaction(desk.pool) as tx:
        same = await resend(tx, waiting.id, by="tests", now=desk.clock.now())
    assert same.id == waiting.id
    await desk.settle()
    assert len(receiver.taken) == 10, "and all others with it, for it is back"


async def test_a_test_is_sent_at_once_and_noted_and_cannot_be_resent(
    desk: Desk, receiver: Receiver
) -> None:
    at = await desk.enlist(receiver, kinds=("gift.sent",))
    sent = await try_out(desk.deps, at.id, by="tests")
    assert (sent.kind, sent.state, sent.status) == (
        "webhook.test",
        DeliveryState.DELIVERED,
        200,
    )
    assert not receiver.forged
    receiver.answer = lambda _: Reply(status=404, body=b"no such hook")
    failed = await try_out(desk.deps, at.id, by="tests")
    assert (failed.state, failed.trouble) == (
        DeliveryState.GIVEN_UP,
        "The receiver answered 404.",
    )
    assert (await desk.look(at.id)).failures == 0
    with pytest.raises(NothingToResend):
        async with transaction(desk.pool) as tx:
            await resend(tx, failed.id, by="tests", now=desk.clock.now())


async def test_for_a_day_after_a_rotation_both_secrets_fit_and_then_only_the_new_one(
    desk: Desk, receiver: Receiver
) -> None:
    at = await desk.enlist(receiver)
    old = secret(at, settings=SETTINGS)
    async with transaction(desk.pool) as tx:
        turned = await rotate(tx, at.id, by="tests", now=desk.clock.now())
    new = secret(turned, settings=SETTINGS)
    assert old != new

    ana = uuid4()
    receiver.secrets = [old, new]
    await desk.happen(ana)
    await desk.settle()
    assert not receiver.forged
    assert len(receiver.got[0].headers["webhook-signature"].split(" ")) == 2

    desk.clock.advance(seconds=ROTATION_OVERLAP // timedelta(seconds=1))
    receiver.secrets = [new]
    await desk.happen(ana)
    await desk.settle()
    assert not receiver.forged
    last = receiver.got[-1]
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(last.body, last.headers)


async def test_endpoints_have_secrets_of_their_own_that_the_table_does_not_tell(
    desk: Desk, receiver: Receiver
) -> None:
    async with receiving() as other:
        one, two = await desk.enlist(receiver), await desk.enlist(other)
        made = [secret(each, settings=SETTINGS) for each in (one, two)]
        assert made[0] != made[1]
        assert all(each.startswith("whsec_") and len(each) == 50 for each in made)
        rows = await desk.ask("SELECT string_agg(endpoint::text, ' ') FROM notify.endpoint")
        assert not any(each.removeprefix("whsec_") in rows for each in made)


async def test_what_is_off_or_removed_sends_nothing(desk: Desk, receiver: Receiver) -> None:
    at = await desk.enlist(receiver)
    await desk.happen(uuid4())
    async with transaction(desk.pool) as tx:
        off = await switch_off(tx, at.id, reason="For the night.", by="tests", now=desk.clock.now())
    assert (off.state, off.off_reason) == (Switch.OFF, "For the night.")
    assert await desk.settle() == 0
    with pytest.raises(EndpointOff):
        await again(desk, at.id, first=1)
    with pytest.raises(EndpointOff):
        await try_out(desk.deps, at.id, by="tests")
    async with transaction(desk.pool) as tx:
        await remove_endpoint(tx, at.id, by="tests", now=desk.clock.now())
    with pytest.raises(EndpointUnknown):
        await desk.look(at.id)
    await desk.happen(uuid4())
    assert await desk.settle() == 0
    assert not receiver.got


async def test_the_log_is_pruned_after_its_time_and_events_stay(
    desk: Desk, receiver: Receiver
) -> None:
    at = await desk.enlist(receiver)
    ana, ben = people(2)
    await desk.happen(ana)
    await desk.settle()
    receiver.answer = lambda _: Reply(status=410)
    await desk.happen(ben)
    await desk.settle()
    desk.clock.advance(days=LOG_KEPT.days)
    await prune(desk.deps)
    assert len(await log(desk, at.id)) == 2
    desk.clock.advance(seconds=1)
    await prune(desk.deps)
    assert [one.user_id for one in await log(desk, at.id)] == [ben], "what waits stays"
    assert await desk.ask("SELECT count(*) FROM notify.attempt") == 1
    assert await desk.ask("SELECT count(*) FROM notify.event") == 2

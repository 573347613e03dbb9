"""How deliveries go: in order for each user, past trouble of others, and never hammering."""

from datetime import timedelta
from uuid import uuid4

from coinwell.base.db import transaction
from coinwell.notify import DeliveryState, Switch, deliveries, switch_on
from coinwell.notify.rules import GIVE_UP_AFTER, OFF_AFTER, REST_AFTER
from tests.notify.conftest import Desk, impatient, people
from tests.notify.receiving import OK, Receiver, Reply, receiving

BROKEN = Reply(status=500, body=b"it broke here")


async def test_an_event_arrives_signed_with_all_that_was_said_of_it(
    desk: Desk, receiver: Receiver
) -> None:
    await desk.enlist(receiver)
    ana = uuid4()
    news = await desk.happen(ana, "gift.sent", coins=5, sequence="mine", user_id="mine")
    await desk.settle()

    (got,) = receiver.taken
    assert got.id == str(news)
    assert got.kind == "gift.sent"
    assert got.data == {"coins": 5, "user_id": str(ana), "sequence": 1}
    assert got.headers["webhook-timestamp"] == str(int(desk.clock.now().timestamp()))
    assert got.headers["content-type"] == "application/json"
    assert not receiver.forged


async def test_each_user_has_numbers_without_gaps_and_they_arrive_in_order(
    desk: Desk, receiver: Receiver
) -> None:
    await desk.enlist(receiver)
    crowd = people(5)
    for number in range(60):
        await desk.happen(crowd[number % 5])
    await desk.settle()
    assert receiver.by_user() == {str(one): list(range(1, 13)) for one in crowd}
    assert not receiver.forged
    assert receiver.connections < 30, "connections are kept"


async def test_an_endpoint_hears_only_of_the_kinds_it_asked_for(desk: Desk) -> None:
    async with receiving() as exact, receiving() as family, receiving() as both:
        await desk.enlist(exact, kinds=("gift.sent",))
        await desk.enlist(family, kinds=("gift.*",))
        await desk.enlist(both, kinds=("gift.received", "limit.*"))
        for kind in ("gift.sent", "gift.received", "gifts.sent", "limit.reached", "gift"):
            await desk.happen(uuid4(), kind)
        await desk.settle()
        heard = [sorted(got.kind for got in one.got) for one in (exact, family, both)]
    assert heard == [
        ["gift.sent"],
        ["gift.received", "gift.sent"],
        ["gift.received", "limit.reached"],
    ]


async def test_what_waits_for_one_user_holds_up_no_other(desk: Desk, receiver: Receiver) -> None:
    await desk.enlist(receiver)
    ana, ben = people(2)
    receiver.answer = lambda got: BROKEN if got.user == str(ana) else OK
    for _ in range(3):
        await desk.happen(ana)
        await desk.happen(ben)
    await desk.settle()
    assert receiver.by_user() == {str(ana): [1], str(ben): [1, 2, 3]}

    receiver.answer = lambda _: OK
    desk.clock.advance(seconds=7)
    await desk.settle()
    assert receiver.by_user()[str(ana)] == [1, 1, 2, 3]


async def test_one_endpoint_that_is_down_holds_up_no_other(desk: Desk) -> None:
    async with receiving() as well, receiving() as ill:
        await desk.enlist(well)
        await desk.enlist(ill)
        await ill.down()
        for one in people(40):
            await desk.happen(one)
        await desk.settle()
        assert len(well.taken) == 40
        await ill.up()
        desk.clock.advance(minutes=10)
        await desk.settle()
        assert len(ill.taken) == 40


async def test_the_order_holds_across_giving_up(desk: Desk, receiver: Receiver) -> None:
    at = await desk.enlist(receiver)
    ana = uuid4()
    receiver.answer = lambda got: BROKEN if got.sequence == 2 else OK
    for _ in range(4):
        await desk.happen(ana)
    for _ in range(200):
        await desk.settle()
        desk.clock.advance(hours=1)
    seen = receiver.by_user()[str(ana)]
    tries = seen.count(2)
    assert seen == [1, *[2] * tries, 3, 4]
    assert tries > 10
    async with transaction(desk.pool) as tx:
        states = [one.state for one in await deliveries(tx, at.id)]
    assert states == [
        DeliveryState.DELIVERED,
        DeliveryState.DELIVERED,
        DeliveryState.GIVEN_UP,
        DeliveryState.DELIVERED,
    ]


async def test_an_endpoint_that_is_down_is_asked_by_one_and_not_by_all(
    desk: Desk, receiver: Receiver
) -> None:
    at = await desk.enlist(receiver)
    receiver.answer = lambda _: BROKEN
    for one in people(200):
        await desk.happen(one)
    await desk.settle()
    first = len(receiver.got)
    assert REST_AFTER <= first <= 60, "what was under way when it began to fail"
    for _ in range(24 * 12):
        desk.clock.advance(minutes=5)
        await desk.settle()
    probes = len(receiver.got) - first
    assert 100 < probes <= 24 * 12, "one in five to ten minutes, over a day"

    receiver.answer = lambda _: OK
    desk.clock.advance(minutes=6)
    await desk.settle()
    assert len(receiver.taken) == 200, "all at once when it is back"
    assert (await desk.look(at.id)).failures == 0


async def test_a_receiver_that_asks_for_time_gets_it(desk: Desk, receiver: Receiver) -> None:
    await desk.enlist(receiver)
    receiver.answer = lambda _: Reply(status=429, headers=(("Retry-After", "3600"),))
    await desk.happen(uuid4())
    await desk.settle()
    receiver.answer = lambda _: OK
    desk.clock.advance(minutes=59)
    assert await desk.settle() == 0
    desk.clock.advance(minutes=2)
    assert await desk.settle() == 1


async def test_gone_switches_off_at_once_and_nothing_is_missing_when_it_is_on_again(
    desk: Desk, receiver: Receiver
) -> None:
    at = await desk.enlist(receiver)
    ana = uuid4()
    receiver.answer = lambda _: Reply(status=410)
    await desk.happen(ana)
    await desk.settle()
    off = await desk.look(at.id)
    assert off.state is Switch.OFF
    assert "410" in (off.off_reason or "")

    for _ in range(3):
        await desk.happen(ana)
        desk.clock.advance(hours=1)
        assert await desk.settle() == 0
    receiver.answer = lambda _: OK
    async with transaction(desk.pool) as tx:
        on = await switch_on(tx, at.id, by="tests", now=desk.clock.now())
    assert on.state is Switch.ON
    await desk.happen(ana)
    await desk.settle()
    assert receiver.by_user()[str(ana)] == [1, 1, 2, 3, 4, 5]


async def test_days_of_nothing_but_failure_switch_off_with_a_reason(
    desk: Desk, receiver: Receiver
) -> None:
    at = await desk.enlist(receiver)
    receiver.answer = lambda _: BROKEN
    for one in people(20):
        await desk.happen(one)
    begun = desk.clock.now()
    while (await desk.look(at.id)).state is Switch.ON:
        await desk.settle()
        desk.clock.advance(hours=3)
        assert desk.clock.now() - begun < OFF_AFTER + timedelta(days=1)
    assert desk.clock.now() - begun >= OFF_AFTER
    off = await desk.look(at.id)
    said = "Every attempt failed for 5 days; the last one: The receiver answered 500."
    assert off.off_reason == said


async def test_what_is_given_up_was_tried_for_three_days(desk: Desk, receiver: Receiver) -> None:
    await desk.enlist(receiver)
    ana = uuid4()
    receiver.answer = lambda _: BROKEN
    await desk.happen(ana)
    begun = desk.clock.now()
    while await desk.ask("SELECT count(*) FROM notify.delivery WHERE state = 'waiting'") or (
        desk.clock.now() == begun
    ):
        await desk.settle()
        desk.clock.advance(minutes=30)
    assert GIVE_UP_AFTER <= desk.clock.now() - begun < GIVE_UP_AFTER + timedelta(hours=2)


async def test_the_log_tells_every_attempt(desk: Desk, receiver: Receiver) -> None:
    at = await desk.enlist(receiver)
    receiver.answer = lambda _: BROKEN
    await desk.happen(uuid4())
    await desk.settle()
    receiver.answer = lambda _: Reply(after_s=1)
    desk.clock.advance(seconds=7)
    async with impatient(desk, receiver):
        await desk.settle()
    receiver.answer = lambda _: Reply(cut=True)
    desk.clock.advance(seconds=40)
    await desk.settle()
    await receiver.down()
    desk.clock.advance(minutes=3)
    await desk.settle()
    await receiver.up()
    receiver.answer = lambda _: Reply(body=b"x" * 200_000)
    desk.clock.advance(minutes=20)
    await desk.settle()
    async with transaction(desk.pool) as tx:
        (line,) = await deliveries(tx, at.id)
        found = await tx.execute(
            "SELECT number, status, trouble, length(answer) FROM notify.attempt ORDER BY number"
        )
        told = await found.fetchall()
    assert line.state is DeliveryState.DELIVERED
    assert line.attempts == 5
    assert told == [
        (1, 500, "The receiver answered 500.", 13),
        (2, None, "The receiver did not answer within 15 seconds.", 0),
        (3, None, "The connection was cut before an answer.", 0),
        (4, None, told[3][2], 0),
        (5, 200, "", 500),
    ]
    assert told[3][2].startswith("No connection")


async def test_a_redirect_is_not_followed(desk: Desk, receiver: Receiver) -> None:
    async with receiving() as elsewhere:
        await desk.enlist(receiver)
        receiver.answer = lambda _: Reply(status=307, headers=(("location", elsewhere.url),))
        await desk.happen(uuid4())
        await desk.settle()
        assert not elsewhere.got
    assert await desk.ask("SELECT trouble FROM notify.attempt") == "The receiver answered 307."

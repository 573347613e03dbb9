"""Which cases are open follows from the rows alone, and the most urgent stands first."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.catalog import Channel
from coinwell.console.casework import leave, take, worklist
from coinwell.console.rules import (
    EndpointTrouble,
    Rows,
    age_words,
    cases_of,
    due_words,
    endpoint_troubles,
    lapses_at,
)
from coinwell.console.types import (
    Case,
    CaseClosed,
    CaseKind,
    CaseTaken,
    Proposal,
    ProposalKind,
    ProposalState,
    Reason,
    Wanted,
)
from coinwell.ledger import Ledger
from coinwell.notify import Endpoint, Switch
from coinwell.recharge import Order, OrderState, Refund, RefundState, ReviewReason, sync_order
from tests.console.making import NOTE, Desk, open_desk
from tests.recharge.making import open_house
from tests.users.make import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def order(state: OrderState, since: datetime, **changes: Any) -> Order:
    said: dict[str, Any] = dict.fromkeys(Order.__dataclass_fields__)
    said |= {
        "id": uuid4(),
        "user_id": UUID(int=1),
        "state": state,
        "coins": 350,
        "bonus_coins": 0,
        "price_minor": 370,
        "currency": "USD",
        "channel": Channel.WEB,
        "changed_at": since,
        "created_at": since,
    }
    return Order(**(said | changes))


def refund(since: datetime) -> Refund:
    return Refund(
        uuid4(), uuid4(), 1, RefundState.RESERVED, 370, "USD", 350, "operator:x", NOTE,
        None, None, None, since, None,
    )  # fmt: skip


def proposal(state: ProposalState, since: datetime, tries: int = 0) -> Proposal:
    said: dict[str, Any] = dict.fromkeys(Proposal.__dataclass_fields__)
    said |= {
        "id": uuid4(),
        "kind": ProposalKind.ADJUST,
        "state": state,
        "reason_code": Reason.GOODWILL,
        "proposer": "operator:x",
        "proposed_at": since,
        "lapses_at": since + DAY,
        "tries": tries,
        "payload": {},
    }
    return Proposal(**said)


def kinds(rows: Rows) -> list[CaseKind]:
    return [case.kind for case in cases_of(rows, NOON)]


NEEDS_A_PERSON = {
    OrderState.NEEDS_REVIEW: CaseKind.REVIEW,
    OrderState.UNKNOWN: CaseKind.UNKNOWN,
    OrderState.DISPUTED: CaseKind.DISPUTE,
}


@pytest.mark.parametrize("state", list(OrderState))
def test_only_some_states_are_a_case(state: OrderState) -> None:
    found = kinds(Rows(orders=[order(state, NOON - 9 * DAY)]))
    assert found == ([NEEDS_A_PERSON[state]] if state in NEEDS_A_PERSON else [])


def test_what_keeps_its_promise_is_nobodys_case() -> None:
    late, early = NOON - HOUR, NOON - HOUR + timedelta(seconds=1)
    assert kinds(Rows(orders=[order(OrderState.UNKNOWN, early)])) == []
    assert kinds(Rows(orders=[order(OrderState.UNKNOWN, late)])) == [CaseKind.UNKNOWN]
    assert kinds(Rows(refunds=[refund(early)])) == []
    assert kinds(Rows(refunds=[refund(late)])) == [CaseKind.REFUND]


@pytest.mark.parametrize(
    ("state", "tries", "age", "kind"),
    [
        (ProposalState.WAITING, 0, HOUR, [CaseKind.PROPOSAL]),
        (ProposalState.WAITING, 0, DAY, []),
        (ProposalState.APPROVED, 2, HOUR, []),
        (ProposalState.APPROVED, 3, HOUR, [CaseKind.STUCK]),
        (ProposalState.DONE, 9, HOUR, []),
        (ProposalState.DECLINED, 0, HOUR, []),
    ],
)
def test_a_proposal_is_a_case_while_somebody_must_act(
    state: ProposalState, tries: int, age: timedelta, kind: Sequence[CaseKind]
) -> None:
    assert kinds(Rows(proposals=[proposal(state, NOON - age, tries)])) == kind


def test_the_most_urgent_stands_first() -> None:
    deadline = order(
        OrderState.NEEDS_REVIEW,
        NOON - HOUR,
        review_deadline=NOON + timedelta(minutes=5),
        review_reason=ReviewReason.WRONG_AMOUNT,
    )
    rows = Rows(
        orders=[
            order(OrderState.DISPUTED, NOON - 6 * DAY),
            order(OrderState.UNKNOWN, NOON - 2 * DAY),
            deadline,
        ],
        refunds=[refund(NOON - 2 * HOUR)],
        proposals=[proposal(ProposalState.WAITING, NOON - 23 * HOUR)],
        endpoints=[EndpointTrouble("7", "https://app.example/hook", NOON - HOUR)],
    )
    found = cases_of(rows, NOON)
    assert [case.kind for case in found] == [
        CaseKind.UNKNOWN,
        CaseKind.REVIEW,
        CaseKind.PROPOSAL,
        CaseKind.ENDPOINT,
        CaseKind.DISPUTE,
        CaseKind.REFUND,
    ]
    assert (found[1].title, found[1].detail) == ("$3.70", "wrong amount")
    assert cases_of(replace(rows, orders=[]), NOON) == [
        case for case in found if case.kind.value not in {"unknown", "review", "dispute"}
    ]


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "due now"), (1, "due in 1 minute"), (59, "due in 59 minutes"), (60, "due in 1 hour"),
        (150, "due in 2 hours"), (1_440, "due in 24 hours"), (2_880, "due in 2 days"),
        (-5, "overdue by 5 minutes"), (-60, "overdue by 1 hour"), (-4_320, "overdue by 3 days"),
    ],
)  # fmt: skip
def test_a_due_time_is_said_in_words(minutes: int, words: str) -> None:
    assert due_words(NOON + timedelta(minutes=minutes), NOON) == words
    assert age_words(NOON - timedelta(hours=3), NOON) == "3 hours"


def test_a_publication_lapses_when_it_should_have_begun() -> None:
    begins = NOON + 3 * HOUR
    payload = {"valid_from": begins.isoformat()}
    wanted = Wanted(ProposalKind.PUBLISH, "prices", payload, "new_market", NOTE)
    assert lapses_at(wanted, NOON) == begins
    assert lapses_at(replace(wanted, payload={"valid_from": None}), NOON) == NOON + DAY


@pytest.fixture
async def desk(pool: Pool, ledger: Ledger, clock: StillClock) -> Desk:
    return await open_desk(await open_house(pool, ledger, clock))


async def doubtful(desk: Desk) -> Order:
    made = await desk.house.begin()
    desk.house.provider.only.capture(1)
    return await sync_order(desk.house.deps, made.id)


async def reviews(desk: Desk) -> Sequence[Case]:
    async with transaction(desk.house.deps.pool) as tx:
        now = desk.house.deps.clock.now()
        found = await worklist(tx, CaseKind.REVIEW, now=now, limit=10)
    return found.cases


async def test_a_case_opens_and_closes_by_itself(desk: Desk) -> None:
    assert await reviews(desk) == []
    order_id = (await doubtful(desk)).id
    assert [case.subject for case in await reviews(desk)] == [str(order_id)]
    desk.house.provider.only.capture()
    await sync_order(desk.house.deps, order_id)
    assert await reviews(desk) == []


async def test_one_takes_a_case_and_a_new_opening_has_no_owner(
    desk: Desk, clock: StillClock
) -> None:
    order_id = (await doubtful(desk)).id
    case = (CaseKind.REVIEW, str(order_id))
    async with transaction(desk.house.deps.pool) as tx:
        await take(tx, *case, by=desk.ana, now=clock.now())
        await take(tx, *case, by=desk.ana, now=clock.now())
        with pytest.raises(CaseTaken):
            await take(tx, *case, by=desk.ben, now=clock.now())
        with pytest.raises(CaseClosed):
            await leave(tx, *case, by=desk.ben, now=clock.now())
        with pytest.raises(CaseClosed):
            await take(tx, CaseKind.DISPUTE, str(order_id), by=desk.ben, now=clock.now())
        found = await worklist(tx, CaseKind.REVIEW, now=clock.now(), limit=10)
    assert [owner.taker for owner in found.owners.values()] == [desk.ana.name]
    payment = desk.house.provider.only
    payment.capture()
    clock.advance(seconds=60)
    async with transaction(desk.house.deps.pool) as tx:
        again = "UPDATE recharge.\"order\" SET changed_at = changed_at + interval '1 minute'"
        await tx.execute(again)
        found = await worklist(tx, CaseKind.REVIEW, now=clock.now(), limit=10)
        assert (len(found.cases), found.owners) == (1, {})
        await take(tx, *case, by=desk.ben, now=clock.now())


async def test_a_long_list_is_read_page_by_page(desk: Desk, clock: StillClock) -> None:
    await doubtful(desk)
    columns = (
        "user_id, state, coins, bonus_coins, price_minor, currency, price_list_id, channel,"
        " provider, environment, expires_at, created_at, review_reason, review_token"
    )
    async with transaction(desk.house.deps.pool) as tx:
        await tx.execute(
            f'INSERT INTO recharge."order" (id, changed_at, {columns})'  # noqa: S608
            " SELECT gen_random_uuid(), changed_at - (n / 3) * interval '1 minute',"
            f' {columns} FROM recharge."order", generate_series(1, 45) AS n'
        )
        seen: list[str] = []
        after = None
        while True:
            page = await worklist(tx, CaseKind.REVIEW, now=clock.now(), after=after, limit=10)
            assert page.total == 46
            seen += [case.subject for case in page.cases]
            after = page.after
            if after is None:
                break
    assert len(seen) == len(set(seen)) == 46


def hook(**said: object) -> Endpoint:
    """An address of the host app that does well, unless told otherwise."""
    whole: dict[str, object] = {
        "id": UUID(int=7),
        "url": "https://app.example/hook",
        "description": "",
        "kinds": ("*",),
        "salt": b"",
        "previous_salt": None,
        "previous_until": None,
        "state": Switch.ON,
        "off_since": None,
        "off_reason": None,
        "failures": 0,
        "failing_since": None,
        "resting_until": None,
        "created_by": "operator:ana",
        "created_at": NOON - DAY,
    }
    return Endpoint(**(whole | said))  # type: ignore[arg-type]


def test_an_address_that_fails_for_half_an_hour_is_a_case() -> None:
    since = NOON - timedelta(minutes=30)
    just_before = NOON - timedelta(seconds=1)
    failing = hook(failures=4, failing_since=since)
    assert endpoint_troubles([failing, hook()], just_before) == []
    (found,) = endpoint_troubles([failing, hook()], NOON)
    assert (found.name, found.since) == ("https://app.example/hook", since)


def test_an_address_is_a_case_when_it_was_switched_off_for_failing_and_not_by_hand() -> None:
    failed = hook(state=Switch.OFF, failing_since=NOON, off_since=NOON)
    by_hand = hook(state=Switch.OFF, off_since=NOON - DAY)
    assert len(endpoint_troubles([failed, by_hand], NOON)) == 1

"""Which cases are open, and who looks after them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from coinwell.base import audit
from coinwell.base.db import Tx
from coinwell.console import store
from coinwell.console.rules import (
    REFUND_PROMISE,
    STUCK_AFTER_TRIES,
    UNKNOWN_PROMISE,
    EndpointTrouble,
    Rows,
    cases_of,
    endpoint_troubles,
)
from coinwell.console.types import Case, CaseClosed, CaseKind, CaseTaken, Owner
from coinwell.notify import endpoints
from coinwell.recharge import (
    OrderState,
    RechargeUnknown,
    count_in_state,
    count_open_refunds,
    in_state,
    open_refunds,
    order_of,
)
from coinwell.users import OperatorCaller, Permission

_STATES: Final[Mapping[CaseKind, OrderState]] = MappingProxyType(
    {
        CaseKind.REVIEW: OrderState.NEEDS_REVIEW,
        CaseKind.UNKNOWN: OrderState.UNKNOWN,
        CaseKind.DISPUTE: OrderState.DISPUTED,
    }
)
Place = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class Worklist:
    """Open cases of one kind, how many there are, and where the next page begins."""

    kind: CaseKind
    cases: Sequence[Case]
    owners: Mapping[str, Owner]
    total: int
    after: Place | None


async def worklist(
    tx: Tx, kind: CaseKind, *, now: datetime, after: Place | None = None, limit: int
) -> Worklist:
    """One page of the open cases of a kind, those that wait longest first."""
    rows, total, last = await _rows(tx, kind, now, after, limit)
    cases = cases_of(rows, now)
    kept = await store.owners(tx, [case.subject for case in cases])
    since = {(case.kind, case.subject, case.since) for case in cases}
    mine = {one.subject: one for one in kept if (one.kind, one.subject, one.since) in since}
    return Worklist(kind, cases, mine, total, last)


async def take(tx: Tx, kind: CaseKind, subject: str, *, by: OperatorCaller, now: datetime) -> Case:
    """Look after a case. It stays with whoever takes it until they leave it or it closes.

    Refuses: `NotPermitted`, `CaseClosed`, `CaseTaken`.
    """
    by.demand(Permission.FIND)
    case = await _case(tx, kind, subject, now)
    owner = Owner(kind, subject, case.since, by.operator_id, by.name, now)
    if not await store.take(tx, owner):
        (there,) = [one for one in await store.owners(tx, [subject]) if one.kind is kind]
        raise CaseTaken(there.taker)
    taken = audit.Act(who=by.name, act="case.taken", object=f"{kind.value}:{subject}")
    await audit.write(tx, taken, at=now)
    return case


async def leave(tx: Tx, kind: CaseKind, subject: str, *, by: OperatorCaller, now: datetime) -> None:
    """Let a case go again, for somebody else.

    Refuses: `NotPermitted`; `CaseClosed` when this operator had not taken it.
    """
    by.demand(Permission.FIND)
    if not await store.leave(tx, kind, subject, taken_by=by.operator_id):
        raise CaseClosed
    left = audit.Act(who=by.name, act="case.left", object=f"{kind.value}:{subject}")
    await audit.write(tx, left, at=now)


async def _rows(
    tx: Tx, kind: CaseKind, now: datetime, after: Place | None, limit: int
) -> tuple[Rows, int, Place | None]:
    """The rows behind a page of cases, how many there are in all, and the last one's place."""
    if kind in _STATES:
        state = _STATES[kind]
        until = now - UNKNOWN_PROMISE if kind is CaseKind.UNKNOWN else now
        orders = await in_state(tx, state, until=until, after=after, limit=limit)
        total = await count_in_state(tx, state, until=until)
        last = (orders[-1].changed_at, orders[-1].id) if len(orders) == limit else None
        return Rows(orders=orders), total, last
    if kind is CaseKind.REFUND:
        until = now - REFUND_PROMISE
        refunds = await open_refunds(tx, until=until, after=after, limit=limit)
        total = await count_open_refunds(tx, until=until)
        last = (refunds[-1].created_at, refunds[-1].id) if len(refunds) == limit else None
        return Rows(refunds=refunds), total, last
    if kind is CaseKind.PROPOSAL:
        waiting = await store.waiting(tx, after=after, limit=limit)
        total = await store.count_waiting(tx, now=now)
        last = (waiting[-1].lapses_at, waiting[-1].id) if len(waiting) == limit else None
        return Rows(proposals=waiting), total, last
    if kind is CaseKind.STUCK:
        stuck = await store.stuck(tx, tries=STUCK_AFTER_TRIES, limit=limit)
        return Rows(proposals=stuck), len(stuck), None
    troubles = await _troubles(tx, now)
    return Rows(endpoints=troubles[:limit]), len(troubles), None


async def _troubles(tx: Tx, now: datetime) -> list[EndpointTrouble]:
    return endpoint_troubles(await endpoints(tx), now)


async def _case(tx: Tx, kind: CaseKind, subject: str, now: datetime) -> Case:
    """The case as it is open now. Refuses: `CaseClosed`."""
    rows = Rows()
    with suppress(ValueError, RechargeUnknown):
        if kind in _STATES:
            rows = Rows(orders=[await order_of(tx, UUID(subject))])
        elif kind in {CaseKind.PROPOSAL, CaseKind.STUCK}:
            there = await store.proposal(tx, UUID(subject))
            rows = Rows(proposals=[there] if there else [])
        elif kind is CaseKind.REFUND:
            refunds = await open_refunds(tx, until=now, limit=1_000)
            rows = Rows(refunds=[one for one in refunds if str(one.id) == subject])
        else:
            rows = Rows(endpoints=[one for one in await _troubles(tx, now) if one.id == subject])
    for case in cases_of(rows, now):
        if (case.kind, case.subject) == (kind, subject):
            return case
    raise CaseClosed

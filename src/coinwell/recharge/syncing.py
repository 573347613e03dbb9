"""Brings an order up to date with the provider: the one way in which anything is learned.

Message, return page, "check again", sweep: all of them end here. What the provider says now is
the truth; what came before, and in which order, does not matter.

Source: docs/adr/0006-provider-truth-tickets.md.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from coinwell.base.db import Tx, transaction
from coinwell.base.refusal import Refusal
from coinwell.ledger import Intent, IntentState, freeze, intents, refreeze, settle
from coinwell.limits import LimitReached, finish_recharge, release_recharge, take_recharge
from coinwell.recharge import postings, store, store_events, store_inbox, store_refunds
from coinwell.recharge.asking import ask
from coinwell.recharge.deps import Deps, account_ref
from coinwell.recharge.noting import note_change
from coinwell.recharge.polling import next_check
from coinwell.recharge.providers.types import Capability, PaymentState, ProviderTrouble, Snapshot
from coinwell.recharge.recording import RECORDERS
from coinwell.recharge.refusals import ProviderSilent, RechargeUnknown
from coinwell.recharge.rules import Decision, Doubt, OrderFacts, bind, decide, strongest
from coinwell.recharge.types import (
    Attempt,
    AttemptState,
    Order,
    OrderState,
    RefundState,
    Stage,
)
from coinwell.users import Scope, demand
from coinwell.wallet import Lot, LotKind, name_lot

# A canceled payment is looked at once more; a request sent again likewise.
_LOOKS_MAX = 3
# Past the ladder a look that was due, and got no answer, is still owed.
_OWED_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Look:
    """What was known when we began to ask."""

    order: Order
    attempts: tuple[Attempt, ...]
    ticket: int
    messages: list[int]


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the provider says about one attempt."""

    attempt: Attempt
    snapshot: Snapshot | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    order: Order
    decision: Decision | None  # None when a later look was applied first.
    intent: Intent | None = None


async def sync_order(deps: Deps, order_id: UUID) -> Order:
    """Ask the provider about an order, and do what follows from its answer.

    Safe to run at any time, any number of times, by any number of processes at once. While the
    provider does not answer, everything stays as it is and is asked again by the ladder.

    Locks: the order's row while the answer is applied; nothing while the provider is asked.
    Refuses: `RechargeUnknown`.
    """
    for _ in range(_LOOKS_MAX):
        look = await _begin(deps, order_id)
        try:
            sights = await _see(deps, look)
        except ProviderTrouble as trouble:
            return await _postpone(deps, look, trouble)
        outcome = await _apply(deps, look, sights)
        await finish_recharge(deps.pool, deps.ledger, order_id, now=deps.clock.now())
        if outcome.intent is not None:
            await settle_intent(deps, outcome.intent)
            if not await _due(deps, order_id):
                break
        elif not await _follow_up(deps, look.ticket, outcome, sights):
            break
    async with transaction(deps.pool) as tx:
        return await _known(tx, order_id)


async def _due(deps: Deps, order_id: UUID) -> bool:
    """Whether something was seen while the coins were on their way, and could not be said."""
    async with transaction(deps.pool) as tx:
        order = await _known(tx, order_id)
    return order.next_check_at is not None and order.next_check_at <= deps.clock.now()


async def settle_intent(deps: Deps, intent: Intent) -> Intent:
    """Post a frozen intent of this room and record what became of it."""
    return await settle(deps.pool, deps.ledger, intent, RECORDERS, now=deps.clock.now())


async def _begin(deps: Deps, order_id: UUID) -> _Look:
    """The ticket is taken before the provider is asked: a later one has seen at least as much."""
    async with transaction(deps.pool) as tx:
        ticket = await store.take_ticket(tx)
        order = await _known(tx, order_id)
        attempts = await store.attempts(tx, order_id)
        messages = await store_inbox.waiting(tx, order_id)
    return _Look(order, tuple(attempts), ticket, messages)


async def _see(deps: Deps, look: _Look) -> list[_Sight]:
    provider = deps.provider_of(look.order)
    ours = {attempt.payment_id for attempt in look.attempts}
    sights: list[_Sight] = []
    for attempt in look.attempts:
        if attempt.payment_id is not None:
            sights.append(_Sight(attempt, await provider.fetch(attempt.payment_id)))
        elif attempt.state is not AttemptState.REFUSED:
            found = await provider.find_by_order(look.order.id)
            fresh = found is not None and found.payment_id not in ours
            sights.append(_Sight(attempt, found if fresh else None))
    return sights


async def _apply(deps: Deps, look: _Look, sights: list[_Sight]) -> _Outcome:
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        order = await store.locked(tx, look.order.id)
        assert order is not None, "an order is never deleted"
        if look.ticket <= order.last_ticket or await _overtaken(tx, look):
            return _Outcome(order, None)
        taken = await _bind_attempts(tx, sights)
        facts = await _facts(tx, order, sights, taken=taken, now=now)
        snapshot = strongest([one.snapshot for one in sights if one.snapshot is not None])
        doubt = None if snapshot is None else bind(facts, snapshot)
        decision = decide(facts, snapshot, doubt, now)
        intent = await _freeze(tx, order, decision, snapshot, now)
        mine = None if taken else snapshot
        change = _change(deps, order, decision, mine, intent=intent, ticket=look.ticket)
        await store.apply(tx, order.id, change)
        await _tell_limits(tx, order.id, change)
        await store_inbox.mark_done(tx, look.messages)
        await note_change(tx, order, decision, snapshot, now)
        if intent is None and facts.credit is Stage.FROZEN:
            intent = await _frozen(tx, order)
    return _Outcome(order, decision, intent)


async def _tell_limits(tx: Tx, order_id: UUID, change: store.Change) -> None:
    """What the order holds of the buyer's limits is used up by money, and free without."""
    if change.captured_minor is not None:
        await take_recharge(tx, order_id, now=change.now)
    elif change.state in {OrderState.CANCELED, OrderState.EXPIRED}:
        await release_recharge(tx, order_id, now=change.now)


async def _overtaken(tx: Tx, look: _Look) -> bool:
    """Whether a payment was bound since we looked for one: then our "nothing there" is old."""
    known = {attempt.number for attempt in look.attempts if attempt.payment_id is not None}
    now_known = await store.attempts(tx, look.order.id)
    return any(one.payment_id is not None and one.number not in known for one in now_known)


async def _bind_attempts(tx: Tx, sights: list[_Sight]) -> bool:
    """Write down the payments that were found; True if one belongs to another order."""
    taken = False
    for sight in sights:
        snapshot = sight.snapshot
        if snapshot is None or snapshot.state is PaymentState.NONE:
            continue
        url = None if snapshot.next_action is None else snapshot.next_action.redirect_url
        bound = await store.know(tx, sight.attempt, snapshot.payment_id, url)
        taken = taken or not bound
    return taken


async def _facts(
    tx: Tx, order: Order, sights: list[_Sight], *, taken: bool, now: datetime
) -> OrderFacts:
    attempts = await store.attempts(tx, order.id)
    refunds = await store_refunds.of_order(tx, order.id)
    shots = [sight.snapshot for sight in sights if sight.snapshot is not None]
    charged = sum(one.state is PaymentState.CAPTURED for one in shots)
    counted = [one for one in refunds if one.state is not RefundState.REFUSED]
    return OrderFacts(
        order_id=order.id,
        account_ref=account_ref(order.user_id),
        environment=order.environment,
        price=order.price,
        all_coins=order.all_coins,
        expires_at=order.expires_at,
        asked=_asked(order, attempts[-1], now),
        cancel_asked=order.cancel_asked_at is not None,
        restricted=charged > 0 and not await _may_recharge(tx, order.user_id, now),
        payment_taken=taken,
        charged_count=charged,
        credit=order.credit,
        taken_coins=order.taken_coins,
        refund=counted[-1].state if counted else None,
        refund_ids=frozenset(
            one.provider_refund_id
            for one in refunds
            # One that failed gave the coins back: should it go through after all, that is news.
            if one.provider_refund_id and one.state is not RefundState.FAILED
        ),
        approved_token=order.approved_token,
    )


def _asked(order: Order, latest: Attempt, now: datetime) -> AttemptState:
    """What became of asking; while somebody asks right now, an end cannot be sure of it."""
    asking = latest.claimed_until is not None and now < latest.claimed_until
    ends = order.cancel_asked_at is not None or now >= order.expires_at
    if asking and ends and latest.state is AttemptState.NEW:
        return AttemptState.UNKNOWN
    return latest.state


async def _may_recharge(tx: Tx, user_id: UUID, now: datetime) -> bool:
    try:
        await demand(tx, user_id, Scope.RECHARGE, now=now)
    except Refusal:
        return False
    return True


async def _freeze(
    tx: Tx, order: Order, decision: Decision, snapshot: Snapshot | None, now: datetime
) -> Intent | None:
    """Fix what will be posted, once per order; a refused attempt is followed by another."""
    if not decision.credit:
        return None
    assert snapshot is not None
    assert snapshot.captured is not None
    chain = postings.credit(order, snapshot.captured)
    intent = await freeze(
        tx,
        room=postings.ROOM,
        subject=str(order.id),
        step=postings.CREDIT,
        accounts=chain.accounts,
        transfers=chain.legs,
        now=now,
    )
    if intent.state is IntentState.REFUSED:
        intent = await refreeze(tx, intent, accounts=chain.accounts, transfers=chain.legs, now=now)
    coins, bonus = postings.coin_legs(intent)
    user_id, price = order.user_id, snapshot.captured
    await name_lot(tx, Lot(order.id, user_id, LotKind.PAID, coins.amount, price, now, coins.id))
    if bonus is not None:
        await name_lot(
            tx,
            Lot(order.id, user_id, LotKind.PROMOTIONAL, bonus.amount, None, now, bonus.id),
        )
    return intent


async def _frozen(tx: Tx, order: Order) -> Intent | None:
    """The credit that was frozen and not recorded: its process died in between."""
    found = await intents(tx, room=postings.ROOM, subject=str(order.id))
    return next((one for one in found if one.id == order.credit_intent), None)


def _change(
    deps: Deps,
    order: Order,
    decision: Decision,
    snapshot: Snapshot | None,
    *,
    intent: Intent | None,
    ticket: int,
) -> store.Change:
    now = deps.clock.now()
    doubt: Doubt | None = decision.doubt
    captured = None if snapshot is None else snapshot.captured
    action = None if snapshot is None else snapshot.next_action
    changed_at = order.changed_at if decision.state is order.state else now
    return store.Change(
        state=decision.state,
        now=now,
        ticket=ticket,
        next_check_at=next_check(
            decision.state,
            changed_at=changed_at,
            expires_at=order.expires_at,
            asked=True,
            now=now,
        ),
        payment_id=None if snapshot is None else snapshot.payment_id or None,
        pay_url=None if action is None else action.redirect_url,
        paid_at=None if captured is None else now,
        captured_minor=None if captured is None else captured.minor,
        captured_currency=None if captured is None else captured.currency,
        credit_intent=None if intent is None else intent.id,
        target_coins=decision.target_coins,
        review_reason=None if doubt is None else doubt.reason,
        review_token=None if doubt is None else doubt.token,
        review_deadline=None if doubt is None else now + deps.settings.review_within,
        failure_kind=None if decision.failure is None else decision.failure.kind,
        failure_code=None if decision.failure is None else decision.failure.code,
    )


async def _follow_up(deps: Deps, ticket: int, outcome: _Outcome, sights: list[_Sight]) -> bool:
    """Ask the provider for what was decided; True if it is worth looking again."""
    decision, order = outcome.decision, outcome.order
    if decision is None:
        return False
    if decision.ask_again:
        with suppress(ProviderSilent, LimitReached):
            await ask(deps, order.id)
        return False
    if not decision.close:
        return False
    provider = deps.provider_of(order)
    if Capability.CANCEL not in provider.capabilities:
        return False
    asked = False
    for sight in sights:
        snapshot = sight.snapshot
        if snapshot is None or snapshot.state not in _CAN_CLOSE:
            continue
        key = f"order:{order.id}:cancel:{sight.attempt.number}:{ticket}"
        # A refusal may mean that it was paid this moment: the next look will tell.
        with suppress(ProviderTrouble):
            await provider.cancel_payment(snapshot.payment_id, idempotency_key=key)
        asked = True
    return asked


_CAN_CLOSE = frozenset({PaymentState.AWAITING_USER, PaymentState.ACTION_REQUIRED})


async def _postpone(deps: Deps, look: _Look, trouble: ProviderTrouble) -> Order:
    """The provider does not answer: everything stays as it is and is asked again."""
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        # As it is now: it may have moved while the provider kept us waiting.
        order = await store.locked(tx, look.order.id)
        assert order is not None, "an order is never deleted"
        again_at = next_check(
            order.state,
            changed_at=order.changed_at,
            expires_at=order.expires_at,
            asked=True,
            now=now,
        )
        if again_at is None and order.next_check_at is not None:
            again_at = now + _OWED_AFTER
        await store.postpone(tx, order.id, again_at)
        body = {"trouble": type(trouble).__name__, "said": str(trouble)}
        await store_events.add(tx, order.id, at=now, source="us", kind="no_answer", body=body)
        return await _known(tx, order.id)


async def _known(tx: Tx, order_id: UUID) -> Order:
    order = await store.order(tx, order_id)
    if order is None:
        raise RechargeUnknown(str(order_id))
    return order

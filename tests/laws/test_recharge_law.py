"""The law of recharges: whatever happens, in whatever order, no coin and no cent goes astray.

Hypothesis plays buyers, the provider, the sweeps, an operator and the reaper: it begins, pays,
declines, looks, spends, refunds, lets time pass, cuts answers and kills processes between freeze,
post and record. After every step the books must balance and every coin must have its payment. In
the end the sweeps alone, without any message, must bring everything to rest.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, open_pool, transaction
from coinwell.base.refusal import Refusal
from coinwell.installation import finish_intents
from coinwell.ledger import Kind, Ledger, intents, open_ledger, verify
from coinwell.recharge import (
    Order,
    OrderState,
    ProviderSilent,
    cancel,
    order_of,
    orders_of,
    pay_again,
    refund_order,
    refunds_of,
    sync_order,
)
from coinwell.recharge import jobs as work
from coinwell.recharge.providers.types import (
    Declined,
    Failure,
    FailureKind,
    PaymentState,
    RefundObjState,
    Retryable,
)
from coinwell.users import NewUser, create_user
from coinwell.wallet import balance, fold_of
from tests.conftest import NOON
from tests.profile import scale
from tests.recharge.making import OPEN, House, Killed, Payment, open_house

R = TypeVar("R")
PACKS = ("coins-70", "coins-350", "coins-3500")
SWEEPS = ("poll", "intents", "refunds", "reviews")
PAID = {OrderState.CREDITED, OrderState.REVERSED}
NO_REFUND = Declined(Failure(FailureKind.TRY_AGAIN, "refund_not_possible"))
which = st.integers(0, 5)


@dataclass
class World:
    """What all examples share: the database, the ledger and the clock."""

    pool: Pool
    ledger: Ledger
    clock: StillClock
    house: House


class Recharges(RuleBasedStateMachine):
    """One buyer with a few orders, and everything that can go wrong around them."""

    runner: ClassVar[asyncio.Runner]
    world: ClassVar[World]
    serial: ClassVar[Iterator[int]]

    def wait(self, job: Awaitable[R]) -> R:
        async def awaited() -> R:
            return await job

        return self.runner.run(awaited())

    @initialize(packs=st.lists(st.sampled_from(PACKS), max_size=3))
    def a_buyer_comes(self, packs: list[str]) -> None:
        world, number = self.world, next(self.serial)
        person = NewUser(f"buyer-{number}", "A buyer", country="US", birth_on=date(1990, 1, 1))

        async def come() -> House:
            async with transaction(world.pool) as tx:
                viewer = await create_user(tx, person, now=world.clock.now())
            return replace(world.house, viewer=viewer)

        self.house = self.wait(come())
        provider = self.house.provider
        provider.troubles, provider.lose_answer, provider.refund_trouble = {}, set(), None
        provider.refund_state = RefundObjState.SUCCEEDED
        self.ids: list[UUID] = []
        self.spent = 0
        self.spends: list[int] = []
        for pack in packs:
            self.coins_are_bought(pack)

    def orders(self) -> list[Order]:
        async def read() -> list[Order]:
            async with transaction(self.world.pool) as tx:
                return await orders_of(tx, self.house.viewer.id, limit=50)

        return sorted(self.wait(read()), key=lambda order: self.ids.index(order.id))

    def payments(self) -> list[Payment]:
        mine = set(self.ids)
        return [one for one in self.house.provider.payments.values() if one.order_ref in mine]

    # -- what can happen ------------------------------------------------------------------------

    @precondition(lambda self: len(self.ids) < 6)
    @rule(pack=st.sampled_from(PACKS), lost=st.booleans())
    def begin(self, pack: str, *, lost: bool) -> None:
        if lost:
            self.house.provider.lose_answer.add("create")
        try:
            self.ids.append(self.wait(self.house.begin(f"key-{len(self.ids)}", pack_id=pack)).id)
        except ProviderSilent as silent:
            self.ids.append(UUID(silent.recharge_id))

    @precondition(lambda self: len(self.ids) < 6)
    @rule(pack=st.sampled_from(PACKS))
    def coins_are_bought(self, pack: str) -> None:
        self.begin(pack, lost=False)
        if payments := [one for one in self.payments() if one.order_ref == self.ids[-1]]:
            payments[-1].capture()
        self.wait(sync_order(self.house.deps, self.ids[-1]))

    @rule(at=which, does=st.sampled_from(("capture", "decline", "process", "challenge", "short")))
    def the_buyer_pays(self, at: int, does: str) -> None:
        payments = [one for one in self.payments() if one.state in OPEN | {PaymentState.PROCESSING}]
        if not payments:
            return
        payment = payments[at % len(payments)]
        match does:
            case "capture":
                payment.capture()
            case "short":
                payment.capture(payment.order.amount.minor - 1)
            case "decline":
                payment.decline()
            case "process":
                payment.state = PaymentState.PROCESSING
            case _:
                payment.state = PaymentState.ACTION_REQUIRED

    @precondition(lambda self: self.ids)
    @rule(at=which, before=st.integers(0, 1), after=st.integers(0, 1), twice=st.booleans())
    def somebody_looks(self, at: int, before: int, after: int, *, twice: bool) -> None:
        order_id = self.ids[at % len(self.ids)]
        deps = self.house.dying(before=before, after=after)

        async def look() -> None:
            looks = [sync_order(deps, order_id) for _ in range(2 if twice else 1)]
            said = await asyncio.gather(*looks, return_exceptions=True)
            assert all(isinstance(one, Order | Killed) for one in said), said

        self.wait(look())

    @rule(job=st.sampled_from(SWEEPS), before=st.integers(0, 1), after=st.integers(0, 1))
    def a_sweep_runs(self, job: str, before: int, after: int) -> None:
        self.sweep(job, before=before, after=after)

    def sweep(self, job: str, **dies: int) -> None:
        async def run() -> None:
            deps = self.house.dying(**dies)
            if job == "intents":
                await finish_intents(deps.pool, deps.ledger, now=deps.clock.now())
            else:
                await getattr(work, job)(deps)

        try:
            self.wait(run())
        except ExceptionGroup as errors:
            rest = errors.split(Killed)[1]
            assert rest is None, rest

    @rule(seconds=st.sampled_from((15, 31, 600, 3_600, 90_000)))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.advance(seconds=seconds)

    @rule(part=st.integers(1, 100))
    def coins_are_spent(self, part: int) -> None:
        coins = self.wait(self.house.coins()) * part // 100
        transfer_id = next(self.serial) + (1 << 100)
        if coins and self.wait(self.house.spend(coins, transfer_id)):
            self.spent += coins
            self.spends.append(transfer_id)

    @precondition(lambda self: self.ids)
    @rule(
        at=which,
        trouble=st.sampled_from((None, NO_REFUND, Retryable("down"), "lost", "slow")),
        dies=st.sampled_from(({}, {"before": 1}, {"after": 1})),
    )
    def an_operator_refunds(self, at: int, trouble: Any, dies: dict[str, int]) -> None:
        provider = self.house.provider
        provider.refund_trouble = trouble if isinstance(trouble, Exception) else None
        provider.refund_state = RefundObjState.SUCCEEDED
        if trouble == "slow":
            provider.refund_state = RefundObjState.PENDING
        if trouble == "lost":
            provider.lose_answer.add("refund")
        there = [one.id for one in self.orders() if one.state is OrderState.CREDITED] or self.ids
        deps, order_id = self.house.dying(**dies), there[at % len(there)]
        with suppress(Refusal, Killed):
            self.wait(refund_order(deps, order_id, operator="ops", reason="asked"))

    @rule(ends=st.sampled_from((RefundObjState.SUCCEEDED, RefundObjState.FAILED)))
    def a_slow_refund_is_decided(self, ends: RefundObjState) -> None:
        for payment in self.payments():
            payment.refunds = [
                replace(one, state=ends) if one.state is RefundObjState.PENDING else one
                for one in payment.refunds
            ]

    @precondition(lambda self: self.ids)
    @rule(at=which)
    def the_buyer_cancels(self, at: int) -> None:
        with suppress(Refusal, Killed):
            self.wait(cancel(self.house.deps, self.ids[at % len(self.ids)]))

    @precondition(lambda self: self.ids)
    @rule(at=which)
    def the_buyer_tries_again(self, at: int) -> None:
        with suppress(Refusal, Killed):
            self.wait(pay_again(self.house.deps, self.ids[at % len(self.ids)]))

    @rule(what=st.sampled_from(("create", "fetch", "find", "cancel")))
    def the_provider_has_a_bad_moment(self, what: str) -> None:
        self.house.provider.troubles[what] = [Retryable("down")]

    # -- what must always be true ---------------------------------------------------------------

    @invariant()
    def the_books_balance(self) -> None:
        verdict = self.wait(verify(self.world.pool))
        assert verdict.balanced, verdict.sentence

    @invariant()
    def every_coin_has_its_payment(self) -> None:
        if not getattr(self, "ids", None):
            return
        came = gone = 0
        for order in self.orders():
            moved = self.wait(self.moved(order.id))
            paid = [one for one in self.payments() if one.order_ref == order.id and one.captured]
            coins = moved[Kind.RECHARGE] + moved[Kind.BONUS]
            assert coins in {0, order.all_coins}, "credited once, whole"
            assert not coins or paid, "no coins without captured money"
            assert not coins or order.credit_intent is not None
            if order.credited_at is not None:
                assert coins == order.all_coins
            assert moved[Kind.REFUND] == order.taken_coins or order.state not in PAID
            back = sum(
                one.amount.minor
                for payment in paid
                for one in payment.refunds
                if one.state is not RefundObjState.FAILED
            )
            captured = sum(one.captured.minor for one in paid if one.captured)
            assert back <= captured, "never more money back than came"
            assert not moved[Kind.REFUND] or back, "no coins taken unless money went back"
            came += coins
            gone += moved[Kind.REFUND]
        now = self.wait(balance(self.world.ledger, self.house.viewer.id))
        assert now.coins + now.held == came - gone - self.spent

    async def moved(self, order_id: UUID) -> dict[int, int]:
        """What the ledger really moved for an order, by kind; holds do not count."""
        async with transaction(self.world.pool) as tx:
            frozen = await intents(tx, room="recharge", subject=str(order_id))
        ids = [one.id for intent in frozen for one in intent.transfers]
        total = dict.fromkeys((Kind.RECHARGE, Kind.BONUS, Kind.REFUND), 0)
        for one in await self.world.ledger.lookup_transfers(ids) if ids else []:
            if one.code in total and not one.flags & (2 | 8):  # Neither pending nor voiding.
                total[Kind(one.code)] += one.amount
        return total

    def teardown(self) -> None:
        """Everybody gone, only time and the sweeps: everything comes to rest."""
        if not getattr(self, "ids", None):
            return
        self.house.provider.troubles = {}
        self.house.provider.refund_trouble = None
        self.house.provider.refund_state = RefundObjState.SUCCEEDED
        self.a_slow_refund_is_decided(RefundObjState.SUCCEEDED)
        for hours in (2, 25, 25, 25, 1):
            self.world.clock.advance(hours=hours)
            for job in SWEEPS:
                self.sweep(job)
        self.every_coin_has_its_payment()
        orders = self.orders()
        for order in orders:
            self.at_rest(order)
        self.what_went_back_was_not_spent(orders)
        assert self.wait(balance(self.world.ledger, self.house.viewer.id)).held == 0
        self.the_books_balance()
        self.wait(self.leave())

    def what_went_back_was_not_spent(self, orders: list[Order]) -> None:
        """No coin of a refunded order paid for anything: only the refund itself took them."""
        job = fold_of(
            self.world.pool, self.world.ledger, self.house.viewer.id, now=self.world.clock.now()
        )
        fold = self.wait(job)
        assert fold is not None
        refunded = {order.id for order in orders if order.state is OrderState.REVERSED}
        for transfer_id in self.spends:
            lots = {share.lot_id for share in fold.shares.get(transfer_id, ())}
            assert not lots & refunded, "a refund took back coins that were spent"

    async def leave(self) -> None:
        """The next example's sweeps have nothing to do with this one's cases."""
        async with transaction(self.world.pool) as tx:
            await tx.execute('UPDATE recharge."order" SET next_check_at = NULL')

    def at_rest(self, order: Order) -> None:
        async def read() -> tuple[Order, list[Any], list[Any]]:
            async with transaction(self.world.pool) as tx:
                frozen = await intents(tx, room="recharge", subject=str(order.id))
                return await order_of(tx, order.id), frozen, await refunds_of(tx, order.id)

        now, frozen, refunds = self.wait(read())
        paid = [one for one in self.payments() if one.order_ref == order.id and one.captured]
        assert all(intent.state.value != "open" for intent in frozen)
        assert not any(one.open for one in refunds)
        if len(paid) == 1:
            assert now.state in PAID, now
        elif not paid and not any(
            one.state is PaymentState.PROCESSING
            for one in self.payments()
            if one.order_ref == order.id
        ):
            closed = {OrderState.EXPIRED, OrderState.CANCELED}
            assert now.state in closed, now


@pytest.mark.timeout(scale(300, 7_200))
def test_no_interleaving_breaks_the_books(database_url: str) -> None:
    with asyncio.Runner() as runner:
        clock = StillClock(NOON)
        pools = open_pool(database_url, max_size=6)
        opening = open_ledger(database_url, now_ns=clock.now_ns)
        pool = runner.run(pools.__aenter__())
        ledger = runner.run(opening.__aenter__())
        house = runner.run(open_house(pool, ledger, clock))
        try:
            facts = {"runner": runner, "world": World(pool, ledger, clock, house)}
            machine = type("OurRecharges", (Recharges,), {**facts, "serial": count(10)})
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=scale(25, 1_000),
                    stateful_step_count=scale(22, 25),
                    deadline=None,
                ),
            )
        finally:
            runner.run(opening.__aexit__(None, None, None))
            runner.run(pools.__aexit__(None, None, None))

"""A house for recharge tests: a viewer, a price list, and a payment provider we script.

The provider is the outside world, so it may be made up; everything else is the real thing.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import count
from typing import cast
from uuid import UUID

from coinwell.base.clock import Clock
from coinwell.base.db import Pool, transaction
from coinwell.base.money import Money
from coinwell.catalog import seed
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    CreateTransferResult,
    Kind,
    Ledger,
    Transfer,
    account_id,
    platform_account,
    verify,
)
from coinwell.recharge import Deps, Order, RechargeSettings, Wish, order_of, start
from coinwell.recharge.providers.types import (
    Capability,
    Declined,
    DisputeObj,
    Failure,
    FailureKind,
    Forged,
    InboundEvent,
    NextAction,
    OrderView,
    OutcomeUnknown,
    PaymentState,
    RefundObj,
    RefundObjState,
    RefundReason,
    Snapshot,
    Started,
)
from coinwell.users import NewUser, User, create_user
from coinwell.wallet import balance

OPEN = {PaymentState.AWAITING_USER, PaymentState.ACTION_REQUIRED}


@dataclass
class Payment:
    """One payment as the scripted provider has it."""

    id: str
    order: OrderView
    state: PaymentState = PaymentState.AWAITING_USER
    captured: Money | None = None
    refunds: list[RefundObj] = field(default_factory=list)
    disputes: list[DisputeObj] = field(default_factory=list)
    failure: Failure | None = None
    environment: str = "test"
    account_ref: str | None = None
    order_ref: UUID | None = None

    def capture(self, minor: int | None = None) -> None:
        self.state = PaymentState.CAPTURED
        currency = self.order.amount.currency
        self.captured = self.order.amount if minor is None else Money(minor, currency)

    def decline(self) -> None:
        self.state = PaymentState.FAILED
        self.failure = Failure(FailureKind.BANK_DECLINED, "generic_decline")


class Scripted:
    """A payment provider that does what a test tells it to, and counts what it was asked."""

    name = "sandbox"
    capabilities = frozenset(Capability)

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.payments: dict[str, Payment] = {}
        self.answers: dict[str, object] = {}
        self.asked: list[str] = []
        self.troubles: dict[str, list[Exception]] = {}
        self.lose_answer: set[str] = set()
        self.refund_state = RefundObjState.SUCCEEDED
        self.refund_trouble: Exception | None = None
        self.pause: Callable[[str], Awaitable[None]] | None = None
        self.events: list[InboundEvent] = []
        self._numbers = count(1)

    @property
    def only(self) -> Payment:
        (payment,) = self.payments.values()
        return payment

    async def _asked(self, what: str) -> None:
        self.asked.append(what)
        if self.troubles.get(what):
            raise self.troubles[what].pop(0)

    async def create_payment(self, order: OrderView, *, idempotency_key: str) -> Started:
        await self._asked("create")
        await asyncio.sleep(0)
        if idempotency_key not in self.answers:
            payment = Payment(f"pay_{next(self._numbers)}", order)
            payment.account_ref, payment.order_ref = order.account_ref, order.order_id
            self.payments[payment.id] = payment
            self.answers[idempotency_key] = Started(payment.id, f"https://pay/{payment.id}")
        if "create" in self.lose_answer:
            self.lose_answer.discard("create")
            raise OutcomeUnknown("the answer was cut off")
        return self.answers[idempotency_key]

    async def cancel_payment(self, payment_id: str, *, idempotency_key: str) -> None:
        await self._asked("cancel")
        assert idempotency_key
        payment = self.payments[payment_id]
        if payment.state in OPEN | {PaymentState.FAILED}:
            payment.state = PaymentState.CANCELED
        elif payment.state is not PaymentState.CANCELED:
            raise Declined(Failure(FailureKind.TRY_AGAIN, "not_cancelable"))

    async def refund(
        self, payment_id: str, amount: Money | None, reason: RefundReason, *, idempotency_key: str
    ) -> RefundObj:
        await self._asked("refund")
        assert reason is RefundReason.REQUESTED
        if self.refund_trouble is not None:
            raise self.refund_trouble
        if idempotency_key not in self.answers:
            payment = self.payments[payment_id]
            assert payment.captured is not None
            back = sum(one.amount.minor for one in payment.refunds if one.state.value != "failed")
            wanted = payment.captured if amount is None else amount
            if back + wanted.minor > payment.captured.minor:
                raise Declined(Failure(FailureKind.BANK_DECLINED, "more_than_is_left"))
            made = RefundObj(f"re_{next(self._numbers)}", wanted, self.refund_state)
            payment.refunds.append(made)
            self.answers[idempotency_key] = made
        if "refund" in self.lose_answer:
            self.lose_answer.discard("refund")
            raise OutcomeUnknown("the answer was cut off")
        return self.answers[idempotency_key]

    async def fetch(self, payment_id: str) -> Snapshot:
        await self._asked("fetch")
        seen = self.snapshot(payment_id)
        if self.pause is not None:
            await self.pause(payment_id)
        return seen

    async def find_by_order(self, order_ref: UUID) -> Snapshot | None:
        await self._asked("find")
        found = [one for one in self.payments.values() if one.order_ref == order_ref]
        found.sort(key=lambda one: one.state is PaymentState.CAPTURED)
        seen = self.snapshot(found[-1].id) if found else None
        if self.pause is not None:
            await self.pause("find")
        return seen

    def snapshot(self, payment_id: str) -> Snapshot:
        payment = self.payments.get(payment_id)
        if payment is None:
            now = self.clock.now()
            return Snapshot("sandbox", "test", payment_id, None, None, PaymentState.NONE, now)
        return Snapshot(
            provider=self.name,
            environment=payment.environment,
            payment_id=payment.id,
            order_ref=payment.order_ref,
            account_ref=payment.account_ref,
            state=payment.state,
            occurred_at=self.clock.now(),
            captured=payment.captured,
            refunds=tuple(payment.refunds),
            disputes=tuple(payment.disputes),
            failure=payment.failure,
            next_action=NextAction(f"https://pay/{payment.id}") if payment.state in OPEN else None,
        )

    def verify_webhook(
        self, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> tuple[InboundEvent, ...]:
        if headers.get("webhook-signature") != "good":
            raise Forged("not signed")
        said = json.loads(body)
        event = InboundEvent(
            said["id"], said["type"], said["payment_id"], said.get("environment", "test"), now
        )
        return (event,)

    async def list_events(self, since: datetime) -> AsyncIterator[InboundEvent]:
        for event in self.events:
            if event.occurred_at >= since:
                yield event

    async def close(self) -> None:
        pass


class Killed(Exception):
    """The process died here, as far as a test is concerned."""


@dataclass(eq=False)
class Dying:
    """The ledger's door with a trap: the process dies before, or right after, a posting."""

    ledger: Ledger
    before: int = 0  # How many more postings never happen.
    after: int = 0  # How many more happen and are never heard of.

    def __getattr__(self, name: str) -> object:
        return getattr(self.ledger, name)

    async def create_transfers(self, transfers: Sequence[Transfer]) -> list[CreateTransferResult]:
        if self.before:
            self.before -= 1
            raise Killed
        done = await self.ledger.create_transfers(transfers)
        if self.after:
            self.after -= 1
            raise Killed
        return done


@dataclass
class House:
    """Everything a test needs, and a few things it wants to know."""

    deps: Deps
    provider: Scripted
    viewer: User

    async def begin(self, key: str = "key-1", **wish: object) -> Order:
        """Start a recharge of a pack and return the order."""
        wanted = Wish(**({"pack_id": "coins-350"} | wish))
        answer = await start(self.deps, self.viewer, wanted, key=key)
        return await self.order(UUID(answer.body["id"]))

    async def order(self, order_id: UUID) -> Order:
        async with transaction(self.deps.pool) as tx:
            return await order_of(tx, order_id)

    def dying(self, *, before: int = 0, after: int = 0) -> Deps:
        """The same deps in a process that dies at a posting."""
        trap = Dying(self.deps.ledger, before, after)
        return replace(self.deps, ledger=cast("Ledger", trap))

    async def coins(self) -> int:
        return (await balance(self.deps.ledger, self.viewer.id)).coins

    async def spend(self, coins: int, transfer_id: int) -> bool:
        """Spend from the wallet, as any other room would; False if there is not enough."""
        redeemed = platform_account(Code.REDEEMED, LEDGER_COINS)
        await self.deps.ledger.create_accounts([redeemed])
        spent = Transfer(
            id=transfer_id,
            debit_account_id=account_id(Code.WALLET, self.viewer.id, LEDGER_COINS),
            credit_account_id=redeemed.id,
            amount=coins,
            ledger=LEDGER_COINS,
            code=int(Kind.SPEND),
        )
        (result,) = await self.deps.ledger.create_transfers([spent])
        return result.status.name in {"CREATED", "EXISTS"}

    async def books_balance(self) -> None:
        verdict = await verify(self.deps.pool)
        assert verdict.balanced, verdict.sentence


async def open_house(pool: Pool, ledger: Ledger, clock: Clock) -> House:
    """A house with one adult viewer and the catalogue that ships with Coinwell."""
    provider = Scripted(clock)
    async with transaction(pool) as tx:
        await seed(tx, clock.now())
        person = NewUser("viewer-1", "A viewer", country="US", birth_on=date(1990, 1, 1))
        viewer = await create_user(tx, person, now=clock.now())
    settings = RechargeSettings(public_url="https://coinwell.test")
    return House(Deps(pool, ledger, {"sandbox": provider}, clock, settings), provider, viewer)


def webhook(payment_id: str, message_id: str, kind: str = "payment.updated") -> bytes:
    """The body of a message as the scripted provider sends it."""
    return json.dumps({"id": message_id, "type": kind, "payment_id": payment_id}).encode()


SIGNED = {"webhook-signature": "good"}

"""The laws of the books, on a real PostgreSQL, whatever sequence of requests Hypothesis finds.

Nothing here says what a request should be answered (the differential tests do). It says what must
be true after any of them: what was debited was credited, no wallet is below nothing, a refusal
and a repeat change nothing, time only rises, and `verify` agrees.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from itertools import count
from typing import ClassVar, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from coinwell.ledger import (
    AMOUNT_MAX,
    Account,
    AccountFlags,
    CreateTransferResult,
    CreateTransferStatus,
    Ledger,
    Transfer,
    TransferFlags,
    open_ledger,
    verify,
)
from tests.profile import LONG, scale

R = TypeVar("R")
S = CreateTransferStatus
LINKED = TransferFlags.LINKED
PENDING = TransferFlags.PENDING
POST = TransferFlags.POST_PENDING_TRANSFER
VOID = TransferFlags.VOID_PENDING_TRANSFER
NOON_NS = 1_795_348_800_000_000_000
SECOND = 1_000_000_000
WALLETS = 3

# Shortening a failure takes minutes on a real database, and twenty steps can be read as they are.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, *((Phase.shrink,) if LONG else ()))

amounts = st.one_of(st.integers(0, 120), st.sampled_from((2**63 - 1, 2**63, AMOUNT_MAX)))
wallets = st.integers(1, WALLETS)


class Books(RuleBasedStateMachine):
    """One platform account that issues, three wallets, and a ledger number of their own."""

    url: ClassVar[str]
    runner: ClassVar[asyncio.Runner]
    ledger: ClassVar[Ledger]
    now_ns: ClassVar[list[int]]
    serial: ClassVar[Iterator[int]]

    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.number = next(self.serial)
        self.sent: list[tuple[list[Transfer], list[CreateTransferResult]]] = []
        self.last_timestamp = 0

    def wait(self, request: Awaitable[R]) -> R:
        async def awaited() -> R:
            return await request

        return self.runner.run(awaited())

    # -- what there is --------------------------------------------------------------------------

    def id_of(self, which: int) -> int:
        """The account of this example's wallet, 0 being the platform's."""
        return self.number * 100 + which + 1

    def accounts(self) -> list[Account]:
        """All four, with what has run out by now already given back."""
        self.wait(self.ledger.pulse())
        ids = [self.id_of(which) for which in range(WALLETS + 1)]
        return self.wait(self.ledger.lookup_accounts(ids))

    @initialize()
    def open_accounts(self) -> None:
        capped = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
        results = self.wait(
            self.ledger.create_accounts(
                [
                    Account(
                        id=self.id_of(which),
                        ledger=self.number,
                        code=1,
                        flags=capped if which else AccountFlags.NONE,
                    )
                    for which in range(WALLETS + 1)
                ]
            )
        )
        assert {result.status.name for result in results} == {"CREATED"}
        for which in range(1, WALLETS + 1):
            self.transfer(0, which, 100)

    # -- what can be asked ----------------------------------------------------------------------

    def transfer(self, debit: int, credit: int, amount: int, **more: int) -> Transfer:
        """Sends one transfer and looks at the laws that hold around it."""
        transfer = self.make(debit, credit, amount, **more)
        self.send([transfer])
        return transfer

    def make(self, debit: int, credit: int, amount: int, **more: int) -> Transfer:
        resolving = more.get("pending_id")
        return Transfer(
            **{
                "id": next(self.serial) << 64 | self.number,
                "debit_account_id": 0 if resolving else self.id_of(debit),
                "credit_account_id": 0 if resolving else self.id_of(credit),
                "amount": amount,
                "ledger": 0 if resolving else self.number,
                "code": 0 if resolving else 1,
                **more,
            }
        )

    def send(self, batch: list[Transfer]) -> list[CreateTransferResult]:
        before = self.accounts()
        results = self.wait(self.ledger.create_transfers(batch))
        assert len(results) == len(batch)
        if all(result.status is not S.CREATED for result in results):
            assert self.accounts() == before, "a refusal changed a counter"
        self.times_rise(results)
        stored = self.wait(self.ledger.lookup_transfers([transfer.id for transfer in batch]))
        created = [result.timestamp for result in results if result.status is S.CREATED]
        assert [transfer.timestamp for transfer in stored] == created
        said = sum(t.amount for t in stored if not t.flags & (PENDING | VOID))
        rise = sum(account.debits_posted for account in self.accounts())
        rise -= sum(account.debits_posted for account in before)
        assert rise == said, "what was posted is not what the transfers say"
        self.sent.append((batch, results))
        return results

    def times_rise(self, results: Sequence[CreateTransferResult]) -> None:
        for result in results:
            if result.status is not S.EXISTS:
                assert result.timestamp > self.last_timestamp
                self.last_timestamp = result.timestamp

    @rule(wallet=wallets, amount=amounts)
    def issue(self, wallet: int, amount: int) -> None:
        self.transfer(0, wallet, amount)

    @rule(payer=wallets, payee=st.integers(0, WALLETS), amount=amounts)
    def spend(self, payer: int, payee: int, amount: int) -> None:
        self.transfer(payer, payee, amount)

    @rule(payer=wallets, payee=wallets, most=amounts, both=st.booleans())
    def balance(self, payer: int, payee: int, most: int, *, both: bool) -> None:
        flags = TransferFlags.BALANCING_DEBIT
        flags |= TransferFlags.BALANCING_CREDIT if both else TransferFlags.NONE
        self.transfer(payer, payee, most, flags=flags)

    @rule(
        target=holds,
        payer=wallets,
        payee=st.integers(0, WALLETS),
        amount=amounts,
        timeout=st.sampled_from((0, 0, 1, 5)),
    )
    def hold(self, payer: int, payee: int, amount: int, timeout: int) -> object:
        transfer = self.transfer(payer, payee, amount, flags=PENDING, timeout=timeout)
        _, results = self.sent[-1]
        return transfer if results[0].status is S.CREATED else multiple()

    @rule(hold=holds, part=st.sampled_from((0, 1, 2)), whole=st.booleans())
    def post(self, hold: Transfer, part: int, *, whole: bool) -> None:
        amount = AMOUNT_MAX if whole else hold.amount * part // 2
        posting = self.transfer(0, 0, amount, flags=POST, pending_id=hold.id)
        self.resolve_once(hold, posting)
        for stored in self.wait(self.ledger.lookup_transfers([posting.id])):
            assert stored.amount == (hold.amount if whole else amount)

    @rule(hold=holds)
    def void(self, hold: Transfer) -> None:
        self.resolve_once(hold, self.transfer(0, 0, 0, flags=VOID, pending_id=hold.id))

    def resolve_once(self, hold: Transfer, resolving: Transfer) -> None:
        done = [
            batch[0].id
            for batch, results in self.sent
            for result in results
            if batch[0].pending_id == hold.id and result.status is S.CREATED
        ]
        assert len(done) <= 1, "a hold was resolved twice"
        _, results = self.sent[-1]
        if results[0].status is S.CREATED:
            assert done == [resolving.id]

    @rule(
        first=wallets,
        second=wallets,
        third=st.integers(0, WALLETS),
        amount=st.integers(0, 60),
        more=st.sampled_from((0, 0, 1, 1_000)),
    )
    def pass_on(self, first: int, second: int, third: int, amount: int, more: int) -> None:
        """Two steps in one chain, the second perhaps too large: both or neither."""
        batch = [
            self.make(first, second, amount, flags=LINKED),
            self.make(second, third, amount + more),
        ]
        created = [result.status is S.CREATED for result in self.send(batch)]
        assert created in ([True, True], [False, False])

    @rule(payer=wallets, one=wallets, other=wallets)
    def race_for_all_of_it(self, payer: int, one: int, other: int) -> None:
        """Two at once want all that a wallet has: it can be had once."""
        wallet = self.accounts()[payer]
        free = wallet.credits_posted - wallet.debits_posted - wallet.debits_pending
        racers = [self.make(payer, to, free) for to in (one, other) if to != payer]

        async def race() -> list[list[CreateTransferResult]]:
            requests = (self.ledger.create_transfers([racer]) for racer in racers)
            return await asyncio.gather(*requests)

        answers = self.wait(race())
        self.times_rise([answer[0] for answer in answers])
        self.sent += [([racer], answer) for racer, answer in zip(racers, answers, strict=True)]
        won = sum(answer[0].status is S.CREATED for answer in answers)
        assert won == (len(racers) if free == 0 else min(len(racers), 1))

    @rule(which=st.integers(0, 10_000))
    def repeat(self, which: int) -> None:
        """The same bytes again, however late: the first answer, and nothing moves."""
        batch, first = self.sent[which % len(self.sent)]
        before = self.accounts()
        again = self.wait(self.ledger.create_transfers(batch))
        self.times_rise(again)
        assert self.accounts() == before, "a repeat changed a counter"
        if first[0].status is S.CREATED:
            assert (again[0].status, again[0].timestamp) == (S.EXISTS, first[0].timestamp)
        else:
            assert S.CREATED not in {result.status for result in again}

    @rule(seconds=st.sampled_from((-2, 0, 1, 1, 3, 10)))
    def time_passes(self, seconds: int) -> None:
        """Expiry only lets go of holds: nothing that is posted changes."""
        self.now_ns[0] += seconds * SECOND
        ids = [self.id_of(which) for which in range(WALLETS + 1)]
        before = self.wait(self.ledger.lookup_accounts(ids))
        for old, new in zip(before, self.accounts(), strict=True):
            assert (old.debits_posted, old.credits_posted) == (
                new.debits_posted,
                new.credits_posted,
            )
            assert old.debits_pending >= new.debits_pending
            assert old.credits_pending >= new.credits_pending

    # -- what must always be true ---------------------------------------------------------------

    @invariant()
    def the_books_hold(self) -> None:
        accounts = self.accounts()
        platform, *wallets_ = accounts
        for debits, credits_ in (
            ("debits_posted", "credits_posted"),
            ("debits_pending", "credits_pending"),
        ):
            debited = [getattr(account, debits) for account in accounts]
            credited = [getattr(account, credits_) for account in accounts]
            assert sum(debited) == sum(credited), "debits are not credits"
            assert all(0 <= counter < 2**63 for counter in debited + credited)
        assert platform.flags == AccountFlags.NONE
        for wallet in wallets_:
            taken = wallet.debits_posted + wallet.debits_pending
            assert taken <= wallet.credits_posted, "a wallet is below nothing"

    def teardown(self) -> None:
        verdict = self.wait(verify(self.url))
        assert verdict.balanced, verdict.sentence


@pytest.mark.timeout(scale(120, 3_600))
def test_no_sequence_of_requests_breaks_the_books(database_url: str) -> None:
    with asyncio.Runner() as runner:
        now_ns = [NOON_NS]
        opening = open_ledger(database_url, now_ns=lambda: now_ns[0])
        ledger = runner.run(opening.__aenter__())
        try:
            facts = {"url": database_url, "runner": runner, "ledger": ledger, "now_ns": now_ns}
            machine = type("OurBooks", (Books,), {**facts, "serial": count(10)})
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=scale(20, 600),
                    stateful_step_count=scale(20, 80),
                    phases=PHASES,
                    deadline=None,
                ),
            )
        finally:
            runner.run(opening.__aexit__(None, None, None))

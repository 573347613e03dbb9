"""Freeze, post, record: whatever breaks in between, the coins move once and are recorded once."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from coinwell.base import outbox
from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, Tx, transaction, value
from coinwell.ledger import (
    AMOUNT_MAX,
    Account,
    CreateAccountResult,
    CreateTransferResult,
    CreateTransferStatus,
    IdMaker,
    Intent,
    IntentClash,
    IntentState,
    Ledger,
    Transfer,
    TransferFlags,
    freeze,
    intents,
    refreeze,
    settle,
    sweep,
)
from coinwell.ledger.settling import Recorder, Unsettled
from tests.ledger.coins import BANK, GUARDED, SHOP, assert_balanced, coins_of, found, move

ROOM = "shop"
BUYER = 7
S = CreateTransferStatus
POINTS = ["accounts", "accounts answered", "transfers", "transfers answered", "record", "recorded"]


class Outage(Exception):
    """The process ends here."""


class Failing:
    """A ledger whose process ends at one point: before a call, or after it was carried out."""

    def __init__(self, ledger: Ledger, point: str) -> None:
        self.ledger = ledger
        self.point = point

    def _perhaps(self, point: str) -> None:
        if self.point == point:
            raise Outage(point)

    async def create_accounts(self, accounts: Sequence[Account]) -> list[CreateAccountResult]:
        self._perhaps("accounts")
        results = await self.ledger.create_accounts(accounts)
        self._perhaps("accounts answered")
        return results

    async def create_transfers(self, transfers: Sequence[Transfer]) -> list[CreateTransferResult]:
        self._perhaps("transfers")
        results = await self.ledger.create_transfers(transfers)
        self._perhaps("transfers answered")
        return results

    def recorders(self) -> dict[str, Recorder]:
        async def record(tx: Tx, intent: Intent) -> None:
            self._perhaps("record")
            await note(tx, intent)
            self._perhaps("recorded")

        return {ROOM: record}


async def note(tx: Tx, intent: Intent) -> None:
    """What the room does with an outcome: one line of news."""
    body = {"state": intent.state.value, "attempt": intent.attempt}
    assert intent.settled_at is not None
    await outbox.record(
        tx, kind="settled", subject=UUID(intent.subject), body=body, at=intent.settled_at
    )


async def news(pool: Pool) -> int:
    async with transaction(pool) as tx:
        return await value(tx, "SELECT count(*) FROM base.outbox")


def sale(coins: int, *, from_: int = BANK) -> dict[str, object]:
    """A chain of two: coins to the buyer, one of them on to the shop."""

    def legs(ids: IdMaker) -> list[Transfer]:
        return [
            replace(move(from_, BUYER, coins), id=ids("coins")),
            replace(move(BUYER, SHOP, 1), id=ids("fee")),
        ]

    accounts = [Account(id=BUYER, ledger=1, code=10, flags=GUARDED)]
    return {"accounts": accounts, "transfers": legs}


async def frozen(pool: Pool, subject: str, now: datetime, coins: int = 10, **more: int) -> Intent:
    async with transaction(pool) as tx:
        return await freeze(
            tx, room=ROOM, subject=subject, step="sell", now=now, **sale(coins, **more)
        )


async def only(pool: Pool, subject: str) -> Intent:
    async with transaction(pool) as tx:
        [intent] = await intents(tx, room=ROOM, subject=subject)
    return intent


async def test_an_intent_is_posted_and_recorded_once_however_often_it_is_settled(
    pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    await found(ledger, {})
    subject = str(uuid4())
    intent = await frozen(pool, subject, clock.now())
    assert (intent.state, intent.attempt, intent.status) == (IntentState.OPEN, 1, None)
    flags = [transfer.flags for transfer in intent.transfers]
    assert flags == [TransferFlags.LINKED, TransferFlags.NONE], "one chain"
    settled = await asyncio.gather(
        *(settle(pool, ledger, intent, {ROOM: note}, now=clock.now()) for _ in range(8))
    )
    assert {one.state for one in settled} == {IntentState.POSTED}
    assert {one.status for one in settled} == {S.CREATED}
    assert await coins_of(ledger, BUYER) == (9, 0)
    assert await news(pool) == 1
    await assert_balanced(pool)


@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_at_any_point_is_finished_by_the_sweeper(
    pool: Pool, ledger: Ledger, clock: StillClock, point: str
) -> None:
    await found(ledger, {})
    subject = str(uuid4())
    intent = await frozen(pool, subject, clock.now())
    failing = Failing(ledger, point)
    with pytest.raises(Outage):
        await settle(pool, failing, intent, failing.recorders(), now=clock.now())  # type: ignore[arg-type]
    assert (await only(pool, subject)).state is IntentState.OPEN
    assert await news(pool) == 0, "nothing is recorded by half"
    later = clock.now()
    assert await sweep(pool, ledger, {ROOM: note}, older_than=later, now=later) == 1
    assert await sweep(pool, ledger, {ROOM: note}, older_than=later, now=later) == 0
    done = await only(pool, subject)
    assert (done.state, done.status, done.transfers) == (
        IntentState.POSTED, S.CREATED, intent.transfers,
    )  # fmt: skip
    assert await coins_of(ledger, BUYER) == (9, 0)
    assert await news(pool) == 1
    await assert_balanced(pool)


async def test_a_freeze_that_was_rolled_back_leaves_nothing_to_sweep(
    pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    await found(ledger, {})

    async def broken_off() -> None:
        async with transaction(pool) as tx:
            named = {"room": ROOM, "subject": str(uuid4()), "step": "sell"}
            await freeze(tx, **named, now=clock.now(), **sale(10))
            raise Outage

    with pytest.raises(Outage):
        await broken_off()
    assert await sweep(pool, ledger, {ROOM: note}, older_than=clock.now()) == 0


async def test_an_equal_repeat_is_the_first_intent_and_other_content_is_refused(
    pool: Pool, clock: StillClock
) -> None:
    subject = str(uuid4())
    first = await frozen(pool, subject, clock.now())
    clock.advance(days=3)
    assert await frozen(pool, subject, clock.now()) == first
    with pytest.raises(IntentClash):
        await frozen(pool, subject, clock.now(), coins=11)
    assert (await frozen(pool, str(uuid4()), clock.now())).id != first.id
    assert await only(pool, subject) == first


async def test_a_request_that_names_itself_is_compared_by_that_name(
    pool: Pool, clock: StillClock
) -> None:
    step = {"room": ROOM, "subject": str(uuid4()), "step": "sell", "now": clock.now()}
    async with transaction(pool) as tx:
        first = await freeze(tx, **step, **sale(10), fingerprint=b"10 coins")
        # The price list moved meanwhile: what was computed first is what counts.
        assert await freeze(tx, **step, **sale(11), fingerprint=b"10 coins") == first
        with pytest.raises(IntentClash):
            await freeze(tx, **step, **sale(10), fingerprint=b"11 coins")


async def test_two_people_freezing_at_once_freeze_one_intent(pool: Pool, clock: StillClock) -> None:
    subject = str(uuid4())
    made = await asyncio.gather(*(frozen(pool, subject, clock.now(), coins=10) for _ in range(8)))
    assert len({intent.id for intent in made}) == 1


async def test_a_definite_refusal_is_recorded_with_its_reason_and_only_then_tried_anew(
    pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    await found(ledger, {8: 3})
    subject = str(uuid4())
    intent = await frozen(pool, subject, clock.now(), coins=10, from_=8)
    async with transaction(pool) as tx:
        again = await refreeze(tx, intent, now=clock.now(), **sale(10, from_=8))
    assert again == intent, "an open intent is not tried anew"
    refused = await settle(pool, ledger, intent, {ROOM: note}, now=clock.now())
    assert (refused.state, refused.status) == (IntentState.REFUSED, S.EXCEEDS_CREDITS)
    # Funds come, and the same intent stays refused: its id is spent.
    await ledger.create_transfers([move(BANK, 8, 100)])
    assert await settle(pool, ledger, refused, {ROOM: note}, now=clock.now()) == refused
    [first, _] = await ledger.create_transfers(intent.transfers)
    assert first.status is S.ID_ALREADY_FAILED
    async with transaction(pool) as tx:
        second = await refreeze(tx, refused, now=clock.now(), **sale(10, from_=8))
        assert await refreeze(tx, refused, now=clock.now(), **sale(10, from_=8)) == second
    assert (second.attempt, second.state) == (2, IntentState.OPEN)
    assert {t.id for t in second.transfers}.isdisjoint({t.id for t in intent.transfers})
    assert await sweep(pool, ledger, {ROOM: note}, older_than=clock.now()) == 1
    async with transaction(pool) as tx:
        states = [one.state for one in await intents(tx, room=ROOM, subject=subject)]
    assert states == [IntentState.REFUSED, IntentState.POSTED]
    assert await coins_of(ledger, 8) == (93, 0)
    assert await news(pool) == 2


async def test_a_refusal_whose_answer_was_lost_is_still_a_refusal(
    pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    await found(ledger, {8: 3})
    subject = str(uuid4())
    intent = await frozen(pool, subject, clock.now(), coins=10, from_=8)
    await ledger.create_accounts(intent.accounts)
    await ledger.create_transfers(intent.transfers)
    await ledger.create_transfers([move(BANK, 8, 100)])
    assert await sweep(pool, ledger, {ROOM: note}, older_than=clock.now()) == 1
    done = await only(pool, subject)
    assert (done.state, done.status) == (IntentState.REFUSED, S.ID_ALREADY_FAILED)
    assert await coins_of(ledger, 8) == (103, 0)


async def test_an_id_with_other_content_behind_it_needs_a_person(
    pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    await found(ledger, {})
    subject, other = str(uuid4()), str(uuid4())
    intent = await frozen(pool, subject, clock.now())
    await frozen(pool, other, clock.now())
    foreign = replace(intent.transfers[0], amount=1, flags=TransferFlags.NONE)
    await ledger.create_accounts(intent.accounts)
    await ledger.create_transfers([foreign])
    with pytest.raises(ExceptionGroup) as told:
        await sweep(pool, ledger, {ROOM: note}, older_than=clock.now())
    assert [type(error) for error in told.value.exceptions] == [Unsettled]
    assert (await only(pool, subject)).state is IntentState.OPEN
    assert (await only(pool, other)).state is IntentState.POSTED, "the others are served"


async def test_the_sweeper_leaves_the_young_alone_and_takes_hundreds(
    pool: Pool, ledger: Ledger, clock: StillClock
) -> None:
    await found(ledger, {})
    async with transaction(pool) as tx:
        for _ in range(205):
            await freeze(
                tx, room=ROOM, subject=str(uuid4()), step="sell", now=clock.now(), **sale(2)
            )
    cut = clock.now()
    clock.advance(seconds=1)
    young = await frozen(pool, str(uuid4()), clock.now())
    assert await sweep(pool, ledger, {ROOM: note}, older_than=cut) == 205
    assert await news(pool) == 205
    assert (await only(pool, young.subject)).state is IntentState.OPEN
    assert await coins_of(ledger, BUYER) == (205, 0)


async def test_the_largest_numbers_stay_exact_in_a_frozen_intent(
    pool: Pool, clock: StillClock
) -> None:
    largest = Account(
        id=2**128 - 2, user_data_128=2**128 - 1, user_data_64=2**64 - 1, user_data_32=2**32 - 1,
        ledger=2**32 - 1, code=2**16 - 1, flags=GUARDED,
    )  # fmt: skip

    def legs(ids: IdMaker) -> list[Transfer]:
        return [
            Transfer(id=ids(), debit_account_id=2**128 - 2, credit_account_id=2**53 + 1,
                     amount=AMOUNT_MAX, user_data_64=2**64 - 1, ledger=1, code=1,
                     flags=TransferFlags.BALANCING_DEBIT)
        ]  # fmt: skip

    subject = str(uuid4())
    async with transaction(pool) as tx:
        made = await freeze(
            tx, room=ROOM, subject=subject, step="s", accounts=[largest], transfers=legs,
            now=clock.now(),
        )  # fmt: skip
    read = await only(pool, subject)
    assert read == made
    assert read.accounts == (largest,)
    assert read.transfers[0].amount == AMOUNT_MAX
    assert read.transfers[0].flags is TransferFlags.BALANCING_DEBIT

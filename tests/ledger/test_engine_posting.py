"""What the shell around the machine adds: commits, replies that are kept, and limits that hold."""

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from coinwell.base.clock import StillClock
from coinwell.ledger import (
    AMOUNT_MAX,
    Account,
    AccountFilter,
    CreateTransferStatus,
    Ledger,
    NotYet,
    Transfer,
    TransferFlags,
    WrongBatch,
    open_ledger,
)
from coinwell.ledger.coalescer import Batch, OutcomeUnknown
from coinwell.ledger.engines.postgres.posting import Writer
from coinwell.ledger.engines.postgres.units import AccountsUnit, Answer, TransfersUnit, Unit
from tests.ledger.coins import (
    BANK,
    CREATED,
    SHOP,
    assert_balanced,
    coins_of,
    found,
    kill_writers,
    move,
    statuses,
)

F = TransferFlags
S = CreateTransferStatus


async def test_an_answer_is_on_disk_for_every_other_connection(
    ledger: Ledger, database_url: str
) -> None:
    await found(ledger, {7: 100})
    with psycopg.connect(database_url) as other:
        before = other.execute("SELECT count(*) FROM ledger.transfer").fetchone()
        other.commit()
        assert await statuses(ledger, move(7, SHOP, 30)) == [CREATED]
        after = other.execute("SELECT count(*) FROM ledger.transfer").fetchone()
    assert (before, after) == ((1,), (2,))
    assert await coins_of(ledger, 7) == (70, 0)
    await assert_balanced(database_url)


async def test_an_open_chain_of_one_caller_leaves_the_next_caller_alone(
    ledger: Ledger, database_url: str
) -> None:
    await found(ledger, {7: 100})
    chain = [move(7, SHOP, 1, flags=F.LINKED), move(7, SHOP, 2, flags=F.LINKED)]
    answers = await asyncio.gather(
        statuses(ledger, *chain), statuses(ledger, move(7, SHOP, 3)), statuses(ledger, *chain)
    )
    broken = [S.LINKED_EVENT_FAILED, S.LINKED_EVENT_CHAIN_OPEN]
    assert answers == [broken, [CREATED], broken]
    assert await coins_of(ledger, 7) == (97, 0)
    await assert_balanced(database_url)


async def test_a_bad_member_among_many_harms_nobody(ledger: Ledger, database_url: str) -> None:
    await found(ledger, {7: 2**62})
    good = [move(7, SHOP, 1) for _ in range(400)]
    # Everything a ledger can read at all, however absurd, is answered by a status of its own.
    poison = [
        Transfer(),
        move(7, 7, 1),
        move(7, SHOP, 2**63),
        move(7, SHOP, AMOUNT_MAX),
        move(7, SHOP, 2**63 - 1),
        move(BANK, SHOP, 2**63 - 1),
        move(404, SHOP, 1),
        Transfer(2**128 - 1, 2**128 - 1, 2**128 - 1, 2**128 - 1, 2**128 - 1, 2**128 - 1,
                 2**64 - 1, 2**32 - 1, 2**32 - 1, 2**32 - 1, 2**16 - 1,
                 TransferFlags(2**16 - 2), 2**64 - 1),
        move(7, SHOP, 5, timeout=2**32 - 1, flags=F.PENDING, user_data_128=2**128 - 1,
             user_data_64=2**64 - 1, user_data_32=2**32 - 1),
    ]  # fmt: skip
    batch: list[Transfer] = []
    for place, transfer in enumerate(good):
        batch.append(transfer)
        if place % 50 == 0:
            batch += poison[place // 50 : place // 50 + 1]
    batch.append(poison[-1])
    answers = dict(zip((t.id for t in batch), await statuses(ledger, *batch), strict=True))
    assert {answers[t.id] for t in good} == {CREATED}
    assert [answers[t.id] for t in poison] == [
        S.ID_MUST_NOT_BE_ZERO, S.ACCOUNTS_MUST_BE_DIFFERENT, S.OVERFLOWS_DEBITS_POSTED,
        S.OVERFLOWS_DEBITS_POSTED, S.OVERFLOWS_DEBITS_POSTED, S.OVERFLOWS_DEBITS_POSTED,
        S.DEBIT_ACCOUNT_NOT_FOUND, answers[2**128 - 1], CREATED,
    ]  # fmt: skip
    assert answers[2**128 - 1] is not CREATED
    [kept] = await ledger.lookup_transfers([poison[-1].id])
    assert (kept.user_data_64, kept.timeout) == (2**64 - 1, 2**32 - 1)
    assert await statuses(ledger, move(7, SHOP, 1)) == [CREATED], "batching goes on"
    await assert_balanced(database_url)


async def test_what_is_no_batch_is_refused_to_its_caller_alone(ledger: Ledger) -> None:
    await found(ledger, {7: 100})
    calls = [
        ledger.create_transfers([move(7, SHOP, -1)]),
        ledger.create_transfers([move(7, SHOP, 1)]),
        ledger.create_transfers([move(7, SHOP, 1)] * 8_190),
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(answer, WrongBatch) for answer in answers] == [True, False, True]
    assert await ledger.create_transfers([]) == []
    assert await ledger.create_accounts([]) == []


async def test_a_full_batch_goes_through_and_chains_in_it_are_whole(
    ledger: Ledger, database_url: str
) -> None:
    await found(ledger, {7: 8_188})
    # One chain of the greatest length, one coin short at its very end.
    chain = [move(7, SHOP, 1, flags=F.LINKED) for _ in range(8_188)] + [move(7, SHOP, 1)]
    answer = await statuses(ledger, *chain)
    assert set(answer[:-1]) == {S.LINKED_EVENT_FAILED}
    assert answer[-1] is S.EXCEEDS_CREDITS
    assert await coins_of(ledger, 7) == (8_188, 0)
    assert set(await statuses(ledger, *chain[:-2], move(7, SHOP, 1))) == {CREATED}
    assert await coins_of(ledger, 7) == (0, 0)
    await assert_balanced(database_url)


async def _post(
    writer: Writer, number: int, units: Sequence[Unit], *, resent: bool
) -> list[Answer]:
    return await writer.post(Batch(number, units, resent))


async def test_a_batch_sent_again_gets_the_first_answers_and_moves_nothing(
    ledger: Ledger, database_url: str, clock: StillClock
) -> None:
    await found(ledger, {7: 100})
    writer = Writer(database_url, clock.now_ns)
    units = [
        TransfersUnit((move(7, SHOP, 60), move(7, SHOP, 60))),
        AccountsUnit((Account(id=9, ledger=1, code=1), Account(id=0, ledger=1, code=1))),
        TransfersUnit((move(7, SHOP, 40),)),
    ]
    first = await _post(writer, 1, units, resent=False)
    clock.advance(days=1)
    await statuses(ledger, move(BANK, 7, 1_000))
    # The reply was lost after the commit: without the kept one, CREATED would become EXISTS.
    assert await _post(writer, 1, units, resent=True) == first
    assert [[r.status.name for r in answer] for answer in first] == [
        ["CREATED", "EXCEEDS_CREDITS"], ["CREATED", "ID_MUST_NOT_BE_ZERO"], ["CREATED"],
    ]  # fmt: skip
    assert await coins_of(ledger, 7) == (1_000, 0)
    # It was lost before the commit: then it is carried out now.
    late = [TransfersUnit((move(7, SHOP, 5),))]
    [[result]] = await _post(writer, 2, late, resent=True)
    assert result.status is CREATED
    await writer.aclose()
    await assert_balanced(database_url)


async def test_a_writer_whose_session_was_ended_says_that_the_outcome_is_unknown(
    ledger: Ledger, database_url: str, clock: StillClock
) -> None:
    await found(ledger, {7: 100})
    writer = Writer(database_url, clock.now_ns)
    await writer.connect()
    assert kill_writers(database_url) == 2
    units = [TransfersUnit((move(7, SHOP, 5),))]
    with pytest.raises(OutcomeUnknown):
        await _post(writer, 1, units, resent=False)
    [[result]] = await _post(writer, 1, units, resent=True)
    assert result.status is CREATED
    await writer.aclose()
    # The ledger's own caller does not even notice.
    assert await statuses(ledger, move(7, SHOP, 5)) == [CREATED]


async def test_more_holds_than_one_batch_takes_back_are_all_due_before_the_next_decision(
    ledger: Ledger, database_url: str, clock: StillClock
) -> None:
    await found(ledger, {7: 2_500})
    holds = [move(7, SHOP, 1, timeout=60, flags=F.PENDING) for _ in range(2_500)]
    assert set(await statuses(ledger, *holds)) == {CREATED}
    clock.advance(seconds=59)
    assert await statuses(ledger, move(7, SHOP, 2_500)) == [S.EXCEEDS_CREDITS]
    clock.advance(seconds=2)
    assert await statuses(ledger, move(7, SHOP, 2_500)) == [CREATED]
    assert await coins_of(ledger, 7) == (0, 0)
    await assert_balanced(database_url)


async def test_a_pulse_takes_back_what_is_due_though_nobody_spends(
    ledger: Ledger, database_url: str, clock: StillClock
) -> None:
    await found(ledger, {7: 10})
    short, long = (move(7, SHOP, 4, timeout=s, flags=F.PENDING) for s in (60, 120))
    await statuses(ledger, short, long)
    clock.advance(seconds=61)
    await ledger.pulse()
    assert await coins_of(ledger, 7) == (10, 4)
    # A clock that steps back changes nothing that was decided.
    clock.advance(seconds=-3_600)
    post = [
        Transfer(id=50 + n, amount=AMOUNT_MAX, pending_id=hold.id, flags=F.POST_PENDING_TRANSFER)
        for n, hold in enumerate((short, long))
    ]
    assert await statuses(ledger, *post) == [S.PENDING_TRANSFER_EXPIRED, CREATED]
    assert await coins_of(ledger, 7) == (6, 0)
    await assert_balanced(database_url)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger.transfer SET amount = amount + 1",
        "DELETE FROM ledger.transfer",
        "TRUNCATE ledger.transfer",
    ],
)
async def test_a_transfer_is_never_changed_or_deleted(
    ledger: Ledger, database_url: str, change: str
) -> None:
    await found(ledger, {7: 10})
    with (
        psycopg.connect(database_url) as person,
        pytest.raises(psycopg.errors.RaiseException, match="never changed"),
    ):
        person.execute(change.encode())


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (b"UPDATE ledger.account SET credits_posted = -1", "counters_are_never_negative"),
        (b"UPDATE ledger.account SET debits_posted = 99", "debits_do_not_exceed_credits"),
        (b"INSERT INTO ledger.head DEFAULT VALUES", "the_ledger_has_one_head"),
    ],
)
async def test_the_tables_keep_the_rules_too(
    ledger: Ledger, database_url: str, change: bytes, rule: str
) -> None:
    await found(ledger, {7: 10})
    with (
        psycopg.connect(database_url) as person,
        pytest.raises(psycopg.errors.IntegrityError, match=rule),
    ):
        person.execute(change)


async def test_accounts_and_transfers_of_one_moment_are_decided_in_the_order_they_came(
    ledger: Ledger,
) -> None:
    await found(ledger, {})
    early, made, late = await asyncio.gather(
        statuses(ledger, move(BANK, 7, 5)),
        ledger.create_accounts([Account(id=7, ledger=1, code=10)]),
        statuses(ledger, move(BANK, 7, 6)),
    )
    assert (early, made[0].status.name, late) == (
        [S.CREDIT_ACCOUNT_NOT_FOUND], "CREATED", [CREATED],
    )  # fmt: skip
    assert await coins_of(ledger, 7) == (6, 0)


async def test_balance_history_is_refused_in_plain_words(ledger: Ledger) -> None:
    with pytest.raises(NotYet):
        await ledger.get_account_balances(AccountFilter(account_id=BANK))


async def test_a_database_without_books_is_told_at_once(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as person:
        person.execute("ALTER SCHEMA ledger RENAME TO elsewhere")
    with pytest.raises(psycopg.errors.UndefinedTable):
        async with open_ledger(database_url):
            pass


async def test_a_mistake_that_no_repeat_can_mend_is_told_and_not_repeated(
    ledger: Ledger, database_url: str
) -> None:
    await found(ledger, {7: 100})
    with psycopg.connect(database_url, autocommit=True) as person:
        person.execute("ALTER TABLE ledger.transfer ADD CONSTRAINT no_five CHECK (amount <> 5)")
    calls = [statuses(ledger, move(7, SHOP, coins)) for coins in (4, 5, 6)]
    answers = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)
    assert answers[0] == answers[2] == [CREATED]
    assert isinstance(answers[1], psycopg.errors.CheckViolation)
    assert await coins_of(ledger, 7) == (90, 0)
    await assert_balanced(database_url)


async def test_a_wrong_address_is_told_at_once() -> None:
    with pytest.raises(psycopg.OperationalError):
        async with open_ledger("postgresql://nobody@/nothing?host=/nowhere"):
            pass

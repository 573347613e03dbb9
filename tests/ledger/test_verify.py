"""The proof of the books: green on true ones, and each alteration is named by its row."""

import asyncio
import tracemalloc

import psycopg
import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool
from coinwell.ledger import (
    AMOUNT_MAX,
    Account,
    Ledger,
    Transfer,
    TransferFlags,
    open_ledger,
    verify,
)
from coinwell.ledger.verifying import _CHECKS
from tests.ledger.coins import BANK, SHOP, assert_balanced, found, move, statuses
from tests.profile import scale

F = TransferFlags
HELD, POSTED, VOIDED, EXPIRED, PART = 0xA1, 0xA2, 0xA3, 0xA4, 0xA5
GIFT, LATER, SPENT, MONEY = 0xB1, 0xB2, 0xC1, 0xD1
ROWS = {
    "HELD": HELD, "POSTED": POSTED, "VOIDED": VOIDED, "EXPIRED": EXPIRED, "PART": PART,
    "GIFT": GIFT, "LATER": LATER, "SPENT": SPENT, "MONEY": MONEY, "SHOP": SHOP,
    "WALLET": 7, "EMPTY": 8, "CLEARING": 31, "FORGED": 0xFF, "NOBODY": 99,
}  # fmt: skip


async def a_life(ledger: Ledger, clock: StillClock) -> None:
    """Accounts in two ledgers, moves, holds in every state, and a spent id."""
    await found(ledger, {7: 1_000, 8: 0})
    await ledger.create_accounts([Account(id=key, ledger=840, code=30) for key in (31, 32)])
    money = Transfer(
        id=MONEY, debit_account_id=31, credit_account_id=32, amount=499, ledger=840, code=3
    )
    answers = await statuses(
        ledger,
        move(7, SHOP, 10, id_=GIFT),
        money,
        move(7, SHOP, 20, id_=HELD, flags=F.PENDING),
        move(7, SHOP, 30, id_=POSTED, flags=F.PENDING),
        move(7, SHOP, 40, id_=VOIDED, flags=F.PENDING),
        move(7, SHOP, 50, id_=EXPIRED, flags=F.PENDING, timeout=60),
        move(7, SHOP, 60, id_=PART, flags=F.PENDING, timeout=3_600),
        Transfer(id=0xE1, amount=AMOUNT_MAX, pending_id=POSTED, flags=F.POST_PENDING_TRANSFER),
        Transfer(id=0xE2, pending_id=VOIDED, flags=F.VOID_PENDING_TRANSFER),
        Transfer(id=0xE3, amount=15, pending_id=PART, flags=F.POST_PENDING_TRANSFER),
        move(8, SHOP, 1, id_=SPENT),
    )
    assert [status.name for status in answers] == [*["CREATED"] * 10, "EXCEEDS_CREDITS"]
    clock.advance(seconds=120)
    await statuses(ledger, move(7, 8, 5, id_=LATER))


def alter(url: str, sql: str) -> None:
    """Do what no program of ours does: change the tables behind the ledger's back."""
    with psycopg.connect(url) as person:
        person.execute("SET session_replication_role = replica")
        changed = person.execute(sql.encode())
        assert changed.rowcount == 1, "the alteration met its row"


def row(number: int) -> str:
    """An id as the database shows it."""
    return f"00000000-0000-0000-0000-{number:012x}"


def sentence(text: str) -> str:
    """The text with the ids of the rows it names."""
    for name, number in ROWS.items():
        text = text.replace(f"<{name}>", row(number))
    return text


_ADD = """
    INSERT INTO ledger.transfer
    SELECT '<FORGED>', debit_account_id, credit_account_id, amount, pending_id, user_data_128,
        user_data_64, user_data_32, timeout, ledger, code, flags, timestamp + 900, seal
    FROM ledger.transfer WHERE id = '<LATER>'
"""


async def test_true_books_balance_and_the_sentence_counts(
    ledger: Ledger, database_url: str, pool: Pool, clock: StillClock
) -> None:
    assert (await verify(database_url)).sentence.startswith("The books balance: 0 transfers")
    await a_life(ledger, clock)
    verdict = await verify(database_url)
    assert verdict.balanced
    assert verdict.sentence == (
        "The books balance: 12 transfers, 6 accounts, 2 ledgers, until 2026-11-22 12:02:00 UTC."
    )
    assert await verify(pool) == verdict


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UPDATE ledger.transfer SET amount = 11 WHERE id = '<GIFT>'",
         "Transfer <GIFT> was altered"),
        ("UPDATE ledger.transfer SET user_data_64 = 1 WHERE id = '<MONEY>'",
         "Transfer <MONEY> was altered"),
        ("UPDATE ledger.transfer SET code = 2 WHERE id = '<LATER>'",
         "Transfer <LATER> was altered"),
        ("UPDATE ledger.transfer SET seal = '\\x00' WHERE id = '<GIFT>'",
         "Transfer <GIFT> was altered"),
        ("DELETE FROM ledger.transfer WHERE id = '<GIFT>'",
         "Before transfer <MONEY> a row is missing"),
        ("DELETE FROM ledger.transfer WHERE id = '<LATER>'",
         "Transfer: the end of the books is missing"),
        (_ADD,
         "Transfer <FORGED> was added"),
        ("UPDATE ledger.account SET debits_posted = debits_posted - 1 WHERE id = '<WALLET>'",
         "Account <WALLET> says"),
        ("UPDATE ledger.account SET debits_pending = debits_pending + 1 WHERE id = '<WALLET>'",
         "Account <WALLET> says"),
        ("UPDATE ledger.account SET credits_pending = credits_pending + 1 WHERE id = '<SHOP>'",
         "Account <SHOP> says"),
        ("UPDATE ledger.account SET credits_posted = credits_posted + 1 WHERE id = '<EMPTY>'",
         "Account <EMPTY> says"),
        ("UPDATE ledger.account SET flags = 0 WHERE id = '<WALLET>'",
         "Account <WALLET> was altered"),
        ("DELETE FROM ledger.account WHERE id = '<EMPTY>'",
         "Before account <CLEARING> a row is missing"),
        ("UPDATE ledger.pending SET status = 4 WHERE id = '<HELD>'",
         "Hold <HELD>"),
        ("UPDATE ledger.pending SET status = 1, resolved_at_ns = 0 WHERE id = '<EXPIRED>'",
         "Account <SHOP> says"),
        ("UPDATE ledger.pending SET status = 3 WHERE id = '<POSTED>'",
         "Hold <POSTED>"),
        ("UPDATE ledger.pending SET expires_at_ns = expires_at_ns + 1 WHERE id = '<PART>'",
         "Hold <PART>"),
        ("UPDATE ledger.pending SET resolved_at_ns = 1 WHERE id = '<EXPIRED>'",
         "Hold <EXPIRED>"),
        ("DELETE FROM ledger.pending WHERE id = '<VOIDED>'", "Hold <VOIDED>"),
        ("UPDATE ledger.failed SET status = 55 WHERE id = '<SPENT>'",
         "Refused id <SPENT> was altered"),
        ("DELETE FROM ledger.failed WHERE id = '<SPENT>'",
         "Refused id: the end of the books is missing"),
        ("UPDATE ledger.head SET transfer_count = transfer_count + 1",
         "Transfer: the end of the books is missing"),
        ("UPDATE ledger.head SET timestamp = timestamp - 1", "after the end of the books"),
    ],
)  # fmt: skip
async def test_one_altered_row_is_named(
    ledger: Ledger, database_url: str, clock: StillClock, sql: str, named: str
) -> None:
    await a_life(ledger, clock)
    await assert_balanced(database_url)
    alter(database_url, sentence(sql))
    verdict = await verify(database_url)
    assert not verdict.balanced
    assert verdict.sentence.startswith("The books do not balance.")
    assert sentence(named) in verdict.sentence


async def test_a_forger_who_mends_the_seals_is_caught_by_the_sums(
    ledger: Ledger, database_url: str, clock: StillClock
) -> None:
    await a_life(ledger, clock)
    changes = {
        "UPDATE ledger.transfer SET ledger = 840 WHERE id = '<GIFT>'": "<GIFT> names",
        "UPDATE ledger.transfer SET credit_account_id = '<NOBODY>' WHERE id = '<GIFT>'":
            "<GIFT> names",
        "INSERT INTO ledger.failed VALUES ('<GIFT>', 54, 1, '')": "<GIFT> was refused",
    }  # fmt: skip
    with psycopg.connect(database_url) as person:
        for change, named in changes.items():
            person.execute("SET session_replication_role = replica")
            person.execute(sentence(change).encode())
            found_by = [text for check in _CHECKS for (text,) in person.execute(check).fetchall()]
            assert any(sentence(named) in text for text in found_by), change
            person.rollback()


async def test_the_ledger_goes_on_while_it_is_verified(database_url: str) -> None:
    async with open_ledger(database_url) as ledger:
        await found(ledger, {7: 10_000_000})
        stop = asyncio.Event()

        async def spend() -> int:
            done = 0
            while not stop.is_set():
                batch = [move(7, SHOP, 1, flags=F.PENDING * (n % 2)) for n in range(50)]
                assert {status.name for status in await statuses(ledger, *batch)} == {"CREATED"}
                done += 1
            return done

        spending = asyncio.create_task(spend())
        for _ in range(scale(5, 30)):
            await assert_balanced(database_url)
        stop.set()
        assert await spending > 1


async def test_memory_stays_flat_however_long_the_books_are(database_url: str) -> None:
    async with open_ledger(database_url) as ledger:
        await found(ledger, {7: 10_000_000})
        peaks: list[int] = []
        for _ in range(2):
            for _ in range(scale(4, 40)):
                await statuses(ledger, *(move(BANK, 7, 1) for _ in range(5_000)))
            tracemalloc.start()
            await assert_balanced(database_url)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3, peaks

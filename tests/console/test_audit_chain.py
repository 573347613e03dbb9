"""The audit log: one chain, written with the act, and every change of it named."""

import asyncio
from datetime import timedelta
from typing import LiteralString

import psycopg
import pytest

from coinwell.base import audit
from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, Tx, transaction, value
from tests.profile import scale
from tests.users.make import NOON

# What the owner of the database can do and nobody else: switch the triggers off.
OFF = "SET LOCAL session_replication_role = replica"


async def write(pool: Pool, count: int, note: str | None = "a note") -> None:
    for number in range(count):
        async with transaction(pool) as tx:
            done = audit.Act(
                who=f"operator:{number % 3}@example.org",
                act="restriction.placed" if number % 2 else "key.created",
                object=f"user:{number}",
                facts={"number": number, "scopes": ["a", "b"], "until": None},
                reason_code="legal_order",
                note=note,
            )
            assert await audit.write(tx, done, at=NOON + timedelta(seconds=number)) > 0


async def tamper(pool: Pool, *sql: LiteralString) -> str:
    async with transaction(pool) as tx:
        await tx.execute(OFF)
        for one in sql:
            assert (await tx.execute(one)).rowcount >= 1
    chain = await audit.verify(pool)
    assert not chain.sound
    return chain.sentence


async def test_an_empty_log_is_whole(pool: Pool) -> None:
    chain = await audit.verify(pool)
    assert (chain.sound, chain.count) == (True, 0)


async def test_a_chain_of_acts_is_whole_and_says_its_head(pool: Pool) -> None:
    await write(pool, 7)
    first = await audit.verify(pool)
    await write(pool, 2)
    second = await audit.verify(pool)
    assert (first.sound, first.count, second.sound, second.count) == (True, 7, True, 9)
    assert first.head != second.head
    assert (await audit.verify(pool, kept_head=first.head)).sound
    assert not (await audit.verify(pool, kept_head="00" * 32)).sound


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "who = 'operator:somebody-else@example.org'",
        "act = act || 'x'",
        "object = 'user:9'",
        "before_hash = 'x'",
        "after_hash = 'x'",
        "facts = facts || '{\"number\": 99}'",
        "facts = facts - 'until'",
        "reason_code = 'own_request'",
        "request_id = 'another'",
        "note_id = NULL, note_seal = NULL",
        "hash = previous",
    ],
)
async def test_any_altered_field_is_named_at_its_row(pool: Pool, change: LiteralString) -> None:
    await write(pool, 6)
    sql: LiteralString = "UPDATE base.audit SET " + change + " WHERE number = 4"  # noqa: S608
    said = await tamper(pool, sql)
    assert said.startswith("Act 4 was altered")


async def test_an_altered_or_deleted_note_is_named(pool: Pool) -> None:
    await write(pool, 4)
    said = await tamper(
        pool,
        "UPDATE base.audit_note SET text = 'nothing'"
        " WHERE id = (SELECT note_id FROM base.audit WHERE number = 3)",
    )
    assert said == "The note of act 3 was altered."
    said = await tamper(
        pool,
        "DELETE FROM base.audit_note WHERE id = (SELECT note_id FROM base.audit WHERE number = 3)",
    )
    assert said == "The note of act 3 is missing."


async def test_a_deleted_row_is_named_wherever_it_was(pool: Pool) -> None:
    await write(pool, 6)
    assert await tamper(pool, "DELETE FROM base.audit WHERE number = 6") == (
        "Act 6 is missing: the log ends before its head."
    )
    assert await tamper(pool, "DELETE FROM base.audit WHERE number = 3") == "Act 3 is missing."
    assert await tamper(pool, "DELETE FROM base.audit WHERE number = 1") == "Act 1 is missing."


async def test_a_row_slipped_in_is_named(pool: Pool) -> None:
    await write(pool, 3)
    said = await tamper(
        pool,
        "INSERT INTO base.audit (number, at, who, act, object, facts, previous, hash)"
        " SELECT 4, at, who, act, object, facts, hash, sha256('made up')"
        " FROM base.audit WHERE number = 3",
    )
    assert said == "Act 4 is past the head of the log."
    said = await tamper(pool, "UPDATE base.audit_head SET number = 4, hash = sha256('made up')")
    assert said.startswith("Act 4 was altered")


async def test_two_rows_that_changed_places_are_named(pool: Pool) -> None:
    await write(pool, 5)
    said = await tamper(
        pool,
        "UPDATE base.audit SET number = 100 WHERE number = 2",
        "UPDATE base.audit SET number = 2 WHERE number = 3",
        "UPDATE base.audit SET number = 3 WHERE number = 100",
    )
    assert said.startswith("Act 2 ")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE base.audit SET who = 'nobody'",
        "DELETE FROM base.audit",
        "TRUNCATE base.audit CASCADE",
        "UPDATE base.audit_note SET text = 'x'",
        "DELETE FROM base.audit_note",
        "DELETE FROM base.audit_head",
    ],
)
async def test_the_database_itself_refuses_to_change_the_log(
    pool: Pool, sql: LiteralString
) -> None:
    await write(pool, 2)
    with pytest.raises(psycopg.errors.RestrictViolation):
        async with transaction(pool) as tx:
            await tx.execute(sql)
    assert (await audit.verify(pool)).sound


async def test_an_act_that_is_rolled_back_leaves_no_row(pool: Pool) -> None:
    await write(pool, 1)

    async def fails(tx: Tx) -> None:
        await audit.write(tx, audit.Act(who="x", act="y", object="z"), at=NOON)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with transaction(pool) as tx:
            await fails(tx)
    chain = await audit.verify(pool)
    assert (chain.sound, chain.count) == (True, 1)


async def test_many_at_once_make_one_chain(pool: Pool) -> None:
    many = scale(60, 2_000)
    await asyncio.gather(*(write(pool, 1, note=None) for _ in range(many)))
    chain = await audit.verify(pool)
    assert (chain.sound, chain.count) == (True, many)
    async with transaction(pool) as tx:
        assert await value(tx, "SELECT count(DISTINCT previous) FROM base.audit") == many


async def test_acts_are_found_by_who_what_object_and_time(pool: Pool, clock: StillClock) -> None:
    await write(pool, 9)
    wanted = {
        "who": audit.Filter(who="operator:1@example.org"),
        "act": audit.Filter(act="key.created"),
        "object": audit.Filter(object="user:5"),
        "time": audit.Filter(since=NOON + timedelta(seconds=7), until=NOON + timedelta(seconds=8)),
    }
    async with transaction(pool) as tx:
        found = {
            name: [one.facts["number"] for one in await audit.find(tx, one)]
            for name, one in wanted.items()
        }
        page = await audit.find(tx, audit.Filter(), before=4, limit=2)
    assert found == {"who": [7, 4, 1], "act": [8, 6, 4, 2, 0], "object": [5], "time": [7]}
    assert [one.number for one in page] == [3, 2]

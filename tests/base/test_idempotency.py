"""A repeated key gets the first answer; concurrent twins wait for it."""

import asyncio

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.base.idempotency import (
    Answer,
    KeyMissing,
    KeyReused,
    KeyUnreadable,
    fingerprint,
    once,
    read_key,
)


async def ask(pool: Pool, clock: StillClock, done: list[int], content: str = "a") -> Answer:
    async def do() -> Answer:
        await asyncio.sleep(0.01)
        done.append(1)
        return Answer(201, {"number": len(done)})

    async with transaction(pool) as tx:
        return await once(
            tx, scope="test", key="k", content=fingerprint(content), now=clock.now(), do=do
        )


async def test_concurrent_twins_have_one_effect_and_one_answer(
    pool: Pool, clock: StillClock
) -> None:
    done: list[int] = []
    answers = await asyncio.gather(*(ask(pool, clock, done) for _ in range(20)))

    assert len(done) == 1
    assert {answer.body["number"] for answer in answers} == {1}
    assert sum(not answer.replayed for answer in answers) == 1


async def test_a_key_with_other_content_is_refused(pool: Pool, clock: StillClock) -> None:
    done: list[int] = []
    await ask(pool, clock, done, "a")
    with pytest.raises(KeyReused):
        await ask(pool, clock, done, "b")
    assert len(done) == 1


async def test_a_refusal_leaves_no_key(pool: Pool, clock: StillClock) -> None:
    async def refuse() -> Answer:
        raise KeyReused("other")

    for _ in range(2):
        with pytest.raises(KeyReused):
            async with transaction(pool) as tx:
                await once(tx, scope="test", key="k", content=b"", now=clock.now(), do=refuse)
    assert (await ask(pool, clock, [])).status == 201


@pytest.mark.parametrize(
    ("header", "refusal"),
    [
        (None, KeyMissing),
        ("", KeyMissing),
        ('""', KeyUnreadable),
        ("é", KeyUnreadable),
        ("a" * 256, KeyUnreadable),
        ("a\x00", KeyUnreadable),
    ],
)
def test_an_unreadable_key_is_refused(header: str | None, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        read_key(header)


def test_a_quoted_key_is_the_key() -> None:
    assert read_key('"abc"') == read_key("abc") == "abc"

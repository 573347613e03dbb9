"""Ids, clocks, cursors and refusals."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinwell.base import cursor
from coinwell.base.clock import StillClock, from_ns, to_ns
from coinwell.base.ids import ID_MAX, derived_id, hashed_id
from coinwell.base.problem import STATUS, problem
from coinwell.base.refusal import Kind, Refusal

parts = st.lists(st.one_of(st.text(max_size=8), st.integers(), st.uuids()), max_size=4)


@given(one=parts, other=parts)
def test_other_parts_give_another_id(
    one: list[str | int | UUID], other: list[str | int | UUID]
) -> None:
    same = [(type(part), part) for part in one] == [(type(part), part) for part in other]
    assert (hashed_id(*one) == hashed_id(*other)) is same


@given(at_ms=st.integers(0, 2**48 - 2), content=parts)
def test_a_derived_id_grows_with_time(at_ms: int, content: list[str | int | UUID]) -> None:
    earlier = derived_id(at_ms=at_ms, parts=content)
    later = derived_id(at_ms=at_ms + 1, parts=content)
    assert 0 < earlier < later < ID_MAX
    assert earlier >> 80 == at_ms


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_survives_nanoseconds(at: datetime) -> None:
    assert from_ns(to_ns(at)) == at


def test_a_still_clock_moves_only_when_told() -> None:
    clock = StillClock(datetime(2026, 1, 1, tzinfo=UTC))
    before = clock.now()
    clock.advance(days=1, seconds=5)
    assert clock.now() - before == timedelta(days=1, seconds=5)
    assert clock.now_ns() == to_ns(clock.now())


@given(st.tuples(st.integers(), st.text(max_size=20)))
def test_a_cursor_comes_back_as_it_went(key: tuple[int, str]) -> None:
    assert cursor.decode(cursor.encode(*key), (int, str)) == key


@given(st.text(max_size=60))
def test_a_made_up_cursor_is_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(cursor.BadCursor):
        cursor.decode(text, (int, str, int))


@pytest.mark.parametrize("text", ["W10", "W3RydWVd", "bnVsbA", "[" * 300, "x" * 5000])
def test_a_cursor_of_other_parts_is_refused(text: str) -> None:
    with pytest.raises(cursor.BadCursor):
        cursor.decode(text, (int,))


def test_every_kind_of_refusal_has_a_status() -> None:
    assert STATUS.keys() == set(Kind)


def test_a_refusal_becomes_a_problem_with_its_facts() -> None:
    document = problem(cursor.BadCursor("abc"), instance="/v1/x", request_id="r1")

    assert document["type"] == "/problems/bad_cursor"
    assert document["status"] == 400
    assert document["cursor"] == "abc"
    assert {"title", "detail", "instance", "code", "request_id"} <= document.keys()


def refusals(of: type[Refusal] = Refusal) -> list[type[Refusal]]:
    below = [one for child in of.__subclasses__() for one in [child, *refusals(child)]]
    return [one for one in below if not one.__name__.startswith("_")]


def test_every_refusal_says_what_it_means() -> None:
    for refusal in refusals():
        assert refusal.__doc__, refusal.__name__
        assert refusal.title != "Refused", refusal.__name__

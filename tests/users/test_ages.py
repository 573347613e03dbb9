"""Ages: birthdays, leap days, time zones, evidence, and every country's minimum."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinwell.users import AgeMethod, AgeState, Scope, age_state, standing, today_of
from coinwell.users.places import CountryLaw, countries, law_of
from coinwell.users.rules import age_on, of_age_on, proven_age
from tests.users.make import a_user, evidence

EVERY_METHOD = frozenset(AgeMethod)
# What the table says, written down a second time on purpose.
MINIMUM_AGES = {"KR": 19, "DZ": 19, "TH": 20, "BH": 21, "EG": 21, "KW": 21}


@pytest.mark.parametrize(
    ("born", "today", "age"),
    [
        (date(2000, 5, 5), date(2018, 5, 4), 17),
        (date(2000, 5, 5), date(2018, 5, 5), 18),
        (date(2000, 5, 5), date(2018, 5, 6), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 28), 19),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2008, 3, 1), date(2026, 3, 1), 18),
        (date(2008, 2, 28), date(2026, 2, 28), 18),
        (date(2007, 12, 31), date(2026, 1, 1), 18),
        (date(2026, 11, 22), date(2026, 11, 22), 0),
    ],
)
def test_an_age_counts_whole_years(born: date, today: date, age: int) -> None:
    assert age_on(born, today) == age


def test_a_leap_day_child_comes_of_age_on_the_first_of_march() -> None:
    assert of_age_on(date(2008, 2, 29), 18) == date(2026, 3, 1)
    assert of_age_on(date(2008, 2, 29), 20) == date(2028, 2, 29)


@given(born=st.dates(date(1900, 1, 1), date(2100, 1, 1)), age=st.integers(1, 100))
def test_the_day_one_comes_of_age_is_the_first_with_that_age(born: date, age: int) -> None:
    day = of_age_on(born, age)
    assert age_on(born, day) == age
    assert age_on(born, day - timedelta(days=1)) == age - 1


@pytest.mark.parametrize("country", sorted(countries()))
def test_every_country_has_its_minimum_to_the_day(country: str) -> None:
    minimum = MINIMUM_AGES.get(country, 18)
    today = date(2026, 11, 22)
    of_age = a_user(country=country, birth_on=date(2026 - minimum, 11, 22))
    a_day_short = a_user(country=country, birth_on=date(2026 - minimum, 11, 23))

    assert age_state(of_age, today) is AgeState.ADULT
    assert age_state(a_day_short, today) is AgeState.MINOR
    assert age_state(a_user(country=country, birth_on=None), today) is AgeState.UNKNOWN


@pytest.mark.parametrize("country", ["DE", "KR", "TH", "EG"])
@pytest.mark.parametrize("method", [one for one in AgeMethod if one is not AgeMethod.DECLARED])
@pytest.mark.parametrize("years_over", [-1, 0, 1])
def test_evidence_counts_when_it_proves_the_countrys_minimum(
    country: str, method: AgeMethod, years_over: int
) -> None:
    proof = evidence(method=method, age_min=law_of(country).minimum_age + years_over)
    user = a_user(country=country, birth_on=None, age_evidence=proof)

    expected = AgeState.UNKNOWN if years_over < 0 else AgeState.ADULT
    assert age_state(user, date(2026, 11, 22)) is expected


def test_evidence_grows_older_with_the_person() -> None:
    proof = evidence(age_min=18, at=datetime(2025, 11, 22, tzinfo=UTC))
    user = a_user(country="KR", birth_on=None, age_evidence=proof)

    assert age_state(user, date(2026, 11, 21)) is AgeState.UNKNOWN
    assert age_state(user, date(2026, 11, 22)) is AgeState.ADULT
    assert proven_age(proof, date(2024, 1, 1)) == 18


def test_a_birth_date_below_the_minimum_outweighs_evidence() -> None:
    user = a_user(birth_on=date(2010, 1, 1), age_evidence=evidence(age_min=30))
    assert age_state(user, date(2026, 11, 22)) is AgeState.MINOR


def test_a_method_that_a_country_does_not_accept_proves_nothing() -> None:
    today = date(2026, 11, 22)
    strict = CountryLaw(18, EVERY_METHOD - {AgeMethod.DECLARED, AgeMethod.FACE_ESTIMATE})
    declared = a_user(birth_on=date(1990, 1, 1))
    estimated = a_user(birth_on=None, age_evidence=evidence(method=AgeMethod.FACE_ESTIMATE))
    proved = a_user(birth_on=date(1990, 1, 1), age_evidence=evidence())
    young = a_user(birth_on=date(2010, 1, 1))

    assert age_state(declared, today, law=strict) is AgeState.UNKNOWN
    assert age_state(estimated, today, law=strict) is AgeState.UNKNOWN
    assert age_state(proved, today, law=strict) is AgeState.ADULT
    assert age_state(young, today, law=strict) is AgeState.MINOR


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Pacific/Kiritimati", datetime(2026, 11, 21, 10, 0, tzinfo=UTC)),
        ("Asia/Seoul", datetime(2026, 11, 21, 15, 0, tzinfo=UTC)),
        ("UTC", datetime(2026, 11, 22, 0, 0, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 22, 5, 0, tzinfo=UTC)),
        ("Pacific/Pago_Pago", datetime(2026, 11, 22, 11, 0, tzinfo=UTC)),
    ],
)
def test_a_birthday_begins_at_midnight_where_the_person_is(zone: str, midnight: datetime) -> None:
    user = a_user(birth_on=date(2008, 11, 22), time_zone=zone)
    a_second_before = midnight - timedelta(seconds=1)

    assert today_of(user, midnight) == date(2026, 11, 22)
    before = standing(user, [], Scope.RECHARGE, a_second_before)
    assert (before.allowed, before.reason_code) == (False, "under_age")
    assert before.until == midnight
    assert standing(user, [], Scope.RECHARGE, midnight).allowed


@pytest.mark.parametrize("scope", list(Scope))
def test_without_a_known_adult_age_nothing_of_worth_moves(scope: Scope) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    unknown = standing(a_user(birth_on=None), [], scope, now)
    minor = standing(a_user(birth_on=date(2010, 1, 1), country="KR"), [], scope, now)

    assert (unknown.allowed, unknown.reason_code, unknown.until) == (False, "age_unknown", None)
    assert (minor.allowed, minor.reason_code) == (False, "under_age")
    assert "19" in minor.sentence
    assert unknown.next_step
    assert minor.next_step
    assert standing(a_user(), [], scope, now).allowed

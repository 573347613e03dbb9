"""What is accepted about a user, and what restrictions make of an account's standing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from coinwell.users import AgeMethod, Scope, standing, standings
from coinwell.users.places import canonical_language, countries, law_of, time_zones
from coinwell.users.rules import faults_of_restriction, faults_of_user, tidied, words_of
from tests.users.make import NOON, a_restriction, a_user, evidence, new_restriction, new_user


def pointers(**changes: Any) -> list[str]:
    return [fault["pointer"] for fault in faults_of_user(tidied(new_user(**changes)), now=NOON)]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"external_id": ""}, "/external_id"),
        ({"external_id": "a b"}, "/external_id"),
        ({"external_id": "ä"}, "/external_id"),
        ({"external_id": "a\0"}, "/external_id"),
        ({"external_id": "x" * 201}, "/external_id"),
        ({"display_name": ""}, "/display_name"),
        ({"display_name": "   "}, "/display_name"),
        ({"display_name": "x" * 81}, "/display_name"),
        ({"display_name": "a\nb"}, "/display_name"),
        ({"display_name": "a\u202eb"}, "/display_name"),
        ({"display_name": "a\0b"}, "/display_name"),
        ({"country": "XX"}, "/country"),
        ({"country": "EU"}, "/country"),
        ({"country": ""}, "/country"),
        ({"country": "DEU"}, "/country"),
        ({"country": "ﬀ"}, "/country"),
        ({"language": ""}, "/language"),
        ({"language": "german!"}, "/language"),
        ({"language": "en_US"}, "/language"),
        ({"language": "en-" + "x" * 40}, "/language"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "Factory"}, "/time_zone"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"time_zone": ""}, "/time_zone"),
        ({"birth_on": date(2026, 11, 23)}, "/birth_on"),
        ({"birth_on": date(1895, 11, 21)}, "/birth_on"),
        ({"age_evidence": evidence(method=AgeMethod.DECLARED)}, "/age_evidence/method"),
        ({"age_evidence": evidence(reference="")}, "/age_evidence/reference"),
        ({"age_evidence": evidence(reference="a b")}, "/age_evidence/reference"),
        ({"age_evidence": evidence(at=NOON + timedelta(seconds=1))}, "/age_evidence/at"),
        ({"age_evidence": evidence(at=datetime(1999, 1, 1, tzinfo=UTC))}, "/age_evidence/at"),
        ({"age_evidence": evidence(age_min=0)}, "/age_evidence/age_min"),
        ({"age_evidence": evidence(age_min=131)}, "/age_evidence/age_min"),
    ],
)
def test_each_fault_is_named_by_its_place(changes: dict[str, Any], pointer: str) -> None:
    assert pointers(**changes) == [pointer]


def test_all_faults_are_named_at_once() -> None:
    found = pointers(external_id="", display_name="", country="XX", language="?", time_zone="?")
    assert found == ["/external_id", "/display_name", "/country", "/language", "/time_zone"]


@pytest.mark.parametrize(
    "changes",
    [
        {"external_id": "x" * 200},
        {"external_id": "user:42/a?b#c"},
        {"display_name": "x" * 80},
        {"display_name": "👩‍👩‍👧 Müller-Nguyễn"},
        {"display_name": "علی‌رضا"},
        {"country": "kr"},
        {"language": "zh-hant-TW"},
        {"time_zone": "America/Argentina/Buenos_Aires"},
        {"birth_on": date(2026, 11, 22)},
        {"birth_on": date(1895, 11, 23)},
        {"birth_on": None},
        {"age_evidence": evidence(at=NOON)},
    ],
)
def test_what_people_really_have_is_accepted(changes: dict[str, Any]) -> None:
    assert pointers(**changes) == []


def test_a_birth_date_is_judged_by_the_calendar_where_the_person_is() -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    born = date(2026, 11, 23)
    there = faults_of_user(new_user(birth_on=born, time_zone="Asia/Tokyo"), now=late)
    here = faults_of_user(new_user(birth_on=born, time_zone="UTC"), now=late)

    assert there == []
    assert [fault["pointer"] for fault in here] == ["/birth_on"]


def test_content_has_one_spelling() -> None:
    said = tidied(new_user(display_name=" Ame\u0301lie ", country="kr", language="PT-br"))
    assert (said.display_name, said.country, said.language) == ("Amélie", "KR", "pt-BR")


@pytest.mark.parametrize(
    ("tag", "canonical"),
    [
        ("EN", "en"),
        ("zh-hANT-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-1996", "de-1996"),
        ("ca-valencia", "ca-valencia"),
        ("e", None),
        ("en-", None),
        ("en--US", None),
        ("x-private", None),
        ("en-u-ca-buddhist", None),
    ],
)
def test_a_language_tag_is_written_one_way(tag: str, canonical: str | None) -> None:
    assert canonical_language(tag) == canonical


def test_the_world_is_whole() -> None:
    assert len(countries()) == 249
    assert {"DE", "KR", "GB", "TW"} <= countries()
    assert {"UTC", "Asia/Seoul", "America/Sao_Paulo"} <= time_zones()
    assert law_of("KR").minimum_age == 19
    assert law_of("DE").minimum_age == 18


def test_a_restriction_stops_its_own_scope_only() -> None:
    found = standings(a_user(), [a_restriction(scope=Scope.GIFT)], NOON)
    assert {one.scope: one.allowed for one in found} == {
        Scope.RECHARGE: True,
        Scope.GIFT: False,
        Scope.PROMOTE: True,
        Scope.CASH_OUT: True,
    }


def test_a_standing_says_why_until_when_and_what_next() -> None:
    until = NOON + timedelta(days=2)
    found = standing(a_user(), [a_restriction(expires_at=until)], Scope.RECHARGE, NOON)
    assert (found.sentence, found.until, found.next_step) == ("We have to check.", until, "Wait.")
    assert found.reason_code == "identity_check"


def test_a_restriction_ends_by_the_clock_to_the_instant() -> None:
    until = NOON + timedelta(days=2)
    placed = [a_restriction(expires_at=until)]
    a_moment = timedelta(microseconds=1)

    assert not standing(a_user(), placed, Scope.RECHARGE, until - a_moment).allowed
    assert standing(a_user(), placed, Scope.RECHARGE, until).allowed


def test_a_lifted_restriction_stops_nothing() -> None:
    placed = [a_restriction(lifted_at=NOON, lifted_by="o", lift_reason="checked")]
    assert standing(a_user(), placed, Scope.RECHARGE, NOON).allowed


@pytest.mark.parametrize("turned", [False, True])
def test_of_several_restrictions_the_longest_speaks(turned: bool) -> None:  # noqa: FBT001
    short = a_restriction(sentence="short", expires_at=NOON + timedelta(days=1))
    long = a_restriction(sentence="long", expires_at=NOON + timedelta(days=9))
    still_open = a_restriction(sentence="open")

    def said(*placed: Any) -> str:
        some = list(reversed(placed)) if turned else list(placed)
        return standing(a_user(), some, Scope.RECHARGE, NOON).sentence

    assert said(short, long) == "long"
    assert said(long, still_open, short) == "open"


def test_age_comes_before_restrictions() -> None:
    found = standing(a_user(birth_on=None), [a_restriction()], Scope.RECHARGE, NOON)
    assert found.reason_code == "age_unknown"


def test_a_restriction_without_words_takes_those_of_its_reason() -> None:
    user = a_user()
    sentence, next_step = words_of(new_restriction(user))
    assert sentence == "We have to check who you are before this can go on."
    assert next_step == "Finish the identity check in the app, or contact support."
    own = new_restriction(user, sentence=" Mine. ", next_step="Do this.")
    assert words_of(own) == ("Mine.", "Do this.")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"sentence": ""}, "/sentence"),
        ({"sentence": "  "}, "/sentence"),
        ({"sentence": "x" * 301}, "/sentence"),
        ({"next_step": "a\0b"}, "/next_step"),
        ({"expires_at": NOON}, "/expires_at"),
        ({"expires_at": NOON + timedelta(days=3661)}, "/expires_at"),
        ({"expires_at": datetime.max.replace(tzinfo=UTC)}, "/expires_at"),
    ],
)
def test_a_faulty_restriction_is_refused_by_its_place(
    changes: dict[str, Any], pointer: str
) -> None:
    faults = faults_of_restriction(new_restriction(a_user(), **changes), now=NOON)
    assert [fault["pointer"] for fault in faults] == [pointer]

"""Pure decisions about people: what is accepted, how old they are, what they may do."""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from coinwell.users.places import (
    CountryLaw,
    canonical_language,
    countries,
    law_of,
    time_zones,
)
from coinwell.users.reasons import (
    AGE_UNKNOWN,
    AGE_UNKNOWN_WORDS,
    ALLOWED,
    REASONS,
    UNDER_AGE,
    under_age_words,
)
from coinwell.users.types import (
    AccountRestricted,
    AgeEvidence,
    AgeMethod,
    AgeState,
    AgeUnknown,
    MayNot,
    NewRestriction,
    NewUser,
    Restriction,
    Scope,
    Standing,
    UnderAge,
    User,
)

EXTERNAL_ID_LENGTH_MAX: Final = 200
NAME_LENGTH_MAX: Final = 80
REFERENCE_LENGTH_MAX: Final = 200
WORDS_LENGTH_MAX: Final = 300
AGE_MAX: Final = 130
RESTRICTION_MAX: Final = timedelta(days=3660)
EVIDENCE_SINCE: Final = datetime(2000, 1, 1, tzinfo=UTC)
# Emoji, and several scripts, are written with these two.
_JOINERS: Final = "\u200c\u200d"
_FAR: Final = datetime.max.replace(tzinfo=UTC)

Fault = dict[str, str]


def age_on(birth_on: date, today: date) -> int:
    """Age in whole years; a birthday of 29 February counts from 1 March in common years."""
    had_birthday = (today.month, today.day) >= (birth_on.month, birth_on.day)
    return today.year - birth_on.year - (not had_birthday)


def of_age_on(birth_on: date, age: int) -> date:
    """The day on which somebody born on `birth_on` reaches `age`."""
    year = birth_on.year + age
    try:
        return birth_on.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def today_of(user: User | NewUser, now: datetime) -> date:
    """The date where the user is."""
    return now.astimezone(ZoneInfo(user.time_zone)).date()


def proven_age(evidence: AgeEvidence, today: date) -> int:
    """The least age that evidence proves today: what it proved then, and the years since."""
    return evidence.age_min + max(0, age_on(evidence.at.astimezone(UTC).date(), today))


def age_state(user: User, today: date, *, law: CountryLaw | None = None) -> AgeState:
    """What is known about a user's age; `today` is the date where they are.

    A birth date below the minimum outweighs any evidence: of two statements the stricter holds.

    Source: ux_security, age and guardians; countries.toml.
    """
    law = law or law_of(user.country)
    if user.birth_on is not None:
        if age_on(user.birth_on, today) < law.minimum_age:
            return AgeState.MINOR
        if AgeMethod.DECLARED in law.accepts:
            return AgeState.ADULT
    evidence = user.age_evidence
    if evidence is None or evidence.method not in law.accepts:
        return AgeState.UNKNOWN
    if proven_age(evidence, today) < law.minimum_age:
        return AgeState.UNKNOWN
    return AgeState.ADULT


def standing(
    user: User, restrictions: Sequence[Restriction], scope: Scope, now: datetime
) -> Standing:
    """Whether `user` may do `scope` at `now`; if not, why, until when, and what next.

    Age comes first, because it would still stand when a restriction is gone. Of several
    restrictions the one that lasts longest speaks.
    """
    age = _age_standing(user, scope, now)
    if age is not None:
        return age
    holding = [one for one in restrictions if one.scope is scope and one.in_force(now)]
    if not holding:
        return Standing(scope=scope, allowed=True, sentence=ALLOWED[scope])
    longest = max(holding, key=lambda one: (one.expires_at or _FAR, one.placed_at, one.id))
    return Standing(
        scope=scope,
        allowed=False,
        sentence=longest.sentence,
        reason_code=longest.reason_code,
        until=longest.expires_at,
        next_step=longest.next_step,
    )


def standings(user: User, restrictions: Sequence[Restriction], now: datetime) -> list[Standing]:
    """The standing of every scope, in the order a person reads them."""
    return [standing(user, restrictions, scope, now) for scope in Scope]


def refusal_of(standing: Standing) -> MayNot:
    """The refusal that a standing which is not allowed becomes."""
    assert not standing.allowed
    match standing.reason_code:
        case "age_unknown":
            return AgeUnknown(standing)
        case "under_age":
            return UnderAge(standing)
        case _:
            return AccountRestricted(standing)


def _age_standing(user: User, scope: Scope, now: datetime) -> Standing | None:
    match age_state(user, today_of(user, now)):
        case AgeState.ADULT:
            return None
        case AgeState.UNKNOWN:
            return Standing(
                scope=scope,
                allowed=False,
                sentence=AGE_UNKNOWN_WORDS.sentence,
                reason_code=AGE_UNKNOWN,
                next_step=AGE_UNKNOWN_WORDS.next_step,
            )
        case AgeState.MINOR:
            assert user.birth_on is not None, "only a birth date makes a minor"
            law = law_of(user.country)
            words = under_age_words(law.minimum_age)
            birthday = of_age_on(user.birth_on, law.minimum_age)
            midnight = datetime.combine(birthday, time(), tzinfo=ZoneInfo(user.time_zone))
            return Standing(
                scope=scope,
                allowed=False,
                sentence=words.sentence,
                reason_code=UNDER_AGE,
                until=midnight.astimezone(UTC),
                next_step=words.next_step,
            )


def tidied(new: NewUser) -> NewUser:
    """The same content in one spelling, so that a repeat is recognised as one."""
    return replace(
        new,
        display_name=unicodedata.normalize("NFC", new.display_name).strip(),
        country=new.country.upper() if new.country.isascii() else new.country,
        language=canonical_language(new.language) or new.language,
    )


def faults_of_user(new: NewUser, *, now: datetime) -> list[Fault]:
    """Everything wrong with what was said about a user; empty when it can be accepted."""
    faults: list[Fault] = []
    if not _is_id(new.external_id, EXTERNAL_ID_LENGTH_MAX):
        detail = f"An external id is 1 to {EXTERNAL_ID_LENGTH_MAX} visible ASCII characters."
        faults.append(_fault("/external_id", detail))
    if not 0 < len(new.display_name) <= NAME_LENGTH_MAX:
        detail = f"A display name is 1 to {NAME_LENGTH_MAX} characters."
        faults.append(_fault("/display_name", detail))
    elif not is_plain(new.display_name):
        detail = "A display name has no control or direction characters."
        faults.append(_fault("/display_name", detail))
    faults += _faults_of_place(new)
    if new.birth_on is not None and new.time_zone in time_zones():
        faults += _faults_of_birth(new.birth_on, today_of(new, now))
    if new.age_evidence is not None:
        faults += _faults_of_evidence(new.age_evidence, now)
    return faults


def _faults_of_place(new: NewUser) -> list[Fault]:
    faults: list[Fault] = []
    if new.country not in countries():
        detail = "A country is a code of ISO 3166-1 alpha-2, such as DE."
        faults.append(_fault("/country", detail))
    if canonical_language(new.language) is None:
        detail = "A language is a tag of BCP 47, such as pt-BR."
        faults.append(_fault("/language", detail))
    if new.time_zone not in time_zones():
        detail = "A time zone is a name of the IANA database, such as Asia/Seoul."
        faults.append(_fault("/time_zone", detail))
    return faults


def _faults_of_birth(birth_on: date, today: date) -> list[Fault]:
    if birth_on > today:
        return [_fault("/birth_on", "A birth date is not in the future.")]
    if age_on(birth_on, today) > AGE_MAX:
        return [_fault("/birth_on", f"A birth date is at most {AGE_MAX} years ago.")]
    return []


def _faults_of_evidence(evidence: AgeEvidence, now: datetime) -> list[Fault]:
    faults: list[Fault] = []
    if evidence.method is AgeMethod.DECLARED:
        faults.append(_fault("/age_evidence/method", "What is only declared goes into birth_on."))
    if not _is_id(evidence.reference, REFERENCE_LENGTH_MAX):
        detail = f"A reference is 1 to {REFERENCE_LENGTH_MAX} visible ASCII characters."
        faults.append(_fault("/age_evidence/reference", detail))
    if not EVIDENCE_SINCE <= evidence.at <= now:
        detail = "An age was checked between the year 2000 and now."
        faults.append(_fault("/age_evidence/at", detail))
    if not 0 < evidence.age_min <= AGE_MAX:
        detail = f"A proven age is 1 to {AGE_MAX} years."
        faults.append(_fault("/age_evidence/age_min", detail))
    return faults


def faults_of_restriction(new: NewRestriction, *, now: datetime) -> list[Fault]:
    """Everything wrong with a restriction that is to be placed."""
    faults: list[Fault] = []
    for pointer, words in (("/sentence", new.sentence), ("/next_step", new.next_step)):
        if words is not None:
            faults += faults_of_words(pointer, words)
    if new.expires_at is not None and not now < new.expires_at <= now + RESTRICTION_MAX:
        detail = "A restriction ends in the future and within ten years, or is open."
        faults.append(_fault("/expires_at", detail))
    return faults


def faults_of_words(pointer: str, words: str) -> list[Fault]:
    """What is wrong with words that a person will read."""
    if 0 < len(words.strip()) <= WORDS_LENGTH_MAX and is_plain(words):
        return []
    return [_fault(pointer, f"Say it in 1 to {WORDS_LENGTH_MAX} plain characters.")]


def words_of(new: NewRestriction) -> tuple[str, str]:
    """Sentence and next step of a restriction: its own, or those of its reason."""
    default = REASONS[new.reason_code]
    sentence = default.sentence if new.sentence is None else new.sentence.strip()
    next_step = default.next_step if new.next_step is None else new.next_step.strip()
    return sentence, next_step


def is_plain(text: str) -> bool:
    """Whether a text has nothing that a screen would not show or could turn around."""
    return not any(
        unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and one not in _JOINERS
        for one in text
    )


def _is_id(text: str, length_max: int) -> bool:
    return 0 < len(text) <= length_max and all("!" <= one <= "~" for one in text)


def _fault(pointer: str, detail: str) -> Fault:
    return {"pointer": pointer, "detail": detail}

"""Hand-off links and sessions: signed, one use, 60 seconds; idle and absolute ends."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from coinwell.base.db import Tx, value
from coinwell.settings import Settings
from coinwell.users import (
    HandOff,
    Landing,
    LinkEnded,
    LinkForged,
    NewOperator,
    OperatorCaller,
    Role,
    User,
    UserCaller,
    UserUnknown,
    create_operator,
    disable_operator,
    end_session,
    end_sessions,
    enter,
    enter_as,
    hand_off,
    link_token,
    look_at_link,
    seal_of,
    session,
)
from coinwell.users.sessions import begin_session
from tests.users.make import NOON, SEAL, person

MOMENT = timedelta(microseconds=1)


def token_of(link: HandOff) -> str:
    return link_token(link.id, link.expires_at, SEAL)


async def linked(tx: Tx, user: User | None = None) -> str:
    user = user or await person(tx)
    return token_of(await hand_off(tx, user.id, now=NOON))


async def test_a_link_lets_its_user_in_once(tx: Tx) -> None:
    user = await person(tx)
    link = await hand_off(tx, user.id, now=NOON, landing=Landing.RECHARGE)
    entered = await enter(tx, token_of(link), seal=SEAL, now=NOON)

    assert (entered.user, entered.landing) == (user, Landing.RECHARGE)
    assert await session(tx, entered.token, now=NOON) == UserCaller(user)
    with pytest.raises(LinkEnded):
        await enter(tx, token_of(link), seal=SEAL, now=NOON)


async def test_looking_at_a_link_does_not_use_it_up(tx: Tx) -> None:
    user = await person(tx)
    token = await linked(tx, user)
    for _ in range(3):
        assert await look_at_link(tx, token, seal=SEAL, now=NOON) == user
    await enter(tx, token, seal=SEAL, now=NOON)
    with pytest.raises(LinkEnded):
        await look_at_link(tx, token, seal=SEAL, now=NOON)


async def test_a_link_lives_for_sixty_seconds(tx: Tx) -> None:
    user = await person(tx)
    token = await linked(tx, user)
    end = NOON + timedelta(seconds=60)
    with pytest.raises(LinkEnded):
        await enter(tx, token, seal=SEAL, now=end)
    with pytest.raises(LinkEnded):
        await look_at_link(tx, token, seal=SEAL, now=end)
    assert (await enter(tx, token, seal=SEAL, now=end - MOMENT)).user == user


async def test_a_link_made_within_a_second_lives_no_longer(tx: Tx) -> None:
    made_at = NOON + timedelta(milliseconds=900)
    link = await hand_off(tx, (await person(tx)).id, now=made_at)
    assert made_at + timedelta(seconds=59) < link.expires_at <= made_at + timedelta(seconds=60)
    assert link.expires_at.microsecond == 0, "the token says the same end as the row"


@pytest.mark.parametrize(
    "seal",
    [
        replace(SEAL, link_secret="another"),
        replace(SEAL, audience="another"),
    ],
    ids=["secret", "audience"],
)
async def test_a_link_of_another_installation_is_refused(tx: Tx, seal: object) -> None:
    token = await linked(tx)
    with pytest.raises(LinkForged):
        await enter(tx, token, seal=seal, now=NOON)  # type: ignore[arg-type]
    assert (await enter(tx, token, seal=SEAL, now=NOON)).token


async def test_any_altered_character_is_refused(tx: Tx) -> None:
    token = await linked(tx)
    for at, one in enumerate(token):
        altered = token[:at] + ("0" if one != "0" else "1") + token[at + 1 :]
        with pytest.raises(LinkForged):
            await look_at_link(tx, altered, seal=SEAL, now=NOON)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "a.b.c.d", "x" * 5000, "ä.ö.ü", "\0..."])
async def test_what_is_no_link_is_refused(tx: Tx, token: str) -> None:
    with pytest.raises(LinkForged):
        await enter(tx, token, seal=SEAL, now=NOON)


async def test_a_later_end_cannot_be_written_into_a_link(tx: Tx) -> None:
    named, ends, said = (await linked(tx)).split(".")
    later = f"{named}.{int(ends) + 60}.{said}"
    with pytest.raises(LinkForged):
        await enter(tx, later, seal=SEAL, now=NOON + timedelta(seconds=70))


async def test_only_known_people_are_handed_over(tx: Tx) -> None:
    with pytest.raises(UserUnknown):
        await hand_off(tx, uuid4(), now=NOON)
    with pytest.raises(UserUnknown):
        await enter_as(tx, uuid4(), now=NOON)


async def test_ended_links_are_forgotten_after_a_day(tx: Tx) -> None:
    user = await person(tx)
    await linked(tx, user)
    await hand_off(tx, user.id, now=NOON + timedelta(days=1))
    assert await value(tx, "SELECT count(*) FROM users.hand_off") == 2
    await hand_off(tx, user.id, now=NOON + timedelta(days=1, minutes=2))
    assert await value(tx, "SELECT count(*) FROM users.hand_off") == 2


async def test_entering_ends_the_browsers_old_session(tx: Tx) -> None:
    user = await person(tx)
    old = await enter_as(tx, user.id, now=NOON)
    other = await enter_as(tx, user.id, now=NOON)
    entered = await enter(tx, await linked(tx, user), seal=SEAL, now=NOON, old_token=old)

    assert entered.token not in {old, other}
    assert await session(tx, old, now=NOON) is None
    assert await session(tx, other, now=NOON) == UserCaller(user)


async def test_only_the_hash_of_a_token_is_kept(tx: Tx) -> None:
    user = await person(tx)
    token = await enter_as(tx, user.id, now=NOON)
    kept = bytes(await value(tx, "SELECT token_hash FROM users.session"))

    assert len(token) >= 43, "256 bits in base 64"
    assert token.encode() not in kept
    assert len(kept) == 32
    assert await session(tx, kept.hex(), now=NOON) is None
    assert await session(tx, "x" * 10_000, now=NOON) is None
    assert await session(tx, "", now=NOON) is None


async def test_a_users_session_ends_after_two_idle_weeks(tx: Tx) -> None:
    token = await enter_as(tx, (await person(tx)).id, now=NOON)
    nearly = NOON + timedelta(days=14) - MOMENT
    assert await session(tx, token, now=nearly) is not None
    assert await session(tx, token, now=nearly + timedelta(days=14)) is None


async def test_a_users_session_ends_after_ninety_days_however_busy(tx: Tx) -> None:
    token = await enter_as(tx, (await person(tx)).id, now=NOON)
    for day in range(0, 90, 10):
        assert await session(tx, token, now=NOON + timedelta(days=day)) is not None
    assert await session(tx, token, now=NOON + timedelta(days=90) - MOMENT) is not None
    assert await session(tx, token, now=NOON + timedelta(days=90)) is None


async def operator_session(tx: Tx) -> str:
    new = NewOperator("o@example.org", "Olu", Role.SUPPORT, "a long enough password")
    made = await create_operator(tx, new, by="test", now=NOON)
    return await begin_session(tx, operator_id=made.id, now=NOON)


async def test_an_operators_session_ends_after_thirty_idle_minutes(tx: Tx) -> None:
    token = await operator_session(tx)
    nearly = NOON + timedelta(minutes=30) - MOMENT
    assert isinstance(await session(tx, token, now=nearly), OperatorCaller)
    assert await session(tx, token, now=nearly + timedelta(minutes=30)) is None


async def test_an_operators_session_ends_after_twelve_hours_however_busy(tx: Tx) -> None:
    token = await operator_session(tx)
    for minute in range(0, 720, 20):
        assert await session(tx, token, now=NOON + timedelta(minutes=minute)) is not None
    assert await session(tx, token, now=NOON + timedelta(hours=12) - MOMENT) is not None
    assert await session(tx, token, now=NOON + timedelta(hours=12)) is None


async def test_a_disabled_operator_is_out_at_once(tx: Tx) -> None:
    token = await operator_session(tx)
    await disable_operator(tx, " O@example.org", now=NOON)
    assert await session(tx, token, now=NOON) is None
    # Even a session that began in between.
    again = await begin_session(
        tx, operator_id=await value(tx, "SELECT id FROM users.operator"), now=NOON
    )
    assert await session(tx, again, now=NOON) is None


async def test_signing_out_ends_one_session_and_everywhere_ends_all(tx: Tx) -> None:
    user, other = await person(tx), await person(tx, "ben")
    tokens = [await enter_as(tx, user.id, now=NOON) for _ in range(3)]
    of_other = await enter_as(tx, other.id, now=NOON)

    await end_session(tx, tokens[0], now=NOON)
    await end_session(tx, "no such token", now=NOON)
    assert [await session(tx, one, now=NOON) is None for one in tokens] == [True, False, False]
    assert await end_sessions(tx, user.id, now=NOON) == 2
    assert [await session(tx, one, now=NOON) is None for one in tokens] == [True, True, True]
    assert await session(tx, of_other, now=NOON) is not None


async def test_being_seen_is_written_once_a_minute(tx: Tx) -> None:
    token = await enter_as(tx, (await person(tx)).id, now=NOON)
    for seconds, seen_s in ((59, 0), (60, 60), (119, 60), (120, 120)):
        await session(tx, token, now=NOON + timedelta(seconds=seconds))
        seen = await value(tx, "SELECT seen_at FROM users.session")
        assert seen == NOON + timedelta(seconds=seen_s)


def test_each_secret_of_an_installation_is_its_own() -> None:
    one = seal_of(Settings(secret="s" * 32))
    other = seal_of(Settings(secret="t" * 32, installation="elsewhere"))
    secrets = {one.link_secret, one.key_secret, other.link_secret, other.key_secret}

    assert len(secrets) == 4
    assert other.audience == "elsewhere"
    assert not any(secret in repr((one, other)) for secret in secrets)

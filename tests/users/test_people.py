"""People in the database: made, changed, found, restricted, and asked for by `demand`."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from coinwell.base.db import Tx, value
from coinwell.users import (
    AccountRestricted,
    AgeUnknown,
    ExternalIdTaken,
    MayNot,
    RestrictionLifted,
    RestrictionUnknown,
    Scope,
    UnderAge,
    UserChange,
    UserUnknown,
    WrongRestriction,
    WrongUser,
    change_user,
    create_user,
    demand,
    demo_users,
    find_users,
    lift,
    restrict,
    restrictions,
    user,
    user_by_external_id,
)
from tests.users.make import NOON, a_user, evidence, new_restriction, new_user, person

OPERATOR = "operator:o@example.org"


async def news(tx: Tx) -> list[str]:
    cursor = await tx.execute("SELECT kind FROM base.outbox ORDER BY at, kind")
    return [found[0] for found in await cursor.fetchall()]


async def test_a_user_is_kept_as_said(tx: Tx) -> None:
    made = await person(tx, age_evidence=evidence(), country="kr", language="KO-kr")

    assert await user(tx, made.id) == made
    assert await user_by_external_id(tx, "ana") == made
    assert (made.country, made.language, made.age_evidence) == ("KR", "ko-KR", evidence())
    assert await news(tx) == ["users.created"]


async def test_the_same_content_again_is_the_same_user(tx: Tx) -> None:
    made = await person(tx)
    again = await create_user(tx, new_user(display_name=" Ana "), now=NOON + timedelta(days=1))

    assert again == made
    assert await news(tx) == ["users.created"]


async def test_other_content_for_an_external_id_is_refused(tx: Tx) -> None:
    made = await person(tx)
    with pytest.raises(ExternalIdTaken) as refused:
        await person(tx, birth_on=date(2001, 1, 1))
    assert refused.value.user_id == made.id
    assert (await user(tx, made.id)).birth_on == date(1995, 5, 5)


async def test_a_faulty_user_is_not_kept(tx: Tx) -> None:
    with pytest.raises(WrongUser) as refused:
        await person(tx, country="XX")
    assert [error["pointer"] for error in refused.value.errors] == ["/country"]
    assert await value(tx, "SELECT count(*) FROM users.person") == 0


async def test_a_change_leaves_the_rest(tx: Tx) -> None:
    made = await person(tx)
    changed = await change_user(
        tx, made.id, UserChange({"country": "FR", "birth_on": None}), now=NOON
    )

    assert (changed.country, changed.birth_on) == ("FR", None)
    assert (changed.display_name, changed.time_zone) == (made.display_name, made.time_zone)
    assert await user(tx, made.id) == changed
    assert await news(tx) == ["users.changed", "users.created"]


async def test_a_change_to_the_same_is_no_news(tx: Tx) -> None:
    made = await person(tx)
    assert await change_user(tx, made.id, UserChange({"country": "de"}), now=NOON) == made
    assert await news(tx) == ["users.created"]


async def test_a_faulty_change_changes_nothing(tx: Tx) -> None:
    made = await person(tx)
    with pytest.raises(WrongUser):
        await change_user(tx, made.id, UserChange({"time_zone": "Mars/Base"}), now=NOON)
    with pytest.raises(UserUnknown):
        await change_user(tx, uuid4(), UserChange({}), now=NOON)
    assert await user(tx, made.id) == made


async def test_unknown_people_are_said_to_be_unknown(tx: Tx) -> None:
    with pytest.raises(UserUnknown):
        await user(tx, UUID(int=5))
    with pytest.raises(UserUnknown):
        await user_by_external_id(tx, "nobody")
    with pytest.raises(UserUnknown):
        await user_by_external_id(tx, "a\0b")
    with pytest.raises(UserUnknown):
        await demand(tx, UUID(int=5), Scope.RECHARGE, now=NOON)
    with pytest.raises(UserUnknown):
        await restrict(tx, new_restriction(a_user()), by=OPERATOR, now=NOON)


async def test_people_are_found_by_any_id_and_by_the_beginning_of_a_name(tx: Tx) -> None:
    ana = await person(tx, "u-1", display_name="Ana Lima")
    anatol = await person(tx, "u-2", display_name="Anatol")
    await person(tx, "u-3", display_name="100%")

    assert await find_users(tx, str(ana.id)) == [ana]
    assert await find_users(tx, ana.id.hex.upper()) == [ana]
    assert await find_users(tx, " u-2 ") == [anatol]
    assert await find_users(tx, "aNA") == [ana, anatol]
    assert await find_users(tx, "%") == []
    assert await find_users(tx, "u_1") == []
    assert await find_users(tx, "") == []
    assert await find_users(tx, "a\0") == []
    assert len(await find_users(tx, "100%")) == 1


async def test_the_demo_offers_its_own_people_only(tx: Tx) -> None:
    demo = await person(tx, "demo-ana")
    await person(tx, "demo", display_name="Not")
    await person(tx, "real-demo-1", display_name="Not")
    assert await demo_users(tx) == [demo]


async def test_a_grown_up_without_restrictions_may_do_everything(tx: Tx) -> None:
    made = await person(tx)
    for scope in Scope:
        assert await demand(tx, made.id, scope, now=NOON) == made


async def test_a_restricted_account_is_refused_with_reason_end_and_next_step(tx: Tx) -> None:
    made = await person(tx)
    until = NOON + timedelta(days=3)
    placed = await restrict(tx, new_restriction(made, expires_at=until), by=OPERATOR, now=NOON)

    with pytest.raises(AccountRestricted) as refused:
        await demand(tx, made.id, Scope.RECHARGE, now=NOON)
    assert refused.value.facts() == {
        "scope": Scope.RECHARGE,
        "reason_code": "identity_check",
        "until": until,
        "next_step": "Finish the identity check in the app, or contact support.",
    }
    assert refused.value.sentence() == placed.sentence
    assert await demand(tx, made.id, Scope.GIFT, now=NOON) == made
    assert await demand(tx, made.id, Scope.RECHARGE, now=until) == made
    assert "users.restricted" in await news(tx)


@pytest.mark.parametrize(
    ("birth_on", "refusal"), [(None, AgeUnknown), (date(2009, 1, 1), UnderAge)]
)
@pytest.mark.parametrize("scope", list(Scope))
async def test_unknown_and_under_age_accounts_are_refused(
    tx: Tx, birth_on: date | None, refusal: type[MayNot], scope: Scope
) -> None:
    made = await person(tx, birth_on=birth_on)
    with pytest.raises(refusal) as refused:
        await demand(tx, made.id, scope, now=NOON)
    assert refused.value.facts()["next_step"]
    assert (refused.value.facts()["until"] is None) == (birth_on is None)


async def test_a_lifted_restriction_stays_on_the_record(tx: Tx) -> None:
    made = await person(tx)
    first = await restrict(tx, new_restriction(made), by=OPERATOR, now=NOON)
    later = NOON + timedelta(hours=1)
    lifted = await lift(tx, first.id, user_id=made.id, by="key:1", reason=" Checked. ", now=later)

    assert (lifted.lifted_at, lifted.lifted_by, lifted.lift_reason) == (later, "key:1", "Checked.")
    assert await demand(tx, made.id, Scope.RECHARGE, now=later) == made
    assert await restrictions(tx, made.id, now=later) == [lifted]
    assert await restrictions(tx, made.id, now=later, in_force=True) == []
    assert "users.restriction_lifted" in await news(tx)


async def test_a_restriction_is_lifted_once_for_a_reason_and_by_its_own_account(tx: Tx) -> None:
    made, other = await person(tx), await person(tx, "ben")
    placed = await restrict(tx, new_restriction(made), by=OPERATOR, now=NOON)

    async def lifting(user_id: UUID, reason: str, restriction_id: UUID = placed.id) -> None:
        await lift(tx, restriction_id, user_id=user_id, by=OPERATOR, reason=reason, now=NOON)

    with pytest.raises(WrongRestriction):
        await lifting(made.id, "  ")
    with pytest.raises(RestrictionUnknown):
        await lifting(other.id, "Checked.")
    with pytest.raises(RestrictionUnknown):
        await lifting(made.id, "Checked.", uuid4())
    await lifting(made.id, "Checked.")
    with pytest.raises(RestrictionLifted) as refused:
        await lifting(made.id, "Again.")
    assert refused.value.lifted_by == OPERATOR


async def test_restrictions_are_listed_newest_first(tx: Tx) -> None:
    made = await person(tx)
    placed = [
        await restrict(
            tx, new_restriction(made, scope=scope), by=OPERATOR, now=NOON + timedelta(minutes=n)
        )
        for n, scope in enumerate(Scope)
    ]
    assert await restrictions(tx, made.id, now=NOON) == placed[::-1]

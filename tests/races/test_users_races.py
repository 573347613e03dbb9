"""People racing at the doors: one link, one name, one restriction against many requests."""

import asyncio

import pytest

from coinwell.base.db import Pool, transaction, value
from coinwell.users import (
    AccountRestricted,
    ExternalIdTaken,
    LinkEnded,
    RestrictionLifted,
    Scope,
    SignIn,
    SignInFailed,
    SignInThrottled,
    User,
    UserChange,
    change_user,
    create_user,
    demand,
    enter,
    hand_off,
    lift,
    link_token,
    restrict,
    sign_in_operator,
    user,
)
from tests.profile import scale
from tests.users.make import NOON, SEAL, new_restriction, new_user, person

ROUNDS = scale(5, 200)
TWINS = 20


async def a_person(pool: Pool, external_id: str = "ana") -> User:
    async with transaction(pool) as tx:
        return await person(tx, external_id)


async def test_twenty_uses_of_one_link_make_one_session(pool: Pool) -> None:
    ana = await a_person(pool)
    for number in range(ROUNDS):
        async with transaction(pool) as tx:
            link = await hand_off(tx, ana.id, now=NOON)
        token = link_token(link.id, link.expires_at, SEAL)

        async def use(token: str = token) -> str | None:
            try:
                async with transaction(pool) as tx:
                    return (await enter(tx, token, seal=SEAL, now=NOON)).token
            except LinkEnded:
                return None

        entered = await asyncio.gather(*(use() for _ in range(TWINS)))
        assert sum(one is not None for one in entered) == 1
        async with transaction(pool) as tx:
            assert await value(tx, "SELECT count(*) FROM users.session") == number + 1


async def test_a_link_whose_use_was_rolled_back_still_works(pool: Pool) -> None:
    ana = await a_person(pool)
    async with transaction(pool) as tx:
        link = await hand_off(tx, ana.id, now=NOON)
    token = link_token(link.id, link.expires_at, SEAL)

    async def use_and_crash() -> None:
        async with transaction(pool) as tx:
            await enter(tx, token, seal=SEAL, now=NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await use_and_crash()
    async with transaction(pool) as tx:
        assert (await enter(tx, token, seal=SEAL, now=NOON)).user == ana


async def test_one_external_id_made_by_many_at_once_is_one_user(pool: Pool) -> None:
    async def make(name: str) -> User | None:
        try:
            async with transaction(pool) as tx:
                return await create_user(tx, new_user(display_name=name), now=NOON)
        except ExternalIdTaken:
            return None

    made = await asyncio.gather(*(make("Ana" if n % 2 else "Ben") for n in range(TWINS)))
    ids = {one.id for one in made if one is not None}
    assert len(ids) == 1
    assert sum(one is not None for one in made) == TWINS // 2
    async with transaction(pool) as tx:
        assert await value(tx, "SELECT count(*) FROM users.person") == 1
        assert await value(tx, "SELECT count(*) FROM base.outbox") == 1


async def test_changes_of_different_fields_do_not_undo_each_other(pool: Pool) -> None:
    ana = await a_person(pool)
    changes = [
        UserChange({"country": "FR"}),
        UserChange({"language": "fr"}),
        UserChange({"time_zone": "Europe/Paris"}),
        UserChange({"display_name": "Anne"}),
    ]

    async def make(change: UserChange) -> None:
        async with transaction(pool) as tx:
            await change_user(tx, ana.id, change, now=NOON)

    await asyncio.gather(*(make(change) for change in changes))
    async with transaction(pool) as tx:
        found = await user(tx, ana.id)
    said = (found.country, found.language, found.time_zone, found.display_name)
    assert said == ("FR", "fr", "Europe/Paris", "Anne")


async def test_a_restriction_waits_for_those_let_through_and_stops_the_next(pool: Pool) -> None:
    ana = await a_person(pool)
    restricted = asyncio.Event()

    async def place() -> None:
        async with transaction(pool) as tx:
            await restrict(tx, new_restriction(ana), by="operator:o", now=NOON)
        restricted.set()

    async with transaction(pool) as tx:
        await demand(tx, ana.id, Scope.RECHARGE, now=NOON)
        placing = asyncio.create_task(place())
        await asyncio.sleep(0.3)
        assert not restricted.is_set(), "somebody who was let through is still at it"
    await placing
    with pytest.raises(AccountRestricted):
        async with transaction(pool) as tx:
            await demand(tx, ana.id, Scope.RECHARGE, now=NOON)


async def test_people_let_through_do_not_wait_for_each_other(pool: Pool) -> None:
    ana = await a_person(pool)
    async with transaction(pool) as first:
        await demand(first, ana.id, Scope.RECHARGE, now=NOON)
        async with transaction(pool) as second:
            await asyncio.wait_for(demand(second, ana.id, Scope.RECHARGE, now=NOON), timeout=2)


async def test_of_many_lifts_one_is_the_lift(pool: Pool) -> None:
    ana = await a_person(pool)
    async with transaction(pool) as tx:
        placed = await restrict(tx, new_restriction(ana), by="operator:o", now=NOON)

    async def lifting(number: int) -> bool:
        try:
            async with transaction(pool) as tx:
                by = f"operator:{number}"
                await lift(tx, placed.id, user_id=ana.id, by=by, reason="Checked.", now=NOON)
        except RestrictionLifted:
            return False
        return True

    assert sum(await asyncio.gather(*(lifting(n) for n in range(TWINS)))) == 1


async def test_passwords_guessed_at_once_are_all_counted(pool: Pool) -> None:
    async def guess() -> type[Exception]:
        try:
            await sign_in_operator(pool, SignIn("o@example.org", "a guess"), now=NOON)
        except (SignInFailed, SignInThrottled) as no:
            return type(no)
        raise AssertionError

    said = await asyncio.gather(*(guess() for _ in range(TWINS)))
    assert said.count(SignInFailed) == 5
    assert said.count(SignInThrottled) == TWINS - 5

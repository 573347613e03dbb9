"""Operators: made, let in by password, held back after failures, and what each role may do."""

from datetime import timedelta
from time import process_time
from uuid import UUID

import pytest
from argon2 import PasswordHasher

from coinwell.base.db import Pool, Tx, transaction, value
from coinwell.users import (
    ApiScope,
    NewOperator,
    NotPermitted,
    OperatorCaller,
    OperatorExists,
    OperatorUnknown,
    Permission,
    Role,
    SignIn,
    SignInFailed,
    SignInThrottled,
    UserCaller,
    WrongOperator,
    create_operator,
    disable_operator,
    enter_as,
    operators,
    session,
    sign_in_operator,
)
from coinwell.users.operators import _matches
from tests.users.make import NOON, a_user, person

PASSWORD = "a long enough password"
MAY = {
    Role.SUPPORT: {"find", "see_timeline", "ask_provider", "restrict", "lift"},
    Role.FINANCE: {
        *("find", "see_timeline", "ask_provider", "refund", "approve"),
        *("adjust", "publish", "decide", "see_audit"),
    },
    Role.ADMIN: {one.value for one in Permission},
}


def new(email: str = "o@example.org", password: str = PASSWORD, name: str = "Olu") -> NewOperator:
    return NewOperator(email, name, Role.SUPPORT, password)


async def made(pool: Pool, email: str = "o@example.org") -> None:
    async with transaction(pool) as tx:
        await create_operator(tx, new(email), by="test", now=NOON)


async def refused(pool: Pool, email: str = "o@example.org", *, minutes: int = 0) -> None:
    with pytest.raises(SignInFailed):
        await sign_in_operator(
            pool, SignIn(email, "a wrong password"), now=NOON + timedelta(minutes=minutes)
        )


async def test_there_is_no_operator_until_one_is_made(tx: Tx) -> None:
    assert await operators(tx) == []


async def test_the_right_password_lets_in(pool: Pool) -> None:
    await made(pool)
    token = await sign_in_operator(pool, SignIn(" O@Example.org ", PASSWORD), now=NOON)
    async with transaction(pool) as tx:
        caller = await session(tx, token, now=NOON)
    assert isinstance(caller, OperatorCaller)
    assert (caller.email, caller.role) == ("o@example.org", Role.SUPPORT)
    assert caller.name == "operator:o@example.org"


async def test_passwords_are_kept_as_argon2id_only(pool: Pool) -> None:
    await made(pool)
    async with transaction(pool) as tx:
        kept = await value(tx, "SELECT operator::text FROM users.operator")
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in kept
    assert PASSWORD not in kept
    assert PASSWORD not in repr(new())
    assert PASSWORD not in repr(SignIn("o", PASSWORD))


async def test_a_failure_does_not_say_what_was_wrong(pool: Pool) -> None:
    await made(pool)
    said: list[tuple[str, dict[str, object]]] = []
    for email in ("o@example.org", "nobody@example.org", "", "\0", "x" * 9999):
        with pytest.raises(SignInFailed) as no:
            await sign_in_operator(pool, SignIn(email, "a wrong password"), now=NOON)
        said.append((no.value.sentence(), no.value.facts()))
    assert len({str(one) for one in said}) == 1
    with pytest.raises(SignInFailed):
        await sign_in_operator(pool, SignIn("o@example.org", "x" * 100_000), now=NOON)


def test_an_unknown_email_costs_the_same_work_as_a_known_one() -> None:
    kept = PasswordHasher().hash(PASSWORD)

    def work(of: str | None) -> float:
        begun = process_time()
        assert not _matches(of, "a wrong password")
        return process_time() - begun

    pairs = [(work(kept), work(None)) for _ in range(3)]
    known, unknown = (min(one) for one in zip(*pairs, strict=True))
    assert known / 3 < unknown < known * 3, "no work at all would be a thousandth"


async def test_after_five_failures_even_the_right_password_waits(pool: Pool) -> None:
    await made(pool)
    for minute in range(5):
        await refused(pool, minutes=minute)
    with pytest.raises(SignInThrottled) as no:
        await sign_in_operator(
            pool, SignIn("o@example.org", PASSWORD), now=NOON + timedelta(minutes=14)
        )
    assert no.value.retry_at == NOON + timedelta(minutes=15)
    token = await sign_in_operator(
        pool, SignIn("o@example.org", PASSWORD), now=NOON + timedelta(minutes=15)
    )
    assert token


async def test_an_unknown_email_is_held_back_just_the_same(pool: Pool) -> None:
    for _ in range(5):
        await refused(pool, "nobody@example.org")
    with pytest.raises(SignInThrottled):
        await sign_in_operator(pool, SignIn("Nobody@example.org ", "x"), now=NOON)
    await refused(pool, "somebody.else@example.org")


async def test_a_success_forgives_earlier_failures(pool: Pool) -> None:
    await made(pool)
    for _ in range(2):
        for _ in range(4):
            await refused(pool)
        await sign_in_operator(pool, SignIn("o@example.org", PASSWORD), now=NOON)


async def test_old_attempts_are_forgotten(pool: Pool) -> None:
    await refused(pool, "one@example.org")
    await refused(pool, "two@example.org", minutes=15)
    async with transaction(pool) as tx:
        assert await value(tx, "SELECT count(*) FROM users.sign_in_attempt") == 1


async def test_signing_in_ends_the_browsers_old_session(pool: Pool) -> None:
    await made(pool)
    old = await sign_in_operator(pool, SignIn("o@example.org", PASSWORD), now=NOON)
    again = await sign_in_operator(pool, SignIn("o@example.org", PASSWORD, old), now=NOON)
    async with transaction(pool) as tx:
        assert await session(tx, old, now=NOON) is None
        assert await session(tx, again, now=NOON) is not None


async def test_a_disabled_operator_is_refused_like_an_unknown_one(pool: Pool) -> None:
    await made(pool)
    async with transaction(pool) as tx:
        await disable_operator(tx, "o@example.org", now=NOON)
    with pytest.raises(SignInFailed):
        await sign_in_operator(pool, SignIn("o@example.org", PASSWORD), now=NOON)
    async with transaction(pool) as tx:
        with pytest.raises(OperatorUnknown):
            await disable_operator(tx, "nobody@example.org", now=NOON)


@pytest.mark.parametrize(
    "wrong",
    [
        new(email="nobody"),
        new(email="a b@example.org"),
        new(email="ä@example.org"),
        new(email="a@b\0"),
        new(email="x" * 250 + "@example.org"),
        new(name=" "),
        new(name="a\0"),
        new(password="elevenchars"),
        new(password="x" * 201),
        new(password="password1234"),
        new(password="ababababababab"),
        new(password="o@example.org"),
        new(email="averylongname@x.org", password="AveryLongName"),
    ],
    ids=str,
)
async def test_an_operator_that_makes_no_sense_is_refused(tx: Tx, wrong: NewOperator) -> None:
    with pytest.raises(WrongOperator):
        await create_operator(tx, wrong, by="test", now=NOON)


async def test_an_email_is_one_operator(tx: Tx) -> None:
    await create_operator(tx, new(), by="test", now=NOON)
    with pytest.raises(OperatorExists):
        await create_operator(tx, new("O@EXAMPLE.org"), by="test", now=NOON)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("permission", list(Permission))
def test_a_role_may_do_its_own_and_no_more(role: Role, permission: Permission) -> None:
    caller = OperatorCaller(UUID(int=1), "o@example.org", "Olu", role)
    allowed = permission.value in MAY[role]

    assert caller.may(permission) == allowed
    if allowed:
        caller.demand(permission)
        return
    with pytest.raises(NotPermitted) as no:
        caller.demand(permission)
    assert no.value.needs is permission


def test_an_operator_has_no_api_scope_and_a_user_no_permission() -> None:
    operator = OperatorCaller(UUID(int=1), "o@example.org", "Olu", Role.ADMIN)
    for scope in ApiScope:
        with pytest.raises(NotPermitted):
            operator.demand(scope)
    for permission in Permission:
        with pytest.raises(NotPermitted):
            UserCaller(a_user()).demand(permission)


def test_a_user_may_ask_about_themselves_only() -> None:
    caller = UserCaller(a_user())
    caller.demand(ApiScope.WALLET_READ, caller.user.id)
    with pytest.raises(NotPermitted):
        caller.demand(ApiScope.WALLET_READ, UUID(int=2))
    with pytest.raises(NotPermitted):
        caller.demand(ApiScope.USERS_WRITE, caller.user.id)


async def test_a_users_session_is_not_an_operators(tx: Tx) -> None:
    token = await enter_as(tx, (await person(tx)).id, now=NOON)
    assert isinstance(await session(tx, token, now=NOON), UserCaller)

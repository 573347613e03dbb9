"""API keys: shown once, kept as a keyed hash, scoped, and revoked at once."""

import re
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from coinwell.base.db import Tx, value
from coinwell.users import (
    ApiScope,
    KeyCaller,
    KeyUnknown,
    NewKey,
    NoSuchKey,
    NotPermitted,
    Permission,
    Seal,
    WrongKey,
    api_keys,
    caller_of_key,
    create_api_key,
    revoke_api_key,
)
from coinwell.users.sealing import checksum, looks_like_key
from tests.users.make import NOON, SEAL


async def a_key(tx: Tx, *scopes: ApiScope, seal: Seal = SEAL, days: int | None = None) -> str:
    ends_at = None if days is None else NOON + timedelta(days=days)
    _, plain = await create_api_key(
        tx, NewKey("shop", scopes, ends_at), seal=seal, by="test", now=NOON
    )
    return plain


async def test_a_key_opens_its_scopes_and_no_others(tx: Tx) -> None:
    plain = await a_key(tx, ApiScope.USERS_READ, ApiScope.WALLET_READ)
    caller = await caller_of_key(tx, plain, seal=SEAL, now=NOON)

    assert isinstance(caller, KeyCaller)
    for scope in ApiScope:
        if scope in {ApiScope.USERS_READ, ApiScope.WALLET_READ}:
            caller.demand(scope, uuid4())
        else:
            with pytest.raises(NotPermitted):
                caller.demand(scope)
    with pytest.raises(NotPermitted):
        caller.demand(Permission.REFUND)


async def test_a_key_without_scopes_may_do_nothing(tx: Tx) -> None:
    caller = await caller_of_key(tx, await a_key(tx), seal=SEAL, now=NOON)
    assert caller.scopes == frozenset()


async def test_the_key_itself_is_nowhere_in_the_database(tx: Tx) -> None:
    plain = await a_key(tx, ApiScope.USERS_READ)
    kept = await value(tx, "SELECT api_key::text FROM users.api_key")
    body = plain.removeprefix("ck_test_sec_")

    assert re.fullmatch(r"[0-9A-Za-z]{33}", body), "160 bits and a checksum"
    assert body[:20] not in kept
    assert plain[-4:] in kept
    assert (await api_keys(tx))[0].hint == plain[-4:]


async def test_without_the_installations_secret_the_hash_is_useless(tx: Tx) -> None:
    plain = await a_key(tx)
    with pytest.raises(KeyUnknown):
        await caller_of_key(tx, plain, seal=replace(SEAL, key_secret="other"), now=NOON)


async def test_test_and_live_keys_are_apart(tx: Tx) -> None:
    live = replace(SEAL, environment="live")
    plain = await a_key(tx, seal=live)

    assert plain.startswith("ck_live_sec_")
    assert await caller_of_key(tx, plain, seal=live, now=NOON)
    with pytest.raises(KeyUnknown):
        await caller_of_key(tx, plain, seal=SEAL, now=NOON)


async def test_a_key_ends_when_it_was_to_end(tx: Tx) -> None:
    plain = await a_key(tx, days=1)
    end = NOON + timedelta(days=1)
    assert await caller_of_key(tx, plain, seal=SEAL, now=end - timedelta(microseconds=1))
    with pytest.raises(KeyUnknown):
        await caller_of_key(tx, plain, seal=SEAL, now=end)


async def test_a_revoked_key_is_refused_at_once(tx: Tx) -> None:
    plain = await a_key(tx)
    key = (await api_keys(tx))[0]
    assert await caller_of_key(tx, plain, seal=SEAL, now=NOON)
    await revoke_api_key(tx, key.id, now=NOON)
    with pytest.raises(KeyUnknown):
        await caller_of_key(tx, plain, seal=SEAL, now=NOON)
    await revoke_api_key(tx, key.id, now=NOON + timedelta(days=1))
    assert (await api_keys(tx))[0].revoked_at == NOON, "the first revocation stays"
    with pytest.raises(NoSuchKey):
        await revoke_api_key(tx, uuid4(), now=NOON)


async def test_the_last_use_is_known_to_the_minute(tx: Tx) -> None:
    plain = await a_key(tx)
    assert (await api_keys(tx))[0].last_used_at is None
    for seconds, minute in ((5, 0), (59, 0), (61, 1)):
        await caller_of_key(tx, plain, seal=SEAL, now=NOON + timedelta(seconds=seconds))
        assert (await api_keys(tx))[0].last_used_at == NOON + timedelta(minutes=minute)


async def test_a_mistyped_key_is_told_by_its_checksum(tx: Tx) -> None:
    plain = await a_key(tx)
    assert looks_like_key(plain, "test")
    for at in range(len(plain)):
        altered = plain[:at] + ("0" if plain[at] != "0" else "1") + plain[at + 1 :]
        assert not looks_like_key(altered, "test"), at
    for made_up in ("", "ck_test_sec_", "x" * 9999, "ck_test_sec_" + "ä" * 33):
        with pytest.raises(KeyUnknown):
            await caller_of_key(tx, made_up, seal=SEAL, now=NOON)


async def test_a_made_up_key_with_a_right_checksum_is_refused(tx: Tx) -> None:
    body = "ck_test_sec_" + "a" * 27
    with pytest.raises(KeyUnknown):
        await caller_of_key(tx, body + checksum(body), seal=SEAL, now=NOON)


@pytest.mark.parametrize(
    "new", [NewKey(""), NewKey("x" * 81), NewKey("a\0"), NewKey("late", (), NOON)]
)
async def test_a_key_that_makes_no_sense_is_refused(tx: Tx, new: NewKey) -> None:
    with pytest.raises(WrongKey):
        await create_api_key(tx, new, seal=SEAL, by="test", now=NOON)

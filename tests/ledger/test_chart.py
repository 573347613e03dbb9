"""The chart of accounts: numbers that never change, ids that need no look-up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinwell.base.money import DECIMALS, CurrencyUnknown
from coinwell.ledger.chart import (
    LEDGER_COINS,
    LEDGER_LIMITS,
    Code,
    account_id,
    currency_of_ledger,
    debt_account,
    ledger_of_currency,
    owned_account,
    platform_account,
    wallet_account,
)
from coinwell.ledger.ids import IdMaker, milliseconds
from coinwell.ledger.machine import State, create_accounts
from coinwell.ledger.types import ID_MAX, AccountFlags, CreateAccountStatus

ANNA = UUID("6f1c2f0e-4b9d-4a77-9d43-0a7b6a1f0c11")
BELA = UUID("0c7d5b6e-93f7-4f0b-8a5c-2f1e3d4c5b6a")
MAKER = IdMaker(
    installation="here", room="recharge", intent=ANNA, step="credit", attempt=1, at_ms=1_000
)


def test_every_currency_that_can_be_counted_has_a_ledger_of_its_own() -> None:
    ledgers = {currency: ledger_of_currency(currency) for currency in DECIMALS}

    assert len(set(ledgers.values())) == len(DECIMALS)
    assert {currency_of_ledger(ledger) for ledger in ledgers.values()} == set(DECIMALS)
    assert not {LEDGER_COINS, LEDGER_LIMITS} & set(ledgers.values())
    assert all(0 < ledger < 1000 for ledger in ledgers.values())


@pytest.mark.parametrize(
    ("currency", "ledger"),
    [
        ("USD", 840),
        ("EUR", 978),
        ("GBP", 826),
        ("JPY", 392),
        ("KRW", 410),
        ("BRL", 986),
        ("IDR", 360),
    ],
)
def test_a_currency_has_its_iso_number(currency: str, ledger: int) -> None:
    assert ledger_of_currency(currency) == ledger
    assert currency_of_ledger(ledger) == currency


def test_an_unknown_currency_has_no_ledger() -> None:
    with pytest.raises(CurrencyUnknown):
        ledger_of_currency("QQQ")
    assert currency_of_ledger(LEDGER_COINS) is None


def test_account_ids_stay_what_they_were_for_ever() -> None:
    # A changed hash would lose every account there is: this number may never change.
    assert account_id(Code.WALLET, ANNA, LEDGER_COINS) == 84340814101842108105487026082126108145


@given(owner=st.uuids(), other=st.uuids(), code=st.sampled_from(Code), ledger=st.integers(1, 999))
def test_an_account_id_depends_on_code_owner_and_ledger(
    owner: UUID, other: UUID, code: Code, ledger: int
) -> None:
    mine = account_id(code, owner, ledger)

    assert mine == account_id(code, owner, ledger)
    assert 0 < mine < ID_MAX
    assert mine != account_id(code, owner, ledger + 1)
    assert mine != account_id(code, str(owner), ledger)
    assert len({account_id(each, owner, ledger) for each in Code}) == len(Code)
    assert (mine == account_id(code, other, ledger)) == (owner == other)


def test_the_accounts_of_the_chart_are_accepted_by_the_machine() -> None:
    accounts = [owned_account(code, ANNA) for code in Code]
    accounts += [wallet_account(BELA), debt_account(BELA)]
    accounts += [platform_account(Code.FEES, 840), platform_account(Code.FEES, 840, "sandbox")]

    results, _ = create_accounts(State(), accounts, 1)

    assert {result.status for result in results} == {CreateAccountStatus.CREATED}


def test_what_a_user_holds_cannot_go_below_nothing() -> None:
    for code in (Code.WALLET, Code.EARNED, Code.ESCROW, Code.PAYABLE, Code.LIMIT):
        assert owned_account(code, ANNA).flags == AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
    assert debt_account(ANNA).flags == AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS
    assert platform_account(Code.ISSUED, LEDGER_COINS).flags == AccountFlags.NONE


def test_a_wallet_counts_coins() -> None:
    assert wallet_account(ANNA).ledger == LEDGER_COINS
    assert wallet_account(ANNA).id == account_id(Code.WALLET, ANNA, LEDGER_COINS)
    assert wallet_account(ANNA).id != wallet_account(BELA).id


def test_each_transfer_id_belongs_to_one_leg_of_one_attempt() -> None:
    others = [
        replace(MAKER, installation="elsewhere"),
        replace(MAKER, room="gift"),
        replace(MAKER, intent=BELA),
        replace(MAKER, step="refund"),
        replace(MAKER, attempt=2),
        replace(MAKER, at_ms=1_001),
    ]
    made = {maker(leg) for maker in [MAKER, *others] for leg in ("", "coins", "bonus")}

    assert len(made) == 21
    assert MAKER("coins") == replace(MAKER)("coins")


def test_transfer_ids_grow_with_time() -> None:
    assert MAKER("coins") >> 80 == 1_000
    assert MAKER("a") < replace(MAKER, at_ms=1_001)("b") < replace(MAKER, at_ms=1_002)("a")


def test_transfer_ids_stay_what_they_were_for_ever() -> None:
    assert MAKER("coins") == 1_209_831_682_640_465_275_510_137_280


def test_a_moment_in_milliseconds_is_exact_in_any_zone() -> None:
    at = datetime(2026, 11, 22, 12, 0, 0, 999_999, tzinfo=UTC)

    assert milliseconds(at) == 1_795_348_800_999
    assert milliseconds(at.astimezone(timezone(timedelta(hours=9)))) == milliseconds(at)
    assert milliseconds(at + timedelta(microseconds=1)) == milliseconds(at) + 1

"""Creating accounts: every status in its order, chains, and repeats."""

import pytest
from msgspec.structs import replace

from coinwell.ledger.machine import State, create_accounts
from coinwell.ledger.types import ID_MAX, Account, AccountFlags, CreateAccountStatus

S = CreateAccountStatus
F = AccountFlags
NOW = 1_000
GOOD = Account(id=5, user_data_128=1, user_data_64=2, user_data_32=3, ledger=1, code=10)


def statuses(state: State, *accounts: Account) -> list[CreateAccountStatus]:
    results, _ = create_accounts(state, accounts, NOW)
    return [result.status for result in results]


def test_a_new_account_is_kept_with_its_words_and_time() -> None:
    state = State()

    results, writes = create_accounts(state, [GOOD], NOW)

    kept = replace(GOOD, timestamp=NOW)
    assert (results[0].timestamp, results[0].status) == (NOW, S.CREATED)
    assert state.accounts == {5: kept}
    assert writes.accounts_new == [kept]
    assert writes.timestamp == state.timestamp == NOW
    assert GOOD.timestamp == 0, "the caller's own record is left alone"


def test_what_is_wrong_with_a_new_account_is_said_in_order() -> None:
    wrong = {
        "timestamp": (9, S.TIMESTAMP_MUST_BE_ZERO),
        "reserved": (F.NONE, S.RESERVED_FLAG),
        "id": (0, S.ID_MUST_NOT_BE_ZERO),
        "id_max": (ID_MAX, S.ID_MUST_NOT_BE_INT_MAX),
        "limits": (F.NONE, S.FLAGS_ARE_MUTUALLY_EXCLUSIVE),
        "debits_pending": (1, S.DEBITS_PENDING_MUST_BE_ZERO),
        "debits_posted": (1, S.DEBITS_POSTED_MUST_BE_ZERO),
        "credits_pending": (1, S.CREDITS_PENDING_MUST_BE_ZERO),
        "credits_posted": (1, S.CREDITS_POSTED_MUST_BE_ZERO),
        "ledger": (0, S.LEDGER_MUST_NOT_BE_ZERO),
        "code": (0, S.CODE_MUST_NOT_BE_ZERO),
    }
    limits = F.DEBITS_MUST_NOT_EXCEED_CREDITS | F.CREDITS_MUST_NOT_EXCEED_DEBITS
    account = Account(
        id=0,
        debits_pending=1,
        debits_posted=1,
        credits_pending=1,
        credits_posted=1,
        flags=limits | AccountFlags(1 << 6),
        timestamp=9,
    )
    repairs: dict[str, dict[str, int]] = {
        "timestamp": {"timestamp": 0},
        "reserved": {"flags": limits},
        "id": {"id": ID_MAX},
        "id_max": {"id": 5},
        "limits": {"flags": F.CREDITS_MUST_NOT_EXCEED_DEBITS},
        "ledger": {"ledger": 1},
        "code": {"code": 10},
    }
    for name, (_, status) in wrong.items():
        assert statuses(State(), account) == [status]
        account = replace(account, **repairs.get(name, {name: 0}))
    assert statuses(State(), account) == [S.CREATED]


def test_how_a_repeat_differs_is_said_in_order_and_before_its_mistakes() -> None:
    state = State()
    limit = F.DEBITS_MUST_NOT_EXCEED_CREDITS
    assert statuses(state, replace(GOOD, flags=limit)) == [S.CREATED]
    again = Account(id=5, debits_posted=1, flags=limit | F.CREDITS_MUST_NOT_EXCEED_DEBITS)
    steps: list[tuple[CreateAccountStatus, dict[str, int]]] = [
        (S.EXISTS_WITH_DIFFERENT_FLAGS, {"flags": limit}),
        (S.EXISTS_WITH_DIFFERENT_USER_DATA_128, {"user_data_128": 1}),
        (S.EXISTS_WITH_DIFFERENT_USER_DATA_64, {"user_data_64": 2}),
        (S.EXISTS_WITH_DIFFERENT_USER_DATA_32, {"user_data_32": 3}),
        (S.EXISTS_WITH_DIFFERENT_LEDGER, {"ledger": 1}),
        (S.EXISTS_WITH_DIFFERENT_CODE, {"code": 10}),
    ]
    for status, repair in steps:
        assert statuses(state, again) == [status]
        again = replace(again, **repair)
    results, writes = create_accounts(state, [again], NOW + 500)
    assert (results[0].timestamp, results[0].status) == (NOW, S.EXISTS)
    assert writes.accounts_new == []


@pytest.mark.parametrize("flag", [F.HISTORY, F.IMPORTED])
def test_what_is_not_kept_yet_is_refused_rather_than_promised(flag: AccountFlags) -> None:
    past = 5 if flag is F.IMPORTED else 0
    assert statuses(State(), replace(GOOD, flags=flag, timestamp=past)) == [S.RESERVED_FLAG]


def test_an_import_is_checked_as_a_batch_of_its_own() -> None:
    batch = [
        replace(GOOD, flags=F.IMPORTED, timestamp=0),
        replace(GOOD, flags=F.IMPORTED, timestamp=2**63),
        replace(GOOD, flags=F.IMPORTED, timestamp=2**63 - 1),
        replace(GOOD, flags=F.IMPORTED, timestamp=NOW + 5),
        replace(GOOD, flags=F.IMPORTED, timestamp=NOW + 4),
        GOOD,
    ]
    assert statuses(State(), *batch) == [
        S.IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE,
        S.IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE,
        S.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE,
        S.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE,
        S.RESERVED_FLAG,
        S.IMPORTED_EVENT_EXPECTED,
    ]
    assert statuses(State(), GOOD, batch[0]) == [S.CREATED, S.IMPORTED_EVENT_NOT_EXPECTED]


def test_an_account_may_be_born_closed() -> None:
    state = State()
    assert statuses(state, replace(GOOD, flags=F.CLOSED)) == [S.CREATED]
    assert state.accounts[5].flags == F.CLOSED


def test_a_chain_of_accounts_stands_or_falls_together() -> None:
    state = State()
    batch = [
        replace(GOOD, id=1, flags=F.LINKED),
        replace(GOOD, id=2),
        replace(GOOD, id=3),
        replace(GOOD, id=4, flags=F.LINKED),
        replace(GOOD, id=5, flags=F.LINKED, code=0),
        replace(GOOD, id=6, flags=F.LINKED),
        replace(GOOD, id=7),
        replace(GOOD, id=8),
    ]

    results, writes = create_accounts(state, batch, NOW)

    assert [result.status for result in results] == [
        S.CREATED,
        S.CREATED,
        S.CREATED,
        S.LINKED_EVENT_FAILED,
        S.CODE_MUST_NOT_BE_ZERO,
        S.LINKED_EVENT_FAILED,
        S.LINKED_EVENT_FAILED,
        S.CREATED,
    ]
    assert [result.timestamp for result in results] == list(range(NOW, NOW + 8))
    assert list(state.accounts) == [1, 2, 3, 8]
    assert [account.id for account in writes.accounts_new] == [1, 2, 3, 8]


def test_a_chain_left_open_falls() -> None:
    state = State()
    batch = [replace(GOOD, id=key, flags=F.LINKED) for key in (1, 2, 3)]
    assert statuses(state, *batch) == [
        S.LINKED_EVENT_FAILED,
        S.LINKED_EVENT_FAILED,
        S.LINKED_EVENT_CHAIN_OPEN,
    ]
    broken = [replace(batch[0], code=0), batch[1], batch[2]]
    assert statuses(state, *broken) == [
        S.CODE_MUST_NOT_BE_ZERO,
        S.LINKED_EVENT_FAILED,
        S.LINKED_EVENT_CHAIN_OPEN,
    ]
    assert state.accounts == {}


def test_a_repeated_chain_breaks_where_it_is_known() -> None:
    state = State()
    chain = [replace(GOOD, id=1, flags=F.LINKED), replace(GOOD, id=2)]
    assert statuses(state, *chain) == [S.CREATED, S.CREATED]
    assert statuses(state, *chain) == [S.EXISTS, S.LINKED_EVENT_FAILED]
    assert list(state.accounts) == [1, 2], "what stood before the chain still stands"


def test_a_member_of_a_chain_sees_those_before_it() -> None:
    state = State()
    chain = [replace(GOOD, id=1, flags=F.LINKED), replace(GOOD, id=1, flags=F.LINKED), GOOD]
    assert statuses(state, *chain) == [S.LINKED_EVENT_FAILED, S.EXISTS, S.LINKED_EVENT_FAILED]
    assert state.accounts == {}


def test_an_empty_batch_changes_nothing() -> None:
    state = State(timestamp=77)
    results, writes = create_accounts(state, [], NOW)
    assert (results, writes.accounts_new) == ([], [])
    assert writes.timestamp == state.timestamp == 77


def test_timestamps_rise_though_the_clock_steps_back() -> None:
    state = State()
    create_accounts(state, [replace(GOOD, id=1), replace(GOOD, id=2), replace(GOOD, code=0)], NOW)
    results, writes = create_accounts(state, [replace(GOOD, id=3)], NOW - 500)
    assert results[0].timestamp == NOW + 3
    assert writes.timestamp == state.timestamp == NOW + 3

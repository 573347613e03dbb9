"""The words of the ledger keep the model's names, numbers and order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinwell.base.refusal import Kind
from coinwell.ledger.machine import BATCH_MAX, check_batch
from coinwell.ledger.types import (
    AMOUNT_MAX,
    ID_MAX,
    TRANSIENT,
    Account,
    AccountFlags,
    CreateAccountStatus,
    CreateTransferStatus,
    Transfer,
    TransferFlags,
    WrongBatch,
)

BITS = {"flags": 16, "code": 16, "timeout": 32, "ledger": 32, "user_data_32": 32}
BITS |= {"user_data_64": 64, "timestamp": 64}


def test_created_is_the_greatest_number_of_32_bits() -> None:
    assert CreateAccountStatus.CREATED == CreateTransferStatus.CREATED == 2**32 - 1


def test_status_numbers_leave_only_the_gaps_that_the_model_retired() -> None:
    accounts = {int(status) for status in CreateAccountStatus} - {2**32 - 1}
    transfers = {int(status) for status in CreateTransferStatus} - {2**32 - 1}

    assert accounts == set(range(1, 27))
    assert transfers == set(range(1, 69)) - {18}


@pytest.mark.parametrize(
    ("status", "number"),
    [
        (CreateTransferStatus.EXISTS, 46),
        (CreateTransferStatus.ID_ALREADY_FAILED, 68),
        (CreateTransferStatus.EXCEEDS_CREDITS, 54),
        (CreateTransferStatus.PENDING_TRANSFER_EXPIRED, 35),
        (CreateTransferStatus.EXISTS_WITH_DIFFERENT_LEDGER, 67),
        (CreateAccountStatus.EXISTS, 21),
        (CreateAccountStatus.RESERVED_FLAG, 5),
    ],
)
def test_a_status_has_the_number_of_the_model(
    status: CreateTransferStatus | CreateAccountStatus, number: int
) -> None:
    assert status == number


def test_only_refusals_that_depend_on_what_the_ledger_held_spend_an_id() -> None:
    assert {status.name for status in TRANSIENT} == {
        "DEBIT_ACCOUNT_NOT_FOUND",
        "CREDIT_ACCOUNT_NOT_FOUND",
        "PENDING_TRANSFER_NOT_FOUND",
        "DEBIT_ACCOUNT_ALREADY_CLOSED",
        "CREDIT_ACCOUNT_ALREADY_CLOSED",
        "EXCEEDS_CREDITS",
        "EXCEEDS_DEBITS",
    }


def test_flags_have_the_bits_of_the_model() -> None:
    assert [int(flag) for flag in AccountFlags] == [1 << bit for bit in range(6)]
    assert [int(flag) for flag in TransferFlags] == [1 << bit for bit in range(9)]
    assert AccountFlags.CLOSED == 32
    assert TransferFlags.IMPORTED == 256


def test_the_door_passes_the_extremes_of_every_field() -> None:
    for kind in (Account, Transfer):
        least = kind(**dict.fromkeys(kind.__struct_fields__, 0))
        most = kind(**{name: 2 ** BITS.get(name, 128) - 1 for name in kind.__struct_fields__})
        check_batch([least, most], kind)


@pytest.mark.parametrize("kind", [Account, Transfer])
@pytest.mark.parametrize("wrong", ["negative", "too long", "fraction", "text", "nothing", "truth"])
def test_the_door_names_the_member_and_field_that_is_wrong(
    kind: type[Account] | type[Transfer], wrong: str
) -> None:
    for name in kind.__struct_fields__:
        too_long = 2 ** BITS.get(name, 128)
        value = {"negative": -1, "too long": too_long, "fraction": 1.0, "text": "1"}
        value |= {"nothing": None, "truth": True}
        batch = [kind(id=1), kind(**{name: value[wrong]})]

        with pytest.raises(WrongBatch) as refusal:
            check_batch(batch, kind)

        assert (refusal.value.member, refusal.value.field) == (1, name)
        assert name in refusal.value.sentence()
        assert refusal.value.kind is Kind.WRONG


def test_the_door_refuses_records_of_the_other_kind() -> None:
    with pytest.raises(WrongBatch):
        check_batch([Account(id=1)], Transfer)
    with pytest.raises(WrongBatch):
        check_batch([Transfer(id=1), {"id": 2}], Transfer)


def test_the_door_refuses_more_members_than_a_batch_may_have() -> None:
    check_batch([Transfer(id=1)] * BATCH_MAX, Transfer)
    with pytest.raises(WrongBatch):
        check_batch([Transfer(id=1)] * (BATCH_MAX + 1), Transfer)


def test_the_door_passes_an_empty_batch() -> None:
    check_batch([], Transfer)
    check_batch([], Account)


@given(
    field=st.sampled_from(Transfer.__struct_fields__),
    value=st.integers(min_value=-(2**130), max_value=2**130),
)
def test_a_whole_number_passes_the_door_exactly_when_it_fits(field: str, value: int) -> None:
    fits = 0 <= value < 2 ** BITS.get(field, 128)
    batch = [Transfer(**{field: value})]
    if fits:
        check_batch(batch, Transfer)
    else:
        with pytest.raises(WrongBatch):
            check_batch(batch, Transfer)


def test_all_of_it_is_the_greatest_number_of_128_bits() -> None:
    assert AMOUNT_MAX == ID_MAX == 2**128 - 1

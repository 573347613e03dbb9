"""The door of the machine: what is not even a record of whole numbers is refused here."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from msgspec.structs import astuple

from coinwell.ledger.types import Account, AccountFlags, Transfer, TransferFlags, WrongBatch

# What one request may carry at most: the model's own limit, so that no batch depends on ours.
BATCH_MAX: Final = 8_189

_WHOLE: Final = frozenset({int, AccountFlags, TransferFlags})
_BITS: Final = {
    "user_data_64": 64,
    "user_data_32": 32,
    "timeout": 32,
    "ledger": 32,
    "code": 16,
    "flags": 16,
    "timestamp": 64,
}
_BITS_OF_THE_REST: Final = 128


def check_batch(
    batch: Sequence[Account] | Sequence[Transfer], kind: type[Account] | type[Transfer]
) -> None:
    """Pass a batch of `kind` whose members are whole numbers that fit their fields.

    Refuses: WrongBatch for anything else, and for more than BATCH_MAX members. Values that fit
    but make no sense are the machine's to answer, each with its own status.
    """
    if len(batch) > BATCH_MAX:
        raise WrongBatch(BATCH_MAX, "it", f"is past the {BATCH_MAX} members a batch may have")
    # The quick look says yes only when all is well; any doubt is looked into field by field.
    if not _surely_fits(batch, kind):
        for member, record in enumerate(batch):
            _check_slowly(member, record, kind)


def _surely_fits(
    batch: Sequence[Account] | Sequence[Transfer], kind: type[Account] | type[Transfer]
) -> bool:
    if not set(map(type, batch)) <= {kind}:
        return False
    if not set(map(type, chain.from_iterable(map(astuple, batch)))) <= _WHOLE:
        return False
    wide = half = small = 0
    # An `or` of numbers is negative when one is, and too long when one is. A shift of flags,
    # rather than an `or`, keeps `IntFlag` out of it.
    for record in batch:
        if isinstance(record, Transfer):
            wide |= record.id | record.debit_account_id | record.credit_account_id
            wide |= record.amount | record.pending_id | record.user_data_128
            small |= record.timeout
        else:
            wide |= record.id | record.debits_pending | record.debits_posted
            wide |= record.credits_pending | record.credits_posted | record.user_data_128
        half |= record.user_data_64 | record.timestamp
        small |= record.user_data_32 | record.ledger | (record.code >> 16) << 32
        small |= (record.flags >> 16) << 32
    return not (wide >> 128 or half >> 64 or small >> 32)


def _check_slowly(
    member: int, record: Account | Transfer, kind: type[Account] | type[Transfer]
) -> None:
    if type(record) is not kind:
        raise WrongBatch(member, "it", f"is not of type {kind.__name__}")
    for name in kind.__struct_fields__:
        value: object = getattr(record, name)
        bits = _BITS.get(name, _BITS_OF_THE_REST)
        if not isinstance(value, int) or isinstance(value, bool):
            raise WrongBatch(member, name, "is not a whole number")
        if not 0 <= int(value) < 2**bits:
            raise WrongBatch(member, name, f"does not fit {bits} bits")

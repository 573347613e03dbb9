"""What one caller hands over, and how the answers to a batch of them are kept and read back."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from coinwell.ledger.machine import State, Writes, create_accounts, create_transfers, needs
from coinwell.ledger.types import (
    Account,
    CreateAccountResult,
    CreateAccountStatus,
    CreateTransferResult,
    CreateTransferStatus,
    Transfer,
)


@dataclass(frozen=True, slots=True, eq=False)
class AccountsUnit:
    """Accounts to create, as one caller gave them."""

    members: Sequence[Account]


@dataclass(frozen=True, slots=True, eq=False)
class TransfersUnit:
    """Transfers to create, as one caller gave them."""

    members: Sequence[Transfer]


@dataclass(frozen=True, slots=True, eq=False)
class PulseUnit:
    """A wish that holds whose time is up be taken back; every batch does that first."""

    members: tuple[()] = ()


Unit = AccountsUnit | TransfersUnit | PulseUnit
Answer = list[CreateAccountResult] | list[CreateTransferResult]

_RESULT = Struct(">QI")


def touched(units: Sequence[Unit]) -> tuple[set[int], set[int]]:
    """The ids of the accounts and of the transfers that the units name."""
    members: list[Transfer] = []
    created: set[int] = set()
    for unit in units:
        if isinstance(unit, TransfersUnit):
            members += unit.members
        elif isinstance(unit, AccountsUnit):
            created.update(account.id for account in unit.members)
    accounts, transfers = needs(members)
    accounts |= created
    return accounts, transfers


def decide(units: Sequence[Unit], state: State, writes: Writes, now_ns: int) -> list[Answer]:
    """Let the machine decide unit after unit; a chain never reaches past its unit."""
    answers: list[Answer] = []
    for unit in units:
        if isinstance(unit, TransfersUnit):
            answers.append(create_transfers(state, unit.members, now_ns, writes)[0])
        elif isinstance(unit, AccountsUnit):
            answers.append(create_accounts(state, unit.members, now_ns, writes)[0])
        else:
            empty: list[CreateTransferResult] = []
            answers.append(empty)
    return answers


def packed(answers: Sequence[Answer]) -> bytes:
    """All results of a batch, in order, small."""
    pack = _RESULT.pack
    flat = [pack(result.timestamp, result.status) for answer in answers for result in answer]
    return zlib.compress(b"".join(flat), level=1)


def unpacked(units: Sequence[Unit], reply: bytes) -> list[Answer]:
    """The answers to the same units, from a stored reply."""
    flat = _RESULT.iter_unpack(zlib.decompress(reply))
    return [_results(unit, flat) for unit in units]


def _results(unit: Unit, flat: Iterator[tuple[int, ...]]) -> Answer:
    if isinstance(unit, AccountsUnit):
        return [
            CreateAccountResult(timestamp, CreateAccountStatus(status))
            for _, (timestamp, status) in zip(unit.members, flat, strict=False)
        ]
    return [
        CreateTransferResult(timestamp, CreateTransferStatus(status))
        for _, (timestamp, status) in zip(unit.members, flat, strict=False)
    ]

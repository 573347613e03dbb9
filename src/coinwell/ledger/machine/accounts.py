"""Creating accounts: each validated alone, chains together."""

from collections.abc import Sequence

from coinwell.ledger.machine import bits
from coinwell.ledger.machine.state import State, Writes
from coinwell.ledger.types import (
    ID_MAX,
    TIMESTAMP_MAX,
    Account,
    CreateAccountResult,
    CreateAccountStatus,
)

_CREATED = CreateAccountStatus.CREATED


def create_accounts(
    state: State, accounts: Sequence[Account], now_ns: int, into: Writes | None = None
) -> tuple[list[CreateAccountResult], Writes]:
    """Create the accounts of a batch; one result each, in order.

    `into` gathers the writes of several batches that are made durable together.
    """
    writes = Writes() if into is None else into
    results: list[CreateAccountResult] = []
    if not accounts:
        writes.timestamp = state.timestamp
        return results, writes
    last = len(accounts) - 1
    base = max(now_ns, state.timestamp + 1)
    writes.timestamp = state.timestamp = base + last
    assert state.timestamp <= TIMESTAMP_MAX
    importing = int(accounts[0].flags) & bits.ACCOUNT_IMPORTED
    created = writes.accounts_new
    start, mark, broken = -1, 0, False
    for index, account in enumerate(accounts):
        at = base + index
        flags = int(account.flags)
        linked = flags & bits.ACCOUNT_LINKED
        if linked and start < 0:
            start, mark = index, len(created)
        if linked and index == last:
            status = CreateAccountStatus.LINKED_EVENT_CHAIN_OPEN
        elif broken:
            status = CreateAccountStatus.LINKED_EVENT_FAILED
        else:
            status = _untimely(account, flags & bits.ACCOUNT_IMPORTED, importing, base + last)
            status = status or _create(state, created, account, flags, at)
        if status is CreateAccountStatus.EXISTS:
            at = state.accounts[account.id].timestamp
        if status is not _CREATED and start >= 0 and not broken:
            broken = True
            _undo(state, created, mark)
            for member in range(start, index):
                failed = results[member]
                results[member] = CreateAccountResult(
                    failed.timestamp, CreateAccountStatus.LINKED_EVENT_FAILED
                )
        results.append(CreateAccountResult(at, status))
        if not linked:
            start, broken = -1, False
    return results, writes


def _untimely(
    account: Account, imported: int, importing: int, last_at: int
) -> CreateAccountStatus | None:
    # The first member decides whether the batch imports; the others have to follow it.
    status = None
    if imported != importing:
        status = (
            CreateAccountStatus.IMPORTED_EVENT_NOT_EXPECTED
            if imported
            else CreateAccountStatus.IMPORTED_EVENT_EXPECTED
        )
    elif not imported:
        if account.timestamp:
            status = CreateAccountStatus.TIMESTAMP_MUST_BE_ZERO
    elif not 0 < account.timestamp <= TIMESTAMP_MAX:
        status = CreateAccountStatus.IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE
    elif account.timestamp >= last_at:
        status = CreateAccountStatus.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE
    return status


def _create(
    state: State, created: list[Account], account: Account, flags: int, at: int
) -> CreateAccountStatus:
    if flags & ~bits.ACCOUNT_KNOWN:
        return CreateAccountStatus.RESERVED_FLAG
    if account.id == 0:
        return CreateAccountStatus.ID_MUST_NOT_BE_ZERO
    if account.id == ID_MAX:
        return CreateAccountStatus.ID_MUST_NOT_BE_INT_MAX
    known = state.accounts.get(account.id)
    if known is not None:
        return _exists(account, flags, known)
    wrong = _misshapen(account, flags)
    if wrong is not None:
        return wrong
    new = Account(
        id=account.id,
        user_data_128=account.user_data_128,
        user_data_64=account.user_data_64,
        user_data_32=account.user_data_32,
        ledger=account.ledger,
        code=int(account.code),
        flags=account.flags,
        timestamp=at,
    )
    state.accounts[new.id] = new
    created.append(new)
    return _CREATED


def _exists(account: Account, flags: int, known: Account) -> CreateAccountStatus:
    # A closed account reads as closed, so a repeat of its creation differs in its flags: the
    # model says so, and it is the truth.
    status = CreateAccountStatus.EXISTS
    if flags != int(known.flags):
        status = CreateAccountStatus.EXISTS_WITH_DIFFERENT_FLAGS
    elif account.user_data_128 != known.user_data_128:
        status = CreateAccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_128
    elif account.user_data_64 != known.user_data_64:
        status = CreateAccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_64
    elif account.user_data_32 != known.user_data_32:
        status = CreateAccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_32
    elif account.ledger != known.ledger:
        status = CreateAccountStatus.EXISTS_WITH_DIFFERENT_LEDGER
    elif account.code != known.code:
        status = CreateAccountStatus.EXISTS_WITH_DIFFERENT_CODE
    return status


def _misshapen(account: Account, flags: int) -> CreateAccountStatus | None:
    status = None
    if flags & bits.BOTH_LIMITED == bits.BOTH_LIMITED:
        status = CreateAccountStatus.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    elif account.debits_pending:
        status = CreateAccountStatus.DEBITS_PENDING_MUST_BE_ZERO
    elif account.debits_posted:
        status = CreateAccountStatus.DEBITS_POSTED_MUST_BE_ZERO
    elif account.credits_pending:
        status = CreateAccountStatus.CREDITS_PENDING_MUST_BE_ZERO
    elif account.credits_posted:
        status = CreateAccountStatus.CREDITS_POSTED_MUST_BE_ZERO
    elif account.ledger == 0:
        status = CreateAccountStatus.LEDGER_MUST_NOT_BE_ZERO
    elif account.code == 0:
        status = CreateAccountStatus.CODE_MUST_NOT_BE_ZERO
    return status


def _undo(state: State, created: list[Account], mark: int) -> None:
    for account in created[mark:]:
        del state.accounts[account.id]
    del created[mark:]

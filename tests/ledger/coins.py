"""A small town for tests of the shell: a bank that issues, wallets that hold, a few moves."""

from itertools import count

import psycopg

from coinwell.base.db import Pool
from coinwell.ledger import (
    Account,
    AccountFlags,
    CreateAccountStatus,
    CreateTransferStatus,
    Ledger,
    Transfer,
    TransferFlags,
    verify,
)

BANK = 1
SHOP = 2
GUARDED = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
CREATED = CreateTransferStatus.CREATED
_ids = count(10_000)


def move(debit: int, credit: int, amount: int, *, id_: int = 0, **fields: int) -> Transfer:
    """A transfer of coins; a fresh id unless one is given."""
    flags = TransferFlags(fields.pop("flags", 0))
    return Transfer(
        id=id_ or next(_ids),
        debit_account_id=debit,
        credit_account_id=credit,
        amount=amount,
        ledger=1,
        code=1,
        flags=flags,
        **fields,
    )


async def found(ledger: Ledger, wallets: dict[int, int]) -> None:
    """The bank, the shop, and wallets with so many coins."""
    accounts = [Account(id=BANK, ledger=1, code=20), Account(id=SHOP, ledger=1, code=21)]
    accounts += [Account(id=key, ledger=1, code=10, flags=GUARDED) for key in wallets]
    results = await ledger.create_accounts(accounts)
    assert {result.status for result in results} == {CreateAccountStatus.CREATED}
    funds = [move(BANK, key, coins) for key, coins in wallets.items() if coins]
    if funds:
        assert set(await statuses(ledger, *funds)) == {CREATED}


async def statuses(ledger: Ledger, *transfers: Transfer) -> list[CreateTransferStatus]:
    """Post one batch; only the statuses."""
    return [result.status for result in await ledger.create_transfers(transfers)]


async def coins_of(ledger: Ledger, key: int) -> tuple[int, int]:
    """What an account holds, and how much of it is held back."""
    [account] = await ledger.lookup_accounts([key])
    return account.credits_posted - account.debits_posted, account.debits_pending


async def assert_balanced(books: str | Pool) -> None:
    """The books are proved, and the sentence says why not."""
    verdict = await verify(books)
    assert verdict.balanced, verdict.sentence


def kill_writers(url: str) -> int:
    """End every session that writes the books, as an outage would; how many there were."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'coinwell ledger' AND datname = current_database()"
        ).fetchall()
    return len(rows)

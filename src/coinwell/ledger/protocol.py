"""The one way to reach the books, whichever engine keeps them."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from coinwell.ledger.types import (
    Account,
    AccountBalance,
    AccountFilter,
    CreateAccountResult,
    CreateTransferResult,
    QueryFilter,
    Transfer,
)


@runtime_checkable
class Ledger(Protocol):
    """Accounts and transfers by TigerBeetle's data model; see `coinwell.ledger`."""

    async def create_accounts(self, accounts: Sequence[Account]) -> list[CreateAccountResult]:
        """Create accounts; one result each, in order, after the commit.

        Refuses: `WrongBatch` for what cannot be read; `LedgerBusy` when too much is waiting.
        """
        ...

    async def create_transfers(self, transfers: Sequence[Transfer]) -> list[CreateTransferResult]:
        """Move what the transfers say; one result each, in order, after the commit.

        The call is one unit: its chains are whole, and nobody else's transfers come in between.
        Refuses: `WrongBatch` for what cannot be read; `LedgerBusy` when too much is waiting.
        """
        ...

    async def lookup_accounts(self, ids: Sequence[int]) -> list[Account]:
        """The accounts of these ids, in their order; unknown ones are left out."""
        ...

    async def lookup_transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """The transfers of these ids, in their order; unknown ones are left out."""
        ...

    async def get_account_transfers(self, wanted: AccountFilter, /) -> list[Transfer]:
        """The transfers of one account, oldest first unless reversed; none for a bad filter."""
        ...

    async def get_account_balances(self, wanted: AccountFilter, /) -> list[AccountBalance]:
        """The counters of an account after each of its transfers.

        Refuses: `NotYet`; no account keeps its history so far.
        """
        ...

    async def query_accounts(self, wanted: QueryFilter, /) -> list[Account]:
        """All accounts that match, oldest first unless reversed; none for a bad filter."""
        ...

    async def query_transfers(self, wanted: QueryFilter, /) -> list[Transfer]:
        """The feed: all transfers that match, oldest first unless reversed, without gaps."""
        ...

    async def pulse(self) -> None:
        """Take back every hold whose time is up; each batch does so before it decides, too."""
        ...

    def busy_s(self) -> float:
        """For how long the oldest thing at work has been at work; 0 when there is none."""
        ...

"""Reads of the books: look-ups by id, an account's history, and the feed in time order.

Each is one statement, so it sees the books as they were after some batch, and never lags behind
one that was acknowledged. In a filter zero means "any", and a filter that makes no sense finds
nothing: both are the model's rules.
"""

from collections.abc import Sequence
from typing import Any, LiteralString

from coinwell.ledger.engines.postgres.packing import uuids
from coinwell.ledger.engines.postgres.records import (
    Connection,
    Row,
    account_of,
    speak_in_bytes,
    transfer_of,
    transfer_of_bytes,
)
from coinwell.ledger.types import (
    ID_MAX,
    TIMESTAMP_MAX,
    Account,
    AccountFilter,
    AccountFilterFlags,
    QueryFilter,
    QueryFilterFlags,
    Transfer,
)

LIMIT_MAX = 8_189

_ACCOUNT_FIELDS: LiteralString = """
    SELECT id, debits_pending, debits_posted, credits_pending, credits_posted, user_data_128,
        user_data_64, user_data_32, ledger, code, flags, timestamp
    FROM ledger.account
"""
_TRANSFER_FIELDS: LiteralString = """
    SELECT id, debit_account_id, credit_account_id, amount, pending_id, user_data_128,
        user_data_64, user_data_32, timeout, ledger, code, flags, timestamp
    FROM ledger.transfer
"""
_MATCHING: LiteralString = """
        timestamp BETWEEN %(from)s::bigint AND %(to)s::bigint
        AND %(code)s::bigint IN (0, code)
        AND (%(any)s::uuid = %(user_data_128)s::uuid OR user_data_128 = %(user_data_128)s::uuid)
        AND %(user_data_64)s::bigint IN (0, user_data_64)
        AND %(user_data_32)s::bigint IN (0, user_data_32)
"""
_ORDER: LiteralString = " ORDER BY timestamp LIMIT %(limit)s::bigint"
_WHERE_ID: LiteralString = "WHERE id = ANY (%s::uuid[])"

_ACCOUNTS: LiteralString = _ACCOUNT_FIELDS + _WHERE_ID
_TRANSFERS: LiteralString = _TRANSFER_FIELDS + _WHERE_ID
# Each side is read along its own index and cut, so a long history costs no more than a page.
_HISTORY: LiteralString = (
    f"({_TRANSFER_FIELDS} WHERE %(debits)s AND debit_account_id = %(account)s::uuid"
    f" AND {_MATCHING} {_ORDER})"
    " UNION ALL "
    f"({_TRANSFER_FIELDS} WHERE %(credits)s AND credit_account_id = %(account)s::uuid"
    f" AND {_MATCHING} {_ORDER})"
    f" {_ORDER}"
)
_QUERY: LiteralString = f"WHERE %(ledger)s::bigint IN (0, ledger) AND {_MATCHING} {_ORDER}"
_QUERY_ACCOUNTS: LiteralString = _ACCOUNT_FIELDS + _QUERY
_QUERY_TRANSFERS: LiteralString = _TRANSFER_FIELDS + _QUERY


async def accounts_by_id(connection: Connection, ids: Sequence[int]) -> list[Account]:
    """Those accounts that exist, in the order asked for."""
    found = {row[0]: account_of(row) for row in await _rows(connection, _ACCOUNTS, [_known(ids)])}
    return [found[key] for key in ids if key in found]


async def transfers_by_id(connection: Connection, ids: Sequence[int]) -> list[Transfer]:
    """Those transfers that exist, in the order asked for."""
    found = {row[0]: transfer_of(row) for row in await _rows(connection, _TRANSFERS, [_known(ids)])}
    return [found[key] for key in ids if key in found]


async def account_transfers(connection: Connection, wanted: AccountFilter) -> list[Transfer]:
    """The history of one account, both sides in one time order."""
    sides = int(wanted.flags)
    reversed_ = sides & AccountFilterFlags.REVERSED
    params = _params(wanted) | {
        "account": f"{wanted.account_id:032x}",
        "debits": bool(sides & AccountFilterFlags.DEBITS),
        "credits": bool(sides & AccountFilterFlags.CREDITS),
    }
    if not 0 < wanted.account_id < ID_MAX or not _sound(wanted) or sides not in _SIDES:
        return []
    sql = _backwards(_HISTORY) if reversed_ else _HISTORY
    return await _transfers(connection, sql, params)


async def matching_accounts(connection: Connection, wanted: QueryFilter) -> list[Account]:
    """All accounts that match, in the order of their creation."""
    if not _sound(wanted) or int(wanted.flags) not in _DIRECTIONS:
        return []
    params = _params(wanted) | {"ledger": wanted.ledger}
    sql = _backwards(_QUERY_ACCOUNTS) if wanted.flags else _QUERY_ACCOUNTS
    return [account_of(row) for row in await _rows(connection, sql, params)]


async def matching_transfers(connection: Connection, wanted: QueryFilter) -> list[Transfer]:
    """All transfers that match, in the order in which they were decided."""
    if not _sound(wanted) or int(wanted.flags) not in _DIRECTIONS:
        return []
    params = _params(wanted) | {"ledger": wanted.ledger}
    sql = _backwards(_QUERY_TRANSFERS) if wanted.flags else _QUERY_TRANSFERS
    return await _transfers(connection, sql, params)


_SIDES = range(AccountFilterFlags.DEBITS, AccountFilterFlags.REVERSED * 2)
_NO_SIDE = int(AccountFilterFlags.REVERSED)
_DIRECTIONS = range(QueryFilterFlags.REVERSED * 2)


def _known(ids: Sequence[int]) -> str:
    # What is no id at all is simply not there.
    return uuids(sorted({key for key in ids if 0 < key < ID_MAX}))


def _backwards(sql: LiteralString) -> LiteralString:
    return sql.replace("ORDER BY timestamp", "ORDER BY timestamp DESC")


def _sound(wanted: AccountFilter | QueryFilter) -> bool:
    newest = wanted.timestamp_max or TIMESTAMP_MAX
    return (
        wanted.limit > 0
        and int(wanted.flags) != _NO_SIDE
        and 0 <= wanted.timestamp_min <= newest <= TIMESTAMP_MAX
        and 0 <= wanted.user_data_128 <= ID_MAX
        and 0 <= wanted.user_data_64 < 2**64
        and 0 <= wanted.user_data_32 < 2**32
        and 0 <= wanted.code < 2**16
    )


def _params(wanted: AccountFilter | QueryFilter) -> dict[str, Any]:
    unsigned = wanted.user_data_64
    return {
        "any": f"{0:032x}",
        "from": wanted.timestamp_min,
        "to": wanted.timestamp_max or TIMESTAMP_MAX,
        "code": wanted.code,
        "user_data_128": f"{wanted.user_data_128:032x}",
        # The column is signed; the number goes in bit by bit.
        "user_data_64": unsigned - 2**64 if unsigned >= 2**63 else unsigned,
        "user_data_32": wanted.user_data_32,
        "limit": min(wanted.limit, LIMIT_MAX),
    }


async def _rows(connection: Connection, sql: LiteralString, params: Any) -> list[Row]:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(sql, params)
        return list[Row](await cursor.fetchall())


async def _transfers(connection: Connection, sql: LiteralString, params: Any) -> list[Transfer]:
    async with connection.cursor(binary=True) as cursor:
        speak_in_bytes(cursor)
        await cursor.execute(sql, params)
        return [transfer_of_bytes(row) for row in await cursor.fetchall()]

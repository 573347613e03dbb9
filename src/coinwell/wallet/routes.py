"""The wallet for programs: what a user holds, and every change of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from coinwell.base.cursor import BadCursor
from coinwell.base.db import Pool, transaction
from coinwell.base.given import Given
from coinwell.base.money import Money
from coinwell.base.openapi import refuses
from coinwell.ledger import Ledger
from coinwell.users import ApiScope, Caller, UserUnknown, user
from coinwell.wallet.asking import Describer
from coinwell.wallet.balances import balance
from coinwell.wallet.statements import PAGE_LINES, PAGE_LINES_MAX, statement
from coinwell.wallet.types import Line, LineStatus


class Paid(Struct):
    """An amount of money: whole minor units, and as a person reads it."""

    minor: int
    currency: str
    text: str


class BalanceNow(Struct):
    """What a user holds, exact as of the last acknowledged write."""

    user_id: UUID
    coins: int
    held: int
    debt: int


class StatementLine(Struct):
    """One change of a wallet.

    `paid` is the money really paid for these coins, or null where a very long history makes it
    a job for later. `coins` is signed; `held_coins` is what the line set aside or gave back.
    """

    id: str
    at: datetime
    words: str
    code: int
    coins: int
    held_coins: int
    status: LineStatus
    order_id: UUID | None
    paid: list[Paid] | None


class StatementPage(Struct):
    """Some lines, newest first; `cursor` leads to the older ones."""

    lines: list[StatementLine]
    cursor: str | None


@get(
    "/v1/users/{user_id:uuid}/balance",
    summary="Balance of a user",
    tags=["wallet"],
    responses=refuses(UserUnknown),
)
async def balance_of(
    user_id: FromPath[UUID],
    caller: Given[Caller],
    pool: Given[Pool],
    ledger: Given[Ledger],
) -> BalanceNow:
    """Coins free to spend, coins set aside, and coins still owed after a refund."""
    caller.demand(ApiScope.WALLET_READ, user_id)
    async with transaction(pool) as tx:
        known = await user(tx, user_id)
    found = await balance(ledger, known.id)
    return BalanceNow(known.id, found.coins, found.held, found.debt)


@get(
    "/v1/users/{user_id:uuid}/statement",
    summary="Statement of a user",
    tags=["wallet"],
    responses=refuses(UserUnknown, BadCursor),
)
# Each parameter is a dependency or a query parameter of its own.
async def statement_of(  # noqa: PLR0913, PLR0917
    user_id: FromPath[UUID],
    caller: Given[Caller],
    pool: Given[Pool],
    ledger: Given[Ledger],
    describers: Given[Mapping[int, Describer]],
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=PAGE_LINES_MAX)] = PAGE_LINES,
) -> StatementPage:
    """Every change of the user's coins in plain words, newest first."""
    caller.demand(ApiScope.WALLET_READ, user_id)
    async with transaction(pool) as tx:
        known = await user(tx, user_id)
    page = await statement(pool, ledger, known.id, cursor=cursor, limit=limit, describe=describers)
    return StatementPage([_line(line) for line in page.lines], page.cursor)


def _line(line: Line) -> StatementLine:
    return StatementLine(
        id=str(line.transfer_id),
        at=line.at,
        words=line.words,
        code=line.code,
        coins=line.coins,
        held_coins=line.held_coins,
        status=line.status,
        order_id=line.order_id,
        paid=[_paid(money) for money in line.paid] if line.paid_known else None,
    )


def _paid(money: Money) -> Paid:
    return Paid(money.minor, money.currency, money.text())


ROUTES: Sequence[ControllerRouterHandler] = (balance_of, statement_of)

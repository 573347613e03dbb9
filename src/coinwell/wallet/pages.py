"""The wallet's pages: what I hold, and where it went."""

from collections.abc import Mapping, Sequence

from babel.dates import format_date
from litestar import Response, get
from litestar.params import FromQuery
from litestar.types import ControllerRouterHandler

from coinwell.base.clock import Clock
from coinwell.base.db import Pool, transaction
from coinwell.base.given import Given
from coinwell.base.web import AnyRequest, render
from coinwell.ledger import Ledger
from coinwell.users import User
from coinwell.wallet.asking import Arrivals, Describer
from coinwell.wallet.balances import balance, overview
from coinwell.wallet.statements import statement


@get("/me/balance")
async def balance_page(
    request: AnyRequest,
    viewer: Given[User],
    pool: Given[Pool],
    ledger: Given[Ledger],
    clock: Given[Clock],
    arrivals: Given[Arrivals],
) -> Response[str]:
    """What I hold, what it did cost, what is on its way, and this month in one line."""
    now = clock.now()
    held = await balance(ledger, viewer.id)
    found = await overview(pool, ledger, viewer.id, zone=viewer.time_zone, now=now)
    async with transaction(pool) as tx:
        coming = await arrivals(tx, viewer.id)
    return render(
        request,
        "wallet/balance.html",
        balance=held,
        holding=found.fold.holding() if found.fold else None,
        month=found.month,
        month_name=format_date(found.month.starts_on, "LLLL y", locale="en"),
        arrivals=coming,
        zone=viewer.time_zone,
    )


@get("/me/statement")
async def statement_page(
    request: AnyRequest,
    viewer: Given[User],
    pool: Given[Pool],
    ledger: Given[Ledger],
    describers: Given[Mapping[int, Describer]],
    cursor: FromQuery[str | None] = None,
) -> Response[str]:
    """Every change of my coins in plain words, newest first."""
    page = await statement(pool, ledger, viewer.id, cursor=cursor, describe=describers)
    return render(
        request,
        "wallet/statement.html",
        lines=page.lines,
        cursor=page.cursor,
        newest=cursor is None,
        zone=viewer.time_zone,
    )


PAGES: Sequence[ControllerRouterHandler] = (balance_page, statement_page)

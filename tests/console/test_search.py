"""Search and lists stay fast: each asks an index, however many recharges there are."""

from typing import Any, LiteralString

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, Tx, transaction
from coinwell.ledger import Ledger
from coinwell.recharge import OrderFilter, OrderState, find, in_state, listed
from coinwell.recharge.store_events import _BY_REF
from coinwell.recharge.store_lists import _IN_STATE, _LISTED
from coinwell.users import find_users, list_users
from coinwell.users.store import _FIND
from coinwell.users.store import _LISTED as _PEOPLE
from tests.profile import scale
from tests.recharge.making import House, open_house

MANY = scale(3_000, 100_000)


@pytest.fixture
async def house(pool: Pool, ledger: Ledger, clock: StillClock) -> House:
    """A house with many recharges, of as many people."""
    opened = await open_house(pool, ledger, clock)
    await opened.begin()
    orders = (
        "state, coins, bonus_coins, price_minor, currency, price_list_id, channel, provider,"
        " environment, expires_at, changed_at, country"
    )
    async with transaction(pool) as tx:
        await tx.execute(
            "INSERT INTO users.person (id, external_id, display_name, country, language,"
            " time_zone, created_at) SELECT gen_random_uuid(), 'bulk-' || n, 'Person ' || n, 'DE',"
            " 'en', 'UTC', now() - n * interval '1 minute' FROM generate_series(1, %(many)s) AS n",
            {"many": MANY},
        )
        values = orders.replace("country", "first.country")
        await tx.execute(
            f'INSERT INTO recharge."order" (id, user_id, created_at, {orders})'  # noqa: S608
            f" SELECT person.id, person.id, person.created_at, {values}"
            " FROM recharge.\"order\" AS first, users.person WHERE person.external_id LIKE 'bulk-%'"
        )
        await tx.execute(
            "INSERT INTO recharge.event (order_id, at, source, kind, body, refs)"
            " SELECT id, created_at, 'provider', 'state', '{}',"
            " ARRAY['pay_bulk_' || id, 'evt_bulk_' || id, id::text] FROM recharge.\"order\""
        )
    async with pool.connection() as connection:
        await connection.set_autocommit(True)
        await connection.execute("VACUUM ANALYZE")
        await connection.set_autocommit(False)
    return opened


async def plan(tx: Tx, sql: LiteralString, params: dict[str, Any]) -> str:
    found = await tx.execute("EXPLAIN " + sql, params)
    return "\n".join(line for (line,) in await found.fetchall())


async def test_anything_is_found_among_many(house: House) -> None:
    async with transaction(house.deps.pool) as tx:
        some = await listed(tx, OrderFilter(), limit=5)
        for order in some:
            wanted = [str(order.id), order.id.hex, f"pay_bulk_{order.id}", f"evt_bulk_{order.id}"]
            for text in wanted:
                assert [one.id for one in await find(tx, text)] == [order.id], text
        assert len(await find_users(tx, f"bulk-{MANY}")) == 1
        assert len(await find_users(tx, f"Person {MANY}")) == 1
        assert len(await list_users(tx, country="DE", limit=7)) == 7
        waiting = await in_state(
            tx, OrderState.AWAITING_USER, until=house.deps.clock.now(), limit=3
        )
    assert len(waiting) == 3


async def test_no_search_reads_a_whole_table(house: House) -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        ("state", "provider", "country", "since", "until", "before_at", "before_id")
    )
    at, some_id = house.deps.clock.now(), house.viewer.id
    asked: list[tuple[LiteralString, dict[str, Any]]] = [
        (_BY_REF, {"ref": "pay_bulk_1"}),
        (_FIND, {"id": some_id, "text": "bulk-7", "pattern": "bulk-7%", "limit": 20}),
        (_LISTED, nothing | {"limit": 51}),
        (_LISTED, nothing | {"limit": 51, "country": "JP"}),
        (_LISTED, nothing | {"limit": 51, "before_at": at, "before_id": some_id}),
        (_PEOPLE, {"country": None, "before_at": None, "before_id": None, "limit": 51}),
        (_PEOPLE, {"country": "JP", "before_at": at, "before_id": some_id, "limit": 51}),
        (
            _IN_STATE,
            {"state": "unknown", "until": at, "after_at": None, "after_id": None, "limit": 11},
        ),
    ]
    async with transaction(house.deps.pool) as tx:
        for sql, params in asked:
            found = await plan(tx, sql, params)
            assert "Seq Scan" not in found, found
            assert "Sort Key" not in found or "Bitmap" in found, found

"""Starting a recharge: who may, what it costs, one order for one key, and what is refused first."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction, value
from coinwell.base.idempotency import KeyReused
from coinwell.base.money import Money
from coinwell.base.refusal import Refusal
from coinwell.catalog import AmountTooSmall, Channel, PackOrCoins, PackUnknown
from coinwell.ledger import Ledger
from coinwell.recharge import (
    OrderState,
    PriceChanged,
    ProviderSilent,
    ProviderUnknown,
    Wish,
    cancel,
    find,
    start,
    sync_order,
    timeline,
)
from coinwell.recharge import jobs as work
from coinwell.recharge.providers.types import OrderView, PaymentState, Retryable, Started
from coinwell.users import (
    AccountRestricted,
    AgeUnknown,
    NewRestriction,
    NewUser,
    ReasonCode,
    Scope,
    UnderAge,
    User,
    create_user,
    restrict,
)
from tests.recharge.making import House, open_house

PACK = Wish(pack_id="coins-350")


@pytest.fixture
async def house(pool: Pool, ledger: Ledger, clock: StillClock) -> House:
    return await open_house(pool, ledger, clock)


async def person(house: House, **said: Any) -> User:
    async with transaction(house.deps.pool) as tx:
        new = NewUser("somebody", "Somebody", country="US", **said)
        return await create_user(tx, new, now=house.deps.clock.now())


async def orders(house: House) -> int:
    async with transaction(house.deps.pool) as tx:
        return await value(tx, 'SELECT count(*) FROM recharge."order"')


async def test_the_price_is_frozen_for_half_an_hour(house: House, clock: StillClock) -> None:
    order = await house.begin()
    assert (order.coins, order.bonus_coins) == (350, 0)
    assert order.price == Money(370, "USD")
    assert order.expires_at == clock.now() + timedelta(minutes=30)
    assert house.provider.only.order.amount == order.price


async def test_an_exact_number_of_coins_can_be_bought(house: House) -> None:
    order = await house.begin(pack_id=None, coins=123)
    assert order.coins == 123
    assert order.pack_id is None


async def test_a_repeat_is_told_the_same_even_after_the_coins_came(house: House) -> None:
    first = await start(house.deps, house.viewer, PACK, key="k")
    house.provider.only.capture()
    await sync_order(house.deps, UUID(first.body["id"]))
    again = await start(house.deps, house.viewer, PACK, key="k")
    assert again.body == first.body
    assert (first.replayed, again.replayed) == (False, True)
    assert first.body["state"] == "awaiting_user"
    assert first.body["pay_url"] == "https://pay/pay_1"
    assert house.provider.asked.count("create") == 1


async def test_a_key_names_one_content(house: House) -> None:
    await start(house.deps, house.viewer, PACK, key="k")
    with pytest.raises(KeyReused):
        await start(house.deps, house.viewer, Wish(pack_id="coins-70"), key="k")
    assert await orders(house) == 1


@pytest.mark.parametrize(
    ("said", "refusal"),
    [({}, AgeUnknown), ({"birth_on": date(2015, 1, 1)}, UnderAge)],
)
async def test_unknown_and_under_age_are_refused_before_anyone_is_asked(
    house: House, said: dict[str, Any], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await start(house.deps, await person(house, **said), PACK, key="k")
    assert house.provider.asked == []
    assert await orders(house) == 0


async def test_a_restricted_account_is_refused_and_may_repeat_the_key_later(
    house: House, clock: StillClock
) -> None:
    until = clock.now() + timedelta(hours=1)
    new = NewRestriction(house.viewer.id, Scope.RECHARGE, ReasonCode.OWN_REQUEST, expires_at=until)
    async with transaction(house.deps.pool) as tx:
        await restrict(tx, new, by="ops", now=clock.now())
    with pytest.raises(AccountRestricted) as no:
        await start(house.deps, house.viewer, PACK, key="k")
    assert no.value.facts()["until"] == until
    assert no.value.facts()["next_step"]
    assert (house.provider.asked, await orders(house)) == ([], 0)

    clock.advance(hours=1)
    assert (await start(house.deps, house.viewer, PACK, key="k")).status == 201


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        (Wish(), PackOrCoins),
        (Wish(pack_id="coins-350", coins=350), PackOrCoins),
        (Wish(pack_id="nothing"), PackUnknown),
        (Wish(coins=1), AmountTooSmall),
        (Wish(pack_id="coins-350", provider="nobody"), ProviderUnknown),
        (Wish(pack_id="coins-350", seen_minor=369), PriceChanged),
        (Wish(pack_id="coins-350", seen_minor=370, channel=Channel.APP), PriceChanged),
    ],
)
async def test_what_cannot_be_sold_is_refused_before_anyone_is_asked(
    house: House, wish: Wish, refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await start(house.deps, house.viewer, wish, key="k")
    assert (house.provider.asked, await orders(house)) == ([], 0)


async def test_a_provider_that_is_down_is_tried_again_under_the_same_key(house: House) -> None:
    house.provider.troubles["create"] = [Retryable("down")]
    with pytest.raises(ProviderSilent):
        await start(house.deps, house.viewer, PACK, key="k")
    answer = await start(house.deps, house.viewer, PACK, key="k")
    assert answer.body["state"] == "awaiting_user"
    assert (await orders(house), len(house.provider.payments)) == (1, 1)


@pytest.mark.parametrize("ended", ["canceled", "expired"])
async def test_no_payment_begins_for_an_order_that_has_ended(
    house: House, clock: StillClock, ended: str
) -> None:
    house.provider.troubles["create"] = [Retryable("down")]
    with pytest.raises(ProviderSilent):
        await start(house.deps, house.viewer, PACK, key="k")
    async with transaction(house.deps.pool) as tx:
        order_id = await value(tx, 'SELECT id FROM recharge."order"')
    if ended == "canceled":
        await cancel(house.deps, order_id)
    else:
        clock.advance(minutes=31)
        await sync_order(house.deps, order_id)
    asked = len(house.provider.asked)
    answer = await start(house.deps, house.viewer, PACK, key="k")
    assert answer.body["state"] == ended
    assert house.provider.asked[asked:] == []
    assert not house.provider.payments
    assert (await sync_order(house.deps, order_id)).state.value == ended


async def test_a_cancel_while_the_provider_is_asked_waits_for_what_comes_of_it(
    house: House, clock: StillClock
) -> None:
    begun: list[OrderState] = []

    async def cancel_meanwhile(_: str) -> None:
        house.provider.pause = None
        async with transaction(house.deps.pool) as tx:
            order_id = await value(tx, 'SELECT id FROM recharge."order"')
        begun.append((await cancel(house.deps, order_id)).state)

    create = house.provider.create_payment

    async def slow(order: OrderView, *, idempotency_key: str) -> Started:
        await cancel_meanwhile("create")
        return await create(order, idempotency_key=idempotency_key)

    house.provider.create_payment = slow  # type: ignore[method-assign]
    answer = await start(house.deps, house.viewer, PACK, key="k")
    assert begun == [OrderState.UNKNOWN]
    order_id = UUID(answer.body["id"])
    for _ in range(3):
        clock.advance(minutes=1)
        await work.poll(house.deps)
    assert (await house.order(order_id)).state is OrderState.CANCELED
    assert house.provider.only.state is PaymentState.CANCELED


async def test_a_process_that_dies_while_asking_leaves_the_rest_to_the_sweep(
    house: House, clock: StillClock
) -> None:
    house.provider.troubles["create"] = [ConnectionResetError("killed")]
    with pytest.raises(ConnectionResetError):
        await start(house.deps, house.viewer, PACK, key="k")
    clock.advance(seconds=31)
    await work.poll(house.deps)
    answer = await start(house.deps, house.viewer, PACK, key="k")
    order = await house.order(UUID(answer.body["id"]))
    assert order.state is OrderState.AWAITING_USER
    assert len(house.provider.payments) == 1


async def test_any_id_finds_the_order_and_its_story(house: House) -> None:
    order = await house.begin()
    house.provider.only.capture()
    await sync_order(house.deps, order.id)
    entries = await timeline(house.deps.pool, house.deps.ledger, order.id)
    kinds = [(entry.source, entry.kind) for entry in entries]
    assert kinds[0] == ("user", "started")
    assert ("provider", "payment_begun") in kinds
    assert kinds.count(("ledger", "transfer")) == 2
    moved = [one.facts for one in entries if one.source == "ledger"]
    assert {(one["what"], one["amount"], one["of"]) for one in moved} == {
        ("recharge_money", 370, "USD"),
        ("recharge", 350, "coins"),
    }
    names = [str(order.id), "pay_1", moved[0]["id"], hex(int(moved[1]["id"]))]
    for name in names:
        async with transaction(house.deps.pool) as tx:
            assert [one.id for one in await find(tx, f" {name} ")] == [order.id]
    async with transaction(house.deps.pool) as tx:
        assert await find(tx, "nothing") == []

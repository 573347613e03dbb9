"""What must be true when the faults are over: all that was acknowledged, once, and no more."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx2

from coinwell.ledger import Kind, wallet_account
from tests.faults.load import Bought, Buyers

_ORDERS = 'SELECT id FROM recharge."order"'
_MOVES = """
    SELECT id, debit_account_id, credit_account_id, amount, user_data_128, code, timestamp
    FROM ledger.transfer ORDER BY timestamp
"""
_OPEN = "SELECT count(*) FROM ledger.intent WHERE state = 'open'"


async def prove(buyers: Buyers, *spends: Mapping[int, tuple[int, int]]) -> None:
    """Every acknowledged operation is there, nothing is there twice, and the books balance."""
    await _one_order_a_key(buyers)
    credited, spent = _moves(buyers)
    _one_credit_an_order(buyers, credited)
    acknowledged = {key: value for one in spends for key, value in one.items()}
    _every_spend(acknowledged, spent)
    await _balances(buyers, acknowledged)
    await _one_payment_an_order(buyers)
    assert buyers.world.ask(_OPEN) == [(0,)]
    said = await asyncio.to_thread(buyers.world.run, "verify")
    assert said.startswith("The books balance"), said


async def _one_order_a_key(buyers: Buyers) -> None:
    answered = {one.answer["id"] for one in buyers.bought}
    assert len(answered) == len(buyers.bought), "two keys never share an order"
    assert {str(order[0]) for order in buyers.world.ask(_ORDERS)} == answered
    at_once = asyncio.Semaphore(8)

    async def repeat(one: Bought) -> None:
        path = f"/v1/users/{one.user_id}/recharges"
        async with at_once:
            again = await buyers.insist("POST", path, one.key, one.body)
        assert again.status_code == 201
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == one.answer, "a repeat gets the first answer"

    await asyncio.gather(*map(repeat, buyers.bought))


def _moves(
    buyers: Buyers,
) -> tuple[Mapping[UUID, Counter[tuple[int, int, int]]], Mapping[int, tuple[int, int]]]:
    """By order, what it moved (code, account that got it, amount); and every spend."""
    credited: defaultdict[UUID, Counter[tuple[int, int, int]]] = defaultdict(Counter)
    spent: dict[int, tuple[int, int]] = {}
    moved: Any
    for moved in buyers.world.ask(_MOVES):
        key, debit, credit, amount, order_id, code, timestamp = moved
        if code == Kind.SPEND:
            spent[key.int] = (debit.int, timestamp)
        else:
            assert code in {Kind.RECHARGE, Kind.BONUS, Kind.RECHARGE_MONEY}
            money = code == Kind.RECHARGE_MONEY
            credited[order_id][code, 0 if money else credit.int, amount] += 1
    return credited, spent


def _one_credit_an_order(
    buyers: Buyers, credited: Mapping[UUID, Counter[tuple[int, int, int]]]
) -> None:
    expected: dict[UUID, Counter[tuple[int, int, int]]] = {}
    for one in buyers.bought:
        if one.paid:
            answer, wallet = one.answer, wallet_account(UUID(one.user_id)).id
            legs = Counter(
                {
                    (int(Kind.RECHARGE), wallet, answer["coins"]): 1,
                    (int(Kind.RECHARGE_MONEY), 0, answer["price"]["minor"]): 1,
                }
            )
            if answer["bonus_coins"]:
                legs[int(Kind.BONUS), wallet, answer["bonus_coins"]] = 1
            expected[UUID(answer["id"])] = legs
    assert credited == expected


def _every_spend(
    acknowledged: Mapping[int, tuple[int, int]], spent: Mapping[int, tuple[int, int]]
) -> None:
    assert {key: done for key, done in acknowledged.items() if done[1]} == spent


async def _balances(buyers: Buyers, spends: Mapping[int, tuple[int, int]]) -> None:
    gone = Counter(wallet for wallet, at in spends.values() if at)
    for person in buyers.people:
        bought = sum(_coins(one) for one in buyers.bought if one.paid and one.user_id == person)
        answer = await buyers.insist("GET", f"/v1/users/{person}/balance")
        left = bought - gone[wallet_account(UUID(person)).id]
        shown = answer.json()
        assert (shown["coins"], shown["held"], shown["debt"]) == (left, 0, 0)


def _coins(one: Bought) -> int:
    return int(one.answer["coins"]) + int(one.answer["bonus_coins"])


async def _one_payment_an_order(buyers: Buyers) -> None:
    """Nobody was charged twice, as the provider sees it."""
    settings = buyers.world.settings
    secret = settings.derived_secret("sandbox api")
    async with httpx2.AsyncClient(
        base_url=settings.sandbox_url, headers={"authorization": f"Bearer {secret}"}, timeout=30
    ) as provider:
        for one in buyers.bought:
            asked = await provider.get("/v1/payments", params={"order_ref": one.answer["id"]})
            [payment] = asked.json()["payments"]
            due = one.answer["price"]["minor"] if one.paid else 0
            assert payment["captured_amount"] == due

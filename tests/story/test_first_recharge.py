"""A host app's first recharge, by the API alone; it reads like the README."""

import httpx2

from coinwell.base.db import transaction
from coinwell.users import ApiScope, NewKey, create_api_key, seal_of
from tests.house import CARD_OK, House


async def api_key(house: House, *scopes: ApiScope) -> str:
    """A key with these scopes, or with all."""
    async with transaction(house.installation.pool) as tx:
        new = NewKey(name="tests", scopes=frozenset(scopes or ApiScope))
        seal, now = seal_of(house.settings), house.clock.now()
        _, plain = await create_api_key(tx, new, seal=seal, by="tests", now=now)
    return plain


async def test_five_calls_from_a_stranger_to_coins(house: House) -> None:
    key = await api_key(house)
    async with httpx2.AsyncClient(
        base_url=house.url, headers={"authorization": f"Bearer {key}"}
    ) as api:
        user = await api.post(
            "/v1/users",
            headers={"idempotency-key": "user-42"},
            json={
                "external_id": "42",
                "display_name": "Ana",
                "birth_on": "1998-04-01",
                "country": "DE",
                "language": "en",
                "time_zone": "Europe/Berlin",
            },
        )
        assert user.status_code == 201, user.text
        user_id = user.json()["id"]

        packs = await api.get("/v1/packs", params={"country": "DE", "channel": "web"})
        assert packs.status_code == 200, packs.text

        begun = await api.post(
            f"/v1/users/{user_id}/recharges",
            headers={"idempotency-key": "r-1"},
            json={"pack_id": "coins-350", "provider": "sandbox"},
        )
        assert begun.status_code == 201, begun.text
        order = begun.json()

        paid = await house.sandbox.post(
            f"/_control/pay/{order['payment_id']}", json={"card": CARD_OK}
        )
        assert paid.status_code == 200, paid.text
        await house.deliver()
        await house.work()

        arrived = await api.get(f"/v1/recharges/{order['id']}")
        assert arrived.json()["state"] == "credited"
        held = await api.get(f"/v1/users/{user_id}/balance")
        assert held.json()["coins"] == order["coins"] + order["bonus_coins"]

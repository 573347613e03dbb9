"""The README's API calls work as they stand there."""

import re
import shlex
from pathlib import Path

import httpx2

from tests.house import CARD_OK, House
from tests.story.test_first_recharge import api_key

ROOT = Path(__file__).parents[2]


def curl_calls(text: str) -> list[str]:
    """The curl commands of the README, each on one line, without comments."""
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block, "the README shows the API in one block of shell"
    lines = [line for line in block[1].replace("\\\n", " ").split("\n") if line[:1] != "#"]
    return [
        call
        for call in re.split(r"(?=^curl )", "\n".join(lines), flags=re.MULTILINE)
        if call.strip()
    ]


async def do(client: httpx2.AsyncClient, call: str, names: dict[str, str]) -> httpx2.Response:
    """One curl command, as curl would send it."""
    for name, text in names.items():
        call = call.replace(f"${name}", text)
    words = shlex.split(call)[1:]
    headers: dict[str, str] = {}
    body, url = None, ""
    while words:
        match words.pop(0):
            case "-s":
                pass
            case "-H":
                name, _, said = words.pop(0).partition(": ")
                headers[name] = said
            case "-d":
                body = words.pop(0)
            case word:
                url = word
    method = "POST" if body is not None else "GET"
    return await client.request(method, url, headers=headers, content=body)


async def test_the_five_calls_of_the_readme_work(house: House) -> None:
    names = {"URL": house.url, "KEY": await api_key(house)}
    calls = curl_calls((ROOT / "README.md").read_text())
    assert len(calls) == 5

    async with httpx2.AsyncClient() as client:
        user = await do(client, calls[0], names)
        assert user.status_code == 201, user.text
        names["ID"] = user.json()["id"]
        packs = await do(client, calls[1], names)
        assert packs.status_code == 200, packs.text
        begun = await do(client, calls[2], names)
        assert begun.status_code == 201, begun.text
        names["ORDER"] = begun.json()["id"]
        assert begun.json()["pay_url"].startswith(house.sandbox_url)
        paid = await house.sandbox.post(
            f"/_control/pay/{begun.json()['payment_id']}", json={"card": CARD_OK}
        )
        assert paid.status_code == 200
        await house.deliver()
        await house.work()
        where = await do(client, calls[3], names)
        assert where.json()["state"] == "credited", where.text
        held = await do(client, calls[4], names)
        assert held.json()["coins"] == 350, held.text

"""The calls of the page on gifts work as they stand there."""

import re
from pathlib import Path

import httpx2

from coinwell.base.ids import hashed_id
from coinwell.ledger import (
    LEDGER_COINS,
    Code,
    Kind,
    Transfer,
    platform_account,
    wallet_account,
)
from coinwell.problems import every_problem
from tests.docs.test_readme import do
from tests.house import House
from tests.story.test_first_recharge import api_key

PAGE = Path(__file__).parents[2] / "docs" / "build" / "gifts.md"


async def test_the_calls_of_the_page_work(house: House) -> None:
    ana, ben = await house.person("ana"), await house.person("ben")
    issued, wallet = platform_account(Code.ISSUED, LEDGER_COINS), wallet_account(ben.id)
    ledger = house.installation.ledger
    await ledger.create_accounts([issued, wallet])
    await ledger.create_transfers(
        [
            Transfer(
                id=hashed_id("fund"),
                debit_account_id=issued.id,
                credit_account_id=wallet.id,
                amount=100,
                ledger=LEDGER_COINS,
                code=Kind.BONUS,
            )
        ]
    )
    names = {
        "URL": house.url,
        "KEY": await api_key(house),
        "CREATOR": str(ana.id),
        "VIEWER": str(ben.id),
    }
    room, offered, sent, batch, earned = calls()
    async with httpx2.AsyncClient() as client:
        opened = await do(client, room, names)
        assert opened.status_code == 201, opened.text
        names["ROOM"] = opened.json()["id"]
        assert (await do(client, offered, names)).json()["gifts"]
        for replayed in (None, "true"):
            answer = await do(client, sent, names)
            assert answer.status_code == 201, answer.text
            assert answer.headers.get("idempotency-replayed") == replayed
        answers = (await do(client, batch, names)).json()["gifts"]
        assert [one["status"] for one in answers] == [201, 402]
        assert (await do(client, earned, names)).json()["coins"] == 3 + 5


def calls() -> list[str]:
    """The page's calls, each on one line."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [re.sub(r"\\?\n\s*", " ", block).strip() for block in blocks]


def test_every_refusal_of_the_page_exists_with_its_status() -> None:
    known = {problem.code: problem.status for problem in every_problem()}
    rows = re.findall(r"^\| (\d{3}) \| (.+?) \|", PAGE.read_text(), re.MULTILINE)
    named = [
        (code, int(status)) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)
    ]
    assert len(named) >= 12
    assert {code: known[code] for code, _ in named} == dict(named)

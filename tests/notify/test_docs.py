"""What docs/build/webhooks.md shows works as it is written."""

import re
from pathlib import Path
from typing import Any

import pytest

from coinwell.notify.rules import LADDER, OFF_AFTER
from tests.notify.conftest import Desk, people
from tests.notify.receiving import Receiver

PAGE = (Path(__file__).parents[2] / "docs" / "build" / "webhooks.md").read_text("utf-8")


async def test_the_receiver_of_the_page_takes_ours_and_nothing_else(
    desk: Desk, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert found
    world: dict[str, Any] = {}
    exec(found[1], world)  # noqa: S102 - our own page.
    await desk.enlist(receiver)
    (ana,) = people(1)
    await desk.happen(ana, "recharge.credited", coins=350)
    await desk.settle()
    (got,) = receiver.got
    secret = receiver.secrets[0]
    assert world["receive"](got.body, got.headers, secret) == 204
    assert world["receive"](got.body, got.headers, secret) == 204
    assert world["receive"](got.body + b" ", got.headers, secret) == 401
    assert capsys.readouterr().out == f"recharge.credited {ana} 1\n", "a duplicate did nothing"


def test_the_ladder_of_the_page_is_the_one_that_is_climbed() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    said = re.search(r"tried again after (.*?), up to three days", PAGE, re.DOTALL)
    assert said
    steps = [int(n) * units[unit] for n, unit in re.findall(r"(\d+) (s|min|h)\b", said[1])]
    assert steps == [step.total_seconds() for step in LADDER]
    assert OFF_AFTER.days == 5

"""The reference pages say what the code does, and each has a page where it promises one."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest

from coinwell import cli, problems, reference
from coinwell.base.problem import STATUS
from coinwell.base.refusal import code_of
from coinwell.settings import Settings

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
PAGES = reference.pages()


def commands(command: click.Command, name: str) -> list[tuple[str, click.Command]]:
    found = [(name, command)]
    if isinstance(command, click.Group):
        for below in command.commands.values():
            if not below.hidden:
                found += commands(below, f"{name} {below.name}")
    return found


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_kept_page_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == PAGES[name], "run `make docs`"


def test_no_other_page_is_kept_beside_them() -> None:
    assert {path.name for path in FOLDER.iterdir()} == PAGES.keys()


def test_every_setting_is_there_with_a_meaning() -> None:
    for name, _, meaning in Settings(secret="-" * 32).shown():
        assert f"| `{name}` |" in PAGES["settings.md"]
        assert meaning.endswith("."), name
        assert meaning in PAGES["settings.md"]


def test_every_refusal_is_there_once_with_its_status_and_a_sentence() -> None:
    known = problems.refusals()
    codes = [code_of(refusal) for refusal in known]
    assert len(codes) > 50
    assert len(set(codes)) == len(codes), "a code names one thing"
    for refusal in known:
        start = f"\n## `{code_of(refusal)}`\n\n{STATUS[refusal.kind]} · {refusal.title}\n\n"
        assert start in PAGES["refusals.md"]
        assert refusal.title != "Refused", f"{refusal.__name__} has no title"
        assert refusal.__doc__
        assert not refusal.__doc__.startswith(f"{refusal.__name__}("), "no sentence of its own"
        assert refusal.__doc__.strip().endswith("."), refusal.__name__


def test_every_command_and_option_says_what_it_is_for() -> None:
    for name, command in commands(cli.main, "coinwell"):
        assert f"## `{name}`" in PAGES["commands.md"]
        assert command.help, name
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} {option.name}"


def test_the_api_says_who_may_call_and_what_each_no_means() -> None:
    document: dict[str, Any] = json.loads(PAGES["openapi.json"])
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len(operations) >= 20
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        for status, answer in operation["responses"].items():
            assert answer["description"], (operation["operationId"], status)
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"]
    assert document["security"] == [{"key": []}]


def test_every_write_that_can_be_lost_needs_its_key() -> None:
    document: dict[str, Any] = json.loads(PAGES["openapi.json"])
    safe_to_repeat = {
        "quote_wish",
        "check_recharge",
        "webhook",
        "try_webhook_endpoint",
        "send_gift_batch",  # Each gift of it has a key of its own.
    }
    for path in document["paths"].values():
        for method, operation in path.items():
            headers = {
                one["name"]: one["required"]
                for one in operation.get("parameters", [])
                if one["in"] == "header"
            }
            writes = method != "get" and operation["operationId"] not in safe_to_repeat
            assert headers == ({"Idempotency-Key": True} if writes else {}), operation


def test_a_body_has_the_named_members_only() -> None:
    document: dict[str, Any] = json.loads(PAGES["openapi.json"])
    schemas = document["components"]["schemas"]
    bodies = {
        name
        for path in document["paths"].values()
        for operation in path.values()
        for name in re.findall(r"schemas/(\w+)", json.dumps(operation.get("requestBody", {})))
    }
    assert len(bodies) >= 8
    assert all(schemas[name]["additionalProperties"] is False for name in bodies)

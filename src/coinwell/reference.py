"""Writes the reference pages from the code: `python -m coinwell.reference docs/reference`.

What is written by hand can be wrong; these pages cannot, for a test compares them with the code.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Final

import click

import coinwell
from coinwell import cli, problems
from coinwell.app import api_document, wired
from coinwell.settings import PREFIX, SECRET_LENGTH_MIN, Settings

_WIDTH: Final = 90
_MADE: Final = "<!-- Made from the code by `make docs`. -->\n\n"

_SETTINGS: Final = """# Settings

Each is a variable of the environment. `coinwell settings` shows what an installation has. A name
that is not in this list is refused at the start.

| name | kind | default | meaning |
| --- | --- | --- | --- |"""
_REFUSALS: Final = """# Refusals

A no is an RFC 9457 problem document with `type`, `title`, `status`, `detail`, `instance`, `code`
and `request_id`. Programs should look at `code`: it stays. `errors` names each place at fault, by
JSON `pointer` into the body or by `parameter`. The same pages are served at `/problems/<code>`."""


def pages() -> dict[str, str]:
    """Every reference page by its file name."""
    return {
        "openapi.json": openapi_page(),
        "settings.md": settings_page(),
        "refusals.md": refusals_page(),
        "commands.md": commands_page(),
    }


def openapi_page() -> str:
    """The API, as `/openapi.json` has it."""
    document = api_document(wired(Settings(secret="-" * SECRET_LENGTH_MIN)))
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def settings_page() -> str:
    """Every setting, with its default and its meaning."""
    lines = [_SETTINGS]
    for one in fields(Settings):
        says = one.metadata["says"].replace("|", "\\|")
        secret = " Secret." if one.metadata["secret"] else ""
        kind = {"str": "text", "int": "whole number", "bool": "`true` or `false`"}
        name = one.type.__name__ if isinstance(one.type, type) else str(one.type)
        lines.append(
            f"| `{PREFIX}{one.name.upper()}` | {kind.get(name, 'path')} | {_default(one)}"
            f" | {says}{secret} |"
        )
    return _MADE + "\n".join(lines) + "\n"


def refusals_page() -> str:
    """Every way to say no, with its status and what it means."""
    _load_every_room()
    lines = [_REFUSALS]
    for problem in problems.every_problem():
        lines += ["", f"## `{problem.code}`", "", f"{problem.status} · {problem.title}"]
        for paragraph in problem.paragraphs:
            lines += ["", paragraph]
        if problem.facts:
            lines += ["", "Also has: " + ", ".join(f"`{fact}`" for fact in problem.facts) + "."]
    return _MADE + "\n".join(lines) + "\n"


def commands_page() -> str:
    """Every command with its help."""
    parts = ["# Commands\n"]
    for context in _commands(_top()):
        context.max_content_width = context.terminal_width = _WIDTH
        parts.append(f"## `{context.command_path}`\n\n```\n{context.get_help()}\n```\n")
    return _MADE + "\n".join(parts)


def main(folder: Path) -> None:
    """Write the pages that have changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            click.echo(f"wrote {path}")


def _default(setting: Field[Any]) -> str:
    if setting.default is MISSING:
        return "none; must be set"
    if setting.default == "":
        return "empty"
    said = str(setting.default)
    return f"`{said.lower() if isinstance(setting.default, bool) else said}`"


def _top() -> click.Context:
    return click.Context(cli.main, info_name="coinwell", **cli.main.context_settings)


def _commands(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None and not command.hidden:
                yield from _commands(click.Context(command, info_name=name, parent=context))


def _load_every_room() -> None:
    # A refusal is found only when its module is loaded.
    for module in pkgutil.walk_packages(coinwell.__path__, "coinwell."):
        importlib.import_module(module.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

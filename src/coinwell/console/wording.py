"""A timeline's entries in words that an operator reads at a glance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from coinwell.recharge import Entry


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a timeline as it is shown."""

    at: datetime
    source: str
    title: str
    detail: str


_SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "user": "buyer",
        "operator": "operator",
        "us": "Coinwell",
        "provider": "provider",
        "ledger": "ledger",
    }
)


def told(entry: Entry) -> Told:
    """An entry in words: what happened, then its facts."""
    facts = dict(entry.facts)
    title = entry.kind.replace("_", " ").capitalize()
    if entry.source == "ledger":
        moved = f"{facts.pop('amount'):,} {facts.pop('of')}"
        title = f"{moved} {facts.pop('phase')}: {facts.pop('what').replace('_', ' ')}"
    elif entry.kind == "state":
        title = f"{_words(facts.pop('from'))} → {_words(facts.pop('to'))}"
    detail = " · ".join(f"{_words(name)}: {fact}" for name, fact in facts.items() if _says(fact))
    return Told(entry.at, _SOURCES.get(entry.source, entry.source), title, detail)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _says(fact: Any) -> bool:
    return fact is not None and fact not in ("", [], {})

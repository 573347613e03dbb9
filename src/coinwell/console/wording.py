"""A timeline's entries in words that an operator reads at a glance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from coinwell.base.money import DECIMALS, Money
from coinwell.console.types import CaseKind, ProposalKind, ProposalState, Reason
from coinwell.recharge import Entry


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a timeline as it is shown."""

    at: datetime
    source: str
    title: str
    detail: str


PROPOSALS: Final[Mapping[ProposalKind, str]] = MappingProxyType(
    {
        ProposalKind.REFUND: "Refund a recharge",
        ProposalKind.CREDIT: "Credit a recharge in review",
        ProposalKind.ADJUST: "Give or take coins",
        ProposalKind.PUBLISH: "Publish prices",
    }
)
STATES: Final[Mapping[ProposalState, str]] = MappingProxyType(
    {
        ProposalState.WAITING: "waits for a colleague",
        ProposalState.APPROVED: "approved, being carried out",
        ProposalState.DONE: "done",
        ProposalState.FAILED: "approved, but could not be done",
        ProposalState.DECLINED: "declined",
        ProposalState.WITHDRAWN: "withdrawn",
        ProposalState.LAPSED: "lapsed",
    }
)
REASON_WORDS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.ASKED: "The buyer asked for it",
        Reason.DUPLICATE: "Paid twice",
        Reason.NOT_RECEIVED: "Coins did not arrive",
        Reason.FRAUD: "Fraud",
        Reason.CONFIRMED: "Confirmed with buyer or provider",
        Reason.GOODWILL: "Goodwill",
        Reason.COMPENSATION: "Compensation for a fault of ours",
        Reason.CORRECTION: "Correction of a mistake",
        Reason.CAMPAIGN: "Campaign",
        Reason.PRICES_CHANGE: "Prices change",
        Reason.NEW_MARKET: "New market",
    }
)
CASES: Final[Mapping[CaseKind, str]] = MappingProxyType(
    {
        CaseKind.REVIEW: "Recharges in review",
        CaseKind.UNKNOWN: "Outcome still unknown",
        CaseKind.DISPUTE: "Disputed payments",
        CaseKind.REFUND: "Refunds not finished",
        CaseKind.PROPOSAL: "Proposals to decide",
        CaseKind.STUCK: "Approved, but stuck",
        CaseKind.ENDPOINT: "Webhook addresses that fail",
    }
)
for _words_of, _all in ((PROPOSALS, ProposalKind), (STATES, ProposalState), (CASES, CaseKind)):
    assert _words_of.keys() == set(_all), "whatever is shown has words"
assert REASON_WORDS.keys() == set(Reason), "a reason without words cannot be shown"

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
        moved = _amount(facts.pop("amount"), facts.pop("of"))
        title = f"{moved} {facts.pop('phase')}: {facts.pop('what').replace('_', ' ')}"
    elif entry.kind == "state":
        before, after = _words(facts.pop("from")), _words(facts.pop("to"))
        title = f"{before} → {after}" if before != after else f"still {after}"
    detail = " · ".join(
        f"{_words(name)}: {_shown(fact)}" for name, fact in facts.items() if _says(name, fact)
    )
    return Told(entry.at, _SOURCES.get(entry.source, entry.source), title, detail)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _amount(amount: int, of: str) -> str:
    return Money(amount, of).text() if of in DECIMALS else f"{amount:,} {of}"


def _shown(fact: Any) -> str:
    return ", ".join(map(str, fact)) if isinstance(fact, list) else str(fact)  # pyright: ignore[reportUnknownArgumentType] - JSON from our own rows.


def _says(name: str, fact: Any) -> bool:
    # A digest tells two answers apart; it tells a person nothing.
    return name != "digest" and fact is not None and fact not in ("", [], {})

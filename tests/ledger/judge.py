"""What the differential tests share: the comparison itself, and which statuses must be met."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from coinwell.ledger import (
    Account,
    CreateAccountResult,
    CreateAccountStatus,
    CreateTransferResult,
    CreateTransferStatus,
    Transfer,
)
from tests.ledger.directed import directed_steps, late_steps
from tests.ledger.generate import Generator, Step
from tests.ledger.oracle import Oracle

Answers = list[tuple[int, CreateAccountStatus]] | list[tuple[int, CreateTransferStatus]]
Results = Sequence[CreateAccountResult] | Sequence[CreateTransferResult]

# What is left to the release that imports history. No record of ours has a reserved field.
LATER = {
    "IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS",
    "IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT",
    "IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT",
    "IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO",
    "RESERVED_FIELD",
}


class Judge:
    """Plays one world's steps to the oracle and holds somebody else's answers against it."""

    def __init__(
        self,
        seed: int,
        size: int,
        *,
        batch: tuple[int, int] = (60, 200),
        engine: bool = False,
    ) -> None:
        self.engine = engine
        self.oracle = Oracle()
        self.generator = Generator(seed, self.oracle, batch=batch)
        self.seed = seed
        self.size = size
        self.played = 0
        self.met: Counter[tuple[str, str]] = Counter()

    def steps(self) -> Iterator[Step]:
        """The script, then chance, then the end of time."""
        for step, _ in directed_steps():
            yield step
        drawn = 0
        while drawn < self.size:
            step = self.generator.step()
            drawn += step.size
            yield step
        for step, _ in late_steps():
            yield step

    def expected(self, step: Step) -> Answers:
        """What the oracle says to a step; asked exactly once for each."""
        self.played += 1
        if self.engine:
            # An engine takes back what is due, by ledger time, before it decides anything.
            self.oracle.pulse(max(step.now_ns, self.oracle.clock))
        answers: Answers = []
        if step.verb == "accounts":
            answers = self.oracle.create_accounts(step.accounts, step.now_ns)
        elif step.verb == "transfers":
            answers = self.oracle.create_transfers(step.transfers, step.now_ns)
        elif not self.engine:
            self.oracle.pulse(step.now_ns)
        return answers

    def compare(self, step: Step, results: Results) -> None:
        """Every member: the same status at the same nanosecond."""
        answers = self.expected(step)
        events = step.accounts or step.transfers
        assert len(results) == len(answers) == len(events), self._where("number of results")
        for index, (event, result, (at, status)) in enumerate(
            zip(events, results, answers, strict=True)
        ):
            assert (result.status.name, result.timestamp) == (status.name, at), self._where(
                f"member {index} of {len(events)} got {result.status.name} at "
                f"{result.timestamp}, not {status.name} at {at}\n  {event}"
            )
            self.met[step.verb, result.status.name] += 1

    def same_accounts(self, found: Iterable[Account]) -> None:
        """All accounts, with all counters, flags and times."""
        self._same({a.id: a for a in found}, self.oracle.books.accounts)

    def same_transfers(self, found: Iterable[Transfer], ids: Iterable[int] | None = None) -> None:
        """The stored transfers among these ids: none missing, none too many, all alike."""
        wanted = self.oracle.books.transfers
        if ids is not None:
            wanted = {id_: wanted[id_] for id_ in ids if id_ in wanted}
        self._same({t.id: t for t in found}, wanted)

    def all_statuses_met(self) -> None:
        """No status of this release was left out; else the run proved less than it says."""
        wanted = chain(
            (("accounts", status.name) for status in CreateAccountStatus),
            (("transfers", status.name) for status in CreateTransferStatus),
        )
        missed = [who for who in wanted if who not in self.met and who[1] not in LATER]
        assert not missed

    def _same(self, found: dict[int, Account] | dict[int, Transfer], wanted: object) -> None:
        assert isinstance(wanted, dict)
        for id_ in found.keys() | wanted.keys():
            assert found.get(id_) == wanted.get(id_), self._where(f"what is stored under {id_}")

    def _where(self, what: str) -> str:
        return f"seed {self.seed}, step {self.played}: {what}"

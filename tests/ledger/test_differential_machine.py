"""The machine against the oracle: the same answers, the same books, whatever is asked."""

import ast
from itertools import chain
from pathlib import Path
from random import Random

import pytest

from coinwell.ledger.types import PendingStatus
from tests.ledger import oracle as oracle_module
from tests.ledger import oracle_books as books_module
from tests.ledger.directed import directed_steps, late_steps
from tests.ledger.judge import Judge
from tests.ledger.oracle import Oracle
from tests.ledger.shelf import Shelf
from tests.profile import scale

WORLDS = scale(8, 160)
MEMBERS_PER_WORLD = 2_700


@pytest.mark.parametrize("seed", range(WORLDS))
def test_the_machine_answers_and_writes_what_the_oracle_says(seed: int) -> None:
    judge, shelf, chance = Judge(seed, MEMBERS_PER_WORLD), Shelf(), Random(seed)
    for step in judge.steps():
        judge.compare(step, shelf.run(step))
        # Several callers' batches may be made durable together, but a pulse stands alone.
        if step.verb == "pulse" or chance.random() < 0.6:
            compare_books(judge, shelf)
    compare_books(judge, shelf)
    judge.all_statuses_met()


@pytest.mark.parametrize("seed", range(1_000, 1_000 + scale(8, 80)))
def test_they_agree_on_batches_of_one_and_of_two(seed: int) -> None:
    judge, shelf = Judge(seed, 300, batch=(1, 2)), Shelf()
    for step in judge.steps():
        judge.compare(step, shelf.run(step))
        compare_books(judge, shelf)


def test_the_oracle_gives_every_directed_case_its_documented_status() -> None:
    oracle = Oracle()
    for step, wanted in chain(directed_steps(), late_steps()):
        answers = []
        if step.verb == "accounts":
            answers = oracle.create_accounts(step.accounts, step.now_ns)
        elif step.verb == "transfers":
            answers = oracle.create_transfers(step.transfers, step.now_ns)
        else:
            oracle.pulse(step.now_ns)
        for event, (_, status), name in zip(
            step.accounts or step.transfers, answers, wanted, strict=True
        ):
            assert status.name == name, event


def test_the_oracle_borrows_only_words() -> None:
    files = [Path(str(module.__file__)) for module in (oracle_module, books_module)]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    imports = {
        f"{node.module}.{name.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module != books_module.__name__
        for name in node.names
    }
    words = {
        f"coinwell.ledger.{word}"
        for word in (
            "Account",
            "AccountFlags",
            "CreateAccountStatus",
            "CreateTransferStatus",
            "Transfer",
            "TransferFlags",
        )
    }
    assert not [node for node in nodes if isinstance(node, ast.Import)]
    assert {name for name in imports if name.startswith(("coinwell", "tests"))} == words


def compare_books(judge: Judge, shelf: Shelf) -> None:
    """Accounts, transfers, what became of holds, spent ids, and the last timestamp."""
    shelf.commit()
    judge.same_accounts(shelf.accounts.values())
    judge.same_transfers(shelf.transfers.values())
    told = {"pending": PendingStatus.OPEN, "posted": PendingStatus.POSTED}
    told |= {"voided": PendingStatus.VOIDED, "expired": PendingStatus.EXPIRED}
    books = judge.oracle.books
    fates = {id_: (told[fate], books.ended.get(id_, 0)) for id_, fate in books.fate.items()}
    assert {id_: (p.status, p.resolved_at) for id_, p in shelf.pendings.items()} == fates
    assert shelf.failed.keys() == judge.oracle.failed
    assert shelf.timestamp == judge.oracle.clock

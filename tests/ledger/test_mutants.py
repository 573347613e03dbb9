"""The differential test can fail: it notices mistakes that were put in on purpose."""

import pytest

from tests.ledger.mutants import MACHINE, MUTANTS, ROOT, Mutant, mutated, noticed
from tests.profile import scale

TRIED = scale(3, len(MUTANTS))


@pytest.mark.parametrize("mutant", MUTANTS[:: len(MUTANTS) // TRIED], ids=lambda m: m.name)
def test_the_oracle_notices_that(mutant: Mutant) -> None:
    assert noticed(mutant)


def test_the_machine_as_it_is_passes_where_the_mutants_fail() -> None:
    assert not noticed(None)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_every_mutant_still_changes_the_machine(mutant: Mutant) -> None:
    source = (ROOT / "src" / MACHINE / mutant.file).read_text()
    compile(mutated(mutant, source), mutant.file, "exec")

"""Cases written by hand, each event with the status that the data model's description gives it.

They reach what chance rarely does (every overflow at its exact edge, the order of refusals, the
odd corners of chains and replays) and check the oracle itself: it must agree with this table
before it may judge anyone.
"""

from collections.abc import Iterator

from tests.ledger.directed_accounts import (
    ACCOUNT_IMPORTS,
    ACCOUNT_NOT_IMPORTS,
    ACCOUNTS,
    BROKEN_FROM_THE_FIRST,
    OVERFLOW_ACCOUNTS,
    AccountCases,
)
from tests.ledger.directed_holds import (
    A_SECOND_LATER,
    CLOSINGS,
    HOLDS,
    LATE,
    REOPENED,
    RESOLUTIONS,
    SWEPT,
)
from tests.ledger.directed_moves import (
    BALANCES,
    CHAINS,
    FIRST_REFUSALS,
    IMPORTS,
    NOT_IMPORTS,
    OVERFLOWS,
    REPLAYS,
    TransferCases,
)
from tests.ledger.generate import START_NS, Step
from tests.ledger.oracle_books import LARGEST, SECOND

LAST_SECONDS_NS = LARGEST - 3 * SECOND


def directed_steps() -> Iterator[tuple[Step, list[str]]]:
    """The whole script in order, each step with the statuses it must get."""
    now = START_NS
    yield _accounts(ACCOUNTS, now)
    yield _accounts(BROKEN_FROM_THE_FIRST, now)
    yield _accounts(OVERFLOW_ACCOUNTS, now)
    yield _transfers(FIRST_REFUSALS, now)
    yield _transfers(REPLAYS, now)
    yield _transfers(BALANCES, now)
    yield _transfers(HOLDS, now)
    yield Step("pulse", now + SECOND // 2), []
    # One hold has run out by now though nothing has swept it up yet; then it is swept.
    yield _transfers(RESOLUTIONS, now + 2 * SECOND)
    yield Step("pulse", now), []
    yield Step("pulse", now + 2 * SECOND), []
    yield _transfers(SWEPT, now)
    yield _transfers(CHAINS, now + 2 * SECOND)
    yield _transfers(OVERFLOWS, now + 2 * SECOND)
    yield _transfers(CLOSINGS, now + 2 * SECOND)
    yield Step("pulse", now + 4 * SECOND), []
    yield _transfers(REOPENED, now + 4 * SECOND)
    yield _transfers(IMPORTS, now + 4 * SECOND)
    yield _transfers(NOT_IMPORTS, now + 4 * SECOND)
    yield _accounts(ACCOUNT_IMPORTS, now + 4 * SECOND)
    yield _accounts(ACCOUNT_NOT_IMPORTS, now + 4 * SECOND)
    yield Step("transfers", now), []
    yield Step("accounts", now), []


def late_steps() -> Iterator[tuple[Step, list[str]]]:
    """The end of time, to be run last: the clock never comes back from it."""
    yield _transfers(LATE, LAST_SECONDS_NS)
    yield _transfers(A_SECOND_LATER, LAST_SECONDS_NS + SECOND)
    yield Step("pulse", LARGEST - SECOND // 2), []
    yield Step("pulse", LARGEST - 1), []
    yield Step("pulse", LARGEST), []


def _accounts(cases: AccountCases, now_ns: int) -> tuple[Step, list[str]]:
    step = Step("accounts", now_ns, accounts=tuple(event for event, _ in cases))
    return step, [status for _, status in cases]


def _transfers(cases: TransferCases, now_ns: int) -> tuple[Step, list[str]]:
    step = Step("transfers", now_ns, transfers=tuple(event for event, _ in cases), alone=True)
    return step, [status for _, status in cases]

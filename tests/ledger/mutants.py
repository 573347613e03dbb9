"""Wrong machines: each is the machine with one mistake in it, and the oracle must notice.

Run by hand: `python -m tests.ledger.mutants` copies the sources, makes one mistake after the
other, and prints which were noticed. The long test profile does the same; the small one tries a
few. A mistake whose text is gone from the machine is an error here, never a silent pass.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
MACHINE = Path("coinwell/ledger/machine")
JUDGE = "tests/ledger/test_differential_machine.py"


class Mutant(NamedTuple):
    """One mistake: in this file, this text becomes that."""

    name: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "a capped account may not spend its last coin",
        "moving.py",
        "debited > debit.credits_posted",
        "debited >= debit.credits_posted",
    ),
    Mutant(
        "a capped account may spend what it does not have",
        "moving.py",
        "if debit_flags & bits.DEBITS_LIMITED and",
        "if False and",
    ),
    Mutant(
        "a cap on credits forgets the transfer at hand",
        "moving.py",
        "credited > credit.debits_posted",
        "credited - amount > credit.debits_posted",
    ),
    Mutant(
        "balancing takes what a hold has reserved",
        "moving.py",
        "credit.debits_posted - credit.credits_posted - credit.credits_pending",
        "credit.debits_posted - credit.credits_posted",
    ),
    Mutant(
        "balancing an overdrawn account moves a negative amount",
        "moving.py",
        "free = debit.credits_posted - debit.debits_posted - debit.debits_pending\n"
        "        amount = min(amount, max(0, free))",
        "free = debit.credits_posted - debit.debits_posted - debit.debits_pending\n"
        "        amount = min(amount, free)",
    ),
    Mutant(
        "a counter may pass its end by one",
        "moving.py",
        "if debited > COUNTER_MAX or",
        "if debited > COUNTER_MAX + 1 or",
    ),
    Mutant(
        "the end of time is one second late",
        "moving.py",
        "if expires_at > TIMESTAMP_MAX",
        "if expires_at > TIMESTAMP_MAX + NS_PER_S",
    ),
    Mutant(
        "a repeat of a balancing transfer must name what was moved",
        "moving.py",
        "asked < moved if",
        "asked != moved if",
    ),
    Mutant(
        "a closed account still takes credits",
        "moving.py",
        "if credit_flags & bits.CLOSED",
        "if credit_flags & 0",
    ),
    Mutant(
        "resolving keeps the hold on the debit side",
        "resolving.py",
        "    debit.debits_pending -= held.amount\n",
        "",
    ),
    Mutant(
        "a hold ends one nanosecond late",
        "resolving.py",
        "pending.expires_at <= at",
        "pending.expires_at < at",
    ),
    Mutant(
        "a void does not open the account again",
        "resolving.py",
        "        reopen(held, debit, credit)\n",
        "",
    ),
    Mutant(
        "zero posts the whole hold",
        "resolving.py",
        "whole = 0 if flags & bits.VOID else AMOUNT_MAX",
        "whole = 0",
    ),
    Mutant(
        "a hold can be voided in part",
        "resolving.py",
        "elif flags & bits.VOID and amount < held.amount",
        "elif flags & bits.VOID and amount < 0",
    ),
    Mutant(
        "a post forgets the user data of its hold",
        "resolving.py",
        "user_data_64=transfer.user_data_64 or held.user_data_64",
        "user_data_64=transfer.user_data_64",
    ),
    Mutant(
        "a posted hold can be posted again",
        "resolving.py",
        "    state.pendings[held.id] = Pending(status, pending.expires_at, at)\n",
        "",
    ),
    Mutant(
        "a spent id can be used again",
        "transfers.py",
        "if key in state.failed:",
        "if key in ():",
    ),
    Mutant(
        "a spent id is not written down",
        "transfers.py",
        "                writes.failed.append((transfer.id, status, at))\n",
        "",
    ),
    Mutant(
        "every refusal spends its id",
        "transfers.py",
        "elif status in TRANSIENT",
        "elif status",
    ),
    Mutant(
        "an open chain that broke earlier does not say that it is open",
        "transfers.py",
        "if linked and index == last:",
        "if linked and index == last and not broken:",
    ),
    Mutant(
        "a broken chain leaves its first members standing",
        "transfers.py",
        "                undo(state, created, mark)\n",
        "",
    ),
    Mutant(
        "a repeat is answered with a new time",
        "transfers.py",
        "at = state.transfers[transfer.id].timestamp",
        "pass",
    ),
    Mutant(
        "time follows a clock that goes back",
        "transfers.py",
        "base = max(now_ns, state.timestamp + 1)",
        "base = now_ns",
    ),
    Mutant(
        "the credited account is not written down",
        "transfers.py",
        "        changed[credit] = accounts[credit]\n",
        "",
    ),
    Mutant(
        "an undone post leaves its hold resolved",
        "undoing.py",
        "Pending(PendingStatus.OPEN, state",
        "Pending(PendingStatus.VOIDED, state",
    ),
    Mutant(
        "an undone post leaves the credit posted",
        "undoing.py",
        "        debit.debits_posted -= transfer.amount\n"
        "        credit.credits_posted -= transfer.amount\n"
        "    else:\n"
        "        closed",
        "        debit.debits_posted -= transfer.amount\n    else:\n        closed",
    ),
    Mutant(
        "the pulse sweeps up holds one nanosecond late",
        "expiring.py",
        "0 < pending.expires_at <= now_ns",
        "0 < pending.expires_at < now_ns",
    ),
    Mutant(
        "the pulse takes the oldest hold first, not the first that is due",
        "expiring.py",
        "(pending.expires_at, state.transfers[key].timestamp, key)",
        "(state.transfers[key].timestamp, pending.expires_at, key)",
    ),
    Mutant(
        "an account's flags may change",
        "accounts.py",
        "if flags != int(known.flags):",
        "if known is None:",
    ),
    Mutant(
        "a broken chain of accounts leaves its first members standing",
        "accounts.py",
        "            _undo(state, created, mark)\n",
        "",
    ),
    Mutant(
        "what a batch posts or voids is not loaded",
        "state.py",
        "        ids.add(transfer.pending_id)\n",
        "",
    ),
)


def noticed(mutant: Mutant | None) -> bool:
    """Whether the differential test fails on this machine; None is the machine as it is."""
    with tempfile.TemporaryDirectory(prefix="coinwell-mutant-") as folder:
        shutil.copytree(ROOT / "src/coinwell", Path(folder) / "coinwell")
        if mutant:
            wrong = Path(folder) / MACHINE / mutant.file
            wrong.write_text(mutated(mutant, wrong.read_text()))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--noconftest", "-p", "no:randomly", "-xq", JUDGE],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": folder,
                "PYTHONDONTWRITEBYTECODE": "1",
                "COINWELL_PROFILE": "small",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    # 1 is "a test failed"; anything else but 0 is a test that could not even be read.
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 1


def mutated(mutant: Mutant, source: str) -> str:
    """The source with the mistake in it."""
    times = source.count(mutant.old)
    assert times == 1, f"{mutant.file} has the text of {mutant.name!r} {times} times, not once"
    return source.replace(mutant.old, mutant.new)


def main() -> int:
    """Tries the machine as it is, then every mutant; the number that nobody noticed."""
    assert not noticed(None), "the machine itself does not pass"
    missed = 0
    for mutant in MUTANTS:
        seen = noticed(mutant)
        missed += not seen
        print("noticed" if seen else "MISSED ", mutant.name, flush=True)  # noqa: T201 - a command.
    return missed


if __name__ == "__main__":
    sys.exit(main())

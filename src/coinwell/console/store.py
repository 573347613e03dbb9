"""The only SQL over proposals and over who has taken which case."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from coinwell.base.db import Tx, row, rows, run, value
from coinwell.console.types import CaseKind, Owner, Proposal, ProposalState

_ADD = """
    INSERT INTO console.proposal (
        id, kind, subject, payload, payload_hash, reason_code, note, proposed_by, proposer,
        proposed_at, lapses_at, state
    ) VALUES (
        %(id)s, %(kind)s, %(subject)s, %(payload)s, %(payload_hash)s, %(reason_code)s, %(note)s,
        %(proposed_by)s, %(proposer)s, %(proposed_at)s, %(lapses_at)s, %(state)s
    )
    ON CONFLICT DO NOTHING
"""
_ONE = """
    SELECT id, kind, subject, payload, payload_hash, reason_code, note, proposed_by, proposer,
        proposed_at, lapses_at, state, decided_by, decider, decided_at, decision_note,
        break_glass, tries, next_try_at, finished_at, outcome
    FROM console.proposal WHERE id = %(id)s
"""
_LOCK = "SELECT id FROM console.proposal WHERE id = %(id)s FOR UPDATE"
_LISTED = """
    SELECT id, kind, subject, payload, payload_hash, reason_code, note, proposed_by, proposer,
        proposed_at, lapses_at, state, decided_by, decider, decided_at, decision_note,
        break_glass, tries, next_try_at, finished_at, outcome
    FROM console.proposal
    WHERE (%(states)s::text[] IS NULL OR state = ANY (%(states)s))
        AND (%(subject)s::text IS NULL OR subject = %(subject)s)
        AND (
            %(before_at)s::timestamptz IS NULL
            OR (proposed_at, id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
        )
    ORDER BY proposed_at DESC, id DESC LIMIT %(limit)s
"""
_WAITING = """
    SELECT id, kind, subject, payload, payload_hash, reason_code, note, proposed_by, proposer,
        proposed_at, lapses_at, state, decided_by, decider, decided_at, decision_note,
        break_glass, tries, next_try_at, finished_at, outcome
    FROM console.proposal
    WHERE state = 'waiting'
        AND (
            %(after_at)s::timestamptz IS NULL
            OR (lapses_at, id) > (%(after_at)s::timestamptz, %(after_id)s::uuid)
        )
    ORDER BY lapses_at, id LIMIT %(limit)s
"""
_STUCK = """
    SELECT id, kind, subject, payload, payload_hash, reason_code, note, proposed_by, proposer,
        proposed_at, lapses_at, state, decided_by, decider, decided_at, decision_note,
        break_glass, tries, next_try_at, finished_at, outcome
    FROM console.proposal
    WHERE state = 'approved' AND tries >= %(tries)s ORDER BY proposed_at, id LIMIT %(limit)s
"""
_COUNT_WAITING = """
    SELECT count(*) FROM console.proposal WHERE state = 'waiting' AND lapses_at > %(now)s
"""
_OVERDUE = """
    SELECT id FROM console.proposal
    WHERE state = 'waiting' AND lapses_at <= %(now)s
        AND (%(subject)s::text IS NULL OR subject = %(subject)s)
    ORDER BY lapses_at LIMIT %(limit)s
"""
_DUE = """
    SELECT id FROM console.proposal
    WHERE state = 'approved' AND next_try_at <= %(now)s ORDER BY next_try_at LIMIT %(limit)s
"""
_DECIDE = """
    UPDATE console.proposal
    SET state = %(state)s, decided_by = %(decided_by)s, decider = %(decider)s,
        decided_at = %(now)s, decision_note = %(note)s, break_glass = %(break_glass)s,
        next_try_at = %(next_try_at)s
    WHERE id = %(id)s AND state = 'waiting'
"""
_LAPSE = """
    UPDATE console.proposal SET state = 'lapsed', finished_at = %(now)s
    WHERE id = %(id)s AND state = 'waiting' AND lapses_at <= %(now)s
"""
_FINISH = """
    UPDATE console.proposal
    SET state = %(state)s, outcome = %(outcome)s, finished_at = %(now)s, next_try_at = NULL
    WHERE id = %(id)s AND state = 'approved'
"""
_TRY_AGAIN = """
    UPDATE console.proposal
    SET tries = tries + 1, next_try_at = %(next_try_at)s, outcome = %(said)s
    WHERE id = %(id)s AND state = 'approved'
"""
_TAKE = """
    INSERT INTO console.case_owner (kind, subject, since, taken_by, taker, taken_at)
    VALUES (%(kind)s, %(subject)s, %(since)s, %(taken_by)s, %(taker)s, %(taken_at)s)
    ON CONFLICT ON CONSTRAINT a_case_has_one_owner DO UPDATE
    SET since = excluded.since, taken_by = excluded.taken_by, taker = excluded.taker,
        taken_at = excluded.taken_at
    WHERE case_owner.since <> excluded.since OR case_owner.taken_by = excluded.taken_by
"""
_LEAVE = """
    DELETE FROM console.case_owner
    WHERE kind = %(kind)s AND subject = %(subject)s AND taken_by = %(taken_by)s
"""
_OWNERS = """
    SELECT kind, subject, since, taken_by, taker, taken_at FROM console.case_owner
    WHERE subject = ANY (%(subjects)s)
"""

Place = tuple[datetime, UUID]


async def add(tx: Tx, proposal: Proposal) -> bool:
    """Write a proposal; False if the same kind of thing waits for the same subject."""
    said: dict[str, Any] = asdict(proposal)
    said |= {name: said[name].value for name in ("kind", "state", "reason_code")}
    return await run(tx, _ADD, said | {"payload": Jsonb(proposal.payload)}) == 1


async def proposal(tx: Tx, proposal_id: UUID) -> Proposal | None:
    """A proposal as it stands."""
    return await row(tx, Proposal, _ONE, {"id": proposal_id})


async def locked(tx: Tx, proposal_id: UUID) -> Proposal | None:
    """A proposal, its row locked until `tx` ends."""
    # Two statements: the second sees what was committed while the first one waited.
    await tx.execute(_LOCK, {"id": proposal_id})
    return await proposal(tx, proposal_id)


async def listed(
    tx: Tx,
    *,
    states: Sequence[ProposalState] | None = None,
    subject: str | None = None,
    before: Place | None = None,
    limit: int,
) -> list[Proposal]:
    """Proposals, newest first, older than `before`."""
    before_at, before_id = before or (None, None)
    asked = {
        "states": None if states is None else [state.value for state in states],
        "subject": subject,
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit,
    }
    return await rows(tx, Proposal, _LISTED, asked)


async def waiting(tx: Tx, *, after: Place | None = None, limit: int) -> list[Proposal]:
    """Proposals that nobody decided yet, the first to lapse first."""
    after_at, after_id = after or (None, None)
    asked = {"after_at": after_at, "after_id": after_id, "limit": limit}
    return await rows(tx, Proposal, _WAITING, asked)


async def stuck(tx: Tx, *, tries: int, limit: int) -> list[Proposal]:
    """Approved proposals that could not be carried out so many times."""
    return await rows(tx, Proposal, _STUCK, {"tries": tries, "limit": limit})


async def count_waiting(tx: Tx, *, now: datetime) -> int:
    """How many wait."""
    return int(await value(tx, _COUNT_WAITING, {"now": now}))


async def overdue(
    tx: Tx, *, now: datetime, subject: str | None = None, limit: int = 100
) -> list[UUID]:
    """Proposals that nobody decided in time and nobody has marked yet."""
    asked = {"now": now, "subject": subject, "limit": limit}
    cursor = await tx.execute(_OVERDUE, asked)
    return [one[0] for one in await cursor.fetchall()]


async def due(tx: Tx, *, now: datetime, limit: int) -> list[UUID]:
    """Approved proposals that are to be carried out (again)."""
    cursor = await tx.execute(_DUE, {"now": now, "limit": limit})
    return [one[0] for one in await cursor.fetchall()]


async def decide(  # noqa: PLR0913 - one decision.
    tx: Tx,
    proposal_id: UUID,
    state: ProposalState,
    *,
    by: tuple[UUID, str],
    note: str,
    now: datetime,
    next_try_at: datetime | None = None,
    break_glass: bool = False,
) -> None:
    """Write a decision. Locks: the caller holds the row and has looked at it."""
    said = {
        "id": proposal_id,
        "state": state.value,
        "decided_by": by[0],
        "decider": by[1],
        "note": note,
        "now": now,
        "next_try_at": next_try_at,
        "break_glass": break_glass,
    }
    written = await run(tx, _DECIDE, said)
    assert written == 1, "the row was locked and waiting"


async def lapse(tx: Tx, proposal_id: UUID, *, now: datetime) -> bool:
    """Mark a proposal that nobody decided in time; False if somebody did."""
    return await run(tx, _LAPSE, {"id": proposal_id, "now": now}) == 1


async def finish(
    tx: Tx, proposal_id: UUID, state: ProposalState, *, outcome: str, now: datetime
) -> bool:
    """Write how it ended; False if that is written already."""
    said = {"id": proposal_id, "state": state.value, "outcome": outcome, "now": now}
    return await run(tx, _FINISH, said) == 1


async def try_again(tx: Tx, proposal_id: UUID, *, said: str, next_try_at: datetime) -> None:
    """Note that it could not be carried out now."""
    await run(tx, _TRY_AGAIN, {"id": proposal_id, "said": said, "next_try_at": next_try_at})


async def take(tx: Tx, owner: Owner) -> bool:
    """Write who looks after a case; False if somebody else does."""
    return await run(tx, _TAKE, asdict(owner) | {"kind": owner.kind.value}) == 1


async def leave(tx: Tx, kind: CaseKind, subject: str, *, taken_by: UUID) -> bool:
    """Let a case go; False if this operator had not taken it."""
    return (
        await run(tx, _LEAVE, {"kind": kind.value, "subject": subject, "taken_by": taken_by}) == 1
    )


async def owners(tx: Tx, subjects: Sequence[str]) -> list[Owner]:
    """Who has taken cases about these."""
    return await rows(tx, Owner, _OWNERS, {"subjects": list(subjects)})

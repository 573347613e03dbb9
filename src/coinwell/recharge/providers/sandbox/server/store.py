"""The sandbox's own memory: one SQLite file that nobody else reads.

Written through to the disk at every commit, so that a killed sandbox forgets nothing.
"""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from coinwell.recharge.providers.sandbox.server.rules import wakes_at
from coinwell.recharge.providers.sandbox.server.types import Delivery, Event, Mischief, Payment

_TABLES: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS payment (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    order_ref TEXT NOT NULL,
    wakes_at INTEGER,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS payment_by_order ON payment (order_ref);
CREATE INDEX IF NOT EXISTS payment_by_waking ON payment (wakes_at) WHERE wakes_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY,
    event_number INTEGER NOT NULL REFERENCES event (number),
    payment_id TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'pending',
    due_at INTEGER NOT NULL,
    last_error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS delivery_by_due ON delivery (due_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS delivery_by_payment ON delivery (payment_id);
CREATE TABLE IF NOT EXISTS movement (
    payment_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    order_ref TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (payment_id, number)
);
CREATE INDEX IF NOT EXISTS movement_by_time ON movement (at);
CREATE TABLE IF NOT EXISTS answered (
    key TEXT PRIMARY KEY,
    question BLOB NOT NULL,
    status INTEGER NOT NULL,
    answer BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS planned_mischief (
    number INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS note (
    name TEXT PRIMARY KEY,
    text TEXT NOT NULL
);
COMMIT;
"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DUE_DELIVERIES: Final = """
SELECT d.id, d.attempts, d.state, d.due_at, d.last_error,
       e.number, e.id, e.kind, e.payment_id, e.created_at
FROM delivery AS d JOIN event AS e ON e.number = d.event_number
WHERE d.state = 'pending' AND d.due_at <= ?
ORDER BY d.due_at, d.id
"""
_DELIVERIES_OF: Final = """
SELECT d.id, d.attempts, d.state, d.due_at, d.last_error,
       e.number, e.id, e.kind, e.payment_id, e.created_at
FROM delivery AS d JOIN event AS e ON e.number = d.event_number
WHERE d.payment_id = ?
ORDER BY d.id
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a settlement."""

    payment_id: str
    order_ref: str
    kind: str
    amount: int
    currency: str
    at: datetime


class Store:
    """Everything the sandbox remembers. Used from one thread; each write is one transaction."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Generator[None]:
        """All that is written inside stands together or not at all; may be nested."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def payment(self, payment_id: str) -> Payment | None:
        """The payment of that id."""
        found = self._db.execute("SELECT body FROM payment WHERE id = ?", (payment_id,)).fetchone()
        return None if found is None else msgspec.json.decode(found[0], type=Payment)

    def payments_of(self, order_ref: str) -> list[Payment]:
        """The payments of an order, oldest first."""
        sql = "SELECT body FROM payment WHERE order_ref = ? ORDER BY number"
        found = self._db.execute(sql, (order_ref,)).fetchall()
        return [msgspec.json.decode(body, type=Payment) for (body,) in found]

    def waking(self, now: datetime) -> list[str]:
        """The ids of payments to which something is due."""
        sql = "SELECT id FROM payment WHERE wakes_at <= ? ORDER BY wakes_at"
        return [one for (one,) in self._db.execute(sql, (_us(now),))]

    def save(self, payment: Payment) -> None:
        """Keep a payment, new or changed, and the new lines of its settlement."""
        wakes = wakes_at(payment)
        with self.writing():
            self._db.execute(
                """
                INSERT INTO payment (id, order_ref, wakes_at, body) VALUES (?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE
                SET wakes_at = excluded.wakes_at, body = excluded.body
                """,
                (
                    payment.id,
                    payment.order_ref,
                    None if wakes is None else _us(wakes),
                    msgspec.json.encode(payment),
                ),
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO movement VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        payment.id,
                        number,
                        payment.order_ref,
                        moved.kind,
                        moved.amount,
                        payment.currency,
                        _us(moved.at),
                    )
                    for number, moved in enumerate(payment.movements)
                ],
            )

    def settlement(self, start: datetime, end: datetime) -> list[Line]:
        """What moved from `start` until before `end`."""
        sql = """
        SELECT payment_id, order_ref, kind, amount, currency, at
        FROM movement WHERE at >= ? AND at < ? ORDER BY at, payment_id, number
        """
        found = self._db.execute(sql, (_us(start), _us(end))).fetchall()
        return [
            Line(payment_id, order_ref, kind, amount, currency, _at(at))
            for payment_id, order_ref, kind, amount, currency, at in found
        ]

    def record(self, *, event_id: str, kind: str, payment_id: str, now: datetime) -> Event:
        """Write down that something happened to a payment."""
        sql = "INSERT INTO event (id, kind, payment_id, created_at) VALUES (?, ?, ?, ?)"
        done = self._db.execute(sql, (event_id, kind, payment_id, _us(now)))
        assert done.lastrowid is not None
        return Event(
            number=done.lastrowid, id=event_id, kind=kind, payment_id=payment_id, created_at=now
        )

    def plan_deliveries(
        self, event: Event, *, copies: int, due_at: datetime, put_first: bool
    ) -> None:
        """Webhooks to be sent for an event; `put_first` sends what waits for the payment later."""
        with self.writing():
            if put_first:
                self._db.execute(
                    "UPDATE delivery SET due_at = max(due_at, ?) "
                    "WHERE payment_id = ? AND state = 'pending'",
                    (_us(due_at + timedelta(seconds=1)), event.payment_id),
                )
            self._db.executemany(
                "INSERT INTO delivery (event_number, payment_id, due_at) VALUES (?, ?, ?)",
                [(event.number, event.payment_id, _us(due_at))] * copies,
            )

    def due_deliveries(self, now: datetime) -> list[Delivery]:
        """The webhooks to be sent by now, in the order in which they are to be sent."""
        return [_delivery(row) for row in self._db.execute(_DUE_DELIVERIES, (_us(now),))]

    def deliveries_of(self, payment_id: str) -> list[Delivery]:
        """All webhooks of a payment, sent and to be sent."""
        return [_delivery(row) for row in self._db.execute(_DELIVERIES_OF, (payment_id,))]

    def after_attempt(
        self, delivery: Delivery, *, state: str, due_at: datetime, error: str
    ) -> None:
        """Write down how an attempt to deliver went."""
        self._db.execute(
            "UPDATE delivery SET attempts = attempts + 1, state = ?, due_at = ?, last_error = ? "
            "WHERE id = ?",
            (state, _us(due_at), error, delivery.id),
        )

    def events(self, *, after: str | None, since: datetime | None, limit: int) -> list[Event]:
        """Events in the order in which they happened, after one of them or since an instant."""
        sql = """
        SELECT number, id, kind, payment_id, created_at FROM event
        WHERE number > coalesce((SELECT number FROM event WHERE id = ?), 0) AND created_at >= ?
        ORDER BY number LIMIT ?
        """
        start = 0 if since is None else _us(since)
        return [_event(row) for row in self._db.execute(sql, (after, start, limit))]

    def answered(self, key: str) -> tuple[bytes, int, bytes] | None:
        """The question, status and answer that an idempotency key stands for."""
        sql = "SELECT question, status, answer FROM answered WHERE key = ?"
        return self._db.execute(sql, (key,)).fetchone()

    def keep_answer(self, key: str, question: bytes, status: int, answer: bytes) -> None:
        """From now on this key has this answer."""
        self._db.execute(
            "INSERT INTO answered VALUES (?, ?, ?, ?)", (key, question, status, answer)
        )

    def plan_mischief(self, mischief: Mischief) -> None:
        """For the next payment that is made; several wait in line."""
        body = msgspec.json.encode(mischief)
        self._db.execute("INSERT INTO planned_mischief (body) VALUES (?)", (body,))

    def take_mischief(self) -> Mischief:
        """The mischief for the payment being made, usually none."""
        sql = """
        DELETE FROM planned_mischief WHERE number = (SELECT min(number) FROM planned_mischief)
        RETURNING body
        """
        found = self._db.execute(sql).fetchall()
        return msgspec.json.decode(found[0][0], type=Mischief) if found else Mischief()

    def note(self, name: str) -> str | None:
        """A small fact kept under a name."""
        found = self._db.execute("SELECT text FROM note WHERE name = ?", (name,)).fetchone()
        return None if found is None else found[0]

    def write_note(self, name: str, text: str) -> None:
        """Keep a small fact under a name."""
        self._db.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, text))


def _us(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _at(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _event(row: Sequence[object]) -> Event:
    number, event_id, kind, payment_id, created_us = row
    assert isinstance(number, int)
    assert isinstance(created_us, int)
    return Event(
        number=number,
        id=str(event_id),
        kind=str(kind),
        payment_id=str(payment_id),
        created_at=_at(created_us),
    )


def _delivery(row: Sequence[object]) -> Delivery:
    delivery_id, attempts, state, due_us, last_error, *event = row
    assert isinstance(delivery_id, int)
    assert isinstance(attempts, int)
    assert isinstance(due_us, int)
    return Delivery(
        id=delivery_id,
        event=_event(event),
        attempts=attempts,
        state=str(state),
        due_at=_at(due_us),
        last_error=str(last_error),
    )

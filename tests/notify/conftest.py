"""A dispatcher's surroundings: a receiver, an endpoint for it, and news to be told."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from coinwell.base import outbox
from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction, value
from coinwell.notify import (
    Endpoint,
    EndpointWanted,
    NotifyDeps,
    NotifySettings,
    Sender,
    add_endpoint,
    endpoint,
    open_sender,
    secret,
    settle,
)
from coinwell.notify.types import Outcome
from tests.house import house
from tests.notify.receiving import Receiver, library_on, receiving

__all__ = ["house"]

SETTINGS = NotifySettings(master="a master of the tests", private=True)


@dataclass(slots=True)
class Desk:
    """The room as a test uses it."""

    deps: NotifyDeps
    clock: StillClock
    sender: Sender

    @property
    def pool(self) -> Pool:
        return self.deps.pool

    async def enlist(
        self, receiver: Receiver | None = None, *, url: str = "", kinds: tuple[str, ...] = ("*",)
    ) -> Endpoint:
        """An endpoint whose receiver knows the secret."""
        wanted = EndpointWanted(url or (receiver.url if receiver else ""), kinds)
        async with transaction(self.pool) as tx:
            made = await add_endpoint(
                tx, wanted, settings=self.deps.settings, by="tests", now=self.clock.now()
            )
        if receiver is not None:
            receiver.secrets = [secret(made, settings=self.deps.settings)]
        return made

    async def happen(self, about: UUID, kind: str = "gift.sent", **body: Any) -> UUID:
        """A piece of news."""
        async with transaction(self.pool) as tx:
            return await outbox.record(tx, kind=kind, subject=about, body=body, at=self.clock.now())

    async def settle(self) -> int:
        """Everything that is due now."""
        return await settle(self.deps, self.sender)

    async def look(self, endpoint_id: UUID) -> Endpoint:
        """The endpoint as it is now."""
        async with transaction(self.pool) as tx:
            return await endpoint(tx, endpoint_id)

    async def ask(self, sql: Any, *given: Any) -> Any:
        """One value from the database."""
        async with transaction(self.pool) as tx:
            return await value(tx, sql, given)


def people(count: int) -> list[UUID]:
    return [uuid4() for _ in range(count)]


@pytest.fixture
async def desk(
    pool: Pool, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Desk]:
    """The room on the still clock."""
    library_on(clock, monkeypatch)
    async with open_sender(clock, private=True) as sender:
        yield Desk(NotifyDeps(pool, clock, SETTINGS), clock, sender)


class Impatient:
    """Two senders in one: who is slow waits shorter, so that a day of slowness takes no day."""

    def __init__(self, slow: Receiver, hasty: Sender, patient: Sender) -> None:
        self._slow, self._hasty, self._patient = slow, hasty, patient

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        sender = self._hasty if url == self._slow.url else self._patient
        return await sender.send(url, body, headers)


@asynccontextmanager
async def impatient(desk: Desk, slow: Receiver) -> AsyncGenerator[None]:
    """Wait 300 ms for this receiver, and as long as ever for the others."""
    patient, within = desk.sender, timedelta(milliseconds=300)
    async with open_sender(desk.clock, private=True, within=within) as hasty:
        desk.sender = Impatient(slow, hasty, patient)  # type: ignore[assignment]
        yield
        desk.sender = patient


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    """A receiver that takes everything."""
    async with receiving() as listening:
        yield listening

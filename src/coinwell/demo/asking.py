"""How the crowd asks: over HTTP, under a key, again until it is answered, and what came of it."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic, time_ns
from typing import Any, Final
from uuid import uuid4

import httpx2

from coinwell.base.refusal import code_of
from coinwell.demo.drawing import key_of
from coinwell.limits import LimitReached
from coinwell.live import NotEnoughCoins, RoomClosed, RoomOpenAlready
from coinwell.users import AccountRestricted

_TRIES: Final = 40
_PAUSE_S: Final = 0.25
_SERVER_ERROR: Final = 500
_REFUSED: Final = 400
_ABSENT: Final = 404
_ANY_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|pay_[\w-]+|http://[^/]+")
_SLOWEST: Final = 3
_UNEXPLAINED_MAX: Final = 100
# What a crowd runs into by its own doing; any other no is for a person to look at.
EXPLAINED: Final = frozenset(
    code_of(one)
    for one in (
        AccountRestricted,
        LimitReached,
        NotEnoughCoins,
        RoomClosed,
        RoomOpenAlready,
    )
)


class Unanswered(Exception):
    """Nobody answered, however often it was asked; or with a no that nothing explains."""


@dataclass(slots=True)
class Report:
    """What a crowd did, and how it was answered.

    Units: `slowest` has milliseconds from the first try to the answer, the longest first.
    """

    acts: Counter[str] = field(default_factory=Counter[str])
    refusals: Counter[str] = field(default_factory=Counter[str])
    repeats: int = 0
    unexplained: list[str] = field(default_factory=list[str])
    slowest: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    seconds: float = 0.0

    @property
    def explained(self) -> bool:
        """Whether every answer was one that a crowd can run into."""
        return not self.unexplained

    def timed(self, what: str, took_ms: int) -> None:
        """Keep the slowest few."""
        self.slowest = sorted([*self.slowest, (took_ms, what)], reverse=True)[:_SLOWEST]

    def unexplain(self, what: str) -> None:
        """Note an answer that nothing explains."""
        if len(self.unexplained) < _UNEXPLAINED_MAX:
            self.unexplained.append(what)

    def lines(self) -> list[str]:
        """The report for a person."""
        done = ", ".join(f"{count:,} {what}" for what, count in sorted(self.acts.items()))
        no = ", ".join(f"{count:,} {code}" for code, count in sorted(self.refusals.items()))
        slow = ", ".join(f"{what} {took_ms} ms" for took_ms, what in self.slowest)
        return [
            f"{done or 'Nothing was done'} in {self.seconds:.1f} s.",
            f"Refused: {no or 'none'}. Asked again: {self.repeats:,}.",
            f"Slowest: {slow or 'none'}.",
            *(f"Unexplained: {what}" for what in self.unexplained),
        ]


@dataclass(frozen=True, slots=True)
class Asker:
    """The host app's way to the product: an API key, patience, and a report of what came of it."""

    web: httpx2.AsyncClient
    report: Report

    async def get(self, path: str, **params: str) -> httpx2.Response:
        """Ask a question."""
        return await self._ask("GET", path, params=params)

    async def find(self, path: str, **params: str) -> httpx2.Response | None:
        """Ask for something that may not be there."""
        answer = await self._ask("GET", path, absent=True, params=params)
        return None if answer.status_code == _ABSENT else answer

    async def fill_in(self, page: str, fields: Mapping[str, str]) -> None:
        """Send a page's form. Its page says by itself what became of it."""
        await self._ask("POST", page, data=fields)

    async def post(self, path: str, body: Mapping[str, Any]) -> httpx2.Response:
        """Have something done once, however often it has to be said."""
        headers = {"idempotency-key": new_key()}
        return await self._ask("POST", path, json=body, headers=headers)

    async def _ask(
        self, method: str, path: str, *, absent: bool = False, **said: Any
    ) -> httpx2.Response:
        what = f"{method} {_ANY_ID.sub('…', path)}"
        begun, last = monotonic(), ""
        for _ in range(_TRIES):
            try:
                answer = await self.web.request(method, path, **said)
            except httpx2.HTTPError as error:
                last = type(error).__name__
            else:
                if answer.status_code < _SERVER_ERROR:
                    self.report.timed(what, int((monotonic() - begun) * 1_000))
                    if not (absent and answer.status_code == _ABSENT):
                        self._judge(what, answer)
                    return answer
                last = str(answer.status_code)
            self.report.repeats += 1
            await asyncio.sleep(_PAUSE_S)
        self.report.unexplain(f"{what}: {last}")
        raise Unanswered(what)

    def _judge(self, what: str, answer: httpx2.Response) -> None:
        if answer.status_code < _REFUSED:
            return
        code = code_in(answer)
        if code not in EXPLAINED:
            self.report.unexplain(f"{what}: {answer.status_code} {code}")
            raise Unanswered(what)
        self.report.refusals[code] += 1


def code_in(answer: httpx2.Response) -> str:
    """The code of a refusal; empty if it is none."""
    if "json" not in answer.headers.get("content-type", ""):
        return ""
    return str(answer.json().get("code", ""))


def new_key() -> str:
    """A key that nobody has used: the time, and chance."""
    return key_of(uuid4().hex, at_ms=time_ns() // 1_000_000)

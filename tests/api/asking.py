"""Asks the API what it should refuse, and checks the refusal to the letter."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
from psycopg.sql import SQL, Identifier

from coinwell.base.db import transaction
from tests.house import House
from tests.story.test_first_recharge import api_key

# When somebody was last seen may change without anything having happened.
_BESIDE = frozenset({"session", "api_key"})
_RFC_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, after checking all that every one must have."""
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    ), answer.text
    document: dict[str, Any] = answer.json()
    assert document.keys() >= _RFC_MEMBERS
    assert (document["status"], document["code"]) == (status, code), document
    assert document["type"] == f"/problems/{code}"
    assert document["title"]
    assert document["detail"].endswith((".", "!", "?")), document["detail"]
    assert document["instance"] == answer.request.url.path
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


async def contents(house: House) -> dict[str, tuple[int, str]]:
    """The number of rows of each table of ours, and a hash of all that they say."""
    found: dict[str, tuple[int, str]] = {}
    async with transaction(house.installation.pool) as tx:
        tables = await tx.execute(
            "SELECT schemaname, relname FROM pg_stat_user_tables"
            " WHERE schemaname IN"
            " ('base', 'users', 'catalog', 'wallet', 'recharge', 'ledger', 'console')"
        )
        for schema, table in await tables.fetchall():
            if table in _BESIDE:
                continue
            sql = SQL(
                "SELECT count(*), md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), ''))"
                " FROM {}.{} AS t"
            ).format(Identifier(schema), Identifier(table))
            row = await (await tx.execute(sql)).fetchone()
            assert row
            found[f"{schema}.{table}"] = row
    assert {"users.person", "recharge.order", "base.outbox", "base.answer"} <= found.keys()
    return found


@dataclass(slots=True)
class Asker:
    """A program of the host app with a key of all scopes, and somebody to ask about."""

    house: House
    web: httpx2.AsyncClient
    key: str
    user_id: UUID

    async def ask(
        self, method: str, path: str, *, key: str | None = "k", **more: Any
    ) -> httpx2.Response:
        """One request; `{user}` in the path is the person's id."""
        headers = {"authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        if key is not None:
            headers |= {"idempotency-key": key}
        path = path.replace("{user}", str(self.user_id))
        return await self.web.request(method, path, headers=headers, **more)

    async def send(self, method: str, path: str, body: bytes, **headers: str) -> httpx2.Response:
        """One request with a body that is JSON by its word."""
        said = {"content-type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return await self.ask(method, path, content=body, headers=said)


@asynccontextmanager
async def asking(house: House) -> AsyncGenerator[Asker]:
    """Ana is known, and a program may ask everything about her."""
    person = await house.person()
    async with httpx2.AsyncClient(base_url=house.url, timeout=20) as web:
        yield Asker(house, web, await api_key(house), person.id)

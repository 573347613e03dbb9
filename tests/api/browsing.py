"""A browser without scripts: signs in, follows every link, and knows every form there is."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from html import unescape
from uuid import uuid4

import httpx2

from coinwell.app import PAGES
from coinwell.demo import OPERATOR_EMAIL, operator_password
from tests.house import House

_LINK = re.compile(r'(?:href|src|action)="(/[^"]*)"')
_TOKEN = re.compile(r'name="_csrf" value="([^"]+)"')


@asynccontextmanager
async def browser(house: House) -> AsyncGenerator[httpx2.AsyncClient]:
    """With no cookies yet."""
    async with httpx2.AsyncClient(base_url=house.url, timeout=20) as web:
        yield web


async def token(web: httpx2.AsyncClient, page: str) -> str:
    """The hidden field that the forms of a page carry."""
    found = _TOKEN.search((await web.get(page)).text)
    assert found, page
    return found[1]


async def sign_in_operator(
    web: httpx2.AsyncClient, house: House, email: str = OPERATOR_EMAIL
) -> None:
    """As the demo's operator, or as the colleague."""
    said = {
        "_csrf": await token(web, "/console/sign-in"),
        "email": email,
        "password": operator_password(house.settings, email),
    }
    answer = await web.post("/console/sign-in", data=said)
    assert answer.headers["location"] == "/console", answer.text


async def crawl(web: httpx2.AsyncClient, *starts: str) -> dict[str, httpx2.Response]:
    """Every page that can be reached by looking."""
    seen: dict[str, httpx2.Response] = {}
    waiting = list(starts)
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen[path] = answer = await web.get(path)
        if answer.headers.get("content-type", "").startswith("text/html"):
            waiting += [unescape(link).partition("#")[0] for link in _LINK.findall(answer.text)]
    return seen


def form_addresses() -> list[str]:
    """The address of every form that a page can send."""
    return sorted(
        re.sub(r"\{\w+:int\}", "0", re.sub(r"\{\w+:uuid\}", lambda _: str(uuid4()), path))
        for page in PAGES
        for path in page.paths  # type: ignore[union-attr]
        if "POST" in page.http_methods  # type: ignore[union-attr]
    )

"""The users room alone on the web: its pages and routes with the house's own edges."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException

from coinwell.base.clock import StillClock
from coinwell.base.db import Pool, transaction
from coinwell.base.headers import StrictHeaders
from coinwell.base.logs import start_logs
from coinwell.base.refusal import Refusal
from coinwell.base.web import (
    answer_crash,
    answer_framework,
    answer_refusal,
    form_guard,
    json_guard,
    make_templates,
)
from coinwell.settings import Settings
from coinwell.users import ApiScope, NewKey, create_api_key, guards, pages, routes, seal_of
from tests.users.make import NOON

SETTINGS = Settings(secret="a secret of the tests, long enough", log_level="error")
HTTPS = Settings(secret=SETTINGS.secret, public_url="https://coins.example", log_level="error")
DEMO = Settings(secret=SETTINGS.secret, demo=True, log_level="error")


@dataclass(slots=True)
class Site:
    """The room on the web, and what a test needs beside it."""

    pool: Pool
    clock: StillClock
    settings: Settings
    client: httpx2.AsyncClient

    async def key(self, *scopes: ApiScope) -> dict[str, str]:
        """The headers of a new API key."""
        async with transaction(self.pool) as tx:
            _, plain = await create_api_key(
                tx, NewKey("test", scopes), seal=seal_of(self.settings), by="test", now=NOON
            )
        return {"authorization": f"Bearer {plain}"}

    async def form(self, page: str, action: str, **fields: str) -> httpx2.Response:
        """Open a page, and send one of its forms as a browser would."""
        shown = await self.client.get(page)
        token = shown.text.partition('name="_csrf" value="')[2].partition('"')[0]
        assert f'action="{action}"' in shown.text
        assert token
        return await self.client.post(action, data=fields | {"_csrf": token})


def make_app(pool: Pool, clock: StillClock, settings: Settings) -> Any:
    """The room's handlers behind the same guards and answers as in the whole house."""
    keys = guards.key_callers(pool, clock, settings)
    given = {
        "pool": lambda: pool,
        "clock": lambda: clock,
        "settings": lambda: settings,
        "keys": lambda: keys,
    }
    whole = {name: Provide(give, sync_to_thread=False) for name, give in given.items()}
    app = Litestar(
        route_handlers=[
            Router(path="/", route_handlers=pages.PAGES, guards=[form_guard]),
            Router(path="/", route_handlers=routes.ROUTES, guards=[json_guard]),
        ],
        dependencies=whole
        | {
            "caller": Provide(guards.caller),
            "viewer": Provide(guards.viewer),
            "operator": Provide(guards.operator),
        },
        state=State(
            {
                "settings": settings,
                "templates": make_templates(["coinwell.base", "coinwell.users"]),
                "log": start_logs("error"),
            }
        ),
        exception_handlers={
            Refusal: answer_refusal,
            HTTPException: answer_framework,
            Exception: answer_crash,
        },
        openapi_config=None,
        logging_config=None,
    )
    return StrictHeaders(app, form_targets="", https=settings.public_url.startswith("https"))


def open_client(app: Any, settings: Settings) -> httpx2.AsyncClient:
    """A browser with no cookies yet."""
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False),
        base_url=settings.public_url,
        follow_redirects=False,
    )


@pytest.fixture
def settings() -> Settings:
    """An installation on one's own machine, not a demo."""
    return SETTINGS


@pytest.fixture
async def site(pool: Pool, clock: StillClock, settings: Settings) -> AsyncGenerator[Site]:
    """The room on the web."""
    async with open_client(make_app(pool, clock, settings), settings) as client:
        yield Site(pool, clock, settings, client)

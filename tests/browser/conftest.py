"""The whole house and a real Chromium in front of it."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.house import House, house

__all__ = ["house"]

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}

OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def browser() -> AsyncGenerator[Browser]:
    """Chromium; where there is none the tests fail and say what to install."""
    program = find_chromium()
    assert program is not None, "no Chromium: run `make browser`, or install chromium"
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield opened
        await opened.close()


@pytest.fixture
async def open_page(browser: Browser, house: House) -> AsyncIterator[OpenPage]:
    """Opens pages; afterwards no page may have complained or asked a stranger for anything."""
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "status of 4" not in message.text:
            complaints.append(message.text)

    async def open_one(
        *,
        size: dict[str, int] = PHONE,
        scheme: str = "light",
        script: bool = True,
        motion: str = "reduce",
    ) -> Page:
        context = await browser.new_context(
            viewport=size,  # type: ignore[arg-type]
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=script,
            base_url=house.url,
            reduced_motion=motion,  # type: ignore[arg-type]
        )
        page = await context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_default_timeout(10_000)

        def asked(url: str) -> None:
            if not url.startswith((house.url, house.sandbox_url, "data:")):
                complaints.append(f"asked a stranger: {url}")

        page.on("request", lambda request: asked(request.url))
        return page

    yield open_one
    assert not complaints

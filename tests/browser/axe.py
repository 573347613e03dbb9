"""axe-core on a page, with its tags named: without them it skips rules of WCAG 2.2."""

from importlib.resources import files
from typing import Any

from playwright.async_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_SCRIPT = (files("axe_playwright_python") / "axe.min.js").read_text()


async def violations(page: Page) -> list[str]:
    """What axe finds on the page as it is now: rule, target, and what to do."""
    # Through the debugger, not as a script of the page, so that the page's own policy stays on.
    await page.evaluate(_SCRIPT)
    found: dict[str, Any] = await page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS
    )
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]

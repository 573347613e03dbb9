"""All pages of the console, for the app to wire."""

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

from coinwell.console import (
    audit_pages,
    home_pages,
    person_pages,
    price_pages,
    proposal_pages,
    recharge_pages,
)

PAGES: Sequence[ControllerRouterHandler] = (
    *home_pages.PAGES,
    *person_pages.PAGES,
    *recharge_pages.PAGES,
    *proposal_pages.PAGES,
    *price_pages.PAGES,
    *audit_pages.PAGES,
)

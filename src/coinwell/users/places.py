"""The world as data: countries with their minimum ages, time zones, language tags."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from coinwell.users.types import AgeMethod

# One language, then script, region and variants, each at most as BCP 47 (RFC 5646) writes them.
_LANGUAGE: Final = re.compile(
    r"(?P<language>[a-z]{2,3})(-(?P<script>[a-z]{4}))?(-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)",
    re.IGNORECASE,
)
LANGUAGE_LENGTH_MAX: Final = 35


@dataclass(frozen=True, slots=True)
class CountryLaw:
    """What a country asks before real money moves."""

    minimum_age: int
    accepts: frozenset[AgeMethod]


@cache
def countries() -> frozenset[str]:
    """The codes of ISO 3166-1 alpha-2, as the time zone database lists them."""
    table = (files("tzdata.zoneinfo") / "iso3166.tab").read_text("utf-8")
    return frozenset(line[:2] for line in table.splitlines() if line and line[0] != "#")


@cache
def time_zones() -> frozenset[str]:
    """The names of the time zone database; `Factory` means that nobody has set one."""
    names = (files("tzdata") / "zones").read_text("utf-8").split()
    return frozenset(names) - {"Factory"}


@cache
def law_of(country: str) -> CountryLaw:
    """What `country` asks, or the default where it is not named."""
    table = _laws()
    row: dict[str, Any] = table["default"] | table["country"].get(country, {})
    methods = frozenset(AgeMethod(name) for name in row["accepts"])
    return CountryLaw(minimum_age=row["minimum_age"], accepts=methods)


@cache
def _laws() -> dict[str, Any]:
    text = (files("coinwell.users") / "countries.toml").read_text("utf-8")
    table = tomllib.loads(text)
    assert set(table["country"]) <= countries(), "every row is a country"
    return table


def canonical_language(tag: str) -> str | None:
    """A BCP 47 tag as it is usually written (`pt-BR`, `zh-Hant-TW`), or None if it is not one.

    Extensions and private parts are not taken: nothing here would heed them.
    """
    if len(tag) > LANGUAGE_LENGTH_MAX:
        return None
    found = _LANGUAGE.fullmatch(tag)
    if found is None:
        return None
    parts = [found["language"].lower()]
    if found["script"]:
        parts.append(found["script"].title())
    if found["region"]:
        parts.append(found["region"].upper())
    return "-".join(parts) + found["variants"].lower()

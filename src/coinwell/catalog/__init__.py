"""The catalogue: what can be bought, where, and for how much.

A *publication* is one version of the whole catalogue. In it, countries are grouped into
*regions*; each region has a *price list* per currency and channel; a list has *packs*, and a
unit price for every exact amount between them. A *quote* is what an order freezes.

Always:
- nothing published is ever changed; an order names the price list it was quoted by;
- a pack's size costs the pack's price, more coins never cost less, and no amount is cheaper
  in two parts;
- prices are whole minor units, rounded up; no float comes near them.
"""

from coinwell.catalog.linting import PROVIDER_MINIMUMS, lint
from coinwell.catalog.offers import price_list, price_list_by_id, price_lists_of, publications
from coinwell.catalog.publishing import publish, seed, seed_draft
from coinwell.catalog.reading import CatalogUnreadable, read
from coinwell.catalog.rules import exact_price, quote, true_price, true_price_text
from coinwell.catalog.types import (
    AmountTooLarge,
    AmountTooSmall,
    CatalogEmpty,
    CatalogFaulty,
    Channel,
    CountryUnknown,
    Draft,
    Finding,
    NotSoldHere,
    Pack,
    PackOrCoins,
    PackUnknown,
    PriceList,
    PriceListUnknown,
    Publication,
    Quote,
    StartsInThePast,
)

__all__ = [
    "PROVIDER_MINIMUMS", "AmountTooLarge", "AmountTooSmall", "CatalogEmpty", "CatalogFaulty",
    "CatalogUnreadable", "Channel", "CountryUnknown", "Draft", "Finding", "NotSoldHere", "Pack",
    "PackOrCoins", "PackUnknown", "PriceList", "PriceListUnknown", "Publication", "Quote",
    "StartsInThePast",
    "exact_price", "lint", "price_list", "price_list_by_id", "price_lists_of", "publications",
    "publish", "quote", "read", "seed", "seed_draft", "true_price", "true_price_text",
]  # fmt: skip

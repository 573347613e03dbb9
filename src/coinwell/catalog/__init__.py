"""The catalogue: what can be bought, where, and for how much.

A *publication* is one version of the whole catalogue. In it, countries are grouped into
*regions*; each region has a *price list* per currency and channel; a list has *packs*, and a
unit price for every exact amount between them. A *quote* is what an order freezes. A *gift* is
what coins can be given as; a change of it is a new version, with a number of its own.

Always:
- nothing published is ever changed; an order names the price list it was quoted by;
- a pack's size costs the pack's price, more coins never cost less, and no amount is cheaper
  in two parts;
- prices are whole minor units, rounded up; no float comes near them.
"""

# Packed, for a door is read at a glance.
# fmt: off
# isort: off
from coinwell.catalog.diffing import Difference, differences
from coinwell.catalog.drafting import draft_of_plain, newest_draft, plain_draft, preview
from coinwell.catalog.gift_drafts import drawings, lint_gifts, read_gifts
from coinwell.catalog.gift_offers import (
    gift_of, gift_offer, gift_publications, gifts, gifts_of, gifts_of_publication,
)
from coinwell.catalog.gift_publishing import publish_gifts, seed_gifts, seed_gifts_draft
from coinwell.catalog.linting import PROVIDER_MINIMUMS, lint
from coinwell.catalog.offers import price_list, price_list_by_id, price_lists_of, publications
from coinwell.catalog.publishing import publish, seed, seed_draft
from coinwell.catalog.reading import CatalogUnreadable, read
from coinwell.catalog.rules import exact_price, quote, true_price, true_price_text
from coinwell.catalog.types import (
    AmountTooLarge, AmountTooSmall, CatalogEmpty, CatalogFaulty, CatalogMoved, Channel,
    CountryUnknown, Draft, Finding, Gift, GiftDraft, GiftOffer, GiftsDraft, GiftsFaulty, ListDraft,
    NotSoldHere, Pack, PackDraft, PackOrCoins, PackUnknown, PriceList, PriceListUnknown,
    Publication, Quote, StartsInThePast, StartsTooEarly,
)

__all__ = [
    "PROVIDER_MINIMUMS", "AmountTooLarge", "AmountTooSmall", "CatalogEmpty", "CatalogFaulty",
    "CatalogMoved", "CatalogUnreadable", "Channel", "CountryUnknown", "Difference", "Draft",
    "Finding", "Gift", "GiftDraft", "GiftOffer", "GiftsDraft", "GiftsFaulty", "ListDraft",
    "NotSoldHere", "Pack", "PackDraft", "PackOrCoins", "PackUnknown", "PriceList",
    "PriceListUnknown", "Publication", "Quote", "StartsInThePast", "StartsTooEarly",
    "differences", "draft_of_plain", "drawings", "exact_price", "gift_of", "gift_offer",
    "gift_publications", "gifts", "gifts_of", "gifts_of_publication", "lint", "lint_gifts",
    "newest_draft", "plain_draft", "preview", "price_list", "price_list_by_id", "price_lists_of",
    "publications", "publish", "publish_gifts", "quote", "read", "read_gifts", "seed",
    "seed_draft", "seed_gifts", "seed_gifts_draft", "true_price", "true_price_text",
]
# fmt: on

"""Judges a draft before anybody can buy from it; pure, and complete in one pass."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, Overflow
from itertools import pairwise
from types import MappingProxyType

from babel import Locale

from coinwell.base.money import DECIMALS, AmountUnreadable, Money
from coinwell.catalog.rules import step_minor
from coinwell.catalog.types import PPM, Channel, Draft, Finding, ListDraft, PackDraft

# The smallest charge that card providers settle, in minor units; half a dollar or near it.
PROVIDER_MINIMUMS: Mapping[str, int] = MappingProxyType(
    {
        "AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "DKK": 250, "EUR": 50, "GBP": 30,
        "HKD": 400, "IDR": 1_000_000, "INR": 50, "JPY": 50, "KRW": 700, "MXN": 1_000, "MYR": 200,
        "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1_000,
        "USD": 50,
    }
)  # fmt: skip

# Far past any honest recharge: a slip of the hand, not a pack.
COINS_LIMIT = 10_000_000
_MINOR_LIMIT = 10**15
# Short enough that reading a unit price never rounds.
_TEXT_LENGTH_MAX = 20
_PACK_ID = re.compile(r"^[a-z0-9][a-z0-9-]{0,39}$")
_REGION = re.compile(r"^[a-z][a-z0-9-]{0,39}$")
_NOT_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})
COUNTRIES = frozenset(
    code
    for code in map(str, Locale("en").territories)
    if re.fullmatch(r"[A-Z]{2}", code) and code not in _NOT_COUNTRIES
)


@dataclass(frozen=True, slots=True)
class _Priced:
    where: str
    coins: int
    bonus_coins: int
    minor: int


def lint(draft: Draft) -> list[Finding]:
    """Everything that is wrong with a draft, in the order of the file; empty when it may be sold.

    Each finding has a stable code, a place and a sentence; the codes are in the docstrings of
    the functions below.
    """
    return [*_lint_regions(draft), *_lint_coverage(draft), *_lint_lists(draft)]


def unit_ppm(text: str, currency: str) -> int:
    """A unit price like "0.0125" in millionths of a minor unit per coin.

    Refuses: `AmountUnreadable` if it is no number or finer than that.
    """
    if len(text) > _TEXT_LENGTH_MAX:
        raise AmountUnreadable(text[:_TEXT_LENGTH_MAX], currency)
    try:
        scaled = Decimal(text).scaleb(DECIMALS[currency]) * PPM
    except (InvalidOperation, Overflow):
        raise AmountUnreadable(text, currency) from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise AmountUnreadable(text, currency)
    return int(scaled)


def _lint_regions(draft: Draft) -> Iterator[Finding]:
    """Codes: region_unknown, region_name_bad, currency_missing, country_unknown, country_twice."""
    if draft.default_region not in draft.regions:
        sentence = f"The default region {draft.default_region!r} is not described."
        yield Finding("region_unknown", "default_region", sentence)
    seen: dict[str, str] = {}
    for name, region in draft.regions.items():
        if not _REGION.match(name):
            sentence = "A region's name is lower-case letters, digits and dashes."
            yield Finding("region_name_bad", name, sentence)
        if not region.currencies:
            yield Finding("currency_missing", name, "A region needs at least one currency.")
        for country in region.countries:
            if country not in COUNTRIES:
                sentence = f"{country!r} is not a country code of ISO 3166-1."
                yield Finding("country_unknown", name, sentence)
            if country in seen:
                sentence = f"{country} is already in {seen[country]}."
                yield Finding("country_twice", name, sentence)
            seen.setdefault(country, name)


def _lint_coverage(draft: Draft) -> Iterator[Finding]:
    """Codes: list_missing, list_twice, region_unknown, currency_not_in_region."""
    places = Counter((found.region, found.currency, found.channel) for found in draft.lists)
    for name, region in draft.regions.items():
        for currency in region.currencies:
            if not places[name, currency, Channel.WEB.value]:
                sentence = f"There is no web price list for {currency} in {name}."
                yield Finding("list_missing", f"{name} {currency} web", sentence)
    for (name, currency, channel), count in places.items():
        where = f"{name} {currency} {channel}"
        if count > 1:
            yield Finding("list_twice", where, f"There are {count} price lists for this place.")
        if name not in draft.regions:
            yield Finding("region_unknown", where, f"The region {name!r} is not described.")
        elif currency not in draft.regions[name].currencies:
            sentence = f"{currency} is not among the currencies of {name}."
            yield Finding("currency_not_in_region", where, sentence)


def _lint_lists(draft: Draft) -> Iterator[Finding]:
    """Codes: currency_unknown, channel_unknown, minimum_unknown, packs_missing."""
    for found in draft.lists:
        where = f"{found.region} {found.currency} {found.channel}"
        if found.channel not in {channel.value for channel in Channel}:
            sentence = f"{found.channel!r} is not a channel; it is web or app."
            yield Finding("channel_unknown", where, sentence)
        if found.currency not in DECIMALS:
            sentence = f"{found.currency!r} is not a currency that we know the minor units of."
            yield Finding("currency_unknown", where, sentence)
            continue
        if found.currency not in PROVIDER_MINIMUMS:
            sentence = f"The provider's smallest charge in {found.currency} is not known."
            yield Finding("minimum_unknown", where, sentence)
        if not found.packs:
            yield Finding("packs_missing", where, "A price list needs at least one pack.")
        yield from _lint_bounds(found, where)
        priced: list[_Priced] = []
        for pack in found.packs:
            yield from _lint_pack(found, pack, f"{where} {pack.id}", priced)
        yield from _lint_duplicates(found, where)
        yield from _lint_slope(priced)
        yield from _lint_unit_price(found, where, priced)


def _lint_bounds(found: ListDraft, where: str) -> Iterator[Finding]:
    """Codes: bounds_bad, bounds_exclude_pack."""
    if not 0 < found.coins_min <= found.coins_max <= COINS_LIMIT:
        sentence = (
            f"Amounts run from {found.coins_min} to {found.coins_max}; they need whole coins, "
            f"at least 1, at most {COINS_LIMIT:,}, the smaller one first."
        )
        yield Finding("bounds_bad", where, sentence)
    for pack in found.packs:
        if not found.coins_min <= pack.coins <= found.coins_max:
            sentence = f"{pack.coins} coins lie outside {found.coins_min} to {found.coins_max}."
            yield Finding("bounds_exclude_pack", f"{where} {pack.id}", sentence)


def _lint_pack(
    found: ListDraft, pack: PackDraft, where: str, priced: list[_Priced]
) -> Iterator[Finding]:
    """Judge one pack and add it to `priced` if its figures make sense.

    Codes: pack_name_bad, coins_bad, bonus_bad, price_bad, price_not_payable, price_below_minimum.
    """
    if not _PACK_ID.match(pack.id):
        sentence = "A pack's name is lower-case letters, digits and dashes."
        yield Finding("pack_name_bad", where, sentence)
    if pack.coins <= 0:
        yield Finding("coins_bad", where, "A pack has at least one coin.")
    if pack.bonus_coins < 0:
        yield Finding("bonus_bad", where, "Bonus coins cannot be negative.")
    try:
        price = Money.parse(pack.price, found.currency)
    except AmountUnreadable:
        decimals = DECIMALS[found.currency]
        sentence = f"{pack.price!r} is not a price in {found.currency} ({decimals} decimals)."
        yield Finding("price_bad", where, sentence)
        return
    step = step_minor(found.currency)
    if price.minor % step:
        sentence = f"{pack.price} {found.currency} cannot be paid: there is no such small coin."
        yield Finding("price_not_payable", where, sentence)
    minimum = max(PROVIDER_MINIMUMS.get(found.currency, 0), 1)
    if price.minor < minimum:
        least = Money(minimum, found.currency).text()
        sentence = f"{price.text()} is less than providers take; the smallest charge is {least}."
        yield Finding("price_below_minimum", where, sentence)
    if pack.coins > 0 and pack.bonus_coins >= 0 and price.minor > 0:
        priced.append(_Priced(where, pack.coins, pack.bonus_coins, price.minor))


def _lint_duplicates(found: ListDraft, where: str) -> Iterator[Finding]:
    """Codes: pack_twice, size_twice."""
    for name, count in Counter(pack.id for pack in found.packs).items():
        if count > 1:
            yield Finding("pack_twice", f"{where} {name}", f"{count} packs have this name.")
    for coins, count in Counter(pack.coins for pack in found.packs).items():
        if count > 1:
            yield Finding("size_twice", where, f"{count} packs have {coins} coins.")


def _lint_slope(priced: Sequence[_Priced]) -> Iterator[Finding]:
    """Codes: price_falls, unit_price_rises, unit_price_rises_with_bonus."""
    by_size = sorted(priced, key=lambda pack: pack.coins)
    for small, large in pairwise(by_size):
        if small.coins == large.coins:
            continue
        if large.minor <= small.minor:
            sentence = f"It costs no more than the pack of {small.coins} coins."
            yield Finding("price_falls", large.where, sentence)
        if large.minor * small.coins > small.minor * large.coins:
            sentence = f"A coin costs more here than in the pack of {small.coins} coins."
            yield Finding("unit_price_rises", large.where, sentence)
        small_all, large_all = small.coins + small.bonus_coins, large.coins + large.bonus_coins
        if large.minor * small_all > small.minor * large_all:
            sentence = (
                f"Bonus coins counted, a coin costs more than in the pack of {small.coins} coins."
            )
            yield Finding("unit_price_rises_with_bonus", large.where, sentence)


def _lint_unit_price(found: ListDraft, where: str, priced: Sequence[_Priced]) -> Iterator[Finding]:
    """Codes: unit_price_bad, unit_price_too_high, unit_price_too_low, amount_below_minimum."""
    try:
        ppm = unit_ppm(found.unit_price, found.currency)
    except AmountUnreadable:
        ppm = 0
    if ppm <= 0:
        sentence = f"{found.unit_price!r} is not a price per coin."
        yield Finding("unit_price_bad", where, sentence)
        return
    if ppm * min(found.coins_max, COINS_LIMIT) > _MINOR_LIMIT * PPM:
        sentence = f"{found.coins_max} coins would cost more than any sane price."
        yield Finding("unit_price_too_high", where, sentence)
    for pack in priced:
        if ppm * pack.coins < pack.minor * PPM:
            sentence = f"An exact amount would cost less per coin than the {pack.coins} coins do."
            yield Finding("unit_price_too_low", pack.where, sentence)
    step = step_minor(found.currency)
    # The cap by the next pack never goes below a pack's price, which is judged on its own.
    least = -(-found.coins_min * ppm // (PPM * step)) * step
    minimum = PROVIDER_MINIMUMS.get(found.currency, 0)
    if found.coins_min > 0 and least < minimum:
        sentence = (
            f"{found.coins_min} coins would cost {Money(least, found.currency).text()}; providers "
            f"take no less than {Money(minimum, found.currency).text()}."
        )
        yield Finding("amount_below_minimum", where, sentence)

"""Each mistake a price list can have is found, named and placed; good lists pass."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinwell.catalog import CatalogUnreadable, Draft, PriceList, lint, read, seed_draft
from coinwell.catalog.linting import COUNTRIES, PROVIDER_MINIMUMS
from coinwell.catalog.types import ListDraft, PackDraft, RegionDraft
from tests.catalog.drafts import as_draft, price_list, price_lists

GOOD = replace(as_draft(price_list((70, 74), (350, 370), (700, 735))), coins_min=50)


def draft(*lists: ListDraft, regions: dict[str, RegionDraft] | None = None) -> Draft:
    default = {"world": RegionDraft(("USD",), ("US",))}
    return Draft("world", regions or default, lists or (GOOD,), "digest")


def codes(found: Draft) -> set[str]:
    return {finding.code for finding in lint(found)}


def with_pack(number: int, **changes: Any) -> Draft:
    packs = list(GOOD.packs)
    packs[number] = replace(packs[number], **changes)
    return draft(replace(GOOD, packs=tuple(packs)))


def test_the_shipped_catalogue_has_no_finding_and_seven_currencies() -> None:
    found = seed_draft()
    assert lint(found) == []
    assert {each.currency for each in found.lists} == {
        "USD", "EUR", "GBP", "JPY", "KRW", "BRL", "IDR",
    }  # fmt: skip
    for each in found.lists:
        assert [pack.coins for pack in each.packs] == [70, 350, 700, 1400, 3500, 7000, 17500]
    web, app = found.lists[0], found.lists[1]
    assert float(app.packs[0].price) > float(web.packs[0].price)


@given(found=price_lists(), least=st.just(1))
def test_a_list_that_keeps_the_rules_has_no_finding_about_them(
    found: PriceList, least: int
) -> None:
    region = {"world": RegionDraft((found.currency,), ())}
    below = {"price_below_minimum", "amount_below_minimum", "minimum_unknown"}
    assert codes(draft(as_draft(found), regions=region)) <= below


@pytest.mark.parametrize(
    ("number", "changes", "code"),
    [
        (0, {"price": "0.745"}, "price_bad"),
        (0, {"price": "seven"}, "price_bad"),
        (0, {"price": "NaN"}, "price_bad"),
        (0, {"price": "9e999999"}, "price_bad"),
        (0, {"price": "0.7400000000000000000000000000000000001"}, "price_bad"),
        (0, {"price": "-0.74"}, "price_below_minimum"),
        (0, {"price": "0.49"}, "price_below_minimum"),
        (0, {"id": "70 coins!"}, "pack_name_bad"),
        (0, {"id": "coins-350"}, "pack_twice"),
        (0, {"coins": 350}, "size_twice"),
        (0, {"coins": 0}, "coins_bad"),
        (0, {"coins": 49}, "bounds_exclude_pack"),
        (0, {"bonus_coins": -1}, "bonus_bad"),
        (0, {"price": "0.75"}, "unit_price_too_low"),
        (1, {"price": "3.71"}, "unit_price_rises"),
        (2, {"price": "3.70"}, "price_falls"),
        (0, {"bonus_coins": 20}, "unit_price_rises_with_bonus"),
    ],
)
def test_a_mistake_in_a_pack_is_found(number: int, changes: dict[str, Any], code: str) -> None:
    assert codes(draft()) == set()
    found = lint(with_pack(number, **changes))
    assert code in {finding.code for finding in found}
    assert all(finding.where.startswith("world USD web") for finding in found)
    assert all(finding.sentence.endswith(".") for finding in found)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "ZZZ"}, "currency_unknown"),
        ({"currency": "UGX"}, "minimum_unknown"),
        ({"currency": "EUR"}, "currency_not_in_region"),
        ({"channel": "fax"}, "channel_unknown"),
        ({"region": "moon"}, "region_unknown"),
        ({"packs": ()}, "packs_missing"),
        ({"coins_min": 0}, "bounds_bad"),
        ({"coins_max": 10}, "bounds_bad"),
        ({"coins_max": 10**9}, "bounds_bad"),
        ({"coins_min": 46}, "amount_below_minimum"),
        ({"unit_price": "cheap"}, "unit_price_bad"),
        ({"unit_price": "0"}, "unit_price_bad"),
        ({"unit_price": "0.000000001"}, "unit_price_bad"),
        ({"unit_price": "9e99"}, "unit_price_too_high"),
        ({"unit_price": "0.0104"}, "unit_price_too_low"),
    ],
)
def test_a_mistake_in_a_list_is_found(changes: dict[str, Any], code: str) -> None:
    assert code in codes(draft(replace(GOOD, **changes)))


@pytest.mark.parametrize(
    ("regions", "code"),
    [
        ({"europe": RegionDraft(("USD",), ())}, "region_unknown"),
        ({"world": RegionDraft(("USD",), ()), "A b": RegionDraft(("USD",), ())}, "region_name_bad"),
        ({"world": RegionDraft((), ())}, "currency_missing"),
        ({"world": RegionDraft(("USD", "EUR"), ())}, "list_missing"),
        ({"world": RegionDraft(("USD",), ("XX",))}, "country_unknown"),
        ({"world": RegionDraft(("USD",), ("US", "US"))}, "country_twice"),
    ],
)
def test_a_mistake_in_a_region_is_found(regions: dict[str, RegionDraft], code: str) -> None:
    assert code in codes(draft(regions=regions))


def test_a_place_has_one_list() -> None:
    assert "list_twice" in codes(draft(GOOD, GOOD))


def test_yen_and_won_have_no_decimals_and_rupiah_no_sen() -> None:
    def judged(currency: str, price: str, unit_price: str) -> set[str]:
        pack = PackDraft("coins-70", 70, 0, price)
        found = ListDraft("world", currency, "web", unit_price, 70, 1000, (pack,))
        return codes(draft(found, regions={"world": RegionDraft((currency,), ())}))

    assert judged("JPY", "110", "1.58") == set()
    assert judged("JPY", "110.50", "1.58") == {"price_bad"}
    assert judged("KRW", "1090", "16") == set()
    assert judged("KRW", "10.90", "16") == {"price_bad"}
    assert judged("IDR", "12000", "172") == set()
    assert judged("IDR", "12000.50", "172") == {"price_not_payable"}


def test_countries_are_countries() -> None:
    assert {"US", "DE", "ID", "TW", "XK"} <= COUNTRIES
    assert not {"EU", "UN", "ZZ", "001"} & COUNTRIES
    assert set(PROVIDER_MINIMUMS) >= {"USD", "EUR", "GBP", "JPY", "KRW", "BRL", "IDR"}


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"default_region = ",
        b'default_region = "world"',
        b'default_region = "w"\nlists = []\n[regions.w]\ncurrencies = ["USD"]\nsecret = 1',
        b"""
default_region = "w"
regions = {}
[[lists]]
region = "w"
currency = "USD"
channel = "web"
unit_price = 0.01
coins_min = 1
coins_max = 9
packs = []
""",
    ],
)
def test_a_file_of_another_shape_is_refused(content: bytes) -> None:
    with pytest.raises(CatalogUnreadable):
        read(content)

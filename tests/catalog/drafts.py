"""Price lists for tests: any that would pass lint."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import strategies as st

from coinwell.base.money import DECIMALS, Money
from coinwell.catalog import Channel, Pack, PriceList
from coinwell.catalog.rules import step_minor
from coinwell.catalog.types import PPM, ListDraft, PackDraft

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
CURRENCIES = ("USD", "JPY", "IDR", "KWD")


def price_list(
    *packs: tuple[int, int], currency: str = "USD", unit_ppm: int | None = None
) -> PriceList:
    """A list of (coins, minor) packs; the unit price is the dearest pack's, rounded up."""
    made = tuple(Pack(f"coins-{coins}", coins, 0, Money(minor, currency)) for coins, minor in packs)
    dearest = max(-(-minor * PPM // coins) for coins, minor in packs)
    return PriceList(
        id=UUID(int=7),
        version=1,
        region="world",
        currency=currency,
        channel=Channel.WEB,
        unit_ppm=dearest if unit_ppm is None else unit_ppm,
        step_minor=step_minor(currency),
        coins_min=1,
        coins_max=10**6,
        packs=made,
        valid_from=AT,
        published_at=AT,
    )


@st.composite
def price_lists(draw: st.DrawFn) -> PriceList:
    """Prices rise with size and never faster than it; the unit price is no bargain."""
    currency = draw(st.sampled_from(CURRENCIES))
    step = step_minor(currency)
    sizes = sorted(draw(st.sets(st.integers(1, 400), min_size=1, max_size=5)))
    packs = [(sizes[0], draw(st.integers(1, 900)) * step)]
    for size in sizes[1:]:
        last_size, last_minor = packs[-1]
        most = last_minor * size // last_size // step
        if most * step <= last_minor:
            continue
        packs.append((size, draw(st.integers(last_minor // step + 1, most)) * step))
    base = price_list(*packs, currency=currency)
    return replace(base, unit_ppm=base.unit_ppm + draw(st.sampled_from([0, 1, 12_345, 10**6])))


def as_draft(found: PriceList) -> ListDraft:
    """The same list as somebody would write it."""

    def text(minor: int, decimals: int) -> str:
        digits = str(minor).rjust(decimals + 1, "0")
        return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits

    decimals = DECIMALS[found.currency]
    packs = tuple(
        PackDraft(pack.id, pack.coins, pack.bonus_coins, text(pack.price.minor, decimals))
        for pack in found.packs
    )
    return ListDraft(
        found.region,
        found.currency,
        found.channel.value,
        text(found.unit_ppm, decimals + 6),
        found.coins_min,
        found.coins_max,
        packs,
    )

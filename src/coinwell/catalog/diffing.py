"""What differs between two drafts of the catalogue, in words with money and per coin; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from coinwell.base.money import AmountUnreadable, CurrencyUnknown, Money
from coinwell.catalog.types import Draft, ListDraft, PackDraft

T = TypeVar("T")
_HUNDRED = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that would change; `before` is None for what is new, `after` for what goes."""

    where: str  # "us USD web"
    name: str  # "coins-350"
    before: str | None
    after: str | None


def differences(old: Draft, new: Draft) -> list[Difference]:
    """Everything that `new` would change, place by place."""
    found: list[Difference] = []
    if old.default_region != new.default_region:
        found.append(
            Difference("regions", "default region", old.default_region, new.default_region)
        )
    for name, before, after in _paired(_regions(old), _regions(new)):
        if before != after:
            found.append(Difference("regions", name, before, after))
    for where, before, after in _paired(_lists(old), _lists(new)):
        found += _of_list(where, before, after)
    return found


def _of_list(where: str, old: ListDraft | None, new: ListDraft | None) -> Iterator[Difference]:
    frame_old, frame_new = old and _frame(old), new and _frame(new)
    if frame_old != frame_new:
        yield Difference(where, "exact amounts", frame_old, frame_new)
    packs_old = {} if old is None else {pack.id: _pack(pack, old.currency) for pack in old.packs}
    packs_new = {} if new is None else {pack.id: _pack(pack, new.currency) for pack in new.packs}
    for name, before, after in _paired(packs_old, packs_new):
        if before != after:
            yield Difference(where, name, before, after)


def _regions(draft: Draft) -> dict[str, str]:
    return {
        name: f"{', '.join(one.currencies)} in {', '.join(one.countries) or 'all other countries'}"
        for name, one in draft.regions.items()
    }


def _lists(draft: Draft) -> dict[str, ListDraft]:
    return {f"{one.region} {one.currency} {one.channel}": one for one in draft.lists}


def _frame(one: ListDraft) -> str:
    return (
        f"{one.coins_min:,} to {one.coins_max:,} coins, "
        f"{one.unit_price} {one.currency} a coin below the smallest pack"
    )


def _pack(pack: PackDraft, currency: str) -> str:
    bonus = f" + {pack.bonus_coins:,} bonus" if pack.bonus_coins else ""
    try:
        price = Money.parse(pack.price, currency)
    except (AmountUnreadable, CurrencyUnknown):
        return f"{pack.coins:,} coins{bonus} for {pack.price!r} {currency}"
    rate = ""
    if pack.coins > 0:
        hundred = Money(-(-price.minor * _HUNDRED // pack.coins), currency)
        rate = f" ({hundred.text()} per 100 coins)"
    return f"{pack.coins:,} coins{bonus} for {price.text()}{rate}"


def _paired(old: Mapping[str, T], new: Mapping[str, T]) -> Iterator[tuple[str, T | None, T | None]]:
    for name in dict.fromkeys([*old, *new]):
        yield name, old.get(name), new.get(name)

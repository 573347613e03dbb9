"""Gifts as somebody wrote them: read from a file, and judged before anybody can send one."""

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import blake2b, sha256
from importlib import resources
from typing import Any, Final

import msgspec

from coinwell.catalog.reading import CatalogUnreadable
from coinwell.catalog.types import Finding, Gift, GiftDraft, GiftsDraft, PriceList

GIFT_COINS_MAX: Final = 1_000_000  # Far past any honest gift: a slip of the hand.
GIFT_COUNT_MAX: Final = 999  # How many of one gift may be sent at once.
NAME_LENGTH_MAX: Final = 40
_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_ART: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\.svg")
_NUMBER_BITS: Final = 47


class _Gift(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    name: str
    coins: int
    art: str


class _File(msgspec.Struct, forbid_unknown_fields=True):
    gifts: list[_Gift]


def read_gifts(content: bytes) -> GiftsDraft:
    """Read a file of gifts; what it says may still be wrong, and lint says how.

    Refuses: `CatalogUnreadable` if it is not TOML, or has missing, unknown or mistyped fields.
    """
    try:
        tables: Mapping[str, Any] = tomllib.loads(content.decode())
        file = msgspec.convert(tables, _File)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise CatalogUnreadable(str(error)) from None
    drafts = tuple(GiftDraft(one.id, one.name, one.coins, one.art) for one in file.gifts)
    return GiftsDraft(drafts, sha256(content).hexdigest())


def drawings() -> frozenset[str]:
    """The file names of all drawings there are; they lie with the room that shows them."""
    folder = resources.files("coinwell").joinpath("live", "static", "gifts")
    return frozenset(one.name for one in folder.iterdir() if one.name.endswith(".svg"))


def gift_number(draft: GiftDraft) -> int:
    """The number of a version: a hash of what it is, so that the same gift is the same version."""
    content = msgspec.json.encode([draft.id, draft.name, draft.coins, draft.art])
    digest = blake2b(content, digest_size=8, person=b"coinwell gift").digest()
    return max(int.from_bytes(digest) >> (64 - _NUMBER_BITS), 1)


def gift_from(draft: GiftDraft) -> Gift:
    """The version that a draft makes."""
    return Gift(gift_number(draft), draft.id, draft.name, draft.coins, draft.art)


def lint_gifts(
    draft: GiftsDraft, *, lists: Sequence[PriceList], art: Collection[str]
) -> list[Finding]:
    """Everything that is wrong with the gifts, in the order of the file; empty when they may go.

    `lists` are the price lists on sale: nobody may be left with coins that they had to buy for a
    gift and cannot use on it. `art` names the drawings there are.
    """
    found = [*_lint_each(draft, art), *_lint_together(draft)]
    for gift in draft.gifts:
        found += _lint_reach(gift, lists)
    return found


def _lint_each(draft: GiftsDraft, art: Collection[str]) -> Iterator[Finding]:
    """Codes: gifts_missing, gift_id_bad, gift_name_bad, gift_coins_bad, art_missing."""
    if not draft.gifts:
        yield Finding("gifts_missing", "gifts", "There is no gift.")
    for gift in draft.gifts:
        if not _ID.fullmatch(gift.id):
            sentence = "A gift's id is lower-case letters, digits and dashes."
            yield Finding("gift_id_bad", gift.id, sentence)
        if not _named(gift.name):
            sentence = f"A gift's name is 1 to {NAME_LENGTH_MAX} characters on one line."
            yield Finding("gift_name_bad", gift.id, sentence)
        if not 0 < gift.coins <= GIFT_COINS_MAX:
            sentence = f"A gift costs 1 to {GIFT_COINS_MAX:,} coins."
            yield Finding("gift_coins_bad", gift.id, sentence)
        if not _ART.fullmatch(gift.art) or gift.art not in art:
            yield Finding("art_missing", gift.id, f"There is no drawing {gift.art!r}.")


def _named(name: str) -> bool:
    return name == name.strip() and name.isprintable() and 0 < len(name) <= NAME_LENGTH_MAX


def _lint_together(draft: GiftsDraft) -> Iterator[Finding]:
    """Codes: gift_twice, gift_name_twice, gifts_out_of_order, gift_number_taken."""
    for gift_id, count in Counter(gift.id for gift in draft.gifts).items():
        if count > 1:
            yield Finding("gift_twice", gift_id, f"{count} gifts have this id.")
    for name, count in Counter(gift.name.casefold() for gift in draft.gifts).items():
        if count > 1:
            yield Finding("gift_name_twice", name, f"{count} gifts have this name.")
    for cheap, dear in zip(draft.gifts, draft.gifts[1:], strict=False):
        if dear.coins < cheap.coins:
            sentence = f"It stands behind {cheap.id}, which costs more: the cheapest comes first."
            yield Finding("gifts_out_of_order", dear.id, sentence)
    for number, count in Counter(gift_number(gift) for gift in set(draft.gifts)).items():
        if count > 1:  # One in a hundred thousand millions; a letter more in a name helps.
            yield Finding("gift_number_taken", str(number), "Two gifts have the same number.")


def _lint_reach(gift: GiftDraft, lists: Sequence[PriceList]) -> Iterator[Finding]:
    """Codes: gift_out_of_reach.

    A buyer reaches a gift where some number of it costs exactly what can be bought at once, as a
    pack or as an exact amount.
    """
    if gift.coins <= 0:
        return
    for found in lists:
        count = -(-found.coins_min // gift.coins)
        in_bounds = count <= GIFT_COUNT_MAX and count * gift.coins <= found.coins_max
        packs = (pack.coins + pack.bonus_coins for pack in found.packs)
        if not in_bounds and not any(
            coins % gift.coins == 0 and coins // gift.coins <= GIFT_COUNT_MAX for coins in packs
        ):
            sentence = (
                f"No number of it costs what can be bought in {found.region}, {found.currency}, "
                f"{found.channel}: coins would be left over."
            )
            yield Finding("gift_out_of_reach", gift.id, sentence)

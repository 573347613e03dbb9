"""What every room shows of its gifts, made from the ledger's feed: events, totals and the board.

The feed's order numbers the events of a room from one, without gaps, so the tables come out the
same however often they are made again. Only coins that have moved count: a gift that is held
counts when it is posted, by what was posted.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coinwell.base.bus import tell
from coinwell.base.db import Tx
from coinwell.ledger import LEDGER_COINS, Kind, Ledger, Transfer, TransferFlags
from coinwell.live import store_events
from coinwell.live.rules import count_of, number_of
from coinwell.live.store_events import EventRow, LineRow, TotalRow

# Whoever shows rooms listens for this.
NEWS_OF_ROOMS: Final = "coinwell_live"
_NOT_MOVED: Final = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER)
_ASKED_AT_ONCE: Final = 8_000


@dataclass(frozen=True, slots=True)
class FedGift:
    """A gift as the feed tells it; ids are the ledger's numbers, cheaper than anything else.

    Units: `coins` is what moved, for all of `count`.
    """

    transfer_id: int
    at_ns: int
    room_id: int
    sender_id: int
    creator_id: int
    gift_number: int
    count: int
    coins: int


async def gifts_among(ledger: Ledger, transfers: Sequence[Transfer]) -> list[FedGift]:
    """The gifts among these transfers, in their order, with the people whose accounts they name.

    What was given in no room, or between accounts that are nobody's, is no gift of a person.
    """
    given = [one for one in transfers if _is_gift(one)]
    owners = await _owners(ledger, given)
    found: list[FedGift] = []
    for one in given:
        sender, creator = owners[one.debit_account_id], owners[one.credit_account_id]
        if sender and creator:
            number, count = number_of(one), count_of(one)
            found.append(
                FedGift(
                    one.id, one.timestamp, one.user_data_128, sender, creator, number, count,
                    one.amount,
                )
            )  # fmt: skip
    return found


async def project(tx: Tx, gifts: Sequence[FedGift]) -> None:
    """Number the gifts and add them to the totals and boards of their rooms."""
    if not gifts:
        return
    last = defaultdict[int, int](int)
    last.update(await store_events.last_numbers(tx, {one.room_id for one in gifts}))
    events: list[EventRow] = []
    totals: dict[int, TotalRow] = {}
    lines: dict[tuple[int, int], LineRow] = {}
    for one in gifts:
        last[one.room_id] += 1
        number = last[one.room_id]
        events.append(
            (one.room_id, number, one.transfer_id, one.at_ns, one.sender_id, one.creator_id,
             one.gift_number, one.count, one.coins)
        )  # fmt: skip
        _, coins, count = totals.get(one.room_id, (0, 0, 0))
        totals[one.room_id] = (number, coins + one.coins, count + one.count)
        line = one.room_id, one.sender_id
        coins, count, _ = lines.get(line, (0, 0, 0))
        lines[line] = (coins + one.coins, count + one.count, one.at_ns)
    await store_events.add_events(tx, events)
    await store_events.add_totals(tx, totals)
    await store_events.add_lines(tx, lines)
    await tell(tx, NEWS_OF_ROOMS)


def _is_gift(one: Transfer) -> bool:
    return (
        one.code == Kind.GIFT
        and one.ledger == LEDGER_COINS
        and one.user_data_128 != 0
        and not int(one.flags) & _NOT_MOVED
    )


async def _owners(ledger: Ledger, gifts: Sequence[Transfer]) -> dict[int, int]:
    named = {one.debit_account_id for one in gifts} | {one.credit_account_id for one in gifts}
    ids = sorted(named)
    owners: dict[int, int] = {}
    for start in range(0, len(ids), _ASKED_AT_ONCE):
        accounts = await ledger.lookup_accounts(ids[start : start + _ASKED_AT_ONCE])
        owners |= {account.id: account.user_data_128 for account in accounts}
    return owners

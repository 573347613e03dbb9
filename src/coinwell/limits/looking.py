"""Looks in the ledger at what was spent in a window, and which of it carries no leg of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coinwell.base.clock import to_ns
from coinwell.ledger import (
    Account,
    AccountFilter,
    AccountFilterFlags,
    Ledger,
    Transfer,
    TransferFlags,
)
from coinwell.limits import postings
from coinwell.limits.store import Window
from coinwell.limits.types import LimitKind, room_of

_PAGE = 8_189
_NOT_SPENT = TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER


@dataclass(frozen=True, slots=True)
class Sight:
    """What the ledger says of one window.

    `given`, `used` and `room` are of its accounts, zero before they are opened. `uncounted` was
    spent after `window.counted_to_ns` and up to `to_ns` without a leg.
    """

    window: Window
    given: int
    used: int
    room: int
    uncounted: int
    to_ns: int


async def look(
    ledger: Ledger, windows: Sequence[Window], before: Mapping[Window, Sequence[Window]]
) -> list[Sight]:
    """What the ledger says of each of these windows; `before` has those that ended before it."""
    found: list[tuple[Window, int, int]] = []
    for window in windows:
        uncounted, to_ns_ = 0, window.counted_to_ns
        if window.kind is LimitKind.COINS:
            uncounted, to_ns_ = await _uncounted(ledger, window, before[window])
        found.append((window, uncounted, to_ns_))
    accounts = await accounts_of(ledger, windows)
    sights: list[Sight] = []
    for window, uncounted, to_ns_ in found:
        limit, used = accounts.get(window.account_id), accounts.get(window.used_account_id)
        if limit is None or used is None:
            sights.append(Sight(window, 0, 0, 0, uncounted, to_ns_))
            continue
        given, through = postings.given_of(limit, used), postings.used_of(used)
        sights.append(Sight(window, given, through, room_of(limit), uncounted, to_ns_))
    return sights


async def accounts_of(ledger: Ledger, windows: Sequence[Window]) -> dict[int, Account]:
    """The accounts of these windows as of one moment, by id; unopened ones are missing."""
    ids = [one for window in windows for one in (window.account_id, window.used_account_id)]
    return {account.id: account for account in await ledger.lookup_accounts(ids)}


async def _uncounted(ledger: Ledger, window: Window, before: Sequence[Window]) -> tuple[int, int]:
    """What was spent and not counted yet, and the time up to which this is so.

    A chain is committed whole, so whatever spend is read first has its legs there when they are
    read after it. A spend that was asked for before the window began and posted in it carries a
    leg of the window before, and counts there.
    """
    start_ns, end_ns = to_ns(window.starts_at), to_ns(window.ends_at) - 1
    from_ns = max(start_ns, window.counted_to_ns + 1)
    wallet = postings.wallet_id(window.user_id)
    debits = await _history(ledger, wallet, AccountFilterFlags.DEBITS, from_ns, end_ns)
    spends = [one for one in debits if one.code in postings.SPENDS and not one.flags & _NOT_SPENT]
    if not debits:
        return 0, window.counted_to_ns
    counted: set[int] = set()
    if spends:
        for used_id in (window.used_account_id, *(one.used_account_id for one in before)):
            # Legs stand behind their spend, so none is older than the first of these.
            legs = await _history(
                ledger, used_id, AccountFilterFlags.CREDITS, spends[0].timestamp, 0
            )
            counted |= {leg.user_data_128 for leg in legs}
    uncounted = sum(one.amount for one in spends if one.id not in counted)
    return uncounted, debits[-1].timestamp


async def _history(
    ledger: Ledger, account_id: int, side: AccountFilterFlags, from_ns: int, to_ns_: int
) -> list[Transfer]:
    found: list[Transfer] = []
    while True:
        wanted = AccountFilter(
            account_id, timestamp_min=from_ns, timestamp_max=to_ns_, limit=_PAGE, flags=side
        )
        page = await ledger.get_account_transfers(wanted)
        found += page
        if len(page) < _PAGE:
            return found
        from_ns = page[-1].timestamp + 1

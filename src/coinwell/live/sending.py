"""Gifts: asked, posted, answered. Nothing is written but the ledger's own rows.

The request is frozen by its key: the id of its transfer is a function of sender and key, so
however often it is sent, from wherever, the ledger decides it once. A refusal is final too. Where
the ledger itself said no, the id is spent; where one of our own rules says no, the id is taken by
a row that moves nothing, so that a twin which passed the rules a moment ago, and is still on its
way, can never land after somebody was told "no". Whoever asks again reads what happened.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from coinwell.base.idempotency import KeyReused
from coinwell.base.refusal import Refusal
from coinwell.catalog import Gift
from coinwell.ledger import CreateTransferResult, CreateTransferStatus, Kind, Transfer
from coinwell.limits import open_windows
from coinwell.live.judging import Known, Objected, Ready, judge
from coinwell.live.knowing import LiveDeps
from coinwell.live.refusals import AccountClosed, GiftRefusedBefore, NotEnoughCoins
from coinwell.live.rules import (
    ISSUED,
    REDEEMED,
    earned_account,
    gift_transfer_id,
    number_of,
    refusal_row,
    refusing_leg,
    same_content,
    sent_from,
)
from coinwell.live.types import GiftSent, GiftWish

_Status = CreateTransferStatus
_CLOSED: Final = frozenset(
    {_Status.DEBIT_ACCOUNT_ALREADY_CLOSED, _Status.CREDIT_ACCOUNT_ALREADY_CLOSED}
)
# An account that never was holds nothing, and a spent id was refused for that reason before.
_SHORT: Final = frozenset(
    {_Status.EXCEEDS_CREDITS, _Status.DEBIT_ACCOUNT_NOT_FOUND, _Status.ID_ALREADY_FAILED}
)
_TAKEN: Final = frozenset(one for one in _Status if one.name.startswith("EXISTS_WITH_DIFFERENT"))
_REFUSED: Final = frozenset({_Status.CREATED, _Status.EXISTS, _Status.ID_ALREADY_FAILED})

Said = GiftSent | Refusal


async def send_gifts(deps: LiveDeps, wishes: Sequence[GiftWish]) -> list[Said]:
    """Give all of `wishes` that can be given; an answer each, in order, none harms another.

    What cannot be answered for certain (the ledger is away) raises, and is sent again.

    Refuses, as answers: `UserUnknown`, `RoomUnknown`, `OwnRoom`; `AgeUnknown`, `UnderAge`,
        `AccountRestricted`; `RoomClosed`, `GiftUnknown`, `GiftPriceChanged`; `LimitReached`;
        `NotEnoughCoins`, `AccountClosed`; `KeyReused` for other content, `GiftRefusedBefore`.
    """
    if not wishes:
        return []
    known = await _known(deps, wishes)
    installation = await deps.installation()
    judged = [judge(wish, known, installation) for wish in wishes]
    said: dict[int, Said] = {}
    ready: dict[int, Ready] = {}
    objected: dict[int, Objected] = {}
    for place, one in enumerate(judged):
        if isinstance(one, Ready):
            ready[place] = one
        elif one.always:
            said[place] = one.no
        else:
            objected[place] = one
    taken: dict[int, Ready | Objected] = {}
    await _post(deps, ready, said, objected, taken)
    await _refuse(deps, objected, said, taken)
    await _look(deps, known, taken, said)
    return [said[place] for place in range(len(wishes))]


async def send_gift(deps: LiveDeps, wish: GiftWish) -> GiftSent:
    """Give one gift.

    Refuses: what `send_gifts` answers.
    """
    (answer,) = await send_gifts(deps, [wish])
    if isinstance(answer, Refusal):
        raise answer
    return answer


async def _known(deps: LiveDeps, wishes: Sequence[GiftWish]) -> Known:
    """What must be known, with every window open that a limit of a sender needs."""
    senders = {wish.sender_id for wish in wishes}
    while True:
        known = await deps.known.ask(wishes)
        if not known.guards:
            return known
        shut = [
            sender
            for sender in senders
            if (guard := known.guards.get(sender)) is not None and not guard.opened
        ]
        if not shut:
            return known
        for sender in shut:
            await open_windows(deps.pool, deps.ledger, sender, now=deps.clock.now())


async def _post(
    deps: LiveDeps,
    ready: Mapping[int, Ready],
    said: dict[int, Said],
    objected: dict[int, Objected],
    taken: dict[int, Ready | Objected],
) -> None:
    if not ready:
        return
    await deps.ensure([earned_account(one.room.creator_id) for one in ready.values()])
    members = [transfer for one in ready.values() for transfer in one.chain]
    results = await deps.ledger.create_transfers(members)
    first = 0
    for place, one in ready.items():
        of_chain = results[first : first + len(one.chain)]
        first += len(one.chain)
        result = of_chain[0]
        if result.status is _Status.CREATED or result.status is _Status.EXISTS:
            replayed = result.status is _Status.EXISTS
            said[place] = one.sent(timestamp_ns=result.timestamp, replayed=replayed)
        elif result.status in _TAKEN:
            taken[place] = one
        elif result.status in _SHORT:
            said[place] = NotEnoughCoins(one.coins)
        elif result.status in _CLOSED:
            said[place] = AccountClosed()
        else:
            leg = _refused_leg(one, of_chain)
            no = await _limit_reached(deps, one, leg)
            objected[place] = Objected(one.wish, no, always=False, leg=leg)


def _refused_leg(one: Ready, results: Sequence[CreateTransferResult]) -> str:
    # The gift's own leg was undone because one behind it was refused.
    place = next(
        place
        for place, result in enumerate(results)
        if result.status is not _Status.LINKED_EVENT_FAILED
    )
    assert results[place].status in _SHORT, results[place].status.name
    return one.legs[place - 1]


async def _limit_reached(deps: LiveDeps, one: Ready, leg: str) -> Refusal:
    assert one.guard is not None
    account_id = one.chain[1 + one.legs.index(leg)].debit_account_id
    accounts = await deps.ledger.lookup_accounts([account_id])
    return one.guard.refused(leg, coins=one.coins, account=accounts[0] if accounts else None)


async def _refuse(
    deps: LiveDeps,
    objected: Mapping[int, Objected],
    said: dict[int, Said],
    taken: dict[int, Ready | Objected],
) -> None:
    """Make each objection final, unless the gift stands already."""
    if not objected:
        return
    await deps.ensure([ISSUED, REDEEMED])
    installation = await deps.installation()
    rows = [refusal_row(one.wish, installation, one.leg) for one in objected.values()]
    results = await deps.ledger.create_transfers(rows)
    for (place, one), result in zip(objected.items(), results, strict=True):
        if result.status in _REFUSED:
            said[place] = one.no
        else:
            assert result.status in _TAKEN, result.status.name
            taken[place] = one


async def _look(
    deps: LiveDeps, known: Known, taken: Mapping[int, Ready | Objected], said: dict[int, Said]
) -> None:
    """Answer those whose key names something already: the same gift, or another."""
    if not taken:
        return
    installation = await deps.installation()
    ids = {
        place: gift_transfer_id(installation, one.wish.sender_id, one.wish.key)
        for place, one in taken.items()
    }
    found = await deps.ledger.lookup_transfers(sorted(set(ids.values())))
    by_id = {transfer.id: transfer for transfer in found}
    gifts = {number_of(transfer) for transfer in found if transfer.code == Kind.GIFT}
    versions = await deps.gift_versions(gifts)
    for place, one in taken.items():
        transfer = by_id[ids[place]]
        if transfer.code == Kind.GIFT_REFUSED:
            said[place] = await _same_refusal(deps, one, transfer)
        else:
            gift = versions[number_of(transfer)]
            said[place] = _same_gift(one.wish, transfer, known, gift)


async def _same_refusal(deps: LiveDeps, one: Ready | Objected, row: Transfer) -> Refusal:
    if isinstance(one, Objected):
        return one.no
    leg = refusing_leg(row)
    if leg in one.legs:
        return await _limit_reached(deps, one, leg)
    return GiftRefusedBefore(one.wish.key)


def _same_gift(wish: GiftWish, transfer: Transfer, known: Known, gift: Gift) -> Said:
    if not same_content(wish, transfer, gift):
        return KeyReused(wish.key)
    room = known.rooms[wish.room_id]
    return sent_from(transfer, sender_id=wish.sender_id, room=room, gift=gift)

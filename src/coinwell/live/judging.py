"""Whether a wish may go to the ledger, by what is known: pure, for any number of wishes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from coinwell.base.clock import from_ns
from coinwell.base.refusal import Refusal
from coinwell.catalog import Gift
from coinwell.ledger import Transfer
from coinwell.limits import LimitReached, SpendGuard
from coinwell.live.refusals import OwnRoom, RoomUnknown
from coinwell.live.rules import chain_of, objection
from coinwell.live.types import GiftSent, GiftWish, Room
from coinwell.users import User, UserUnknown


@dataclass(frozen=True, slots=True)
class Known:
    """What was true when it was read: senders or why they may not, rooms, gifts, limits."""

    senders: Mapping[UUID, User | Refusal]
    rooms: Mapping[UUID, Room]
    offer: Mapping[str, Gift]
    guards: Mapping[UUID, SpendGuard]


@dataclass(frozen=True, slots=True)
class Ready:
    """A wish that nothing speaks against but the ledger: its chain, the gift's transfer first."""

    wish: GiftWish
    room: Room
    gift: Gift
    guard: SpendGuard | None
    legs: Sequence[str]  # The names of the limit legs, in the order of the chain.
    chain: Sequence[Transfer]

    @property
    def coins(self) -> int:
        """What the gift takes from the sender."""
        return self.gift.coins * self.wish.count

    def sent(self, *, timestamp_ns: int, replayed: bool) -> GiftSent:
        """The answer once the transfer stands."""
        return GiftSent(
            transfer_id=self.chain[0].id,
            sender_id=self.wish.sender_id,
            creator_id=self.room.creator_id,
            room_id=self.room.id,
            gift=self.gift,
            count=self.wish.count,
            coins=self.coins,
            at=from_ns(timestamp_ns),
            replayed=replayed,
        )


@dataclass(frozen=True, slots=True)
class Objected:
    """A wish that a rule speaks against.

    `always` if it could never have been otherwise, so that no twin of it can be on its way.
    """

    wish: GiftWish
    no: Refusal
    always: bool
    leg: str = ""  # The limit leg that the ledger refused, where it was one.


def judge(  # noqa: PLR0911 - a ladder of objections, one rung a line.
    wish: GiftWish, known: Known, installation: UUID
) -> Ready | Objected:
    """Whether this wish may go to the ledger, and with which transfers."""
    sender = known.senders[wish.sender_id]
    room = known.rooms.get(wish.room_id)
    if isinstance(sender, UserUnknown):
        return Objected(wish, sender, always=True)
    if room is None:
        return Objected(wish, RoomUnknown(wish.room_id), always=True)
    if room.creator_id == wish.sender_id:
        return Objected(wish, OwnRoom(room.id), always=True)
    if isinstance(sender, Refusal):
        return Objected(wish, sender, always=False)
    gift = objection(wish, room, known.offer.get(wish.gift_id))
    if isinstance(gift, Refusal):
        return Objected(wish, gift, always=False)
    guard = known.guards.get(wish.sender_id)
    try:
        legs = guard.legs(gift.coins * wish.count) if guard else ()
    except LimitReached as reached:
        return Objected(wish, reached, always=False)
    chain = chain_of(wish, room, gift, legs, installation)
    return Ready(wish, room, gift, guard, [leg.name for leg in legs], chain)

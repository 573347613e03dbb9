"""A gift is given once under its key; a refusal says why, takes nothing, and is final."""

import asyncio
from datetime import date
from uuid import uuid4

import pytest

from coinwell.base.idempotency import KeyReused
from coinwell.base.refusal import Refusal
from coinwell.live import (
    GiftPriceChanged,
    GiftRefusedBefore,
    GiftSent,
    GiftUnknown,
    LiveDeps,
    NotEnoughCoins,
    OwnRoom,
    RoomClosed,
    RoomUnknown,
    send_gift,
)
from coinwell.users import AccountRestricted, AgeUnknown, UnderAge, UserUnknown
from tests.live.stage import Stage, refused


async def test_a_gift_moves_its_coins_from_the_sender_to_the_creator(stage: Stage) -> None:
    said = await stage.send_one(stage.wish(gift_id="lantern", count=3))
    assert isinstance(said, GiftSent)
    assert (said.gift.id, said.count, said.coins) == ("lantern", 3, 297)
    assert (said.sender_id, said.creator_id) == (stage.viewer_id, stage.creator_id)
    assert said.room_id == stage.room.id
    assert said.at == stage.clock.now()
    assert not said.replayed
    assert await stage.coins() == 1_000 - 297
    assert await stage.earned() == 297
    await stage.books_balance()


async def test_a_repeat_gets_the_first_answer_and_takes_nothing_more(stage: Stage) -> None:
    first = await stage.send_one(stage.wish())
    stage.clock.advance(hours=3)
    again = await stage.send_one(stage.wish())
    assert isinstance(first, GiftSent)
    assert isinstance(again, GiftSent)
    assert again.replayed
    assert as_shown(again) == as_shown(first)
    assert await stage.coins() == 999


async def test_a_repeat_after_a_price_change_gets_the_first_answer(stage: Stage) -> None:
    first = await stage.send_one(stage.wish(coins=1))
    await stage.offer(("rose", 7))
    again = await stage.send_one(stage.wish(coins=1))
    unseen = await stage.send_one(stage.wish())
    assert as_shown(again) == as_shown(first) == as_shown(unseen)
    assert await stage.coins() == 999


async def test_a_repeat_is_answered_whatever_became_of_room_gift_and_sender(stage: Stage) -> None:
    first = await stage.send_one(stage.wish())
    await stage.offer(("kite", 3))
    assert as_shown(await stage.send_one(stage.wish())) == as_shown(first)
    await stage.restrict()
    assert as_shown(await stage.send_one(stage.wish())) == as_shown(first)
    await stage.close()
    assert as_shown(await stage.send_one(stage.wish())) == as_shown(first)
    assert await stage.coins() == 999


async def test_other_content_under_a_used_key_is_refused(stage: Stage) -> None:
    await stage.send(stage.wish(), stage.wish("other"))
    carla = await stage.person("carla")
    elsewhere = await stage.open(carla)
    changed = [
        stage.wish(gift_id="heart"),
        stage.wish(count=2),
        stage.wish(room_id=elsewhere.id),
    ]
    for wish in changed:
        assert isinstance(await stage.send_one(wish), KeyReused)
    await stage.close(elsewhere.id)
    assert isinstance(await stage.send_one(changed[2]), KeyReused)
    assert await stage.coins() == 998


async def test_a_key_is_the_senders_own(stage: Stage) -> None:
    carla = await stage.person("carla")
    await stage.fund(carla, 10)
    said = await stage.send(stage.wish(), stage.wish(sender_id=carla))
    assert refused(said) == ["sent", "sent"]
    assert await stage.earned() == 2


async def test_too_few_coins_take_nothing_and_stay_refused(stage: Stage) -> None:
    said = await stage.send_one(stage.wish(gift_id="whale"))
    assert isinstance(said, NotEnoughCoins)
    assert said.coins == 5_000
    await stage.fund(stage.viewer_id, 10_000)
    again = await stage.send_one(stage.wish(gift_id="whale"))
    assert isinstance(again, NotEnoughCoins)
    assert await stage.coins() == 11_000
    assert refused([await stage.send_one(stage.wish("new key", "whale"))]) == ["sent"]


async def test_somebody_who_never_had_coins_has_not_enough(stage: Stage) -> None:
    carla = await stage.person("carla")
    said = await stage.send_one(stage.wish(sender_id=carla))
    assert isinstance(said, NotEnoughCoins)
    await stage.fund(carla, 10)
    assert isinstance(await stage.send_one(stage.wish(sender_id=carla)), NotEnoughCoins)


async def test_another_price_than_the_one_seen_moves_nothing(stage: Stage) -> None:
    await stage.offer(("rose", 7))
    said = await stage.send_one(stage.wish(coins=1))
    assert isinstance(said, GiftPriceChanged)
    assert (said.gift_id, said.seen_coins, said.coins) == ("rose", 1, 7)
    agreed = await stage.send_one(stage.wish(coins=7))
    assert isinstance(agreed, GiftRefusedBefore), "the key was refused, so it stays refused"
    assert refused([await stage.send_one(stage.wish("new key", coins=7))]) == ["sent"]
    assert await stage.coins() == 993


async def test_the_total_is_for_all_of_the_count(stage: Stage) -> None:
    said = await stage.send(
        stage.wish("a", "heart", count=3, coins=5), stage.wish("b", "heart", count=3, coins=15)
    )
    assert refused(said) == ["gift_price_changed", "sent"]


async def test_what_can_never_be_is_refused_without_a_trace(stage: Stage) -> None:
    said = await stage.send(
        stage.wish(sender_id=uuid4()),
        stage.wish(room_id=uuid4()),
        stage.wish(sender_id=stage.creator_id),
    )
    assert [type(one) for one in said] == [UserUnknown, RoomUnknown, OwnRoom]
    assert refused([await stage.send_one(stage.wish())]) == ["sent"]


async def test_a_gift_that_is_not_on_offer_cannot_be_sent(stage: Stage) -> None:
    assert isinstance(await stage.send_one(stage.wish(gift_id="never")), GiftUnknown)
    await stage.offer(("kite", 3))
    assert isinstance(await stage.send_one(stage.wish("b")), GiftUnknown)
    assert refused([await stage.send_one(stage.wish("c", "kite"))]) == ["sent"]


async def test_gifts_begin_when_their_publication_does(stage: Stage) -> None:
    before = await stage.send_one(stage.wish("a", coins=1))
    await stage.offer(("rose", 2))
    after = await stage.send_one(stage.wish("b", coins=2))
    assert refused([before, after]) == ["sent", "sent"]


async def test_a_closed_room_takes_no_gift(stage: Stage) -> None:
    await stage.close()
    assert isinstance(await stage.send_one(stage.wish()), RoomClosed)
    assert await stage.gift_rows() == 0


async def test_age_and_restrictions_are_asked(stage: Stage) -> None:
    child = await stage.person("kim", birth_on=date(2015, 1, 1))
    unknown = await stage.person("lee", birth_on=None)
    placed = await stage.restrict()
    said = await stage.send(
        stage.wish(sender_id=child), stage.wish(sender_id=unknown), stage.wish()
    )
    assert [type(one) for one in said] == [UnderAge, AgeUnknown, AccountRestricted]
    await stage.lift(placed)
    assert isinstance(await stage.send_one(stage.wish()), GiftRefusedBefore)
    assert refused([await stage.send_one(stage.wish("new key"))]) == ["sent"]


async def test_a_batch_answers_each_in_order_and_none_harms_another(stage: Stage) -> None:
    said = await stage.send(
        stage.wish("1"),
        stage.wish("2", "galaxy"),
        stage.wish("1"),
        stage.wish("3", room_id=uuid4()),
        stage.wish("1", count=2),
        stage.wish("4", "never"),
        stage.wish("5", "kite", count=4),
    )
    assert refused(said) == [
        "sent",
        "not_enough_coins",
        "sent",
        "room_unknown",
        "key_reused",
        "gift_unknown",
        "sent",
    ]
    assert as_shown(said[2]) == as_shown(said[0])
    assert await stage.coins() == 1_000 - 1 - 4 * 199
    await stage.books_balance()


async def test_an_empty_batch_has_no_answers(stage: Stage) -> None:
    assert await stage.send() == []


async def test_one_gift_raises_its_refusal(stage: Stage) -> None:
    with pytest.raises(RoomUnknown):
        await send_gift(stage.deps, stage.wish(room_id=uuid4()))


async def test_a_refusal_is_final_even_for_a_twin_that_passed_the_rules_before(
    stage: Stage,
) -> None:
    """A twin is on its way when the room closes; whoever repeats gets an answer that holds."""
    held = HeldLedger(stage)
    slow = LiveDeps(pool=stage.pool, ledger=held, clock=stage.clock)  # type: ignore[arg-type]
    twin = asyncio.create_task(send_gift(slow, stage.wish()))
    await held.reached.wait()
    await stage.close()
    assert isinstance(await stage.send_one(stage.wish()), RoomClosed)
    held.release.set()
    with pytest.raises(GiftRefusedBefore):
        await twin
    assert await stage.coins() == 1_000
    assert await stage.gift_rows() == 0


class HeldLedger:
    """The ledger, with gifts held up on their way until they are released."""

    def __init__(self, stage: Stage) -> None:
        self._ledger = stage.ledger
        self.reached, self.release = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    async def create_transfers(self, transfers: object) -> object:
        self.reached.set()
        await self.release.wait()
        return await self._ledger.create_transfers(transfers)  # type: ignore[arg-type]


def as_shown(said: GiftSent | Refusal) -> tuple[object, ...]:
    """All of an answer but whether it is a repeat."""
    assert isinstance(said, GiftSent), said
    return (
        said.transfer_id,
        said.sender_id,
        said.creator_id,
        said.room_id,
        said.gift,
        said.count,
        said.coins,
        said.at,
    )

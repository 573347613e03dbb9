"""What a payer does: sends a card, orders a bank transfer, answers the bank, gives up.

Used by the page and by the failure studio alike.
"""

from coinwell.recharge.providers.sandbox.server import rules
from coinwell.recharge.providers.sandbox.server.cards import Card
from coinwell.recharge.providers.sandbox.server.types import Payment
from coinwell.recharge.providers.sandbox.server.world import World


async def pay_by_card(world: World, payment_id: str, card: Card) -> Payment:
    """Send a card. Sent twice, it is captured once."""
    payment = world.change(payment_id, lambda one, now: rules.pay_by_card(one, card, now))
    return await _told(world, payment)


async def answer_challenge(world: World, payment_id: str, *, confirmed: bool) -> Payment:
    """Confirm or refuse at the bank."""
    payment = world.change(
        payment_id, lambda one, now: rules.answer_challenge(one, now, confirmed=confirmed)
    )
    return await _told(world, payment)


async def pay_by_transfer(world: World, payment_id: str, *, arrives: bool) -> Payment:
    """Order a bank transfer, which takes its time."""
    takes_s = world.settings.transfer_s
    payment = world.change(
        payment_id,
        lambda one, now: rules.pay_by_transfer(one, now, takes_s=takes_s, arrives=arrives),
    )
    return await _told(world, payment)


def give_up(world: World, payment_id: str) -> Payment:
    """Cancel, if there is still something to cancel."""
    if world.payment(payment_id).state in rules.OPEN:
        return world.change(payment_id, rules.cancel)
    return world.payment(payment_id)


async def _told(world: World, payment: Payment) -> Payment:
    """With that mischief the shop hears of it before the payer is answered."""
    if payment.mischief.webhook_first:
        await world.courier.deliver_due()
    return payment

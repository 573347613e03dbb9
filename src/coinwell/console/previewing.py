"""What a proposal would do, shown before anybody agrees: postings, and the balances after."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coinwell.base.db import Pool, transaction
from coinwell.base.money import Money
from coinwell.base.refusal import Refusal
from coinwell.base.web import coins_text
from coinwell.catalog import (
    Channel,
    Difference,
    differences,
    draft_of_plain,
    newest_draft,
    price_list,
    true_price_text,
)
from coinwell.console.types import Proposal, ProposalKind
from coinwell.ledger import Ledger
from coinwell.recharge import Order, order_of
from coinwell.users import User, user
from coinwell.wallet import balance


@dataclass(frozen=True, slots=True)
class Posting:
    """One movement in the books: from where to where, how much."""

    payer: str
    payee: str
    amount: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A balance as it is now and as it would be."""

    name: str
    now: str
    after: str
    possible: bool = True


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that a second person needs to see before they agree."""

    person: User | None = None
    order: Order | None = None
    postings: tuple[Posting, ...] = ()
    figures: tuple[Figure, ...] = ()
    differences: tuple[Difference, ...] = ()
    begins_at: datetime | None = None
    worth: str = ""  # What the coins are worth in money, at the person's own prices.
    coins: int = 0
    money: Money | None = None


async def preview_of(pool: Pool, ledger: Ledger, proposal: Proposal, now: datetime) -> Preview:
    """What would happen if it were carried out now."""
    if proposal.kind is ProposalKind.PUBLISH:
        return await _of_prices(pool, proposal)
    said = proposal.payload
    order: Order | None = None
    async with transaction(pool) as tx:
        if proposal.kind is ProposalKind.ADJUST:
            user_id = UUID(said["user_id"])
        else:
            order = await order_of(tx, UUID(said["order_id"]))
            user_id = order.user_id
        person = await user(tx, user_id)
    coins = said["coins"] if proposal.kind is not ProposalKind.REFUND else -said["coins"]
    money = None
    if proposal.kind is ProposalKind.REFUND:
        money = Money(said["amount_minor"], said["currency"])
    return Preview(
        person=person,
        order=order,
        postings=_postings(proposal.kind, coins, money, order),
        figures=(await _coins_after(ledger, user_id, coins),) if coins else (),
        worth=await worth_of(pool, person, abs(coins), now),
        coins=coins,
        money=money,
    )


async def worth_of(pool: Pool, person: User, coins: int, now: datetime) -> str:
    """What coins cost this person at most; empty where nothing is on sale for them."""
    try:
        async with transaction(pool) as tx:
            prices = await price_list(
                tx, country=person.country, currency=None, channel=Channel.WEB, now=now
            )
    except Refusal:
        return ""
    return true_price_text(prices, coins)


def _postings(
    kind: ProposalKind, coins: int, money: Money | None, order: Order | None
) -> tuple[Posting, ...]:
    wallet, amount = "wallet", coins_text(abs(coins))
    match kind:
        case ProposalKind.ADJUST if coins > 0:
            return (Posting("issued", wallet, amount),)
        case ProposalKind.ADJUST:
            return (Posting(wallet, "returned", amount),)
        case ProposalKind.REFUND:
            assert money is not None
            assert order is not None
            back = Posting("deferred revenue", f"clearing, {order.provider}", money.text())
            held = Posting(wallet, "returned", amount)
            return (held, back) if coins else ()
        case _:
            assert order is not None
            paid = order.captured or order.price
            came = Posting(f"clearing, {order.provider}", "deferred revenue", paid.text())
            return (came, Posting("issued", wallet, amount))


async def _coins_after(ledger: Ledger, user_id: UUID, coins: int) -> Figure:
    held = await balance(ledger, user_id)
    after = held.coins + coins
    return Figure(
        "Free to spend", coins_text(held.coins), coins_text(max(after, 0)), possible=after >= 0
    )


async def _of_prices(pool: Pool, proposal: Proposal) -> Preview:
    begins = proposal.payload["valid_from"]
    async with transaction(pool) as tx:
        _, newest = await newest_draft(tx)
    changes = differences(newest, draft_of_plain(proposal.payload["draft"]))
    return Preview(
        differences=tuple(changes),
        begins_at=None if begins is None else datetime.fromisoformat(begins),
    )

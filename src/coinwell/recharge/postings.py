"""The chains of transfers that recharges and refunds are made of; pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from msgspec.structs import replace

from coinwell.base.money import Money
from coinwell.ledger import (
    LEDGER_COINS,
    Account,
    Code,
    IdMaker,
    Intent,
    Kind,
    Transfer,
    TransferFlags,
    ledger_of_currency,
    platform_account,
    wallet_account,
)
from coinwell.recharge.types import Order, Refund

ROOM = "recharge"
CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class Chain:
    """The accounts that must be there, and the legs that stand or fall together."""

    accounts: tuple[Account, ...]
    legs: Callable[[IdMaker], Sequence[Transfer]]


def refund_step(number: int, part: str) -> str:
    """The name of one step of an order's n-th refund: `refund:1:reserve`, `:post`, `:void`."""
    return f"refund:{number}:{part}"


def credit(order: Order, captured: Money) -> Chain:
    """Money in, coins out: no leg of it can be refused, for captured money must not be lost.

    The first coin leg makes the paid lot; bonus coins are a lot of their own that cost nothing.
    """
    clearing, deferred = _money_accounts(order.provider, captured.currency)
    issued = platform_account(Code.ISSUED, LEDGER_COINS)
    wallet = wallet_account(order.user_id)

    def legs(ids: IdMaker) -> list[Transfer]:
        money = _leg(ids("money"), clearing, deferred, captured.minor, Kind.RECHARGE_MONEY, order)
        coins = _leg(ids("coins"), issued, wallet, order.coins, Kind.RECHARGE, order)
        if order.bonus_coins == 0:
            return [money, coins]
        bonus = _leg(ids("bonus"), issued, wallet, order.bonus_coins, Kind.BONUS, order)
        return [money, coins, bonus]

    return Chain((clearing, deferred, issued, wallet), legs)


def reserve(order: Order, coins: int) -> Chain:
    """Hold the coins of an order in the wallet, without an end: posted or voided by us."""
    wallet, returned = _coin_accounts(order.user_id)

    def legs(ids: IdMaker) -> list[Transfer]:
        hold = _leg(ids("hold"), wallet, returned, coins, Kind.REFUND, order)
        return [replace(hold, flags=TransferFlags.PENDING)]

    return Chain((wallet, returned), legs)


def give_back(order: Order, refund: Refund) -> Chain:
    """The held coins leave the wallet and the money leaves the books, together."""
    clearing, deferred = _money_accounts(order.provider, refund.currency)

    def legs(ids: IdMaker) -> list[Transfer]:
        kind = Kind.REFUND_MONEY
        money = _leg(ids("money"), deferred, clearing, refund.amount_minor, kind, order)
        return [_end_hold(ids("post"), order, refund, TransferFlags.POST_PENDING_TRANSFER), money]

    return Chain((clearing, deferred), legs)


def release(order: Order, refund: Refund) -> Chain:
    """The held coins stay where they were."""

    def legs(ids: IdMaker) -> list[Transfer]:
        return [_end_hold(ids("void"), order, refund, TransferFlags.VOID_PENDING_TRANSFER)]

    return Chain(_coin_accounts(order.user_id), legs)


def _money_accounts(provider: str, currency: str) -> tuple[Account, Account]:
    ledger = ledger_of_currency(currency)
    clearing = platform_account(Code.PROVIDER_CLEARING, ledger, provider)
    return clearing, platform_account(Code.DEFERRED_REVENUE, ledger)


def _coin_accounts(user_id: UUID) -> tuple[Account, Account]:
    return wallet_account(user_id), platform_account(Code.RETURNED, LEDGER_COINS)


def _leg(
    transfer_id: int, payer: Account, payee: Account, amount: int, kind: Kind, order: Order
) -> Transfer:
    assert payer.ledger == payee.ledger
    return Transfer(
        id=transfer_id,
        debit_account_id=payer.id,
        credit_account_id=payee.id,
        amount=amount,
        user_data_128=order.id.int,
        ledger=payer.ledger,
        code=int(kind),
    )


def _end_hold(transfer_id: int, order: Order, refund: Refund, flag: TransferFlags) -> Transfer:
    assert refund.reserve_transfer_id is not None
    wallet, returned = _coin_accounts(order.user_id)
    ended = _leg(transfer_id, wallet, returned, refund.coins, Kind.REFUND, order)
    return replace(ended, flags=flag, pending_id=refund.reserve_transfer_id.int)


def transfer_uuid(transfer_id: int) -> UUID:
    """A transfer's number in the shape that PostgreSQL has a type for."""
    return UUID(int=transfer_id)


def coin_legs(intent: Intent) -> tuple[Transfer, Transfer | None]:
    """The legs of a frozen credit that make the paid lot and, where there is one, the bonus."""
    coins = next(leg for leg in intent.transfers if leg.code == Kind.RECHARGE)
    bonus = next((leg for leg in intent.transfers if leg.code == Kind.BONUS), None)
    return coins, bonus

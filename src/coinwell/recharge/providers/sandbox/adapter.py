"""Speaks to the sandbox as to any payment provider: over HTTP, bounded in time, suspicious."""

import base64
import binascii
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import httpx2
import msgspec

from coinwell.base import tracing
from coinwell.base.clock import Clock, SystemClock
from coinwell.base.money import Money
from coinwell.base.refusal import Refusal
from coinwell.recharge.providers.sandbox.wire import (
    Event,
    EventPage,
    Payment,
    PaymentList,
    Refund,
    Trouble,
)
from coinwell.recharge.providers.types import (
    Capability,
    Declined,
    DisputeObj,
    DisputeState,
    Failure,
    FailureKind,
    Forged,
    InboundEvent,
    Misconfigured,
    NextAction,
    OrderView,
    OutcomeUnknown,
    PaymentState,
    RefundObj,
    RefundObjState,
    RefundReason,
    Retryable,
    Snapshot,
    Started,
)

_TOLERANCE: Final = timedelta(minutes=5)
_KEY_BYTES_MIN: Final = 24
_EVENTS_A_PAGE: Final = 100
_SIGNED_BYTES_MAX: Final = 256 * 1024
_STAMP_LENGTH_MAX: Final = 12

KINDS: Final[Mapping[str, FailureKind]] = MappingProxyType(
    {
        "insufficient_funds": FailureKind.INSUFFICIENT_FUNDS,
        "card_velocity_exceeded": FailureKind.INSUFFICIENT_FUNDS,
        "generic_decline": FailureKind.BANK_DECLINED,
        "transfer_failed": FailureKind.BANK_DECLINED,
        "incorrect_cvc": FailureKind.CARD_DETAILS,
        "expired_card": FailureKind.CARD_EXPIRED,
        "authentication_failed": FailureKind.AUTHENTICATION_REQUIRED,
        "currency_not_supported": FailureKind.METHOD_NOT_SUPPORTED,
        "processing_error": FailureKind.TRY_AGAIN,
        "lost_card": FailureKind.BLOCKED,
        "stolen_card": FailureKind.BLOCKED,
    }
)
# Which of several payments of one order decides: money in, then money on its way.
_STRENGTH: Final = {
    PaymentState.CANCELED: 0,
    PaymentState.FAILED: 1,
    PaymentState.AWAITING_USER: 2,
    PaymentState.ACTION_REQUIRED: 3,
    PaymentState.PROCESSING: 4,
    PaymentState.CAPTURED: 5,
}


class SandboxProvider:
    """The sandbox as a `PaymentProvider`."""

    name = "sandbox"
    capabilities = frozenset(Capability)

    def __init__(
        self,
        *,
        base_url: str,
        secret: str,
        webhook_secrets: Sequence[str],
        timeout_s: float = 10.0,
        clock: Clock | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`webhook_secrets` are all that are in force, several while one is being replaced.

        `transport` leads to a sandbox elsewhere than on the network, such as in this process.

        An empty one counts for nothing: anybody could sign with it. Refuses: `Misconfigured`.
        """
        self._clock = clock or SystemClock()
        self._keys = [_key(one) for one in webhook_secrets if one.removeprefix(_PREFIX)]
        self._client = httpx2.AsyncClient(
            base_url=base_url.rstrip("/"),
            headers={"authorization": f"Bearer {secret}"},
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 3.0)),
            follow_redirects=False,
            event_hooks={"request": [tracing.send_along]},
            trust_env=False,  # A proxy from the environment has no business here.
            transport=transport,
        )

    async def create_payment(self, order: OrderView, *, idempotency_key: str) -> Started:
        """Begin a payment; the same key and order give the same payment."""
        body = {
            "amount": order.amount.minor,
            "currency": order.amount.currency,
            "order_ref": str(order.order_id),
            "account_ref": order.account_ref,
            "description": order.description,
            "return_url": order.return_url,
        }
        answer = await self._tell("/v1/payments", body, idempotency_key)
        payment = _decoded(answer, Payment, OutcomeUnknown)
        if not payment.pay_url.startswith(("https://", "http://")):
            raise Misconfigured(f"{payment.id} has no payment page")
        return Started(payment.id, payment.pay_url)

    async def cancel_payment(self, payment_id: str, *, idempotency_key: str) -> None:
        """Take no more money for it."""
        await self._tell(f"/v1/payments/{_part(payment_id)}/cancel", {}, idempotency_key)

    async def refund(
        self,
        payment_id: str,
        amount: Money | None,
        reason: RefundReason,
        *,
        idempotency_key: str,
    ) -> RefundObj:
        """Send money back."""
        body: dict[str, object] = {"reason": reason.value}
        if amount is not None:
            body |= {"amount": amount.minor, "currency": amount.currency}
        path = f"/v1/payments/{_part(payment_id)}/refunds"
        answer = await self._tell(path, body, idempotency_key)
        return _refund(_decoded(answer, Refund, OutcomeUnknown))

    async def fetch(self, payment_id: str) -> Snapshot:
        """The truth now."""
        answer = await self._ask(f"/v1/payments/{_part(payment_id)}", {})
        if answer is None:
            return Snapshot(
                provider=self.name,
                environment="",
                payment_id=payment_id,
                order_ref=None,
                account_ref=None,
                state=PaymentState.NONE,
                occurred_at=self._clock.now(),
            )
        return self._snapshot(_decoded(answer, Payment, Retryable))

    async def find_by_order(self, order_ref: UUID) -> Snapshot | None:
        """The payment of an order whose answer was lost."""
        answer = await self._ask("/v1/payments", {"order_ref": str(order_ref)})
        if answer is None:
            raise Misconfigured("the provider cannot look for orders")
        found = [self._snapshot(one) for one in _decoded(answer, PaymentList, Retryable).payments]
        return max(reversed(found), key=lambda one: _STRENGTH[one.state], default=None)

    def verify_webhook(
        self, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> tuple[InboundEvent, ...]:
        """What a signed message says.

        Source: Standard Webhooks 1.0.0. Verified here and not by the library, which asks the
        machine for the time and stumbles over a signature without a comma.
        """
        given = {name.lower(): text for name, text in headers.items()}
        message_id = given.get("webhook-id", "")
        stamp = given.get("webhook-timestamp", "")
        if not self._keys:
            raise Forged("no secret is in force, so nobody may send")
        if len(body) > _SIGNED_BYTES_MAX:
            raise Forged("too long")
        _check_stamp(stamp, now)
        signed = f"{message_id}.{stamp}.".encode() + body
        if not message_id or not self._signed(signed, given.get("webhook-signature", "")):
            raise Forged("the signature does not match")
        try:
            message = msgspec.json.decode(body, type=Event)
        except msgspec.DecodeError as error:
            raise Forged("signed, but not a message that we know") from error
        return (_event(message, message_id),)

    async def list_events(self, since: datetime) -> AsyncIterator[InboundEvent]:
        """Every event since then, oldest first."""
        asked = {"since": since.isoformat(), "limit": str(_EVENTS_A_PAGE)}
        while True:
            answer = await self._ask("/v1/events", asked)
            if answer is None:
                raise Misconfigured("the provider cannot list events")
            page = _decoded(answer, EventPage, Retryable)
            for one in page.events:
                yield _event(one, one.id)
            if not page.has_more or not page.events:
                return
            asked = {**asked, "after": page.events[-1].id}

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def _tell(self, path: str, body: Mapping[str, object], key: str) -> httpx2.Response:
        """Ask for something to be done. Whenever it may have been done, the outcome is unknown."""
        try:
            answer = await self._client.post(
                path, json=dict(body), headers={"idempotency-key": key}
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Retryable(f"not reached: {type(error).__name__}") from error
        except httpx2.HTTPError as error:
            raise OutcomeUnknown(f"the answer was lost: {type(error).__name__}") from error
        if answer.status_code == 429:  # noqa: PLR2004
            raise Retryable("turned away at the door")
        if answer.status_code >= 500:  # noqa: PLR2004
            raise OutcomeUnknown(f"answered with {answer.status_code}")
        if not answer.is_success:
            raise _refused(answer)
        return answer

    async def _ask(self, path: str, query: Mapping[str, str]) -> httpx2.Response | None:
        """Ask a question; None when there is no such thing."""
        try:
            answer = await self._client.get(path, params=dict(query))
        except httpx2.HTTPError as error:
            raise Retryable(f"no answer: {type(error).__name__}") from error
        if answer.status_code == 404:  # noqa: PLR2004
            if _code_of(answer) != "payment_unknown":
                raise Misconfigured("the address is not the provider's")
            return None
        if answer.status_code == 429 or answer.status_code >= 500:  # noqa: PLR2004
            raise Retryable(f"answered with {answer.status_code}")
        if not answer.is_success:
            raise Misconfigured(f"{answer.status_code} {_code_of(answer)}")
        return answer

    def _signed(self, signed: bytes, signatures: str) -> bool:
        expected = [base64.b64encode(hmac.digest(key, signed, "sha256")) for key in self._keys]
        given = [
            text.encode()
            for version, _, text in (one.partition(",") for one in signatures.split(" "))
            if version == "v1"
        ]
        return any(hmac.compare_digest(a, b) for a in expected for b in given)

    def _snapshot(self, payment: Payment) -> Snapshot:
        try:
            return Snapshot(
                provider=self.name,
                environment=payment.environment,
                payment_id=payment.id,
                order_ref=_uuid(payment.order_ref),
                account_ref=payment.account_ref,
                state=PaymentState(payment.state),
                occurred_at=payment.updated_at,
                captured=_money(payment.captured_amount, payment.currency),
                refunds=tuple(_refund(one) for one in payment.refunds),
                disputes=tuple(
                    DisputeObj(
                        one.id,
                        Money(one.amount, one.currency),
                        DisputeState(one.state),
                        one.reason,
                    )
                    for one in payment.disputes
                ),
                failure=None if payment.failure is None else _failure(payment.failure.code),
                next_action=_next_action(payment),
                raw_digest=sha256(msgspec.json.encode(payment)).hexdigest(),
            )
        except (ValueError, Refusal) as error:
            # A word or a currency that this adapter does not know: somebody has to look.
            raise Misconfigured(f"{payment.id}: {error}") from error


_PREFIX: Final = "whsec_"


def _key(secret: str) -> bytes:
    text = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Misconfigured("a webhook secret is not base64") from None
    if len(key) < _KEY_BYTES_MIN:
        raise Misconfigured(f"a webhook secret has fewer than {_KEY_BYTES_MIN} bytes")
    return key


def _check_stamp(stamp: str, now: datetime) -> None:
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= _STAMP_LENGTH_MAX):
        raise Forged("the timestamp is missing or unreadable")
    if abs(int(now.timestamp()) - int(stamp)) > _TOLERANCE.total_seconds():
        raise Forged("the timestamp is not of now")


def _part(payment_id: str) -> str:
    """An id as a part of a path: it came from outside, so it may not lead elsewhere."""
    if not payment_id or not all(one.isalnum() or one in "_-" for one in payment_id):
        raise Misconfigured("this is no payment id of the sandbox")
    return payment_id


def _decoded(answer: httpx2.Response, kind: type[Any], trouble: type[Exception]) -> Any:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError as error:
        raise trouble(f"unreadable answer: {error}") from error


def _code_of(answer: httpx2.Response) -> str:
    try:
        return msgspec.json.decode(answer.content, type=Trouble).error.code
    except msgspec.DecodeError:
        return f"status_{answer.status_code}"


def _refused(answer: httpx2.Response) -> Declined | Misconfigured:
    code = _code_of(answer)
    if code in {"not_cancelable", "not_captured", "refund_exceeds_captured", "payment_unknown"}:
        return Declined(Failure(FailureKind.METHOD_NOT_SUPPORTED, code))
    if code in KINDS:
        return Declined(_failure(code))
    return Misconfigured(f"{answer.status_code} {code}")


def _failure(code: str) -> Failure:
    return Failure(KINDS.get(code, FailureKind.BANK_DECLINED), code)


def _refund(refund: Refund) -> RefundObj:
    return RefundObj(refund.id, Money(refund.amount, refund.currency), RefundObjState(refund.state))


def _money(minor: int, currency: str) -> Money | None:
    return Money(minor, currency) if minor else None


def _next_action(payment: Payment) -> NextAction | None:
    waits = payment.state in {PaymentState.AWAITING_USER, PaymentState.ACTION_REQUIRED}
    return NextAction(payment.pay_url) if waits else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None  # Not one of ours; the binding check says so.


def _event(message: Event, external_id: str) -> InboundEvent:
    return InboundEvent(
        external_id=external_id,
        kind=message.type,
        payment_id=message.data.payment_id,
        environment=message.environment,
        occurred_at=message.timestamp,
    )

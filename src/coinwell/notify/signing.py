"""Signatures that any library of Standard Webhooks can check.

A secret is made from the installation's own and a salt that is kept with the endpoint. So reading
the table is not enough to sign, and the secret can be shown once without being kept anywhere.

Source: Standard Webhooks 1.0.0.
"""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_bytes
from typing import Final
from uuid import UUID

from standardwebhooks import Webhook

from coinwell.notify.types import Endpoint

_SALT_BYTES: Final = 16
_PREFIX: Final = "whsec_"


def new_salt() -> bytes:
    """What a new secret is made from."""
    return token_bytes(_SALT_BYTES)


def secret_of(endpoint_id: UUID, salt: bytes, *, master: str) -> str:
    """The secret in the form that libraries take: `whsec_` and 32 bytes in base64."""
    made = hmac.new(master.encode(), endpoint_id.bytes + salt, sha256).digest()
    return _PREFIX + b64encode(made).decode()


def secrets_of(endpoint: Endpoint, *, master: str, now: datetime) -> list[str]:
    """The secrets in force: after a rotation the old one counts for a day beside the new."""
    salts = [endpoint.salt]
    if endpoint.previous_salt is not None and endpoint.previous_until is not None:
        salts += [endpoint.previous_salt] if now < endpoint.previous_until else []
    return [secret_of(endpoint.id, salt, master=master) for salt in salts]


def headers_of(
    event_id: str, body: bytes, *, secrets: Sequence[str], at: datetime
) -> dict[str, str]:
    """The headers of one sending: one signature for each secret, over id, time and body."""
    # The library takes any datetime for UTC, so it has to be one.
    sent_at = at.astimezone(UTC)
    signatures = [Webhook(secret).sign(event_id, sent_at, body.decode()) for secret in secrets]
    return {
        "content-type": "application/json",
        "user-agent": "Coinwell-Webhooks/1",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }

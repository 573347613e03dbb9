"""Secrets at work: what is signed, what is hashed, and what is drawn at random."""

import hmac
from hashlib import sha256
from secrets import choice, token_urlsafe
from string import ascii_letters, digits
from typing import Final
from zlib import crc32

from coinwell.settings import Settings
from coinwell.users.callers import Seal

_DIGITS: Final = digits + ascii_letters
RANDOM_LENGTH: Final = 27  # Of 62 characters each: 160 bits.
CHECKSUM_LENGTH: Final = 6  # A 32-bit checksum in base 62.
SESSION_BYTES: Final = 32


def seal_of(settings: Settings) -> Seal:
    """The secrets that this installation's settings give."""
    return Seal(
        link_secret=settings.derived_secret("users hand-off link"),
        key_secret=settings.derived_secret("users api key"),
        audience=settings.installation,
        environment=settings.environment,
    )


def signature(secret: str, *parts: str) -> str:
    """An HMAC-SHA256 over parts, none of which can run into the next."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


def is_signed(given: str, secret: str, *parts: str) -> bool:
    """Whether `given` is the signature of the parts, in the same time for any answer."""
    return hmac.compare_digest(given.encode(), signature(secret, *parts).encode())


def new_session_token() -> str:
    """A 256-bit reference that says nothing about whom it stands for."""
    return token_urlsafe(SESSION_BYTES)


def session_hash(token: str) -> bytes:
    """What is kept of a session token. It has full entropy, so that a plain hash will do."""
    return sha256(token.encode()).digest()


def new_key(environment: str) -> str:
    """A new secret API key, such as `ck_test_sec_…`."""
    body = f"ck_{environment}_sec_" + "".join(choice(_DIGITS) for _ in range(RANDOM_LENGTH))
    return body + checksum(body)


def checksum(body: str) -> str:
    """Six characters that tell a mistyped or made-up key, and a key found in a log, apart."""
    rest = crc32(body.encode())
    text = ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text


def looks_like_key(plain: str, environment: str) -> bool:
    """Whether a text has the form of a key of this environment; asks no database."""
    prefix = f"ck_{environment}_sec_"
    body, said = plain[:-CHECKSUM_LENGTH], plain[-CHECKSUM_LENGTH:]
    return (
        plain.isascii()
        and plain.startswith(prefix)
        and len(plain) == len(prefix) + RANDOM_LENGTH + CHECKSUM_LENGTH
        and checksum(body) == said
    )


def key_hash(plain: str, secret: str) -> bytes:
    """What is kept of an API key: useless without the installation's secret."""
    return hmac.new(secret.encode(), plain.encode(), sha256).digest()

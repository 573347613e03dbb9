"""A user comes over from the host app: `hand_off` makes a one-time link, `enter` uses it up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from coinwell.base.db import Tx
from coinwell.base.ids import new_uuid
from coinwell.base.refusal import Kind, Refusal
from coinwell.users import store, store_access
from coinwell.users.callers import HandOff, Landing, Seal
from coinwell.users.sealing import is_signed, signature
from coinwell.users.sessions import begin_session, end_session
from coinwell.users.types import User, UserUnknown

LINK_LIVES: Final = timedelta(seconds=60)
_KEPT_FOR: Final = timedelta(days=1)  # Long enough to tell a used link from a forged one.
_PARTS: Final = 3
_TOKEN_LENGTH_MAX: Final = 200
_VERSION: Final = "hand-off 1"


@dataclass(eq=False)
class LinkForged(Refusal):
    """The link was not made here, or not for here."""

    kind: ClassVar[Kind] = Kind.DENIED
    title: ClassVar[str] = "This link does not work"


@dataclass(eq=False)
class LinkEnded(Refusal):
    """The link was used before, or is older than a minute. Open the page again from the app."""

    kind: ClassVar[Kind] = Kind.GONE
    title: ClassVar[str] = "This link has ended"


@dataclass(frozen=True, slots=True)
class Entered:
    """A user has come in: the session's token, for a cookie, and where the link leads."""

    token: str
    user: User
    landing: Landing


async def hand_off(
    tx: Tx, user_id: UUID, *, now: datetime, landing: Landing = Landing.PROFILE
) -> HandOff:
    """Write down a link that lets one browser in as this user, once, within 60 seconds.

    Refuses: `UserUnknown`.
    """
    if await store.by_id(tx, user_id) is None:
        raise UserUnknown(str(user_id))
    await store_access.forget_hand_offs(tx, before=now - _KEPT_FOR)
    # Whole seconds, because the token says when it ends; never longer than promised.
    ends_at = (now + LINK_LIVES).replace(microsecond=0)
    link = HandOff(
        id=new_uuid(), user_id=user_id, landing=landing, expires_at=ends_at, used_at=None
    )
    await store_access.add_hand_off(tx, link)
    return link


def link_token(link_id: UUID, expires_at: datetime, seal: Seal) -> str:
    """The token of a link: its id, its end, and our signature for this installation."""
    named, ends = link_id.hex, str(int(expires_at.timestamp()))
    return f"{named}.{ends}.{signature(seal.link_secret, _VERSION, seal.audience, named, ends)}"


async def look_at_link(tx: Tx, token: str, *, seal: Seal, now: datetime) -> User:
    """Whom a link would let in. Changes nothing: the link can still be used.

    Refuses: `LinkForged`, `LinkEnded`.
    """
    link = await _link(tx, token, seal=seal, now=now)
    if link.used_at is not None:
        raise LinkEnded
    user = await store.by_id(tx, link.user_id)
    assert user is not None
    return user


async def enter(
    tx: Tx, token: str, *, seal: Seal, now: datetime, old_token: str | None = None
) -> Entered:
    """Use a link up and begin a session; the browser's `old_token` ends with it.

    Of any number of concurrent uses one succeeds.

    Locks: the link's row until `tx` ends.
    Refuses: `LinkForged`, `LinkEnded`.
    """
    link = await _link(tx, token, seal=seal, now=now)
    if not await store_access.use_hand_off(tx, link.id, now=now):
        raise LinkEnded
    if old_token is not None:
        await end_session(tx, old_token, now=now)
    user = await store.by_id(tx, link.user_id)
    assert user is not None
    return Entered(await begin_session(tx, user_id=user.id, now=now), user, link.landing)


async def enter_as(tx: Tx, user_id: UUID, *, now: datetime, old_token: str | None = None) -> str:
    """Begin a session without a link, and end the old one: for the demo's sign-in page only.

    Refuses: `UserUnknown`.
    """
    if await store.by_id(tx, user_id) is None:
        raise UserUnknown(str(user_id))
    if old_token is not None:
        await end_session(tx, old_token, now=now)
    return await begin_session(tx, user_id=user_id, now=now)


async def _link(tx: Tx, token: str, *, seal: Seal, now: datetime) -> HandOff:
    parts = token.split(".") if len(token) <= _TOKEN_LENGTH_MAX else []
    if len(parts) != _PARTS:
        raise LinkForged
    named, ends, said = parts
    if not is_signed(said, seal.link_secret, _VERSION, seal.audience, named, ends):
        raise LinkForged
    # What is signed is ours, so that it can be read without a further check.
    link = await store_access.hand_off(tx, UUID(named))
    if link is None or link.expires_at <= now:
        raise LinkEnded
    return link

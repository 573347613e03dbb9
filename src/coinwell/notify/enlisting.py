"""Endpoints: add, change, rotate the secret, switch off and on, remove."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from coinwell.base import audit
from coinwell.base.db import Tx
from coinwell.base.ids import new_uuid
from coinwell.notify import store, store_lanes
from coinwell.notify.addresses import what_is_wrong_with
from coinwell.notify.deps import NotifySettings
from coinwell.notify.refusals import EndpointUnknown, TooManyEndpoints, WrongEndpoint
from coinwell.notify.rules import ROTATION_OVERLAP, is_pattern
from coinwell.notify.signing import new_salt, secret_of
from coinwell.notify.types import Endpoint, EndpointWanted, Switch

ENDPOINTS_MAX: Final = 50
KINDS_MAX: Final = 50
DESCRIPTION_LENGTH_MAX: Final = 200


async def add_endpoint(
    tx: Tx, wanted: EndpointWanted, *, settings: NotifySettings, by: str, now: datetime
) -> Endpoint:
    """Tell this address of everything from now on. Its secret is asked for by `secret`.

    Refuses: `WrongEndpoint`, `TooManyEndpoints`.
    """
    _check(wanted, settings)
    await store.lock_head(tx)
    if len(await store.endpoints(tx)) >= ENDPOINTS_MAX:
        raise TooManyEndpoints
    endpoint_id = new_uuid()
    await store.add_endpoint(tx, endpoint_id, wanted, salt=new_salt(), by=by, now=now)
    made = await endpoint(tx, endpoint_id)
    host = _host(made.url)
    added = act_on(endpoint_id, "added", by=by, url_host=host, kinds=made.kinds)
    await audit.write(tx, added, at=now)
    return made


def secret(of: Endpoint, *, settings: NotifySettings) -> str:
    """The secret that an endpoint's receiver checks signatures with; shown once, kept nowhere."""
    return secret_of(of.id, of.salt, master=settings.master)


async def endpoint(tx: Tx, endpoint_id: UUID) -> Endpoint:
    """One endpoint.

    Refuses: `EndpointUnknown`.
    """
    return _known(await store.endpoint(tx, endpoint_id), endpoint_id)


async def endpoints(tx: Tx) -> Sequence[Endpoint]:
    """All of them, oldest first."""
    return await store.endpoints(tx)


async def change_endpoint(
    tx: Tx,
    endpoint_id: UUID,
    wanted: EndpointWanted,
    *,
    settings: NotifySettings,
    by: str,
    now: datetime,
) -> Endpoint:
    """Change the address, the kinds or the description; what waits goes to the new address.

    Refuses: `EndpointUnknown`, `WrongEndpoint`.
    """
    before = _known(await store.endpoint(tx, endpoint_id, lock=True), endpoint_id)
    _check(wanted, settings)
    differ = _differences(before, wanted)
    if not differ:
        return before
    await store.change_endpoint(tx, endpoint_id, wanted)
    host = _host(wanted.url)
    changed = act_on(
        endpoint_id, "changed", by=by, url_host=host, kinds=wanted.kinds, changed=differ
    )
    await audit.write(tx, changed, at=now)
    return await endpoint(tx, endpoint_id)


async def rotate(tx: Tx, endpoint_id: UUID, *, by: str, now: datetime) -> Endpoint:
    """Draw a new secret. For a day everything carries a signature of the old one as well.

    Refuses: `EndpointUnknown`.
    """
    _known(await store.endpoint(tx, endpoint_id, lock=True), endpoint_id)
    until = now + ROTATION_OVERLAP
    await store.rotate(tx, endpoint_id, salt=new_salt(), until=until)
    rotated = act_on(endpoint_id, "secret_rotated", by=by, old_until=until.isoformat())
    await audit.write(tx, rotated, at=now)
    return await endpoint(tx, endpoint_id)


async def switch_off(tx: Tx, endpoint_id: UUID, *, reason: str, by: str, now: datetime) -> Endpoint:
    """Send nothing more until it is switched on; one that is off stays as it is.

    Refuses: `EndpointUnknown`.
    """
    _known(await store.endpoint(tx, endpoint_id, lock=True), endpoint_id)
    if await store.switch_off(tx, endpoint_id, reason=reason, now=now):
        await audit.write(tx, act_on(endpoint_id, "switched_off", by=by, note=reason), at=now)
    return await endpoint(tx, endpoint_id)


async def switch_on(tx: Tx, endpoint_id: UUID, *, by: str, now: datetime) -> Endpoint:
    """Send again, beginning with what was not delivered, and all that happened meanwhile.

    Locks: the head's row, then the endpoint's, until `tx` ends.
    Refuses: `EndpointUnknown`.
    """
    last = await store.lock_head(tx)
    found = _known(await store.endpoint(tx, endpoint_id, lock=True), endpoint_id)
    if found.state is Switch.OFF:
        first = await store.off_position(tx, endpoint_id) + 1
        await store.switch_on(tx, endpoint_id)
        await store_lanes.add_for_events(
            tx, first=first, last=last, now=now, endpoint_id=endpoint_id
        )
        await store_lanes.bring_forward(tx, endpoint_id, now=now)
        await audit.write(tx, act_on(endpoint_id, "switched_on", by=by), at=now)
    return await endpoint(tx, endpoint_id)


async def remove_endpoint(tx: Tx, endpoint_id: UUID, *, by: str, now: datetime) -> None:
    """Tell an address nothing more, ever; what waits for it is given up.

    Locks: the head's row, then the endpoint's, until `tx` ends.
    Refuses: `EndpointUnknown`.
    """
    await store.lock_head(tx)
    found = _known(await store.endpoint(tx, endpoint_id, lock=True), endpoint_id)
    await store.remove(tx, endpoint_id, now=now)
    await store_lanes.drop(tx, endpoint_id, now=now)
    removed = act_on(endpoint_id, "removed", by=by, url_host=_host(found.url))
    await audit.write(tx, removed, at=now)


def act_on(
    endpoint_id: UUID, act: str, *, by: str, note: str | None = None, **facts: audit.Fact
) -> audit.Act:
    """What somebody did to an endpoint, as it is to be written down."""
    return audit.Act(
        who=by,
        act=f"webhook_endpoint.{act}",
        object=f"webhook_endpoint:{endpoint_id}",
        facts=facts,
        note=note,
    )


def _known(found: Endpoint | None, endpoint_id: UUID) -> Endpoint:
    if found is None:
        raise EndpointUnknown(endpoint_id)
    return found


def _differences(before: Endpoint, wanted: EndpointWanted) -> list[str]:
    pairs = {
        "url": (before.url, wanted.url),
        "kinds": (list(before.kinds), list(wanted.kinds)),
        "description": (before.description, wanted.description),
    }
    return [name for name, (old, new) in pairs.items() if old != new]


def _host(url: str) -> str:
    # The path and what follows it may hold a password of the receiver's.
    return urlsplit(url).hostname or ""


def _check(wanted: EndpointWanted, settings: NotifySettings) -> None:
    errors: list[dict[str, str]] = []
    wrong = what_is_wrong_with(wanted.url, private=settings.private)
    if wrong is not None:
        errors.append({"pointer": "/url", "detail": wrong})
    if not 0 < len(wanted.kinds) <= KINDS_MAX:
        errors.append({"pointer": "/kinds", "detail": f"Name 1 to {KINDS_MAX} kinds of events."})
    errors += [
        {"pointer": f"/kinds/{place}", "detail": "A kind is like gift.sent, gift.* or *."}
        for place, kind in enumerate(wanted.kinds)
        if not is_pattern(kind)
    ]
    said = wanted.description
    if len(said) > DESCRIPTION_LENGTH_MAX or not all(one.isprintable() for one in said):
        detail = f"A description is up to {DESCRIPTION_LENGTH_MAX} plain characters."
        errors.append({"pointer": "/description", "detail": detail})
    if errors:
        raise WrongEndpoint(errors)

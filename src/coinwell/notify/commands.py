"""`coinwell webhooks …`: endpoints, secrets, tests, replays, the log, and a local listener."""

import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import click

from coinwell.base.clock import SystemClock
from coinwell.base.db import Pool, Tx, transaction
from coinwell.notify import enlisting, replaying
from coinwell.notify.deps import NotifyDeps, NotifySettings, settings_of
from coinwell.notify.listening import listener
from coinwell.notify.types import Delivery, DeliveryState, Endpoint, EndpointWanted, Span
from coinwell.settings import Settings

_BY = "the command line"
_STATES = [one.value for one in DeliveryState]


class _Context(Protocol):
    """What the command line hands to a room's commands."""

    @property
    def settings(self) -> Settings: ...

    def run(self, job: Callable[[Pool], Awaitable[Any]]) -> Any: ...


def _in_one(context: _Context, do: Callable[[Tx], Awaitable[Any]]) -> Any:
    async def job(pool: Pool) -> Any:
        async with transaction(pool) as tx:
            return await do(tx)

    return context.run(job)


@click.group()
def webhooks() -> None:
    """Webhooks: who is told, and how that goes."""


@webhooks.command("add")
@click.argument("url")
@click.option("--kind", "kinds", multiple=True, help="gift.sent, gift.* or *; may be repeated.")
@click.option("--description", default="", help="What it is for.")
@click.pass_obj
def add(context: _Context, url: str, kinds: tuple[str, ...], description: str) -> None:
    """Tell URL of what happens from now on; its secret is shown this once."""
    settings, now = settings_of(context.settings), SystemClock().now()
    wanted = EndpointWanted(url, kinds or ("*",), description)

    async def do(tx: Tx) -> Endpoint:
        return await enlisting.add_endpoint(tx, wanted, settings=settings, by=_BY, now=now)

    _say_secret(_in_one(context, do), settings)


@webhooks.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_(context: _Context, *, as_json: bool) -> None:
    """List the endpoints and how they do."""
    found: Sequence[Endpoint] = _in_one(context, enlisting.endpoints)
    for one in found:
        if as_json:
            line: dict[str, Any] = {
                "id": str(one.id),
                "url": one.url,
                "kinds": list(one.kinds),
                "state": one.state.value,
                "failures": one.failures,
                "waiting": one.waiting,
                "reason": one.off_reason,
            }
            click.echo(json.dumps(line, sort_keys=True))
            continue
        why = f"  {one.off_reason}" if one.off_reason else ""
        click.echo(f"{one.id} {one.state.value:<4} {one.waiting:>6,} waiting  {one.url}{why}")
    if not found and not as_json:
        click.echo("No endpoint yet. Add one with `coinwell webhooks add URL`.")


@webhooks.command("rotate")
@click.argument("endpoint_id", type=click.UUID)
@click.pass_obj
def rotate(context: _Context, endpoint_id: UUID) -> None:
    """Draw a new secret; the old one counts for 24 hours beside it."""
    now = SystemClock().now()
    made = _in_one(context, lambda tx: enlisting.rotate(tx, endpoint_id, by=_BY, now=now))
    _say_secret(made, settings_of(context.settings))


@webhooks.command("on")
@click.argument("endpoint_id", type=click.UUID)
@click.pass_obj
def on(context: _Context, endpoint_id: UUID) -> None:
    """Send again, beginning with all that was missed."""
    now = SystemClock().now()
    _in_one(context, lambda tx: enlisting.switch_on(tx, endpoint_id, by=_BY, now=now))
    click.echo("On.")


@webhooks.command("off")
@click.argument("endpoint_id", type=click.UUID)
@click.option("--reason", default="Switched off by the command line.", help="Why.")
@click.pass_obj
def off(context: _Context, endpoint_id: UUID, reason: str) -> None:
    """Send nothing more for now; nothing is lost."""
    now = SystemClock().now()
    _in_one(
        context,
        lambda tx: enlisting.switch_off(tx, endpoint_id, reason=reason, by=_BY, now=now),
    )
    click.echo("Off.")


@webhooks.command("remove")
@click.argument("endpoint_id", type=click.UUID)
@click.pass_obj
def remove(context: _Context, endpoint_id: UUID) -> None:
    """Tell an endpoint nothing more, ever; what waits for it is given up."""
    now = SystemClock().now()
    _in_one(context, lambda tx: enlisting.remove_endpoint(tx, endpoint_id, by=_BY, now=now))
    click.echo("Removed.")


@webhooks.command("test")
@click.argument("endpoint_id", type=click.UUID)
@click.pass_obj
def test_(context: _Context, endpoint_id: UUID) -> None:
    """Send a test now, and say what the receiver answered."""
    settings = settings_of(context.settings)

    async def job(pool: Pool) -> Delivery:
        deps = NotifyDeps(pool, SystemClock(), settings)
        return await replaying.try_out(deps, endpoint_id, by=_BY)

    sent: Delivery = context.run(job)
    if sent.trouble:
        raise click.ClickException(sent.trouble)
    click.echo(f"The receiver took it, with {sent.status}, in {sent.duration_ms} ms.")


@webhooks.command("replay")
@click.argument("endpoint_id", type=click.UUID)
@click.option("--since", type=click.DateTime(), help="From this time on (UTC).")
@click.option("--until", type=click.DateTime(), help="Up to this time (UTC).")
@click.option("--first", type=click.IntRange(min=1), help="From this position on.")
@click.option("--last", type=click.IntRange(min=1), help="Up to this position.")
@click.pass_obj
def replay(
    context: _Context,
    endpoint_id: UUID,
    since: datetime | None,
    until: datetime | None,
    first: int | None,
    last: int | None,
) -> None:
    """Send a range of events again, under the ids they always had."""
    span = Span(_utc(since), _utc(until), first, last)
    now = SystemClock().now()
    count = _in_one(context, lambda tx: replaying.replay(tx, endpoint_id, span, by=_BY, now=now))
    click.echo(f"{count:,} to be sent again.")


@webhooks.command("log")
@click.argument("endpoint_id", type=click.UUID)
@click.option(
    "--state", type=click.Choice([one.value for one in DeliveryState]), help="Only these."
)
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def log(
    context: _Context, endpoint_id: UUID, state: str | None, limit: int, *, as_json: bool
) -> None:
    """Show what was sent to an endpoint and is to be sent, newest first."""
    wanted = None if state is None else DeliveryState(state)
    found: Sequence[Delivery] = _in_one(
        context,
        lambda tx: replaying.deliveries(tx, endpoint_id, state=wanted, limit=limit),
    )
    for one in found:
        click.echo(json.dumps(_facts(one), sort_keys=True) if as_json else _line(one))
    if not found and not as_json:
        click.echo("Nothing was sent yet.")


@webhooks.command("resend")
@click.argument("delivery_id", type=click.IntRange(min=1))
@click.pass_obj
def resend(context: _Context, delivery_id: int) -> None:
    """Send one delivery again; one that still waits is tried now."""
    now = SystemClock().now()
    made: Delivery = _in_one(context, lambda tx: replaying.resend(tx, delivery_id, by=_BY, now=now))
    click.echo(f"Delivery {made.id} is to be sent.")


@webhooks.command("listen")
@click.option("--port", type=click.IntRange(0, 65_535), default=8199, help="Port on loopback.")
@click.option("--secret", required=True, envvar="WEBHOOK_SECRET", help="The endpoint's secret.")
def listen(port: int, secret: str) -> None:
    """Receive webhooks on this machine, check them as an app should, and print them."""
    with listener(port, secret, click.echo) as server:
        click.echo(f"Listening on http://127.0.0.1:{server.server_port}/ until Ctrl-C.")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def _say_secret(of: Endpoint, settings: NotifySettings) -> None:
    click.echo(f"Endpoint {of.id}")
    click.echo(f"Secret   {enlisting.secret(of, settings=settings)}")
    click.echo("The secret is shown this once.")


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _facts(one: Delivery) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "cause": one.cause.value,
        "state": one.state.value,
        "attempts": one.attempts,
        "status": one.status,
        "trouble": one.trouble,
        "event_id": None if one.event_id is None else str(one.event_id),
        "due_at": None if one.due_at is None else one.due_at.isoformat(),
    }


def _line(one: Delivery) -> str:
    said = one.trouble or ("" if one.status is None else f"status {one.status}")
    due = "" if one.due_at is None else f"  next {one.due_at:%Y-%m-%d %H:%M:%S}"
    return f"{one.id:>8} {one.state.value:<9} {one.kind:<24} {one.attempts:>3} tries  {said}{due}"


COMMANDS: tuple[click.Command, ...] = (webhooks,)

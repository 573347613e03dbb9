"""`coinwell operator …`, `coinwell key …`, `coinwell user …`."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import click

from coinwell.base.clock import SystemClock
from coinwell.base.db import Pool, transaction
from coinwell.settings import Settings
from coinwell.users.callers import ApiKey, ApiScope, NewOperator, Operator, Role
from coinwell.users.finding import find_users
from coinwell.users.keying import NewKey, api_keys, create_api_key, revoke_api_key
from coinwell.users.operators import create_operator, disable_operator, operators
from coinwell.users.restricting import restrictions
from coinwell.users.rules import age_state, standings, today_of
from coinwell.users.sealing import seal_of
from coinwell.users.types import Restriction, User

_BY = "command line"
_SCOPES = click.Choice([scope.value for scope in ApiScope])
_ROLES = click.Choice([role.value for role in Role])


class _Context(Protocol):
    """What the command line hands to a room's commands."""

    @property
    def settings(self) -> Settings: ...
    def run(self, job: Callable[[Pool], Awaitable[Any]]) -> Any: ...


@click.group()
def operator() -> None:
    """People who work in the console. There is none until the first is added here."""


@operator.command("add")
@click.argument("email")
@click.option("--name", prompt=True, help="How colleagues know them.")
@click.option(
    "--role", type=_ROLES, default=Role.SUPPORT.value, show_default=True, help="What they may do."
)
@click.password_option(help="At least 12 characters; asked for if not given.")
@click.pass_obj
def add_operator(context: _Context, email: str, name: str, role: str, password: str) -> None:
    """Let somebody work in the console."""
    new = NewOperator(email=email, display_name=name, role=Role(role), password=password)

    async def job(pool: Pool) -> Operator:
        async with transaction(pool) as tx:
            return await create_operator(tx, new, by=_BY, now=SystemClock().now())

    added: Operator = context.run(job)
    click.echo(f"{added.email} may sign in at {context.settings.public_url}/console/sign-in.")


@operator.command("disable")
@click.argument("email")
@click.pass_obj
def disable(context: _Context, email: str) -> None:
    """Let somebody in no more, and sign them out everywhere."""

    async def job(pool: Pool) -> Operator:
        async with transaction(pool) as tx:
            return await disable_operator(tx, email, now=SystemClock().now())

    click.echo(f"{context.run(job).email} may not sign in any more.")


@operator.command("list")
@click.pass_obj
def list_operators(context: _Context) -> None:
    """Everyone who works or worked here."""

    async def job(pool: Pool) -> Sequence[Operator]:
        async with transaction(pool) as tx:
            return await operators(tx)

    found: Sequence[Operator] = context.run(job)
    for one in found:
        state = "disabled" if one.disabled_at else "active"
        click.echo(f"{one.email:<32} {one.role:<8} {state:<9} {one.display_name}")
    if not found:
        click.echo("No operator yet: coinwell operator add EMAIL --role admin")


@click.group()
def key() -> None:
    """API keys of the host app."""


@key.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=_SCOPES, help="Repeat for several.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="Its last day is the day before, in UTC."
)
@click.pass_obj
def create_key(
    context: _Context, name: str, scopes: tuple[str, ...], until: datetime | None
) -> None:
    """Make a key and show it, this once. Without a scope it may do nothing."""
    ends_at = None if until is None else until.replace(tzinfo=UTC)
    wanted = NewKey(name, [ApiScope(scope) for scope in scopes], ends_at)
    seal = seal_of(context.settings)

    async def job(pool: Pool) -> tuple[ApiKey, str]:
        async with transaction(pool) as tx:
            return await create_api_key(tx, wanted, seal=seal, by=_BY, now=SystemClock().now())

    made, plain = context.run(job)
    click.echo(plain)
    allowed = ", ".join(sorted(made.scopes)) or "nothing yet"
    click.echo(f"Key {made.id} ({made.name}) may: {allowed}. It is not shown again.", err=True)


@key.command("list")
@click.pass_obj
def list_keys(context: _Context) -> None:
    """All keys there ever were; the keys themselves are not kept."""

    async def job(pool: Pool) -> Sequence[ApiKey]:
        async with transaction(pool) as tx:
            return await api_keys(tx)

    found: Sequence[ApiKey] = context.run(job)
    for one in found:
        state = _state(one, SystemClock().now())
        used = f"{one.last_used_at:%F %H:%M}" if one.last_used_at else "never used"
        scopes = ",".join(sorted(one.scopes)) or "-"
        click.echo(f"{one.id} …{one.hint} {state:<8} {used:<16} {one.name} [{scopes}]")
    if not found:
        click.echo("No key yet: coinwell key create NAME --scope users:write")


@key.command("revoke")
@click.argument("key_id", type=click.UUID)
@click.pass_obj
def revoke_key(context: _Context, key_id: UUID) -> None:
    """End a key for good; the next request with it is refused."""

    async def job(pool: Pool) -> None:
        async with transaction(pool) as tx:
            await revoke_api_key(tx, key_id, now=SystemClock().now())

    context.run(job)
    click.echo(f"Key {key_id} is revoked.")


@click.group()
def user() -> None:
    """People of the host app."""


@user.command("show")
@click.argument("text")
@click.pass_obj
def show_user(context: _Context, text: str) -> None:
    """Find people by our id, the host app's id, or the beginning of a name."""
    now = SystemClock().now()

    async def job(pool: Pool) -> list[tuple[User, list[Restriction]]]:
        async with transaction(pool) as tx:
            found = await find_users(tx, text)
            return [(one, await restrictions(tx, one.id, now=now)) for one in found]

    people: list[tuple[User, list[Restriction]]] = context.run(job)
    for person, placed in people:
        age = age_state(person, today_of(person, now))
        click.echo(f"{person.id} {person.external_id} {person.display_name}")
        click.echo(f"  {person.country}, {person.language}, {person.time_zone}; age: {age}")
        for standing in standings(person, placed, now):
            end = f" until {standing.until:%F %H:%M} UTC" if standing.until else ""
            click.echo(f"  {standing.scope}: {standing.sentence}{end}")
    if not people:
        click.echo("Nobody has this as an id or as the beginning of a name.")


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "ended" if key.expires_at is not None and key.expires_at <= now else "active"


COMMANDS = (operator, key, user)

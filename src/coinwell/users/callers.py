"""Who is calling: a user, a program with an API key, or an operator; and what each may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from coinwell.base.refusal import Kind, Refusal
from coinwell.users.types import User


class ApiScope(StrEnum):
    """What an API key can be allowed; a key without scopes may do nothing."""

    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    RESTRICTIONS_READ = "restrictions:read"
    RESTRICTIONS_WRITE = "restrictions:write"
    CATALOG_READ = "catalog:read"
    WALLET_READ = "wallet:read"
    RECHARGE_READ = "recharge:read"
    RECHARGE_WRITE = "recharge:write"
    REFUNDS_WRITE = "refunds:write"
    LIVE_READ = "live:read"
    LIVE_WRITE = "live:write"
    GIFTS_WRITE = "gifts:write"
    LIMITS_READ = "limits:read"
    LIMITS_WRITE = "limits:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"


class Permission(StrEnum):
    """What an operator can be allowed."""

    FIND = "find"
    SEE_TIMELINE = "see_timeline"
    ASK_PROVIDER = "ask_provider"
    RESTRICT = "restrict"
    LIFT = "lift"
    REFUND = "refund"  # Propose that money goes back.
    APPROVE = "approve"  # Propose to credit a recharge that waits for a person.
    ADJUST = "adjust"  # Propose to give coins or to take them.
    PUBLISH = "publish"  # Draft prices, and propose to publish them.
    DECIDE = "decide"  # Approve what somebody else proposed.
    BREAK_GLASS = "break_glass"  # Alone, in an emergency, where the installation allows it.
    SEE_AUDIT = "see_audit"
    MANAGE_KEYS = "manage_keys"
    MANAGE_OPERATORS = "manage_operators"
    MANAGE_WEBHOOKS = "manage_webhooks"


class Role(StrEnum):
    """What an operator works as."""

    SUPPORT = "support"
    FINANCE = "finance"
    ADMIN = "admin"


_LOOK: Final = frozenset({Permission.FIND, Permission.SEE_TIMELINE, Permission.ASK_PROVIDER})

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.SUPPORT: _LOOK | {Permission.RESTRICT, Permission.LIFT},
    Role.FINANCE: _LOOK
    | {
        Permission.REFUND,
        Permission.APPROVE,
        Permission.ADJUST,
        Permission.PUBLISH,
        Permission.DECIDE,
        Permission.SEE_AUDIT,
    },
    Role.ADMIN: frozenset(Permission),
}
assert PERMISSIONS.keys() == set(Role), "every role has its permissions"

# What a signed-in user may ask of the API about themselves.
_OF_USERS: Final = frozenset(
    {
        ApiScope.USERS_READ,
        ApiScope.CATALOG_READ,
        ApiScope.WALLET_READ,
        ApiScope.RECHARGE_READ,
        ApiScope.RECHARGE_WRITE,
        ApiScope.LIVE_READ,
        ApiScope.LIVE_WRITE,
        ApiScope.GIFTS_WRITE,
        ApiScope.LIMITS_READ,
        ApiScope.LIMITS_WRITE,
    }
)

Need = ApiScope | Permission


@dataclass(eq=False)
class NotSignedIn(Refusal):
    """Nobody is signed in here, or the session is over."""

    kind: ClassVar[Kind] = Kind.STRANGER
    title: ClassVar[str] = "Not signed in"


@dataclass(eq=False)
class KeyUnknown(Refusal):
    """The API key is not known, has ended, or was revoked."""

    kind: ClassVar[Kind] = Kind.STRANGER
    title: ClassVar[str] = "API key not known"


@dataclass(eq=False)
class NotPermitted(Refusal):
    """Whoever is calling may not do this; `needs` names the scope or permission."""

    kind: ClassVar[Kind] = Kind.DENIED
    title: ClassVar[str] = "Not permitted"
    needs: Need


@dataclass(frozen=True, slots=True)
class UserCaller:
    """A signed-in user, who may ask about themselves and nobody else."""

    user: User

    @property
    def name(self) -> str:
        """How this caller is named on the record."""
        return f"user:{self.user.id}"

    def demand(self, need: Need, user_id: UUID | None = None) -> None:
        """Go on only if this caller may do `need` to the account of `user_id`.

        Refuses: `NotPermitted`.
        """
        if need not in _OF_USERS or user_id not in {None, self.user.id}:
            raise NotPermitted(need)


@dataclass(frozen=True, slots=True)
class KeyCaller:
    """A program of the host app, with an API key; its scopes hold for every user."""

    key_id: UUID
    key_name: str
    scopes: frozenset[ApiScope]

    @property
    def name(self) -> str:
        """How this caller is named on the record."""
        return f"key:{self.key_id}"

    def demand(self, need: Need, user_id: UUID | None = None) -> None:
        """Go on only if the key has the scope.

        Refuses: `NotPermitted`.
        """
        del user_id
        if need not in self.scopes:
            raise NotPermitted(need)


@dataclass(frozen=True, slots=True)
class OperatorCaller:
    """A signed-in operator."""

    operator_id: UUID
    email: str
    display_name: str
    role: Role

    @property
    def name(self) -> str:
        """How this caller is named on the record."""
        return f"operator:{self.email}"

    def may(self, permission: Permission) -> bool:
        """Whether the role has `permission`: for showing a button or not."""
        return permission in PERMISSIONS[self.role]

    def demand(self, need: Need, user_id: UUID | None = None) -> None:
        """Go on only if the role has the permission.

        Refuses: `NotPermitted`.
        """
        del user_id
        if need not in PERMISSIONS[self.role]:
            raise NotPermitted(need)


Caller = UserCaller | KeyCaller | OperatorCaller


@dataclass(frozen=True, slots=True)
class Seal:
    """The secrets of one installation that links and keys are made with, and what for."""

    link_secret: str = field(repr=False)
    key_secret: str = field(repr=False)
    audience: str  # The installation; a link for one opens no other.
    environment: str  # `test` or `live`, written into each key.


class Landing(StrEnum):
    """Where a hand-off link may lead; a closed list, so that no link leads elsewhere."""

    PROFILE = "/me"
    BALANCE = "/me/balance"
    RECHARGE = "/me/recharge"
    STATEMENT = "/me/statement"
    LIMITS = "/me/limits"
    STATUS = "/me/status"
    HELP = "/me/help"
    INBOX = "/me/inbox"


@dataclass(frozen=True, slots=True)
class HandOff:
    """A one-time link as it was written down; the token is this, signed."""

    id: UUID
    user_id: UUID
    landing: Landing
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it may be shown: everything but the key."""

    id: UUID
    name: str
    environment: str
    hint: str  # Its last four characters.
    scopes: frozenset[ApiScope]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None  # To the minute.
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewOperator:
    """An operator to be. The password is never kept, only its argon2id hash."""

    email: str
    display_name: str
    role: Role
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who works here, as they may be shown."""

    id: UUID
    email: str
    display_name: str
    role: Role
    created_by: str
    created_at: datetime
    disabled_at: datetime | None

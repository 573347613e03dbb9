"""Users: who is calling, and what they may do.

A *user* is a person of the host app, known by an external id. They come over by a *hand-off*
link, signed, good for one use within 60 seconds, and then have a *session*. A program of the
host app calls with an *API key*, an *operator* signs in to the console with a password
(passkeys come later). A *restriction* stops one *scope* of an account; with the age it makes
the account's *standing*.

Always:
- unknown or below the country's minimum age: nothing that real money stands behind;
- a refusal says why, until when, and what the person can do next;
- tokens, keys and passwords are kept as hashes only; an age check as its number only;
- a restriction that is committed stops the next request: `demand` waits for it.
"""

# One name a line would bury the story of the door.
# isort: off
from coinwell.users.callers import (
    ApiKey, ApiScope, Caller, HandOff, KeyCaller, KeyUnknown, Landing, NewOperator, NotPermitted,
    NotSignedIn, Operator, OperatorCaller, Permission, Role, Seal, UserCaller,
)  # fmt: skip
from coinwell.users.entering import (
    Entered, LinkEnded, LinkForged, enter, enter_as, hand_off, link_token, look_at_link,
)  # fmt: skip
from coinwell.users.finding import (
    DEMO_PREFIX, demo_users, display_names, find_users, list_users, user,
    user_by_external_id,
)  # fmt: skip
from coinwell.users.keying import (
    NewKey, NoSuchKey, WrongKey, api_keys, caller_of_key, callers_of_keys,
    create_api_key, revoke_api_key,
)  # fmt: skip
from coinwell.users.operators import (
    OperatorExists, OperatorUnknown, SignIn, SignInFailed, SignInThrottled, WrongOperator,
    create_operator, disable_operator, operators, sign_in_operator,
)  # fmt: skip
from coinwell.users.places import countries
from coinwell.users.registering import UserChange, change_user, create_user
from coinwell.users.restricting import demand, demand_each, lift, restrict, restrictions
from coinwell.users.rules import age_state, standing, standings, today_of
from coinwell.users.sealing import seal_of
from coinwell.users.sessions import end_session, end_sessions, session
from coinwell.users.types import (
    AccountRestricted, AgeEvidence, AgeMethod, AgeState, AgeUnknown, ExternalIdTaken, MayNot,
    NewRestriction, NewUser, ReasonCode, Restriction, RestrictionLifted, RestrictionUnknown,
    Scope, Standing, UnderAge, User, UserUnknown, WrongRestriction, WrongUser,
)  # fmt: skip
# isort: on

__all__ = [
    "DEMO_PREFIX", "AccountRestricted", "AgeEvidence", "AgeMethod", "AgeState", "AgeUnknown",
    "ApiKey", "ApiScope", "Caller", "Entered", "ExternalIdTaken", "HandOff", "KeyCaller",
    "KeyUnknown", "Landing", "LinkEnded", "LinkForged", "MayNot", "NewKey", "NewOperator",
    "NewRestriction", "NewUser", "NoSuchKey", "NotPermitted", "NotSignedIn", "Operator",
    "OperatorCaller", "OperatorExists", "OperatorUnknown", "Permission", "ReasonCode",
    "Restriction", "RestrictionLifted", "RestrictionUnknown", "Role", "Scope", "Seal", "SignIn",
    "SignInFailed", "SignInThrottled", "Standing", "UnderAge", "User", "UserCaller",
    "UserChange", "UserUnknown", "WrongKey", "WrongOperator", "WrongRestriction", "WrongUser",
    "age_state", "api_keys", "caller_of_key", "callers_of_keys", "change_user", "countries",
    "create_api_key", "create_operator", "create_user", "demand", "demand_each", "demo_users",
    "disable_operator", "display_names", "end_session", "end_sessions", "enter", "enter_as",
    "find_users", "hand_off", "lift", "link_token", "list_users", "look_at_link", "operators",
    "restrict", "restrictions", "revoke_api_key", "seal_of", "session", "sign_in_operator",
    "standing", "standings", "today_of", "user", "user_by_external_id",
]  # fmt: skip

"""The demo: a made-up world with months of history, and a crowd that lives on in it.

The *cast* are the people: eight to sign in as, each showing one thing (an account that may buy,
one that is too young, one whose age nobody knows, one that is restricted, two creators who are
live), two hundred other viewers, ten other creators, and two operators for the console: coins and
prices move by two people. The *world* is what they do over four months, drawn from seasons that
are fixed. It is lived through before the demo is first served, in *breaths*. The *crowd* are the
same viewers, who keep giving and recharging over HTTP.

Always:
- everybody goes through the same doors as anyone else, and every act has its key;
- the same first day and size make the same world, and starting again changes nothing in it;
- history ends before anything is served, because the ledger's time only rises.
"""

from coinwell.demo.crowd import crowd_key, run_crowd
from coinwell.demo.history import history_begins, make_history
from coinwell.demo.people import (
    COLLEAGUE_EMAIL,
    OPERATOR_EMAIL,
    make_people,
    open_lives,
    operator_password,
    populate,
)
from coinwell.demo.planning import digest, plan_world, posts
from coinwell.demo.process import live_on
from coinwell.demo.types import Post, Size, World
from coinwell.demo.world import demo_settings

__all__ = [
    "COLLEAGUE_EMAIL", "OPERATOR_EMAIL", "Post", "Size", "World", "crowd_key", "demo_settings",
    "digest", "history_begins", "live_on", "make_history", "make_people", "open_lives",
    "operator_password", "plan_world", "populate", "posts", "run_crowd",
]  # fmt: skip

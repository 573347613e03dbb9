"""The demo: settings that draw their own secrets, and a few made-up people to sign in as.

Each person shows one thing: an account that may buy, one that is too young, one whose age
nobody knows, one that is restricted, and an operator for the console.

Always: the demo goes through the same doors as everyone else, and running it again changes
nothing that is already there.
"""

from coinwell.demo.people import OPERATOR_EMAIL, make_people, operator_password, populate
from coinwell.demo.world import demo_settings

__all__ = ["OPERATOR_EMAIL", "demo_settings", "make_people", "operator_password", "populate"]

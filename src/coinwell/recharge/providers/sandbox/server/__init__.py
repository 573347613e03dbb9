"""The sandbox: a payment provider of our own that behaves like the world outside.

It has its own store, its own time, its own payment page, and signs its webhooks. It knows
nothing of our database and is spoken to over HTTP only, so what works with it works with a
provider that is not ours. By card number or on request it declines, delays, repeats, reorders
and loses: the failure studio.

Always: a payment is captured at most once; never more goes back than was captured; no card
number is kept; no real money moves.
"""

from coinwell.recharge.providers.sandbox.server.app import create_sandbox, serve_sandbox
from coinwell.recharge.providers.sandbox.server.types import (
    CreateAnswer,
    Mischief,
    SandboxSettings,
)

__all__ = ["CreateAnswer", "Mischief", "SandboxSettings", "create_sandbox", "serve_sandbox"]

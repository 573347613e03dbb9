"""What the verbs of this room need from outside, handed in by the app, the worker or a test."""

from dataclasses import dataclass, field

from coinwell.base.clock import Clock
from coinwell.base.db import Pool
from coinwell.settings import Settings


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """What an installation decides about webhooks."""

    master: str = field(repr=False)  # Secrets of endpoints are made from it.
    private: bool = False  # Whether endpoints may be on our own network and plain http.


def settings_of(settings: Settings) -> NotifySettings:
    """What an installation's settings say about webhooks."""
    return NotifySettings(
        master=settings.derived_secret("webhook endpoints"), private=settings.webhooks_private
    )


@dataclass(frozen=True, slots=True)
class NotifyDeps:
    """The outside of this room."""

    pool: Pool
    clock: Clock
    settings: NotifySettings

"""When to try again, when to rest, when to stop; what is sent. Pure.

Source: Standard Webhooks 1.0.0, for what counts as taken and what is sent.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from coinwell.notify.types import DeliveryState, Event, Health, Outcome

LADDER: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)
)
"""How long to wait after the first failure, the second, …; the last step repeats."""

GIVE_UP_AFTER: Final = timedelta(days=3)  # Since a delivery's first attempt.
OFF_AFTER: Final = timedelta(days=5)  # Of nothing but failures at an endpoint.
REST_AFTER: Final = 5  # Failures in a row: then one delivery tries for all.
RESTS: Final = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120, 300))
RETRY_AFTER_MAX: Final = timedelta(days=1)
ROTATION_OVERLAP: Final = timedelta(hours=24)
LOG_KEPT: Final = timedelta(days=30)
MESSAGES_KEPT: Final = timedelta(days=180)
JITTER_RANGE: Final = 1_000
_JITTER_SHARE: Final = 5  # Up to a fifth is added, so that those who failed together part.
_KIND: Final = re.compile(r"\*|[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.\*)?")
_KIND_LENGTH_MAX: Final = 100
TEST_KIND: Final = "webhook.test"


def wait(attempts: int, *, jitter: int) -> timedelta:
    """How long to wait after `attempts` failed ones.

    Units: `jitter` is 0 to 999 and stretches the wait by up to a fifth.
    """
    assert attempts > 0
    return _stretched(LADDER[min(attempts, len(LADDER)) - 1], jitter)


def what_next(
    outcome: Outcome, *, attempts: int, first_at: datetime, jitter: int
) -> tuple[DeliveryState, datetime | None]:
    """What follows from the latest of `attempts` attempts: done, again when, or given up.

    The last try is at the end of three days, not at the step of the ladder before it.
    """
    if outcome.taken:
        return DeliveryState.DELIVERED, None
    if outcome.gone:
        # The endpoint is switched off by it; should it come back, this one is still to be told.
        return DeliveryState.WAITING, outcome.at
    end = first_at + GIVE_UP_AFTER
    if outcome.at >= end:
        return DeliveryState.GIVEN_UP, None
    return DeliveryState.WAITING, min(outcome.at + wait(attempts, jitter=jitter), end)


def health_after(before: Health, outcomes: Sequence[Outcome], *, jitter: int) -> Health:
    """How an endpoint does after `outcomes`: one success heals it; failures in a row make it rest.

    A receiver that asks for time gets it, whatever else it took.
    """
    now = max(outcome.at for outcome in outcomes)
    asked = [one.at + one.retry_after for one in outcomes if one.retry_after is not None]
    resting_until = max(asked, default=None)
    if any(outcome.taken for outcome in outcomes):
        return Health(0, None, resting_until)
    failures = before.failures + len(outcomes)
    if failures >= REST_AFTER:
        step = min(failures - REST_AFTER, len(RESTS) - 1)
        rest = now + _stretched(RESTS[step], jitter)
        resting_until = rest if resting_until is None else max(rest, resting_until)
    if before.resting_until is not None and before.resting_until > now:
        resting_until = max(before.resting_until, resting_until or now)
    since = before.failing_since or min(outcome.at for outcome in outcomes)
    return replace(before, failures=failures, failing_since=since, resting_until=resting_until)


def reason_to_stop(health: Health, outcomes: Sequence[Outcome]) -> str | None:
    """Why an endpoint is to be switched off now, as an operator reads it; None if it is not."""
    if any(outcome.gone for outcome in outcomes):
        return "The receiver answered 410 Gone: it wants no more webhooks."
    last = outcomes[-1]
    if health.failing_since is None or last.at - health.failing_since < OFF_AFTER:
        return None
    return f"Every attempt failed for {OFF_AFTER.days} days; the last one: {last.trouble}"


def retry_after(header: str | None, *, now: datetime) -> timedelta | None:
    """How long a receiver asks to wait, in seconds or as a date, up to a day; None if not at all.

    Source: RFC 9110, 10.2.3.
    """
    if not header:
        return None
    said = header.strip()
    if said.isascii() and said.isdecimal() and len(said) <= 9:  # noqa: PLR2004
        asked = timedelta(seconds=int(said))
    else:
        try:
            date = parsedate_to_datetime(said)
        except (ValueError, TypeError, OverflowError):
            return None
        asked = date.replace(tzinfo=date.tzinfo or UTC) - now
    return min(asked, RETRY_AFTER_MAX) if asked > timedelta(0) else None


def body_of(event: Event) -> bytes:
    """What is sent for an event: the same bytes at every attempt."""
    data: dict[str, Any] = {
        **event.body,
        "user_id": str(event.user_id),
        "sequence": event.sequence,
    }
    said = {"type": event.kind, "timestamp": event.at.isoformat(), "data": data}
    return msgspec.json.encode(said)


def trial_body(now: datetime) -> bytes:
    """What a test says."""
    said = {"type": TEST_KIND, "timestamp": now.isoformat(), "data": {"message": "It works."}}
    return msgspec.json.encode(said)


def is_pattern(kind: str) -> bool:
    """Whether an endpoint can ask for this: `gift.sent`, `gift.*` or `*`."""
    return len(kind) <= _KIND_LENGTH_MAX and _KIND.fullmatch(kind) is not None


def _stretched(step: timedelta, jitter: int) -> timedelta:
    assert 0 <= jitter < JITTER_RANGE
    return step + step * jitter // (JITTER_RANGE * _JITTER_SHARE)

"""Structured logs: one JSON object a line, or readable lines on a terminal.

A log line holds ids and facts, never a secret, a token, a card or a person's name.
"""

import logging
import sys
from typing import Any

import structlog

# Without the values of local names: among them are headers, and in those are keys.
_TRACES = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def start_logs(level: str, *, terminal: bool | None = None) -> Any:
    """Set the log up for this process and return the logger."""
    readable = sys.stderr.isatty() if terminal is None else terminal
    last = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if readable
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _as_is if readable else _TRACES,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    return structlog.get_logger()


def _as_is(_: Any, __: str, event: Any) -> Any:
    return event

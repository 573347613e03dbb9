"""Structured logs: one JSON object a line, or readable lines on a terminal.

A log line holds ids and facts, never a secret, a token, a card or a person's name.
"""

import logging
import re
import sys
import textwrap
import traceback
from typing import Any, Final, TextIO, cast

import structlog

from coinwell.base import tracing

# Without the values of local names: among them are headers, and in those are keys.
_TRACES = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)

# After these words PostgreSQL quotes the row at fault, and in that are names and birth dates.
_ROW: Final = re.compile(r"\s*^(?:DETAIL|CONTEXT):.*\Z", re.MULTILINE | re.DOTALL)


def start_logs(level: str, *, terminal: bool | None = None) -> Any:
    """Set the log up for this process and return the logger."""
    readable = sys.stderr.isatty() if terminal is None else terminal
    last = (
        structlog.dev.ConsoleRenderer(exception_formatter=_plainly)
        if readable
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            tracing.add_ids,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _as_is if readable else _TRACES,
            _without_rows,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    words = logging.StreamHandler(sys.stderr)
    words.setFormatter(_Formatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[words])
    return structlog.get_logger()


def without_row(message: str) -> str:
    """One error's message without the row that PostgreSQL quotes in it."""
    return _ROW.sub("", message)


def told(error: BaseException) -> str:
    """A trace in plain text, with what caused it; no row is quoted in any of its messages."""
    before = error.__cause__
    if before is None and not error.__suppress_context__:
        before = error.__context__
    parts = [] if before is None else [told(before), "\nAnd then:\n\n"]
    # Message by message: a quoted value may have lines that look like anything.
    parts += ["Traceback (most recent call last):\n", *traceback.format_tb(error.__traceback__)]
    parts.append(f"{type(error).__name__}: {without_row(str(error))}\n")
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
        parts += [textwrap.indent(told(one), "  | ") for one in inner]
    return "".join(parts)


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return without_row(value)
    if isinstance(value, list):
        return [_cut(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _cut(one) for key, one in cast("dict[str, Any]", value).items()}
    return value


def _without_rows(_: Any, __: str, event: Any) -> Any:
    for name in ("error", "exception"):
        if name in event:
            event[name] = _cut(event[name])
    return event


def _plainly(out: TextIO, error: Any) -> None:
    out.write(told(error[1]))


class _Formatter(logging.Formatter):
    """For the libraries' own words, which come with traces of our errors."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - its name over there.
        """The trace, without the rows in it."""
        return told(ei[1])


def _as_is(_: Any, __: str, event: Any) -> Any:
    return event

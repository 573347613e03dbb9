"""Traces: what one request caused, across processes, in OpenTelemetry's form.

Off unless an exporter is given: then every call here returns at once and the SDK is not even
imported. `span` is the whole interface for the rooms. An attribute is an id of ours, a number or
a word of our own; never a name, a token, an amount with a person, or an address as it was typed.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Value = str | int | bool
TRACEPARENT: Final = "traceparent"
_W3C: Final = TraceContextTextMapPropagator()
_NOTHING: Final[AbstractContextManager[Span]] = nullcontext(trace.INVALID_SPAN)


class _State:
    """Whether traces are on in this process."""

    tracer: Tracer | None = None
    provider: "TracerProvider | None" = None


def start_tracing(provider: "TracerProvider") -> None:
    """Send spans to `provider` from now on; see `base/exporting.py` for the one that exports."""
    assert _State.tracer is None, "tracing is started once"
    _State.provider = provider
    _State.tracer = provider.get_tracer("coinwell")


def stop_tracing() -> None:
    """Send what is left, and make no more spans."""
    provider, _State.provider, _State.tracer = _State.provider, None, None
    if provider is not None:
        provider.shutdown()


def is_on() -> bool:
    """Whether spans are made in this process."""
    return _State.tracer is not None


def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: str = "",
    links: Sequence[SpanContext] = (),
    **attributes: Value,
) -> AbstractContextManager[Span]:
    """A span until the block ends, inside the current one, or inside `parent` (a traceparent).

    What is raised marks it as failed, by the name of the error alone.
    """
    if _State.tracer is None:
        return _NOTHING
    return _span(_State.tracer, name, kind, parent, links, attributes)


@contextmanager
def _span(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    parent: str,
    links: Sequence[SpanContext],
    attributes: Mapping[str, Value],
) -> Generator[Span]:
    began = tracer.start_span(
        name,
        context=_W3C.extract({TRACEPARENT: parent}) if parent else None,
        kind=kind,
        links=[Link(one) for one in links],
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
    )
    token = contexts.attach(trace.set_span_in_context(began))
    try:
        yield began
    except BaseException as error:
        # Its text may name a person; its type cannot.
        began.set_attribute("error.type", type(error).__name__)
        began.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        contexts.detach(token)
        began.end()


def here() -> SpanContext | None:
    """The current span, to link to from another; None when there is none."""
    if _State.tracer is None:
        return None
    found = trace.get_current_span().get_span_context()
    return found if found.is_valid else None


def carried() -> str:
    """The current span as a W3C traceparent, to be kept or sent; empty when there is none."""
    if _State.tracer is None:
        return ""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get(TRACEPARENT, "")


def linked(traceparent: str) -> tuple[SpanContext, ...]:
    """What a kept traceparent stands for, to link to."""
    if _State.tracer is None or not traceparent:
        return ()
    found = trace.get_current_span(_W3C.extract({TRACEPARENT: traceparent})).get_span_context()
    return (found,) if found.is_valid else ()


async def send_along(request: Any) -> None:
    """A hook for HTTP clients: whoever is asked may go on with our trace."""
    traceparent = carried()
    if traceparent:
        request.headers[TRACEPARENT] = traceparent


def add_ids(_: Any, __: str, event: Any) -> Any:
    """A log processor: a line written inside a span says which."""
    found = here()
    if found is not None:
        event["trace_id"] = f"{found.trace_id:032x}"
        event["span_id"] = f"{found.span_id:016x}"
    return event

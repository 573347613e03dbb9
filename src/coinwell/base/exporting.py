"""Where traces go: to a collector, by OTLP over HTTP. Imported only when there is one."""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
)

_TIMEOUT_S = 5


def exporting_provider(endpoint: str, *, service: str, version: str) -> TracerProvider:
    """Makes spans and sends them to the collector at `endpoint`, in batches, behind our back.

    A collector that does not answer loses spans and holds nobody up.
    """
    exporter = OTLPSpanExporter(endpoint.rstrip("/") + "/v1/traces", timeout=_TIMEOUT_S)
    return _provider(BatchSpanProcessor(exporter), service, version)


def provider_of(exporter: SpanExporter) -> TracerProvider:
    """Makes spans and hands each to `exporter` at once: for tests and for looking on."""
    return _provider(SimpleSpanProcessor(exporter), "coinwell", "")


def _provider(processor: SpanProcessor, service: str, version: str) -> TracerProvider:
    # Made here, so that nothing of the machine (user, command line) becomes an attribute.
    resource = Resource({"service.name": service, "service.version": version})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(processor)
    return provider

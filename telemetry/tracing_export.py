"""The way of spans out of this process: sampled, queued within bounds, and exported by OTLP.

All of it is configured by OpenTelemetry's own variables (docs/traces.md). A thread exports what the
queue holds; while the collector is away the queue drops its oldest spans, and nothing waits.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import requests
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider, create_tracer_provider

from telemetry.logs import get_logger
from telemetry.tracing_spans import TRACER
from telemetry.version import godwit_version

log = get_logger("godwit.traces")

ANSWER_BYTES_MAX = 64 * 1024
REPORT_SECONDS = 60.0
# These log the texts of a collector's answers and of exceptions, which may quote its URL.
QUIET = (
    "opentelemetry.context",  # It cannot detach in a workflow that is evicted, and need not.
    "opentelemetry.exporter",
    "opentelemetry.sdk._shared_internal",
    "urllib3",
)


class BoundedSession(requests.Session):
    """Reads so many bytes of a collector's answer and no more: its status says all."""

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        """See :class:`requests.Session`."""
        response = super().request(*arguments, **{**options, "stream": True})
        response.raw.read(ANSWER_BYTES_MAX)
        response.close()
        return response


class OwnSpansExporter(SpanExporter):
    """Exports the spans of Godwit by another exporter, and logs now and then how many were lost.

    Libraries that find a global provider make spans too, with URLs and texts of exceptions in them.
    Those do not leave.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lost = 0
        self._reported_at = float("-inf")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch; never raises."""
        own = [each for each in spans if _is_own(each)]
        kind = None
        try:
            result = self._exporter.export(own) if own else SpanExportResult.SUCCESS
        except Exception as error:
            result, kind = SpanExportResult.FAILURE, type(error).__name__
        if result is not SpanExportResult.SUCCESS:
            self._lost += len(own)
            now = time.monotonic()
            if now - self._reported_at >= REPORT_SECONDS:
                log.warning("spans could not be exported", spans=self._lost, error=kind)
                self._lost, self._reported_at = 0, now
        return result

    def shutdown(self) -> None:
        """See :class:`opentelemetry.sdk.trace.export.SpanExporter`."""
        self._exporter.shutdown()


def _is_own(span: ReadableSpan) -> bool:
    return span.instrumentation_scope is not None and span.instrumentation_scope.name == TRACER


def open_provider(service: str) -> ReplaySafeTracerProvider:
    """Make the provider of this process and set it as OpenTelemetry's global one, once.

    Temporal's interceptor reads the global one, and wants one that is safe in replays.
    """
    provider = make_provider(service)
    trace.set_tracer_provider(provider)
    return provider


def make_provider(service: str) -> ReplaySafeTracerProvider:
    """Make a provider with sampler, limits, resource and exporter of the OTEL_* environment."""
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    attributes = {"service.version": godwit_version()}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = service
    # Ours, and not an exit handler, bounds how long the last export may take.
    provider = create_tracer_provider(resource=Resource.create(attributes), shutdown_on_exit=False)
    exporter = OwnSpansExporter(OTLPSpanExporter(session=BoundedSession()))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


@contextmanager
def flushed(
    provider: ReplaySafeTracerProvider, seconds: float
) -> Iterator[ReplaySafeTracerProvider]:
    """Shut a provider down after the block; what is not exported ``seconds`` later is dropped."""
    try:
        yield provider
    finally:
        # The SDK's own bound does not end an export that is under way.
        ending = threading.Thread(target=provider.shutdown, name="traces", daemon=True)
        ending.start()
        ending.join(seconds)

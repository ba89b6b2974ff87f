"""Turns the traces of a process on, for the length of its work, if its environment says so."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from telemetry.tracing import make_spans_with

if TYPE_CHECKING:
    from temporalio.client import Plugin

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
FLUSH_SECONDS = 3.0
_plugins: "Sequence[Plugin]" = ()


def is_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether an environment turns traces on: it names a collector and does not disable them.

    Source: OpenTelemetry, "Environment Variable Specification".
    """
    return (
        any(environment.get(name) for name in ENDPOINTS)
        and environment.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"
        and environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() in ("otlp", "")
    )


@contextmanager
def tracing(service: str) -> Iterator[None]:
    """Trace what this process does inside the block, if the environment says so; once a process.

    ``service`` is the name of the service where OTEL_SERVICE_NAME sets none. At the end, spans that
    were not exported yet are exported within FLUSH_SECONDS, or dropped.
    """
    global _plugins
    if not is_configured():
        yield
        return
    # Imported here: the libraries cost memory and time that a process without traces keeps.
    from telemetry.tracing_export import flushed, open_provider
    from telemetry.tracing_spans import Spans
    from telemetry.tracing_temporal import make_plugins

    with flushed(open_provider(service), FLUSH_SECONDS) as provider:
        spans = Spans(provider)
        make_spans_with(spans)
        _plugins = make_plugins(spans)
        try:
            yield
        finally:
            make_spans_with(None)
            _plugins = ()


def temporal_plugins() -> "Sequence[Plugin]":
    """What carries a trace through Temporal: plugins of its client, empty while traces are off."""
    return _plugins
